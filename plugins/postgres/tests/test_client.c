/*
 * The client against a real server: statements, results, transactions,
 * pipelines, COPY, notifications, pools, and what goes wrong.
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

#include "cluster.h"
#include "harness.h"
#include "pgc_copy.h"
#include "pgc_notify.h"
#include "pgc_options.h"
#include "pgc_pipe.h"
#include "pgc_query.h"
#include "pgc_result.h"
#include "pgc_session.h"
#include "pgc_tx.h"

/* As the macros of the public header, without the table. */
#define QUERY(u, sql, ...) \
	pgc_query((u), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#define QUEUE(u, sql, ...) \
	pgc_pipe_queue((u), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#define CONNECT(u, ...) \
	pgc_session_connect((u), &(const struct pg_connect_args){ \
		.size = sizeof(struct pg_connect_args), __VA_ARGS__ })
#define TX(u, body, arg, ...) \
	pgc_tx_run((u), (body), (arg), &(const struct pg_tx_args){ \
		.size = sizeof(struct pg_tx_args), __VA_ARGS__ })

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

	CHECK(!r->ok && strcmp(r->sqlstate, "22012") == 0);
	CHECK(strcmp(r->error, "division by zero") == 0);
	CHECK(r->rows == 0 && pgc_result_null(r, 0, 0));
	r = QUERY(u, "SELECT '17x'::int", .name = "bad");
	CHECK(strcmp(r->sqlstate, "22P02") == 0);
	r = QUERY(u, "SELECT '18y'::int", .name = "bad");
	r = QUERY(u, "SELECT syntax error", .name = "bad",
	    .mode = PG_PREPARED);
	CHECK(strcmp(r->sqlstate, "42703") == 0);
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
}

static void test_named(void **state)
{
	(void)state;
	harness_run(named);
	assert_int_equal(harness_requests("SQL prepared", "triple"), 2);
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
	r = QUERY(u, "SELECT i FROM generate_series(1, 100000000) i",
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
	QUEUE(u, "SELECT pg_terminate_backend(pg_backend_pid())");
	QUEUE(u, "SELECT 7", .name = "lost");
	CHECK(pgc_pipe_drain(u, NULL) == -1);
	CHECK(pgc_query(u, "SELECT 5", NULL)->ok);
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
	CHECK(r->ok && r->affected == 30000 && r->bytes > 30000 * 102);
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
	r = pgc_copy_in(u, "SELECT 1", &in);
	CHECK(!r->ok && strcmp(r->sqlstate, "58000") == 0);
	bytes = INT64_MIN;
	r = pgc_copy_out(u, "COPY (SELECT 1 FROM generate_series(1, "
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
	CHECK(pgc_notify_unlisten(u, "a channel", NULL) == 0);
	CHECK(pgc_notify_send(u, &send) == 0);
	wait.timeout = 0.02;
	CHECK(pgc_notify_wait(u, &wait) == NULL && errno == ETIMEDOUT);
}

static void test_notifications(void **state)
{
	(void)state;
	harness_run(notifications);
	assert_int_equal(harness_counter("pg_notifications"), 5);
}

/* ---- pools ---- */

static void pooled(struct swarm_user *u)
{
	int i;

	for (i = 0; i < 20; i++)
		CHECK(QUERY(u, "SELECT pg_sleep(0.001)", .name = "pooled",
		    .mode = PG_PREPARED)->ok);
	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ 0 }) == 0);
	CHECK(QUERY(u, "SELECT pg_sleep(0.001)", .name = "pooled")->ok);
	CHECK(pgc_tx_commit(u, NULL) == 0);
}

static void test_pool(void **state)
{
	(void)state;
	pgc_options.pool = 3;
	harness_run_many(pooled, 12);
	pgc_options.pool = 0;
	assert_int_equal(harness_counter("pg_connects"), 3);
	assert_int_equal(harness_requests("SQL prepared", "pooled"), 240);
	assert_int_equal(harness_failures("SQL prepared", "pooled"), 0);
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

/* Sessions report their counts when they end: waits, on the server, until no
 * other is there. */
static int64_t commits(void)
{
	assert_string_equal(cluster_ask("DO $$ BEGIN WHILE EXISTS (SELECT FROM "
	    "pg_stat_activity WHERE backend_type = 'client backend' AND pid <>"
	    " pg_backend_pid()) LOOP PERFORM pg_stat_clear_snapshot(), "
	    "pg_sleep(0.01); END LOOP; END $$"), "");
	return strtoll(cluster_ask("SELECT xact_commit FROM pg_stat_database "
	    "WHERE datname = 'postgres'"), NULL, 10);
}

/* What the server counts is what was recorded, and one for each session, its
 * own start; between the two looks lie the first one's question and the second
 * one's wait, two each. */
static void test_exact(void **state)
{
	int64_t before;

	(void)state;
	before = commits();
	harness_run_many(exact, 5);
	assert_int_equal(harness_requests("SQL simple", "SELECT 1"), 250);
	assert_int_equal(commits() - before, 250 + 5 + 2 + 2);
}

static int start(void **state)
{
	(void)state;
	if (cluster_start() == -1) {
		print_message("no PostgreSQL here\n");
		exit(getenv("CI") != NULL ? 1 : 77);
	}
	harness_init();
	pgc_options.conninfo = cluster_conninfo();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	harness_release();
	cluster_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_cancels),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_pipelines),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_notifications),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_exact),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
