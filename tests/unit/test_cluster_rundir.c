/* The run's private folder: swept when its owner has gone, and never before. */
#include "cluster/rundir.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char parent[] = "/tmp/swarm-test-XXXXXX";

static bool is_there(const char *folder, const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof path, "%s%s", folder, name);
	return stat(path, &st) == 0;
}

static void test_life(void **state)
{
	struct rundir *r = rundir_new(10);
	char path[200];

	(void)state;
	assert_non_null(r);
	snprintf(path, sizeof path, "%s", rundir_path(r));
	assert_memory_equal(path, parent, strlen(parent));
	assert_true(is_there(path, "/lock"));
	rundir_free(r);
	assert_false(is_there(path, ""));
	rundir_free(NULL);
}

static void test_sweep(void **state)
{
	struct rundir *r, *other;
	char left[200], lock[220], held[200];
	int fd;

	(void)state;
	snprintf(left, sizeof left, "%s/swarm-left00", parent);
	snprintf(lock, sizeof lock, "%s/lock", left);
	assert_int_equal(mkdir(left, 0700), 0);
	fd = open(lock, O_CREAT | O_RDWR, 0600);
	assert_int_not_equal(fd, -1);
	close(fd);
	r = rundir_new(10);
	assert_false(is_there(left, ""));
	snprintf(held, sizeof held, "%s", rundir_path(r));
	other = rundir_new(10);
	assert_true(is_there(held, "/lock"));
	rundir_free(other);
	rundir_free(r);
}

static void *make_many(void *arg)
{
	intptr_t bad = 0;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		struct rundir *r = rundir_new(10);

		bad += !r || !is_there(rundir_path(r), "/lock");
		rundir_free(r);
	}
	return (void *)bad;
}

/* Each sweeps while others are between making their lock and taking it. */
static void test_many_at_once(void **state)
{
	pthread_t thread[4];
	void *bad;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, make_many,
		    NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_int_equal((intptr_t)bad, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_many_at_once),
	};
	int failed;

	if (!mkdtemp(parent))
		return 1;
	setenv("XDG_RUNTIME_DIR", parent, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(parent);
	return failed;
}
