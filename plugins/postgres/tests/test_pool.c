/*
 * The pool of connections, and the queue of those who wait for one.
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
#include "pgc_options.h"
#include "pgc_result.h"
#include "pgc_turn.h"

/* ---- the queue ---- */

static struct pgc_gate gate = { .limit = 1 };
static char came[8];            /* in this order */
static int role;
static bool entered, waits_b, waits_c, gave_up, waits_d;
static bool b_before_c;

static void await(const bool *flag)
{
	while (!*flag && swarm_sleep(0.001) == 0)
		;
}

static void come(char who, bool *waits)
{
	*waits = true;
	CHECK(pgc_gate_enter(&gate, swarm_in(20)) == 0);
	came[strlen(came)] = who;
	pgc_gate_leave(&gate);
}

/* One is inside, B and C wait, B gives up, D comes. */
static void give_up_in_the_queue(struct swarm_user *u)
{
	(void)u;
	switch (role++) {
	case 0:
		CHECK(pgc_gate_enter(&gate, SWARM_FOREVER) == 0);
		entered = true;
		await(&waits_d);
		pgc_gate_leave(&gate);
		return;
	case 1:
		await(b_before_c ? &entered : &waits_c);
		waits_b = true;
		CHECK(pgc_gate_enter(&gate, swarm_in(0.05)) == -1 &&
		    errno == ETIMEDOUT);
		gave_up = true;
		return;
	case 2:
		await(b_before_c ? &waits_b : &entered);
		come('C', &waits_c);
		return;
	default:
		await(&gave_up);
		await(&waits_c);
		come('D', &waits_d);
		return;
	}
}

/* Neither the one behind nor the one who comes next is lost, nor the order. */
static void test_queue(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		b_before_c = i == 0;
		memset(came, 0, sizeof(came));
		role = 0;
		entered = waits_b = waits_c = gave_up = waits_d = false;
		harness_run_many(give_up_in_the_queue, 4);
		assert_string_equal(came, "CD");
		assert_int_equal(gate.used, 0);
	}
}

/* ---- the pool ---- */

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

static void loses_an_idle_one(struct swarm_user *u)
{
	const struct pgc_conn *idle;
	char info[300], sql[100];
	struct pg *own;

	snprintf(info, sizeof(info), "host=127.0.0.1 port=%d user=postgres "
	    "dbname=postgres", cluster_port());
	own = CONNECT(u, .conninfo = info);
	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ 0 }) == 0);
	idle = pgc_session_own(u)->conn;
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)",
	    PQbackendPID(idle->pq));
	CHECK(pgc_tx_commit(u, NULL) == 0);
	CHECK(QUERY(u, sql, .name = "kill", .on = own)->ok);
	await(&idle->lost);
	/* Its place is free for another. */
	CHECK(QUERY(u, "SELECT 1", .name = "pooled")->ok);
}

static void test_pool_that_lost_one(void **state)
{
	(void)state;
	pgc_options.pool = 1;
	harness_run(loses_an_idle_one);
	pgc_options.pool = 0;
}

/* What cannot be connected, or is lost, leaves its place. */
static void fails_and_loses(struct swarm_user *u)
{
	const struct pg_result *r;
	int i;

	for (i = 0; i < 2; i++) {
		r = QUERY(u, "SELECT 1", .on = CONNECT(u, .conninfo =
		    "host=127.0.0.1 port=1"), .name = "refused");
		CHECK(!r->ok && strstr(r->error, "refused") != NULL);
	}
	for (i = 0; i < 2; i++) {
		r = QUERY(u, "SELECT pg_terminate_backend(pg_backend_pid())",
		    .name = "lost");
		CHECK(strcmp(r->sqlstate, "57P01") == 0);
	}
	CHECK(QUERY(u, "SELECT 1", .name = "pooled")->ok);
}

static void test_pool_that_fails(void **state)
{
	(void)state;
	pgc_options.pool = 1;
	harness_run(fails_and_loses);
	pgc_options.pool = 0;
}

/* A transaction that is left open is nobody else's. */
static void leaves_open(struct swarm_user *u)
{
	struct pg *s = CONNECT(u);
	const struct pg_result *r;

	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ .on = s,
	    .isolation = PG_SERIALIZABLE }) == 0);
	pgc_session_close(s);
	r = QUERY(u, "SHOW transaction_isolation", .name = "show");
	CHECK(r->ok && strcmp(pgc_result_value(r, 0, 0), "read committed") ==
	    0);
}

static void test_pool_takes_no_open_ones(void **state)
{
	(void)state;
	pgc_options.pool = 1;
	harness_run(leaves_open);
	pgc_options.pool = 0;
	assert_int_equal(harness_counter("pg_connects"), 2);
}

/* Who listens, even from within a transaction, keeps the connection, and
 * others get one all the same; a pipeline keeps it until it is drained. */
static void listens(struct swarm_user *u)
{
	const struct pg_notify_args send = { .size = sizeof(send),
		.on = CONNECT(u), .channel = "pooled" };
	const struct pg_wait_args wait = { .size = sizeof(wait),
		.timeout = 5 };

	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ 0 }) == 0);
	CHECK(pgc_notify_listen(u, "pooled", NULL) == 0);
	CHECK(pgc_tx_commit(u, NULL) == 0);
	CHECK(QUEUE(u, "SELECT 1", .name = "piped") == 0);
	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ 0 }) == -1 &&
	    errno == EBUSY);
	CHECK(pgc_notify_send(u, &send) == 0);
	CHECK(pgc_notify_wait(u, &wait) != NULL);
	CHECK(pgc_pipe_drain(u, NULL) == 0);
	CHECK(pgc_notify_send(u, &send) == 0);
	CHECK(pgc_notify_wait(u, &wait) != NULL);
	CHECK(QUEUE(u, "SELECT 1", .name = "piped", .on = send.on) == 0);
	CHECK(pgc_pipe_drain(u, send.on) == 0);
	CHECK(pgc_notify_send(u, &send) == 0);
}

static void test_pool_and_listener(void **state)
{
	(void)state;
	pgc_options.pool = 1;
	harness_run(listens);
	pgc_options.pool = 0;
	assert_int_equal(harness_counter("pg_connects"), 2);
}

static int turn;
static bool held;

static void hold(struct swarm_user *u)
{
	CHECK(pgc_tx_begin(u, &(struct pg_tx_args){ 0 }) == 0);
	held = true;
	while (held)
		swarm_sleep(0.001);
	CHECK(pgc_tx_commit(u, NULL) == 0);
}

/* Who waited in vain takes nobody along who waits after it. */
static void give_up_and_wait(struct swarm_user *u)
{
	if (turn++ == 0) {
		hold(u);
		return;
	}
	while (!held)
		swarm_sleep(0.001);
	CHECK(!QUERY(u, "SELECT 1", .name = "late")->ok);
	pgc_session_own(u)->connect_timeout = 20;
	held = false;
	CHECK(QUERY(u, "SELECT 1", .name = "patient")->ok);
}

static void test_pool_with_one_who_gives_up(void **state)
{
	(void)state;
	pgc_options.pool = 1;
	pgc_options.connect_timeout = 0.05;
	turn = 0;
	held = false;
	harness_run_many(give_up_and_wait, 2);
	pgc_options.pool = 0;
	pgc_options.connect_timeout = 5;
	assert_non_null(harness_error("waiting for a connection"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_pool_that_lost_one),
		cmocka_unit_test(test_pool_that_fails),
		cmocka_unit_test(test_pool_takes_no_open_ones),
		cmocka_unit_test(test_pool_and_listener),
		cmocka_unit_test(test_pool_with_one_who_gives_up),
	};

	return cmocka_run_group_tests(tests, calls_start, calls_stop);
}
