/*
 * The client against a real server that refuses, hangs, sends too much or goes
 * away; and against its own users' end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calls.h"
#include "cluster.h"
#include "harness.h"
#include "pgc_options.h"
#include "pgc_result.h"

/* ---- results that are too large ---- */

static void large_on(struct swarm_user *u, struct pg *on)
{
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

static void timeouts(struct swarm_user *u)
{
	const struct pg_result *r = QUERY(u, "SELECT pg_sleep(30)",
	    .timeout = 0.05, .name = "sleep");

	CHECK(!r->ok && strcmp(r->sqlstate, "57014") == 0);
	CHECK(r->total_ns >= 50000000 && r->total_ns < 5000000000);
	r = pgc_query(u, "SELECT 1", NULL);
	CHECK(r->ok);
}

static void test_timeouts(void **state)
{
	(void)state;
	harness_run(timeouts);
	assert_string_equal(harness_error("57014"),
	    "57014 cancelled after its timeout");
	assert_int_equal(harness_counter("pg_cancels"), 1);
	assert_int_equal(harness_counter("pg_connects"), 1);
}

static bool ended;

/* Again and again: a request that comes before the statement is lost. */
static void cancel_it(void *arg)
{
	struct pg *s = arg;

	while (!ended && swarm_sleep(0.01) == 0)
		pgc_session_cancel(s);
}

static void cancels(struct swarm_user *u)
{
	const struct pg_result *r;
	struct swarm_fiber *f;

	pgc_query(u, "SELECT 1", NULL);
	ended = false;
	f = swarm_spawn(u, cancel_it, pgc_session_own(u));
	r = QUERY(u, "SELECT pg_sleep(30)", .name = "sleep");
	ended = true;
	CHECK(!r->ok && strcmp(r->sqlstate, "57014") == 0);
	CHECK(swarm_join(f, SWARM_FOREVER) == 0);
}

static void test_cancels(void **state)
{
	(void)state;
	harness_run(cancels);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_cancels),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_exact),
	};

	return cmocka_run_group_tests(tests, calls_start, calls_stop);
}
