/*
 * The client against a real server: statements, results, transactions,
 * pipelines, notifications.
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
#include "harness.h"
#include "pgc_options.h"
#include "pgc_result.h"

static bool text_is(const struct pg_result *r, int64_t row, int col,
    const char *text)
{
	return strcmp(pgc_result_value(r, row, col), text) == 0;
}

/* ---- statements ---- */

static void modes(struct swarm_user *u)
{
	static const enum pg_mode all[] = { PG_AUTO, PG_EXTENDED,
		PG_PREPARED, PG_PREPARED };
	const struct pg_result *r;
	size_t i;

	r = pgc_query(u, "SELECT 1; SELECT 'two' AS b, NULL", NULL);
	CHECK(r->ok && r->rows == 1 && r->columns == 2);
	CHECK(text_is(r, 0, 0, "two") && pgc_result_null(r, 0, 1));
	CHECK(pgc_result_column(r, "b") == 0 &&
	    pgc_result_column(r, "c") == -1);
	CHECK(pgc_result_integer(r, 0, 0) == 0);
	CHECK(strcmp(r->sqlstate, "00000") == 0 && r->total_ns > 0 &&
	    r->first_ns <= r->total_ns && r->bytes == 3);
	CHECK(pgc_result_null(r, 7, 0) && text_is(r, 0, 9, ""));
	for (i = 0; i < 4; i++) {
		r = QUERY(u, "SELECT $1::int + 1, $2::text, $3::bool, $4::int"
		    ", $5::float8, $6::bytea, $7::bigint, $8::text",
		    .mode = all[i], .name = "mixed",
		    .params = PG_PARAMS(PG_INT(41), PG_TEXT("a'b"),
		    PG_BOOL(true), PG_NULL(), PG_FLOAT8(2.5),
		    PG_BYTEA("x\0y", 3), PG_INT8(INT64_MIN),
		    PG_TEXTN("abcdef", 3)));
		CHECK(r->ok);
		CHECK(pgc_result_integer(r, 0, 0) == 42);
		CHECK(text_is(r, 0, 1, "a'b"));
		CHECK(pgc_result_integer(r, 0, 2) == 1);
		CHECK(pgc_result_null(r, 0, 3));
		CHECK(pgc_result_real(r, 0, 4) == 2.5);
		CHECK(text_is(r, 0, 5, "\\x780079"));
		CHECK(pgc_result_integer(r, 0, 6) == INT64_MIN);
		CHECK(text_is(r, 0, 7, "abc"));
	}
	r = QUERY(u, "SELECT 5::int2, 6::int4, -7::int8, 1.5::float4, "
	    "2.5::float8, true, 'x'", .binary = true);
	CHECK(r->ok && pgc_result_integer(r, 0, 0) == 5);
	CHECK(pgc_result_integer(r, 0, 1) == 6);
	CHECK(pgc_result_integer(r, 0, 2) == -7);
	CHECK(pgc_result_real(r, 0, 2) == -7.0);
	CHECK(pgc_result_real(r, 0, 3) == 1.5);
	CHECK(pgc_result_real(r, 0, 4) == 2.5);
	CHECK(pgc_result_integer(r, 0, 5) == 1);
	CHECK(text_is(r, 0, 6, "x"));
	CHECK(pgc_result_column_type(r, 1) == 23);
}

static void test_modes(void **state)
{
	(void)state;
	harness_run(modes);
	assert_int_equal(harness_requests("SQL simple",
	    "SELECT 1; SELECT 'two' AS b, NULL"), 1);
	assert_int_equal(harness_requests("SQL extended", "mixed"), 2);
	assert_int_equal(harness_requests("SQL prepared", "mixed"), 2);
	assert_int_equal(harness_counter("pg_connects"), 1);
}

static void errors(struct swarm_user *u)
{
	const struct pg_result *r = pgc_query(u, "SELECT 1 / 0", NULL);
	int i;

	CHECK(!r->ok && strcmp(r->sqlstate, "22012") == 0);
	CHECK(strcmp(r->error, "division by zero") == 0);
	CHECK(r->rows == 0 && pgc_result_null(r, 0, 0));
	r = QUERY(u, "SELECT '17x'::int", .name = "bad");
	CHECK(strcmp(r->sqlstate, "22P02") == 0);
	r = QUERY(u, "SELECT '18y'::int", .name = "bad");
	for (i = 0; i < 2; i++) {
		r = QUERY(u, "SELECT syntax error", .name = "bad",
		    .mode = PG_PREPARED);
		CHECK(strcmp(r->sqlstate, "42703") == 0);
	}
	r = QUERY(u, "COPY pg_class FROM STDIN", .name = "bad");
	CHECK(!r->ok);
	r = pgc_query(u, "COPY pg_class TO STDOUT", NULL);
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
	r = pgc_query(u, "", NULL);
	CHECK(r->ok && r->rows == 0);
	r = pgc_query(u, "SELECT 1", NULL);
	CHECK(r->ok);
}

static void test_errors(void **state)
{
	(void)state;
	harness_run(errors);
	assert_int_equal(harness_failures("SQL simple", "SELECT 1 / 0"), 1);
	assert_string_equal(harness_error("22012"),
	    "22012 division by zero");
	assert_string_equal(harness_error("22P02"),
	    "22P02 invalid input syntax for type integer: \"X\"");
	assert_int_equal(harness_counter("pg_error_22"), 3);
}

static void named(struct swarm_user *u)
{
	const struct pg_query_args none = { .size = sizeof(none) };
	const struct pg_query_args one = { .size = sizeof(one),
		.params = PG_PARAMS(PG_INT(3)) };
	const struct pg_result *r;

	r = pgc_execute(u, "triple", &one);
	CHECK(!r->ok && strcmp(r->sqlstate, "26000") == 0);
	r = pgc_prepare(u, "triple", "SELECT 3 * $1::int", &none);
	CHECK(r->ok);
	r = pgc_execute(u, "triple", &one);
	CHECK(r->ok && pgc_result_integer(r, 0, 0) == 9);
	/* The connection goes; the statement is parsed again. */
	r = pgc_query(u, "SELECT pg_terminate_backend(pg_backend_pid())",
	    NULL);
	CHECK(strcmp(r->sqlstate, "57P01") == 0);
	r = pgc_execute(u, "triple", &one);
	CHECK(r->ok && pgc_result_integer(r, 0, 0) == 9);
	/* The server forgets it; so do we, as soon as we are told. */
	CHECK(pgc_query(u, "DEALLOCATE ALL", NULL)->ok);
	r = pgc_execute(u, "triple", &one);
	CHECK(!r->ok && strcmp(r->sqlstate, "26000") == 0);
	r = pgc_execute(u, "triple", &one);
	CHECK(r->ok && pgc_result_integer(r, 0, 0) == 9);
}

static void test_named(void **state)
{
	(void)state;
	harness_run(named);
	assert_int_equal(harness_requests("SQL prepared", "triple"), 4);
	assert_non_null(harness_error("57P01"));
	assert_int_equal(harness_counter("pg_disconnects"), 1);
	assert_int_equal(harness_counter("pg_connects"), 2);
}

static int64_t seen;

static int sum_rows(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	(void)arg;
	seen += pgc_result_integer(r, 0, 0);
	/* Give way, so that input comes while nobody waits for it. */
	if (seen % 1000 == 0)
		CHECK(swarm_sleep(0) == 0);
	(void)u;
	return 0;
}

static int stop_at_ten(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	(void)u;
	(void)arg;
	seen = pgc_result_integer(r, 0, 0);
	return seen == 10;
}

static void streams(struct swarm_user *u)
{
	const struct pg_result *r;

	seen = 0;
	r = QUERY(u, "SELECT i FROM generate_series(1, 20000) i",
	    .row = sum_rows, .name = "stream");
	CHECK(r->ok && r->rows == 20000 && seen == 200010000);
	CHECK(r->pgresult == NULL && r->first_ns < r->total_ns);
	r = QUERY(u, "SELECT generate_series(1, 100000000)",
	    .row = stop_at_ten, .name = "stopped");
	CHECK(r->ok && seen == 10);
	r = QUERY(u, "SELECT repeat('x', 100) FROM generate_series(1, 5000)",
	    .discard = true, .name = "discard", .mode = PG_PREPARED);
	CHECK(r->ok && r->rows == 5000 && r->bytes == 500000);
	r = QUERY(u, "SELECT i, 1 / (i - 3) FROM generate_series(1, 9) i",
	    .row = sum_rows, .name = "fails");
	CHECK(!r->ok && strcmp(r->sqlstate, "22012") == 0);
}

static void test_streams(void **state)
{
	(void)state;
	harness_run(streams);
	assert_int_equal(harness_failures("SQL simple", "stopped"), 0);
	assert_int_equal(harness_failures("SQL simple", "fails"), 1);
}

/* Each is known by its text, parsed once, and there is an end to it. */
static void many(struct swarm_user *u)
{
	struct pg_query_args args = { .size = sizeof(args), .name = "many",
		.mode = PG_PREPARED };
	const struct pg_result *r;
	char sql[40];
	int round;
	int i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 40; i++) {
			snprintf(sql, sizeof(sql), "SELECT %d", i);
			r = pgc_query(u, sql, &args);
			CHECK(pgc_result_integer(r, 0, 0) == i);
		}
	}
	r = pgc_query(u, "SELECT count(*) FROM pg_prepared_statements", NULL);
	CHECK(pgc_result_integer(r, 0, 0) == 40);
	for (i = 40; i < 4096; i++) {
		snprintf(sql, sizeof(sql), "SELECT %d", i);
		CHECK(pgc_pipe_queue(u, sql, &args) == 0);
	}
	CHECK(pgc_pipe_queue(u, "SELECT 4096", &args) == -1);
	CHECK(pgc_pipe_drain(u, NULL) == 0);
	r = pgc_query(u, "SELECT 4096", &args);
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
	r = pgc_query(u, "SELECT 4095", &args);
	CHECK(pgc_result_integer(r, 0, 0) == 4095);
}

static void test_many_prepared(void **state)
{
	(void)state;
	harness_run(many);
}

/* ---- transactions ---- */

static int inserts(struct swarm_user *u, void *arg)
{
	const struct pg_result *r = QUERY(u, "INSERT INTO tx VALUES ($1)",
	    .params = PG_PARAMS(PG_INT(*(int *)arg)), .name = "insert");

	CHECK(r->ok && r->affected == 1);
	return *(int *)arg == 2;
}

static int fails(struct swarm_user *u, void *arg)
{
	(void)arg;
	pgc_query(u, "INSERT INTO tx VALUES (9)", NULL);
	pgc_query(u, "SELECT 1 / 0", NULL);
	return 0;
}

static int conflicts(struct swarm_user *u, void *arg)
{
	struct pg *other = arg;

	++seen;
	pgc_query(u, "SELECT sum(i) FROM tx", NULL);
	if (seen < 3)
		CHECK(QUERY(u, "UPDATE tx SET i = i + 1", .on = other)->ok);
	pgc_query(u, "UPDATE tx SET i = i + 1", NULL);
	return 0;
}

static void transactions(struct swarm_user *u)
{
	struct pg *other = CONNECT(u, .own = true);
	const struct pg_result *r;
	int one = 1;
	int two = 2;

	pgc_query(u, "DROP TABLE IF EXISTS tx; CREATE TABLE tx (i int)",
	    NULL);
	CHECK(TX(u, inserts, &one) == 0);
	CHECK(TX(u, inserts, &two) == -1);
	CHECK(TX(u, fails, NULL) == -1);
	r = pgc_query(u, "SELECT count(*), sum(i) FROM tx", NULL);
	CHECK(pgc_result_integer(r, 0, 0) == 1);
	seen = 0;
	CHECK(TX(u, conflicts, other, .isolation = PG_REPEATABLE_READ,
	    .max_tries = 5, .name = "update") == 0);
	CHECK(seen == 3);
	seen = 0;
	CHECK(TX(u, conflicts, other, .isolation = PG_SERIALIZABLE,
	    .max_tries = 2) == -1 && errno == EAGAIN);
	CHECK(seen == 2);
	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ .read_only = true }) ==
	    0);
	r = pgc_query(u, "UPDATE tx SET i = 0", NULL);
	CHECK(strcmp(r->sqlstate, "25006") == 0);
	CHECK(pgc_tx_commit(u, NULL) == -1);
	pgc_session_close(other);
}

static void test_transactions(void **state)
{
	(void)state;
	harness_run(transactions);
	assert_int_equal(harness_counter("pg_tx_retries"), 3);
	assert_int_equal(harness_counter("pg_serialization_failures"), 4);
	assert_int_equal(harness_counter("pg_tx_failed"), 3);
}

/* ---- pipelines ---- */

static void add_up(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	(void)u;
	if (r->ok)
		*(int64_t *)arg += pgc_result_integer(r, 0, 0);
}

static void keep_state(struct swarm_user *u, const struct pg_result *r,
    void *arg)
{
	(void)u;
	memcpy(arg, r->sqlstate, sizeof(r->sqlstate));
}

/* What an error kept the server from preparing is not taken for prepared
 * later on, and the error is told where it belongs. */
static void unprepared(struct swarm_user *u)
{
	const struct pg_query_args prepared = { .size = sizeof(prepared),
		.mode = PG_PREPARED, .name = "unprepared" };
	char state[6] = "";

	QUEUE(u, "SELECT 1 / 0");
	CHECK(pgc_pipe_queue(u, "SELECT 20", &prepared) == 0);
	CHECK(pgc_pipe_drain(u, NULL) == 2);
	CHECK(pgc_pipe_queue(u, "SELECT 20", &prepared) == 0);
	CHECK(pgc_pipe_drain(u, NULL) == 0);
	CHECK(pgc_query(u, "SELECT 20", &prepared)->ok);
	QUEUE(u, "SELEKT", .mode = PG_PREPARED, .done = keep_state,
	    .arg = state);
	CHECK(pgc_pipe_drain(u, NULL) == 1);
	CHECK(strcmp(state, "42601") == 0);
	CHECK(strcmp(pgc_query(u, "SELEKT", &prepared)->sqlstate, "42601") ==
	    0);
}

static void pipelines(struct swarm_user *u)
{
	int64_t sum = 0;
	int round;
	int i;

	for (round = 0; round < 3; round++) {
		for (i = 1; i <= 100; i++)
			CHECK(QUEUE(u, "SELECT $1::int", .name = "piped",
			    .mode = PG_PREPARED, .done = add_up, .arg = &sum,
			    .params = PG_PARAMS(PG_INT(i))) == 0);
		CHECK(pgc_pipe_drain(u, NULL) == 0);
	}
	CHECK(sum == 3 * 5050);
	sum = 0;
	QUEUE(u, "SELECT 1", .done = add_up, .arg = &sum);
	QUEUE(u, "SELECT 1 / 0", .done = add_up, .arg = &sum);
	QUEUE(u, "SELECT 10", .done = add_up, .arg = &sum);
	CHECK(pgc_pipe_sync(u, NULL) == 0);
	QUEUE(u, "SELECT 100", .done = add_up, .arg = &sum);
	CHECK(!pgc_query(u, "SELECT 5", NULL)->ok);
	CHECK(pgc_pipe_drain(u, NULL) == 2);
	CHECK(sum == 101);
	CHECK(pgc_query(u, "SELECT 5", NULL)->ok);
	CHECK(pgc_pipe_drain(u, NULL) == 0);
	unprepared(u);
	QUEUE(u, "SELECT pg_terminate_backend(pg_backend_pid())");
	QUEUE(u, "SELECT 7", .name = "lost");
	CHECK(pgc_pipe_drain(u, NULL) == -1);
	CHECK(pgc_query(u, "SELECT 5", NULL)->ok);
}

/* Groups are measured from their first statement, each by itself; one that
 * cannot be in a pipeline ends it. */
static void groups(struct swarm_user *u)
{
	int i;

	for (i = 0; i < 2; i++) {
		QUEUE(u, "SELECT 1", .name = "grouped");
		CHECK(swarm_sleep(0.05) == 0);
		QUEUE(u, "SELECT 2", .name = "grouped");
		CHECK(pgc_pipe_sync(u, NULL) == 0);
	}
	CHECK(pgc_pipe_drain(u, NULL) == 0);
	QUEUE(u, "COPY pg_class FROM STDIN");
	CHECK(pgc_pipe_drain(u, NULL) == -1);
	QUEUE(u, "COPY pg_class TO STDOUT");
	CHECK(pgc_pipe_drain(u, NULL) == -1);
	CHECK(pgc_query(u, "SELECT 1", NULL)->ok);
}

static void test_pipeline_groups(void **state)
{
	int64_t longest;

	(void)state;
	harness_run(groups);
	assert_int_equal(harness_observed("SQL pipeline", "sync", &longest),
	    2);
	assert_true(longest >= 50000000);
	assert_non_null(harness_error("COPY cannot be in a pipeline"));
}

static void test_pipelines(void **state)
{
	(void)state;
	harness_run(pipelines);
	assert_int_equal(harness_requests("SQL prepared", "piped"), 300);
	assert_int_equal(harness_failures("SQL prepared", "piped"), 0);
	assert_int_equal(harness_failures("SQL extended", "SELECT 10"), 1);
	assert_int_equal(harness_failures("SQL extended", "lost"), 1);
}

/* ---- notifications ---- */

static void notifications(struct swarm_user *u)
{
	struct pg *sender = CONNECT(u);
	struct pg_notify_args send = { .size = sizeof(send), .on = sender,
		.channel = "a channel", .payload = "hello" };
	struct pg_wait_args wait = { .size = sizeof(wait), .timeout = 5 };
	const struct pg_notification *n;
	int i;

	CHECK(pgc_notify_wait(u, &wait) == NULL && errno == EINVAL);
	CHECK(pgc_notify_listen(u, "a channel", NULL) == 0);
	for (i = 0; i < 3; i++)
		CHECK(pgc_notify_send(u, &send) == 0);
	for (i = 0; i < 3; i++) {
		n = pgc_notify_wait(u, &wait);
		CHECK(n != NULL && strcmp(n->payload, "hello") == 0);
		CHECK(n != NULL && strcmp(n->channel, "a channel") == 0);
		CHECK(n != NULL && n->latency_ns > 0 &&
		    n->latency_ns < 1000000000);
	}
	send.raw = true;
	CHECK(pgc_notify_send(u, &send) == 0);
	n = pgc_notify_wait(u, &wait);
	CHECK(n != NULL && n->latency_ns == -1);
	wait.timeout = 0.02;
	CHECK(pgc_notify_wait(u, &wait) == NULL && errno == ETIMEDOUT);
	wait.timeout = 5;
	/* The listener's connection is killed; it listens again. */
	QUERY(u, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
	    "WHERE query LIKE 'LISTEN%'", .on = sender);
	CHECK(pgc_notify_wait(u, &wait) == NULL && errno == ENOTCONN);
	send.raw = false;
	CHECK(pgc_query(u, "SELECT 1", NULL)->ok);
	CHECK(pgc_notify_send(u, &send) == 0);
	CHECK(pgc_notify_wait(u, &wait) != NULL);
	/* A stamp of a stranger's, out of range. */
	CHECK(pgc_query(u, "SELECT pg_notify('a channel', "
	    "'swarm1 0 0 -9223372036854775808 far')", NULL)->ok);
	n = pgc_notify_wait(u, &wait);
	CHECK(n != NULL && n->latency_ns == -1);
	CHECK(pgc_notify_unlisten(u, "a channel", NULL) == 0);
	CHECK(pgc_notify_send(u, &send) == 0);
	wait.timeout = 0.02;
	CHECK(pgc_notify_wait(u, &wait) == NULL && errno == ETIMEDOUT);
}

static void test_notifications(void **state)
{
	(void)state;
	harness_run(notifications);
	assert_int_equal(harness_counter("pg_notifications"), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_many_prepared),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_pipelines),
		cmocka_unit_test(test_pipeline_groups),
		cmocka_unit_test(test_notifications),
	};

	return cmocka_run_group_tests(tests, calls_start, calls_stop);
}
