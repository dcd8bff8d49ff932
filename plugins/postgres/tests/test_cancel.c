/*
 * COPY, and whatever else is ended before its time: by a timeout, by a request
 * to cancel, by the caller, by the end of the run.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "calls.h"
#include "cluster.h"
#include "harness.h"
#include "pgc_copy.h"
#include "pgc_options.h"
#include "pgc_result.h"

/* ---- COPY ---- */

static int64_t fill_rows(struct swarm_user *u, void *buf, size_t room,
    void *arg)
{
	int *left = arg;

	(void)u;
	if (*left == -1)
		return -1;
	if (*left == 0)
		return 0;
	return snprintf(buf, room, "%d\t%0100d\n", (*left)--, 0);
}

static int count_rows(struct swarm_user *u, const void *data, size_t len,
    void *arg)
{
	int64_t *bytes = arg;

	(void)u;
	(void)data;
	*bytes += (int64_t)len;
	return *bytes < 0;
}

static int64_t fill_too_much(struct swarm_user *u, void *buf, size_t room,
    void *arg)
{
	(void)u;
	(void)buf;
	(void)arg;
	return (int64_t)room + 1;
}

static void copies(struct swarm_user *u)
{
	struct pg_copy_args in = { .size = sizeof(in), .fill = fill_rows };
	struct pg_copy_args out = { .size = sizeof(out),
		.chunk = count_rows };
	const struct pg_result *r;
	int64_t bytes = 0;
	int left = 30000;

	pgc_query(u, "DROP TABLE IF EXISTS cp; CREATE TABLE cp (i int, t text)",
	    NULL);
	in.arg = &left;
	r = pgc_copy_in(u, "COPY cp FROM STDIN", &in);
	CHECK(r->ok && r->affected == 30000 && r->bytes > 30000 * 102 &&
	    r->rows == 0);
	out.arg = &bytes;
	r = pgc_copy_out(u, "COPY cp TO STDOUT", &out);
	CHECK(r->ok && r->rows == 30000 && r->bytes == bytes);
	in.fill = NULL;
	in.data = "1\ta\nx\tb\n";
	in.len = 8;
	r = pgc_copy_in(u, "COPY cp FROM STDIN", &in);
	CHECK(!r->ok && strcmp(r->sqlstate, "22P02") == 0);
	left = -1;
	in.fill = fill_rows;
	r = pgc_copy_in(u, "COPY cp FROM STDIN", &in);
	CHECK(!r->ok && strcmp(r->sqlstate, "57014") == 0);
	in.fill = fill_too_much;
	r = pgc_copy_in(u, "COPY cp FROM STDIN", &in);
	CHECK(!r->ok && strcmp(r->sqlstate, "57014") == 0);
	r = pgc_copy_in(u, "SELECT 1", &in);
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
	bytes = INT64_MIN;
	r = pgc_copy_out(u, "COPY (SELECT generate_series(1, "
	    "100000000)) TO STDOUT", &out);
	CHECK(r->ok && r->rows == 1);
	out.chunk = NULL;
	out.timeout = 0.05;
	r = pgc_copy_out(u, "COPY (SELECT pg_sleep(30)) TO STDOUT", &out);
	CHECK(!r->ok && strcmp(r->sqlstate, "57014") == 0);
	r = pgc_query(u, "SELECT count(*) FROM cp", NULL);
	CHECK(pgc_result_integer(r, 0, 0) == 30000);
}

static void test_copies(void **state)
{
	(void)state;
	harness_run(copies);
	assert_int_equal(harness_counter("pg_connects"), 1);
}

static int64_t fill_endless(struct swarm_user *u, void *buf, size_t room,
    void *arg)
{
	int64_t *given = arg;

	(void)u;
	memset(buf, 'x', room);
	((char *)buf)[room - 1] = '\n';
	*given += (int64_t)room;
	return (int64_t)room;
}

static void slow_copy(struct swarm_user *u)
{
	int64_t given = 0;
	const struct pg_copy_args args = { .size = sizeof(args),
		.fill = fill_endless, .arg = &given, .timeout = 0.2 };
	const struct pg_result *r;

	CHECK(pgc_query(u, "CREATE TABLE slow (t text); CREATE FUNCTION doze()"
	    " RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM "
	    "pg_sleep(0.01); RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT "
	    "ON slow FOR EACH ROW EXECUTE FUNCTION doze()", NULL)->ok);
	r = pgc_copy_in(u, "COPY slow FROM STDIN", &args);
	CHECK(!r->ok && strcmp(r->error, "cancelled after its timeout") == 0);
	CHECK(given < 20000000);
	r = pgc_query(u, "SELECT count(*) FROM slow", NULL);
	CHECK(r->ok && pgc_result_integer(r, 0, 0) == 0);
}

/* No faster than the server reads, and ended in the way that COPY has for
 * it. */
static void test_slow_copy(void **state)
{
	(void)state;
	harness_run(slow_copy);
	assert_int_equal(harness_counter("pg_cancels"), 0);
	assert_int_equal(harness_counter("pg_connects"), 1);
}

#define ENDLESS "COPY (SELECT repeat('x', 9000), CASE WHEN i > 9 THEN " \
	"pg_sleep(30) END FROM generate_series(1, 10) i) TO STDOUT"

static void copies_on(struct swarm_user *u)
{
	const struct pg_copy_args out = { .size = sizeof(out) };
	const struct pg_result *r = pgc_copy_out(u, ENDLESS, &out);

	CHECK(!r->ok && strcmp(r->sqlstate, "57000") == 0);
}

/* In the midst of the data. */
static void test_stopped_copy(void **state)
{
	(void)state;
	harness_stop_after(200);
	harness_run_many(copies_on, 2);
	assert_null(harness_error(""));
}

/* ---- statements ---- */

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

static void many(struct swarm_user *u)
{
	int i;

	for (i = 0; i < 40; i++)
		CHECK(strcmp(QUERY(u, "SELECT pg_sleep(30)", .name = "sleep",
		    .timeout = 0.02)->sqlstate, "57014") == 0);
}

/* More than are sent at once.  A request that comes before the server has begun
 * its statement is lost, and then the connection. */
static void test_many_cancels(void **state)
{
	(void)state;
	harness_run(many);
	assert_int_equal(harness_counter("pg_cancels"), 40);
	assert_in_range(harness_counter("pg_connects"), 1, 4);
}

/* ---- a server that takes no connection ---- */

static int connected;

static void frozen(struct swarm_user *u)
{
	pgc_query(u, "SELECT 1", NULL);
	connected++;
	while (connected < 3 && swarm_sleep(0.001) == 0)
		;
	cluster_freeze();
	QUERY(u, "SELECT pg_sleep(30)", .name = "frozen", .timeout = 0.05);
}

/* A server that does not take the request to cancel holds nobody up. */
static void test_frozen(void **state)
{
	int64_t start = swarm_now();

	(void)state;
	connected = 0;
	harness_stop_after(1000);
	harness_run_many(frozen, 3);
	cluster_thaw();
	assert_true(swarm_now() - start < 5000000000);
	/* Behind the earlier ones, which are done with now. */
	harness_run(timeouts);
}

static void slower_than_grace(struct swarm_user *u)
{
	const struct pg_result *r;

	pgc_query(u, "SELECT 1", NULL);
	cluster_freeze();
	r = QUERY(u, "SELECT pg_sleep(1)", .name = "frozen", .timeout = 0.2);
	CHECK(!r->ok && strcmp(r->sqlstate, "57014") == 0);
	CHECK(strcmp(r->error, "no answer to the request to cancel") == 0);
}

/* The statement has ended, but the request may yet hit the next one. */
static void test_frozen_for_long(void **state)
{
	(void)state;
	pgc_options.grace = 1;
	harness_run(slower_than_grace);
	pgc_options.grace = 5;
	cluster_thaw();
	harness_run(timeouts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_slow_copy),
		cmocka_unit_test(test_stopped_copy),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_cancels),
		cmocka_unit_test(test_many_cancels),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_frozen_for_long),
	};

	return cmocka_run_group_tests(tests, calls_start, calls_stop);
}
