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
#include "hand_kit.h"

/* ---- the worker's side ---- */

static char sent[256];
static int room = 100;

static int send_one(const void *data, size_t len, void *arg)
{
	(void)arg;
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
static int joined;
static int backs;
/* What came along in reports. */
static char said[256];
static struct wire_below below;
static int belows;
static int stops;

static void on_joined(struct peer *p, void *arg)
{
	(void)arg;
	joined++;
	backs += p->away > 0;
	if (p->away > 0)
		master_send_spawn(p, NULL, 0);
}

static void on_module(struct peer *p, const struct wire_module *m, void *arg)
{
	char text[160];

	(void)p;
	(void)arg;
	snprintf(text, sizeof text, "%s:%.*s ", m->module, (int)m->len,
	    (const char *)m->data);
	strncat(said, text, sizeof said - strlen(said) - 1);
}

static void on_below(struct peer *p, const struct wire_below *b, void *arg)
{
	(void)p;
	(void)arg;
	below = *b;
	belows++;
}

static void on_reported(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	strncat(said, "| ", sizeof said - strlen(said) - 1);
}

static void on_stopped(struct peer *p, void *arg)
{
	(void)arg;
	stops += p->awaited;
}

static void on_hand_message(const char *from, const void *data, size_t len,
    void *arg)
{
	struct wire_message m;

	(void)from;
	(void)arg;
	assert_int_equal(wire_decode(&m, data, len), 0);
	hand_hear(&m);
	wire_message_release(&m);
}

static int setup(void **state)
{
	static const char *const classes[] = { "Alpha" };
	struct master_options m = { .bind = "tcp://127.0.0.1:0",
		.class_count = 1, .class_names = classes,
		.report_interval = 1, .joined = on_joined,
		.module = on_module, .below = on_below,
		.reported = on_reported, .stopped = on_stopped };

	(void)state;
	joined = backs = belows = stops = 0;
	said[0] = '\0';
	if (loop_init() == -1)
		return -1;
	m.stats = totals = stats_new(100, 100);
	if (master_start(&m) == -1)
		return -1;
	hand_open(on_hand_message);
	return 0;
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

/* A report of `count` samples. */
static void report(uint64_t seq, uint64_t since, int count, int64_t at)
{
	hand_report(&(struct wire_ticket){ .seq = seq, .since = since,
	    .at = at }, count);
}

/* The number of the last report that the master says it has. */
static uint64_t taken(void)
{
	return hand_heartbeat("running");
}

static void test_each_report_once(void **state)
{
	(void)state;
	hand_join(0);
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
	hand_join(0);
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
	wait_until(joined == 1 && heard.acks == 1);
	assert_int_equal(heard.ack.index, 0);
	first = heard.ack.first;
	assert_in_range(first, 1000, 100000);
	/* The same again when it comes again. */
	assert_int_equal(zsock_send(relay, NULL, b.data, b.len), 0);
	wait_until(heard.acks == 2);
	assert_int_equal(heard.ack.first, first);
	buf_release(&b);
	hand_join(128);
	assert_int_equal(heard.ack.index, 1);
	assert_true(heard.ack.first + 128 <= first);
	zsock_free(relay, 0);
}

/* A worker that was silent for long speaks, and registers again for it could
 * not know that it was heard: it is back once. */
static void test_back_once(void **state)
{
	(void)state;
	hand_join(0);
	clock_freeze(clock_now());
	for (int i = 0; i < 6; i++) {
		clock_advance(NS_PER_S + 2 * NS_PER_MS);
		loop_once(false);
	}
	clock_thaw();
	assert_int_equal(master_peer_count(), 0);
	taken();
	assert_int_equal(joined, 2);
	assert_int_equal(backs, 1);
	assert_int_equal(master_peer_at(0)->state, PEER_RUNNING);
	hand_join(0);
	assert_int_equal(joined, 3);
	assert_int_equal(backs, 1);
}

/* ---- what goes along ---- */

static struct wire_words words;

static void report_words(uint64_t seq)
{
	hand_report(&(struct wire_ticket){ .seq = seq, .since = 1,
	    .words = &words }, 1);
}

static void say_module(const char *module, const char *text)
{
	assert_int_equal(wire_words_add_module(&words, &(struct wire_module){
	    .module = { module[0] }, .data = text, .len = strlen(text) }), 0);
}

/* As sure as the samples, in their order, and once. */
static void test_words_come_with_their_report(void **state)
{
	(void)state;
	hand_join(0);
	wire_words_init(&words);
	say_module("a", "one");
	say_module("b", "two");
	report_words(1);
	assert_int_equal(taken(), 1);
	assert_string_equal(said, "a:one b:two | ");
	report_words(1);
	wire_words_clear(&words);
	say_module("a", "late");
	report_words(3);
	assert_int_equal(taken(), 1);
	assert_string_equal(said, "a:one b:two | ");
	report(2, 1, 1, 0);
	report_words(3);
	assert_int_equal(taken(), 3);
	assert_string_equal(said, "a:one b:two | | a:late | ");
	wire_words_release(&words);
}

static void say_lost(int64_t index)
{
	const struct wire_below b = { .index = index, .ago = NS_PER_S,
		.crashed = true, .why = "crashed: \033[31mSIGSEGV\tin it" };

	assert_int_equal(wire_words_add_below(&words, &b), 0);
}

/* A relay has workers of its own to tell of; what it says is text on one
 * line. */
static void test_words_on_workers_below(void **state)
{
	struct master_refused refused;
	int64_t first;

	(void)state;
	hand_join(200);
	first = heard.ack.first;
	wire_words_init(&words);
	say_lost(first - 1);
	say_lost(first + 200);
	say_lost(0);
	report_words(1);
	assert_int_equal(taken(), 1);
	assert_int_equal(belows, 0);
	master_refused(&refused);
	assert_int_equal(refused.malformed, 3);
	wire_words_clear(&words);
	say_lost(first);
	say_lost(first + 199);
	report_words(2);
	assert_int_equal(taken(), 2);
	assert_int_equal(belows, 2);
	assert_int_equal(below.index, first + 199);
	assert_int_equal(below.ago, NS_PER_S);
	assert_true(below.crashed && !below.back);
	assert_string_equal(below.why, "crashed:  [31mSIGSEGV in it");
	wire_words_release(&words);
}

static void test_nobody_else_tells_of_workers_below(void **state)
{
	(void)state;
	hand_join(0);
	wire_words_init(&words);
	say_lost(0);
	report_words(1);
	assert_int_equal(taken(), 1);
	assert_int_equal(belows, 0);
	wire_words_release(&words);
}

/* Its message that it has stopped is lost; the report will come again. */
static void test_a_report_says_that_users_have_stopped(void **state)
{
	struct peer *p;

	(void)state;
	hand_join(0);
	p = master_peer_at(0);
	wire_words_init(&words);
	words.stopped = true;
	report_words(1);
	taken();
	/* Nobody asked. */
	assert_int_equal(stops, 0);
	master_send_stop(p);
	hand_join(0);
	assert_true(p->awaited);
	report_words(2);
	taken();
	assert_int_equal(stops, 1);
	assert_false(p->awaited);
	assert_int_equal(p->state, PEER_RUNNING);
	wire_words_release(&words);
}

/* More than fits is said, and what fits is whole. */
static void test_words_have_an_end(void **state)
{
	static char much[1 << 20];
	struct wire_module m = { "m", much, sizeof much };
	size_t n = 0;

	(void)state;
	wire_words_init(&words);
	while (wire_words_add_module(&words, &m) == 0)
		n++;
	assert_int_equal(n, 3);
	m.len = SIZE_MAX;
	assert_int_equal(wire_words_add_module(&words, &m), -1);
	for (n = 0; wire_words_add_below(&words, &below) == 0; )
		n++;
	assert_int_equal(n, WIRE_BELOW_MAX);
	assert_false(words.modules.overflow || words.below.overflow);
	wire_words_release(&words);
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
		cmocka_unit_test_setup_teardown(test_back_once, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_words_come_with_their_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_on_workers_below,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_nobody_else_tells_of_workers_below, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_report_says_that_users_have_stopped, setup,
		    teardown),
		cmocka_unit_test(test_words_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
