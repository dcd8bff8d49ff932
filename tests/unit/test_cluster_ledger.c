/*
 * Reports that are lost on the way, sent again, or come twice: each is in the
 * results once.  The worker's side (outbox) by itself, and the master's with
 * a worker played by hand over a real socket.
 */
#include "cluster/master.h"
#include "cluster/outbox.h"
#include "cluster/zsock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "wait_kit.h"

#define HAND_ID "host1_0123456789abcdef0123456789abcdef"

/* ---- the worker's side ---- */

static char sent[256];
static int room = 100;

static int send_one(const void *data, size_t len)
{
	if (room-- == 0)
		return -1;
	strncat(sent, data, len);
	return 0;
}

static struct wire_ticket keep(const char *text)
{
	struct wire_ticket t = { 0 };
	struct buf b = BUF_INIT(64);

	outbox_number(&t);
	buf_puts(&b, text);
	outbox_keep(&b);
	buf_release(&b);
	return t;
}

static const char *again(int64_t before)
{
	sent[0] = '\0';
	outbox_again(before, send_one);
	return sent;
}

static void test_outbox(void **state)
{
	int64_t start = clock_now();
	struct wire_ticket t;

	(void)state;
	assert_int_equal(keep("a").seq, 1);
	keep("b");
	t = keep("c");
	assert_int_equal(t.seq, 3);
	assert_int_equal(t.since, 1);
	/* What was answered left before they did. */
	assert_string_equal(again(start), "");
	assert_string_equal(again(clock_now() + 1), "abc");
	/* Once for each time they were sent. */
	assert_string_equal(again(start), "");
	outbox_taken(2);
	assert_string_equal(again(INT64_MAX), "c");
	/* Numbers that were never given, or are done with. */
	outbox_taken(1);
	outbox_taken(99);
	assert_string_equal(again(INT64_MAX), "c");
	keep("d");
	room = 1;
	assert_string_equal(again(INT64_MAX), "c");
	room = 100;
	outbox_forget();
	assert_string_equal(again(INT64_MAX), "");
	t = keep("e");
	assert_int_equal(t.seq, 5);
	assert_int_equal(t.since, 5);
	outbox_forget();
}

static void test_outbox_is_bounded(void **state)
{
	int n = 0;

	(void)state;
	for (; !outbox_full(false); n++)
		keep("x");
	assert_in_range(n, 2, 100);
	assert_false(outbox_full(true));
	for (; !outbox_full(true); n++)
		keep("y");
	assert_in_range(n, 2, 100);
	outbox_forget();
	assert_false(outbox_full(false));
}

/* ---- the master's side ---- */

static struct stats *totals;
static struct zsock *hand;
static int joined;
static int acks;
static struct wire_ack ack;
static struct wire_pong pong;
static int pongs;

static void on_joined(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	joined++;
}

static void on_hand_message(const char *from, const void *data, size_t len,
    void *arg)
{
	struct wire_message m;

	(void)from;
	(void)arg;
	assert_int_equal(wire_decode(&m, data, len), 0);
	if (m.type == WIRE_ACK)
		assert_int_equal(wire_read_ack(&m.data, &ack), 0);
	acks += m.type == WIRE_ACK;
	if (m.type == WIRE_HEARTBEAT &&
	    wire_read_pong(&m.data, &pong) == 0)
		pongs++;
	wire_message_release(&m);
}

static int setup(void **state)
{
	static const char *const classes[] = { "Alpha" };
	const struct zsock_options o = { .identity = HAND_ID,
		.message = on_hand_message };
	struct master_options m = { .bind = "tcp://127.0.0.1:0",
		.class_count = 1, .class_names = classes,
		.report_interval = 1, .joined = on_joined };

	(void)state;
	joined = acks = pongs = 0;
	if (loop_init() == -1)
		return -1;
	m.stats = totals = stats_new(100, 100);
	if (master_start(&m) == -1)
		return -1;
	hand = zsock_new(&o);
	return hand == NULL ? -1 : zsock_connect(hand, master_endpoint());
}

static int teardown(void **state)
{
	(void)state;
	zsock_free(hand, 0);
	master_release();
	stats_free(totals);
	loop_release();
	return 0;
}

static void say(struct buf *b)
{
	assert_int_equal(zsock_send(hand, NULL, b->data, b->len), 0);
	buf_release(b);
}

static void join(void)
{
	struct buf b = BUF_INIT(1000);

	wire_encode_client_ready(&b, HAND_ID, 0);
	say(&b);
	wait_until(joined == 1 && acks == 1);
}

/* A report of `count` samples. */
static void report(uint64_t seq, uint64_t since, int count, int64_t at)
{
	const struct wire_ticket t = { .seq = seq, .since = since, .at = at };
	struct stats *delta = stats_new(10, 10);
	struct series *s = stats_series(delta, "GET", "/");
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	for (int i = 0; i < count; i++)
		stats_record(delta, s, clock_now(), NS_PER_MS, 0, 1, false);
	wire_stats_encode(&b, HAND_ID, delta, &t, NULL, 0);
	say(&b);
	stats_free(delta);
}

/* The number of the last report that the master says it has. */
static uint64_t taken(void)
{
	struct buf b = BUF_INIT(4096);
	struct wire_heartbeat hb = { .state = "running", .sent = 1,
		.clock_error = -1 };
	int before = pongs;

	health_init(&hb.health);
	hb.health.loop_busy = 0.1;
	wire_encode_heartbeat(&b, HAND_ID, &hb);
	say(&b);
	wait_until(pongs > before);
	return pong.taken;
}

static void test_each_report_once(void **state)
{
	(void)state;
	join();
	assert_int_equal(taken(), 0);
	report(1, 1, 1, 0);
	assert_int_equal(taken(), 1);
	assert_int_equal(totals->total.requests, 1);
	/* It was sent again: its answer was late. */
	report(1, 1, 1, 0);
	assert_int_equal(taken(), 1);
	/* One before it was lost, so it has to come once more. */
	report(3, 1, 100, 0);
	assert_int_equal(taken(), 1);
	assert_int_equal(totals->total.requests, 1);
	report(2, 1, 10, 0);
	report(3, 1, 100, 0);
	assert_int_equal(taken(), 3);
	assert_int_equal(totals->total.requests, 111);
	/* The worker gave up 4 to 6. */
	report(7, 7, 1000, 0);
	assert_int_equal(taken(), 7);
	assert_int_equal(totals->total.requests, 1111);
	/* One without numbers, as of old. */
	report(0, 0, 1, 0);
	assert_int_equal(taken(), 7);
	assert_int_equal(totals->total.requests, 1112);
}

/* A report that was on its way for ten seconds is not of this second. */
static void test_late_report_keeps_its_time(void **state)
{
	double now = clock_wall();

	(void)state;
	join();
	report(1, 1, 1, clock_now() - 10 * NS_PER_S);
	assert_int_equal(taken(), 1);
	assert_true(totals->total.last_time < now - 8);
	assert_true(totals->total.last_time > now - 12);
	/* Of a clock that is not ours nothing is believed. */
	report(2, 1, 1, clock_now() + 1000 * NS_PER_S);
	assert_int_equal(taken(), 2);
	assert_true(totals->total.last_time > now - 1);
	assert_true(totals->total.last_time < now + WAIT_NS / 1e9);
}

/* Ranges of indexes for relays' workers, from above; those of the master's
 * own workers are from below. */
static void test_relays_have_indexes_of_their_own(void **state)
{
	struct zsock_options o = { .identity = "host2_relay",
		.message = on_hand_message };
	struct buf b = BUF_INIT(1000);
	struct zsock *relay = zsock_new(&o);
	int64_t first;

	(void)state;
	assert_int_equal(zsock_connect(relay, master_endpoint()), 0);
	wire_encode_client_ready(&b, "host2_relay", 300);
	assert_int_equal(zsock_send(relay, NULL, b.data, b.len), 0);
	wait_until(joined == 1 && acks == 1);
	assert_int_equal(ack.index, 0);
	first = ack.first;
	assert_in_range(first, 1000, 100000);
	/* The same again when it comes again. */
	assert_int_equal(zsock_send(relay, NULL, b.data, b.len), 0);
	wait_until(acks == 2);
	assert_int_equal(ack.first, first);
	buf_clear(&b);
	wire_encode_client_ready(&b, HAND_ID, 128);
	say(&b);
	wait_until(acks == 3);
	assert_int_equal(ack.index, 1);
	assert_true(ack.first + 128 <= first);
	zsock_free(relay, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outbox),
		cmocka_unit_test(test_outbox_is_bounded),
		cmocka_unit_test_setup_teardown(test_each_report_once, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_relays_have_indexes_of_their_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_late_report_keeps_its_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
