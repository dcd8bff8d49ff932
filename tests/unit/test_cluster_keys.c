/* Files of keys, and who gets in with them. */
#include "cluster/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "cluster/zsock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "log_kit.h"
#include "wait_kit.h"

static char folder[] = "/tmp/swarm_keys_XXXXXX";

static const char *path(const char *name)
{
	static char room[4][256];
	static unsigned i;
	char *p = room[i++ % 4];

	snprintf(p, sizeof room[0], "%s/%s", folder, name);
	return p;
}

static int setup(void **state)
{
	(void)state;
	log_kit_start();
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	return mkdtemp(folder) == NULL ? -1 : loop_init();
}

static int teardown(void **state)
{
	(void)state;
	loop_release();
	log_kit_stop();
	unlink(path("master.key"));
	unlink(path("worker.key"));
	unlink(path("file"));
	return rmdir(folder);
}

static void test_files(void **state)
{
	struct keys master;
	struct keys worker;
	struct stat st;

	(void)state;
	assert_int_equal(keys_generate(folder), 0);
	assert_int_equal(stat(path("master.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(keys_read(&master, path("master.key"), true), 0);
	assert_int_equal(keys_read(&worker, path("worker.key"), false), 0);
	assert_string_equal(master.others[0], worker.own_public);
	assert_string_equal(worker.others[0], master.own_public);
	assert_string_not_equal(master.own_secret, worker.own_secret);
	keys_release(&master);
	keys_release(&worker);
	/* Not twice. */
	assert_int_equal(keys_generate(folder), -1);
	assert_non_null(strstr(logged, "remove it first"));
	/* Nor half of it, which would not fit the other half. */
	assert_int_equal(rename(path("master.key"), path("file")), 0);
	assert_int_equal(keys_generate(folder), -1);
	assert_non_null(strstr(logged, "worker.key"));
	assert_int_equal(access(path("master.key"), F_OK), -1);
	assert_int_equal(rename(path("file"), path("master.key")), 0);
	/* Not each other's. */
	assert_int_equal(keys_read(&master, path("worker.key"), true), -1);
	assert_int_equal(keys_read(&worker, path("master.key"), false), -1);
	/* Not when others may read it. */
	chmod(path("master.key"), 0640);
	assert_int_equal(keys_read(&master, path("master.key"), true), -1);
	assert_non_null(strstr(logged, "chmod 600"));
	assert_int_equal(keys_read(&master, path("nowhere"), true), -1);
}

static void test_broken_files(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "\n\n",
		"master-public short\n",
		"master-public 0000000000000000000000000000000000000000 x\n",
		"other 0000000000000000000000000000000000000000\n",
		"master-public 0000000000000000000000000000000000000000\n"
		"master-secret 0000000000000000000000000000000000000000\n" };
	struct keys k;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		FILE *f = fopen(path("file"), "w");

		fputs(texts[i], f);
		fchmod(fileno(f), 0600);
		fclose(f);
		assert_int_equal(keys_read(&k, path("file"), true), -1);
		assert_true(logged[0] != '\0');
		logged[0] = '\0';
	}
}

/* ---- connections ---- */

static int received;

static void on_message(const char *from, const void *data, size_t len,
    void *arg)
{
	(void)from;
	(void)arg;
	assert_int_equal(len, 5);
	assert_memory_equal(data, "hello", 5);
	received++;
}

static struct zsock *open_worker(const struct keys *keys, const char *id,
    const char *endpoint)
{
	const struct zsock_options o = { .identity = id, .keys = keys,
		.message = on_message };
	struct zsock *s = zsock_new(&o);

	assert_non_null(s);
	assert_int_equal(zsock_connect(s, endpoint), 0);
	assert_int_equal(zsock_send(s, NULL, "hello", 5), 0);
	return s;
}

static void test_who_gets_in(void **state)
{
	struct keys master;
	struct keys worker;
	struct keys stranger;
	struct zsock_options o = { .router = true, .keys = &master,
		.message = on_message };
	struct zsock *server;
	struct zsock *known;
	struct zsock *unknown;
	struct zsock *plain;
	struct zsock *late;

	(void)state;
	received = 0;
	assert_int_equal(keys_generate(folder), 0);
	assert_int_equal(keys_read(&master, path("master.key"), true), 0);
	assert_int_equal(keys_read(&worker, path("worker.key"), false), 0);
	/* A stranger who knows the master's public key. */
	unlink(path("worker.key"));
	unlink(path("master.key"));
	assert_int_equal(keys_generate(folder), 0);
	assert_int_equal(keys_read(&stranger, path("worker.key"), false), 0);
	memcpy(stranger.others[0], master.own_public, KEYS_TEXT);
	server = zsock_new(&o);
	assert_non_null(server);
	assert_int_equal(zsock_bind(server, "tcp://127.0.0.1:0"), 0);
	unknown = open_worker(&stranger, "stranger", zsock_endpoint(server));
	plain = open_worker(NULL, "plain", zsock_endpoint(server));
	wait_until(strstr(logged, "its key is not in the master's file"));
	/* Each side knows why. */
	wait_until(strstr(zsock_why_silent(unknown), "refuses the key"));
	wait_until(strstr(zsock_why_silent(plain), "without encryption"));
	known = open_worker(&worker, "known", zsock_endpoint(server));
	wait_until(received == 1);
	assert_int_equal(zsock_send(server, "known", "hello", 5), 0);
	wait_until(received == 2);
	wait_until(strstr(zsock_why_silent(known), "it is connected"));
	/* Another fleet's, who has not even the master's key. */
	memcpy(stranger.others[0], stranger.own_public, KEYS_TEXT);
	zsock_free(unknown, 0);
	unknown = open_worker(&stranger, "stranger", zsock_endpoint(server));
	wait_until(strstr(zsock_why_silent(unknown), "does not agree"));
	assert_int_equal(zsock_send(server, "stranger", "hello", 5), -1);
	assert_int_equal(zsock_send(server, "plain", "hello", 5), -1);
	late = open_worker(&worker, "late", zsock_endpoint(server));
	zsock_free(unknown, 0);
	zsock_free(plain, 0);
	zsock_free(known, 0);
	zsock_free(server, 0);
	wait_until(strstr(zsock_why_silent(late), "nothing listens there"));
	zsock_free(late, 0);
	keys_release(&master);
	keys_release(&worker);
	keys_release(&stranger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_files, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_who_gets_in, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
