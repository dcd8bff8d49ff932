/*
 * The client against a real server that refuses, hangs, sends too much or goes
 * away; and against its own users' end.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "calls.h"
#include "cluster.h"
#include "harness.h"
#include "pgc_copy.h"
#include "pgc_options.h"
#include "pgc_result.h"

/* ---- results that are too large ---- */

static void large_on(struct swarm_user *u, struct pg *on)
{
	const struct pg_copy_args copy = { .size = sizeof(copy), .on = on };
	const struct pg_result *r;

	r = QUERY(u, "SELECT repeat('x', 1000) FROM generate_series(1, 30000)",
	    .name = "large", .on = on);
	CHECK(!r->ok && strcmp(r->sqlstate, "54000") == 0);
	r = QUERY(u, "SELECT repeat('x', 30000000)", .name = "large",
	    .discard = true, .on = on);
	CHECK(!r->ok && strcmp(r->sqlstate, "54000") == 0);
	r = QUERY(u, "SELECT repeat('x', 1000) FROM generate_series(1, 30000)",
	    .name = "discarded", .discard = true, .on = on);
	CHECK(r->ok && r->bytes == 30000000);
	r = QUERY(u, "SELECT repeat('x', 1000) FROM generate_series(1, 7000)",
	    .name = "kept", .on = on);
	CHECK(r->ok && r->rows == 7000);
	r = pgc_copy_out(u, "COPY (SELECT repeat('x', 1000) FROM "
	    "generate_series(1, 30000)) TO STDOUT", &copy);
	CHECK(r->ok && r->rows == 30000);
}

static void large(struct swarm_user *u)
{
	char info[300];

	large_on(u, NULL);
	snprintf(info, sizeof(info), "host=127.0.0.1 port=%d user=postgres "
	    "dbname=postgres", cluster_port());
	large_on(u, CONNECT(u, .conninfo = info));
}

static void test_large(void **state)
{
	(void)state;
	pgc_options.max_result = 8 << 20;
	harness_run(large);
	pgc_options.max_result = 64 << 20;
	assert_int_equal(harness_failures("SQL simple", "large"), 4);
}

/* ---- time ---- */

static void busy_other(void *arg)
{
	struct swarm_user *u = arg;
	const struct pg_result *r = pgc_query(u, "SELECT 2", NULL);

	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
}

static void busy(struct swarm_user *u)
{
	const struct pg_result *r;
	struct swarm_fiber *f;

	pgc_query(u, "SELECT 1", NULL);
	f = swarm_spawn(u, busy_other, u);
	r = pgc_query(u, "SELECT 3 FROM pg_sleep(0.05)", NULL);
	CHECK(r->ok && pgc_result_integer(r, 0, 0) == 3);
	CHECK(swarm_join(f, SWARM_FOREVER) == 0);
}

static void test_busy(void **state)
{
	(void)state;
	harness_run(busy);
}

static void stopped(struct swarm_user *u)
{
	const struct pg_result *r = QUERY(u, "SELECT pg_sleep(30)",
	    .name = "stopped");

	CHECK(!r->ok && strcmp(r->sqlstate, "57000") == 0);
}

static void test_stopped(void **state)
{
	(void)state;
	harness_stop_after(300);
	harness_run_many(stopped, 3);
	assert_int_equal(harness_requests("SQL simple", "stopped"), 0);
}

/* ---- trouble ---- */

static void slots(struct swarm_user *u)
{
	const struct pg_result *r;
	int i;

	for (i = 0; i < 50; i++) {
		r = QUERY(u, "SELECT pg_sleep(0.3)", .name = "slots");
		if (r->ok)
			break;
		CHECK(strcmp(r->sqlstate, "53300") == 0);
	}
	CHECK(i < 50);
}

static void test_slots(void **state)
{
	(void)state;
	harness_run_many(slots, 40);
	assert_string_equal(harness_error("53300"),
	    "53300 sorry, too many clients already");
	assert_int_equal(harness_requests("SQL simple", "slots"), 40);
	assert_true(harness_failures("SQL connect", "connect") > 0);
}

static void wrong(struct swarm_user *u)
{
	char info[300];
	struct pg *s;
	const struct pg_result *r;

	snprintf(info, sizeof(info), "host=localhost port=%d user=scram "
	    "password=wrong dbname=postgres", cluster_port());
	s = CONNECT(u, .conninfo = info);
	r = QUERY(u, "SELECT 1", .on = s);
	CHECK(!r->ok && strcmp(r->sqlstate, "28P01") == 0);
	snprintf(info, sizeof(info), "postgresql://scram:right@localhost:%d/"
	    "postgres", cluster_port());
	s = CONNECT(u, .conninfo = info);
	r = QUERY(u, "SELECT 1", .on = s);
	CHECK(r->ok);
	snprintf(info, sizeof(info), "host=127.0.0.1 port=%d user=postgres "
	    "sslmode=require", cluster_port());
	r = QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo = info));
	CHECK(!r->ok && strcmp(r->sqlstate, "08001") == 0);
	r = QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo =
	    "host=no.such.host.invalid user=x"));
	CHECK(!r->ok && strcmp(r->sqlstate, "08001") == 0);
	CHECK(strstr(r->error, "could not translate host name") != NULL);
	r = QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo =
	    "host=/nowhere user=x"));
	CHECK(!r->ok && strcmp(r->sqlstate, "08001") == 0);
	r = QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo = "nonsense=1"));
	CHECK(!r->ok && strcmp(r->sqlstate, "08001") == 0);
	/* The first of two hosts is dead. */
	snprintf(info, sizeof(info), "host=/nowhere,localhost port=1,%d "
	    "user=postgres dbname=postgres", cluster_port());
	r = QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo = info));
	CHECK(r->ok);
}

/* Many hosts that refuse and one that does not, without a scheme. */
static void far_behind(struct swarm_user *u)
{
	char info[1200] = "postgres@";
	size_t n = strlen(info);
	int i;

	for (i = 0; i < 60; i++)
		n += (size_t)snprintf(info + n, sizeof(info) - n,
		    "127.0.0.1:1,");
	snprintf(info + n, sizeof(info) - n, "127.0.0.1:%d/postgres",
	    cluster_port());
	CHECK(QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo = info))->ok);
}

static void test_long_string(void **state)
{
	(void)state;
	harness_run(far_behind);
}

static void test_wrong(void **state)
{
	FILE *hba;
	char path[200];

	(void)state;
	cluster_ask("SET password_encryption = 'scram-sha-256'; "
	    "CREATE ROLE scram LOGIN PASSWORD 'right'");
	snprintf(path, sizeof(path), "%s/data/pg_hba.conf", cluster_dir());
	hba = fopen(path, "w");
	assert_non_null(hba);
	fprintf(hba, "host all scram all scram-sha-256\n"
	    "local all all trust\nhost all all all trust\n");
	fclose(hba);
	cluster_ask("SELECT pg_reload_conf()");
	harness_run(wrong);
	assert_string_equal(harness_error("28P01"),
	    "28P01 password authentication failed for user \"scram\"");
	assert_non_null(harness_error("SSL"));
}

static int64_t recovered;

static void survives(struct swarm_user *u)
{
	bool failed = false;

	while (!swarm_stopping(u)) {
		const struct pg_result *r = QUERY(u, "SELECT 1",
		    .name = "survive");

		if (!r->ok)
			failed = true;
		else if (failed)
			break;
		swarm_sleep(0.005);
	}
	recovered += failed;
}

static void restart(void *arg)
{
	(void)arg;
	cluster_halt();
	cluster_resume();
}

static int restart_in_thread(void *arg)
{
	restart(arg);
	return 0;
}

static void survive_or_restart(struct swarm_user *u)
{
	static bool restarter;

	if (!restarter) {
		restarter = true;
		swarm_sleep(0.1);
		swarm_offload(restart_in_thread, NULL);
		restarter = false;
		return;
	}
	survives(u);
}

static void test_restart(void **state)
{
	(void)state;
	recovered = 0;
	harness_run_many(survive_or_restart, 6);
	assert_true(recovered >= 4);
	assert_non_null(harness_error("08001"));
}

static void exact(struct swarm_user *u)
{
	int i;

	for (i = 0; i < 50; i++)
		CHECK(QUERY(u, "SELECT 1", .mode = PG_SIMPLE)->ok);
}

/* Sessions report their counts when they end, at the latest: waits, on the
 * server and in another database, until none is there. */
static int64_t commits(void)
{
	assert_string_equal(cluster_watch("DO $$ BEGIN WHILE EXISTS (SELECT "
	    "FROM pg_stat_activity WHERE datname = 'postgres') LOOP PERFORM "
	    "pg_stat_clear_snapshot(), pg_sleep(0.01); END LOOP; END $$"),
	    "");
	return strtoll(cluster_watch("SELECT xact_commit FROM pg_stat_database "
	    "WHERE datname = 'postgres'"), NULL, 10);
}

/* What the server counts is what was recorded, and one for each session, its
 * own start. */
static void test_exact(void **state)
{
	int64_t before;

	(void)state;
	before = commits();
	harness_run_many(exact, 5);
	assert_int_equal(harness_requests("SQL simple", "SELECT 1"), 250);
	assert_int_equal(commits() - before, 250 + 5);
}

/* ---- what only a bug would meet ---- */

/* A descriptor that cannot be watched, put where the socket was while nobody
 * listened to it, because a row is being looked at. */
static int swap_socket(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	struct pgc_conn *conn = pgc_session_own(u)->conn;
	bool *swapped = arg;
	int fd;

	(void)r;
	CHECK(swarm_sleep(0.02) == 0);
	if (*swapped || conn->want != 0)
		return 0;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	*swapped = fd != -1 && dup2(fd, conn->fd) != -1;
	close(fd);
	return 0;
}

static void unwatchable(struct swarm_user *u)
{
	bool swapped = false;
	const struct pg_result *r = QUERY(u, "SELECT repeat('x', 9000) FROM "
	    "generate_series(1, 1000)", .row = swap_socket, .arg = &swapped,
	    .name = "unwatchable", .timeout = 2);

	CHECK(swapped && !r->ok && strcmp(r->sqlstate, "08006") == 0);
	CHECK(pgc_query(u, "SELECT 1", NULL)->ok);
}

static void test_unwatchable(void **state)
{
	(void)state;
	harness_run(unwatchable);
	assert_int_equal(harness_counter("pg_cancels"), 0);
	assert_int_equal(harness_counter("pg_connects"), 2);
}

/* A notification that comes while a row is looked at, behind all of them. */
static int notify_meanwhile(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	const struct pg_notify_args send = { .size = sizeof(send), .on = arg,
		.channel = "meanwhile" };
	const struct pgc_conn *conn = pgc_session_own(u)->conn;

	if (pgc_result_integer(r, 0, 0) != 1)
		return 0;
	CHECK(pgc_notify_send(u, &send) == 0);
	while (conn->want != 0 && swarm_sleep(0.001) == 0)
		;
	return 0;
}

static void listens_again(struct swarm_user *u)
{
	const struct pg_wait_args wait = { .size = sizeof(wait),
		.timeout = 5 };

	CHECK(pgc_notify_listen(u, "meanwhile", NULL) == 0);
	CHECK(QUERY(u, "SELECT generate_series(1, 3)", .arg = CONNECT(u),
	    .row = notify_meanwhile)->ok);
	CHECK(pgc_notify_wait(u, &wait) != NULL);
}

static void test_listens_again(void **state)
{
	(void)state;
	harness_run(listens_again);
}

static void sleep_on(void *arg)
{
	struct pg *s = arg;
	const struct pg_result *r = QUERY(s->user, "SELECT pg_sleep(30)",
	    .on = s, .name = "closed");

	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
	r = QUERY(s->user, "SELECT 1", .on = s, .name = "closed");
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
}

static void wait_on(void *arg)
{
	const struct pg_wait_args wait = { .size = sizeof(wait), .on = arg };

	CHECK(pgc_notify_wait(wait.on->user, &wait) == NULL &&
	    errno == ENOTCONN);
	CHECK(pgc_notify_wait(wait.on->user, &wait) == NULL &&
	    errno == ENOTCONN);
}

static int close_it(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	(void)u;
	(void)r;
	pgc_session_close(arg);
	return 0;
}

static void closes(struct swarm_user *u)
{
	struct pg *s = CONNECT(u);
	struct swarm_fiber *f = swarm_spawn(u, sleep_on, s);
	const struct pg_result *r;

	CHECK(swarm_sleep(0.05) == 0 && s->busy);
	pgc_session_close(s);
	CHECK(swarm_join(f, swarm_in(5)) == 0);
	s = CONNECT(u);
	CHECK(pgc_notify_listen(u, "quiet", s) == 0);
	f = swarm_spawn(u, wait_on, s);
	CHECK(swarm_sleep(0.05) == 0);
	pgc_session_close(s);
	CHECK(swarm_join(f, swarm_in(5)) == 0);
	s = CONNECT(u);
	r = QUERY(u, "SELECT repeat('x', 9000) FROM generate_series(1, 1000)",
	    .on = s, .row = close_it, .arg = s, .name = "closed");
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
}

/* A session that somebody is using ends for them, too, and stays where they
 * look. */
static void test_closes(void **state)
{
	(void)state;
	harness_run(closes);
	assert_int_equal(harness_counter("pg_disconnects"), 0);
}

static void refused_parameters(struct swarm_user *u)
{
	const struct pg_result *r;

	r = QUERY(u, "SELECT $1::text", .mode = PG_PREPARED, .name = "long",
	    .params = PG_PARAMS(PG_TEXTN("x", INT64_MAX)));
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
	r = QUERY(u, "SELECT $1::text", .mode = PG_PREPARED, .name = "long",
	    .params = PG_PARAMS(PG_TEXT("x")));
	CHECK(r->ok);
}

static void test_refused_parameters(void **state)
{
	(void)state;
	harness_run(refused_parameters);
}

static void prepared_twice(struct swarm_user *u)
{
	const struct pg_query_args none = { .size = sizeof(none) };
	int i;

	for (i = 0; i < 2; i++) {
		const struct pg_result *r = pgc_prepare(u, "again",
		    "SELECT 1", &none);

		CHECK(r->ok && r->first_ns >= 0 && r->total_ns >= 0);
	}
}

static void test_prepared_twice(void **state)
{
	(void)state;
	harness_run(prepared_twice);
}

static void cut_off(void *arg)
{
	struct pg *s = arg;

	CHECK(swarm_sleep(0.1) == 0);
	shutdown(s->conn->fd, SHUT_RDWR);
}

static void lost_after_notice(struct swarm_user *u)
{
	const struct pg_result *r;
	struct swarm_fiber *f;

	pgc_query(u, "SELECT 1", NULL);
	f = swarm_spawn(u, cut_off, pgc_session_own(u));
	r = pgc_query(u, "CREATE TABLE IF NOT EXISTS pg_class (i int); "
	    "CREATE TEMP TABLE t (i int); CREATE TEMP TABLE IF NOT EXISTS t "
	    "(i int); SELECT pg_sleep(30)", NULL);
	CHECK(!r->ok && strcmp(r->sqlstate, "08006") == 0);
	CHECK(swarm_join(f, SWARM_FOREVER) == 0);
}

/* What the server said in passing is not why the connection was lost. */
static void test_lost_after_notice(void **state)
{
	(void)state;
	harness_run(lost_after_notice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_unwatchable),
		cmocka_unit_test(test_listens_again),
		cmocka_unit_test(test_closes),
		cmocka_unit_test(test_refused_parameters),
		cmocka_unit_test(test_prepared_twice),
		cmocka_unit_test(test_lost_after_notice),
	};

	return cmocka_run_group_tests(tests, calls_start, calls_stop);
}
