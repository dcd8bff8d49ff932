/*
 * 100,000 messages that are noise, cut off, or nearly right, from strangers
 * and from a worker that has gone mad: the master answers the next honest
 * worker as before, and what honest ones reported is as they said it.
 */
#include "cluster/master.h"
#include "cluster/meeting.h"
#include "cluster/member.h"
#include "cluster/wire_custom.h"
#include "cluster/wire_files.h"
#include "cluster/zsock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "wait_kit.h"

#define MESSAGES 100000
#define SAMPLES_MAX 20
#define MAD 28                          /* workers, one after the other */

static struct stats *totals;
static struct rng rng;
static int joined;
static int lost;
static char why[500];
static int lines;

/* ---- what is sent ---- */

static struct buf samples[SAMPLES_MAX];
static size_t sample_count;

static struct buf *sample(void)
{
	struct buf *b = &samples[sample_count++];

	assert_true(sample_count <= SAMPLES_MAX);
	buf_init(b, WIRE_MAX_MESSAGE);
	return b;
}

static struct stats *some_stats(void)
{
	struct stats *delta = stats_new(100, 10);

	for (int i = 0; i < 5; i++) {
		char name[8] = { '/', (char)('a' + i), '\0' };
		struct series *s = stats_series(delta, "GET", name);

		for (int k = 1; k < 20; k++)
			stats_record(delta, s, clock_now(), k * NS_PER_MS, 0,
			    10, k % 5 == 0);
		stats_error(delta, s, "refused", 3, clock_wall(),
		    clock_wall());
	}
	return delta;
}

static void fill_words(struct wire_words *w)
{
	wire_words_init(w);
	wire_words_add_module(w, &(struct wire_module){ "mod", "data", 4 });
	wire_words_add_below(w, &(struct wire_below){ .index = 7, .ago = 8,
	    .crashed = true, .why = "crashed" });
	w->stopped = true;
}

/* Each message a worker sends, as the worker of that id sends it. */
static void make_samples(const char *id)
{
	const struct wire_count count = { "Alpha", 3 };
	struct wire_words words;
	const struct wire_ticket ticket = { .seq = 1, .since = 1, .at = 1,
		.words = &words };
	const struct wire_log line = { 1, "a line" };
	const struct wire_rows_wanted rows = { 0, 100, 5, 7 };
	const struct wire_meet meet = { "door", 5, 2, 1 };
	const struct wire_progress progress = { "main", 1, 5, 4, 3, 2, 1, 0,
		0, 9, "\1", 1 };
	const struct wire_part part = { .from = 0 };
	struct wire_heartbeat hb = { .state = "running", .sent = 1,
		.clock_error = 5 };
	struct stats *delta = some_stats();

	fill_words(&words);
	health_init(&hb.health);
	hb.health.loop_busy = 0.5;
	wire_encode_client_ready(sample(), id, 0);
	wire_encode_heartbeat(sample(), id, &hb);
	wire_stats_encode(sample(), id, delta, &ticket, &count, 1);
	wire_stats_encode(sample(), id, delta, NULL, &count, 1);
	wire_stats_encode_locust(sample(), id, delta, &count, 1);
	wire_encode_spawning_complete(sample(), id, &count, 1);
	wire_encode_exception(sample(), id, "boom", "in a file");
	wire_encode_logs(sample(), id, &line, 1, 2);
	wire_encode_stop_test(sample(), id, "enough");
	wire_encode_rows_wanted(sample(), id, &rows);
	wire_encode_progress(sample(), id, &progress, 1);
	wire_encode_meet(sample(), id, &meet);
	wire_encode_files_wanted(sample(), id);
	wire_encode_part(sample(), id, &part);
	wire_encode_nil(sample(), "client_stopped", id);
	wire_encode_nil(sample(), "spawning", id);
	assert_int_equal(wire_encode_custom(sample(), id, "own",
	    "{\"a\":[1,{\"b\":null}]}"), 0);
	wire_words_release(&words);
	stats_free(delta);
}

static void drop_samples(void)
{
	while (sample_count > 0)
		buf_release(&samples[--sample_count]);
}

/* Into `out`: noise, or a sample with a few bytes changed, cut off, or with
 * something in its middle twice. */
static size_t spoil(unsigned char *out, size_t size)
{
	const struct buf *b = &samples[rng_below(&rng, sample_count)];
	size_t len = b->len < size / 2 ? b->len : size / 2;
	size_t at;

	memcpy(out, b->data, len);
	switch (rng_below(&rng, 4)) {
	case 0:
		len = rng_below(&rng, 300);
		for (size_t i = 0; i < len; i++)
			out[i] = (unsigned char)rng_below(&rng, 256);
		return len;
	case 1:
		return rng_below(&rng, len + 1);
	case 2:
		at = rng_below(&rng, len);
		memmove(out + at + len / 4, out + at, len - at);
		return len + len / 4;
	default:
		for (size_t i = rng_below(&rng, 8) + 1; i > 0; i--)
			out[rng_below(&rng, len)] =
			    (unsigned char)rng_below(&rng, 256);
		return len;
	}
}

/* ---- peers ---- */

struct hand {
	struct zsock *sock;
	char id[64];
	int acks;
	uint64_t taken;
	int pongs;
};

static void on_hand_message(const char *from, const void *data, size_t len,
    void *arg)
{
	struct hand *h = arg;
	struct wire_message m;
	struct wire_pong pong;

	(void)from;
	assert_int_equal(wire_decode(&m, data, len), 0);
	h->acks += m.type == WIRE_ACK;
	if (m.type == WIRE_HEARTBEAT && wire_read_pong(&m.data, &pong) == 0) {
		h->taken = pong.taken;
		h->pongs++;
	}
	wire_message_release(&m);
}

static void hand_start(struct hand *h, const char *id)
{
	struct zsock_options o = { .message = on_hand_message, .arg = h };

	*h = (struct hand){ .acks = 0 };
	snprintf(h->id, sizeof h->id, "%s", id);
	o.identity = h->id;
	h->sock = zsock_new(&o);
	assert_non_null(h->sock);
	assert_int_equal(zsock_connect(h->sock, master_endpoint()), 0);
}

static void say(struct hand *h, struct buf *b)
{
	while (zsock_send(h->sock, NULL, b->data, b->len) == -1) {
		assert_int_equal(errno, EAGAIN);
		loop_once(true);
	}
	buf_release(b);
}

static void on_joined(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	joined++;
}

static void register_hand(struct hand *h)
{
	struct buf b = BUF_INIT(1000);
	int before = h->acks;

	wire_encode_client_ready(&b, h->id, 0);
	say(h, &b);
	wait_until(h->acks > before);
}

/* Until the master has read all that it has sent. */
static void wait_heard(struct hand *h)
{
	struct wire_heartbeat hb = { .state = "running", .sent = 1,
		.clock_error = -1 };
	struct buf b = BUF_INIT(4096);
	int before = h->pongs;

	health_init(&hb.health);
	hb.health.loop_busy = 0.1;
	wire_encode_heartbeat(&b, h->id, &hb);
	say(h, &b);
	wait_until(h->pongs > before);
}

/* `count` samples of a series of its own, and waits until they are taken. */
static void report(struct hand *h, uint64_t seq, int count)
{
	const struct wire_ticket t = { .seq = seq, .since = 1 };
	struct stats *delta = stats_new(10, 10);
	struct series *s = stats_series(delta, "HONEST", h->id);
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	for (int i = 0; i < count; i++)
		stats_record(delta, s, clock_now(), NS_PER_MS, 0, 1, false);
	wire_stats_encode(&b, h->id, delta, &t, NULL, 0);
	say(h, &b);
	stats_free(delta);
	wait_heard(h);
	assert_int_equal(h->taken, seq);
}

static uint64_t reported(const struct hand *h)
{
	for (size_t i = 0; i < totals->count; i++) {
		if (strcmp(totals->series[i]->type, "HONEST") == 0 &&
		    strcmp(totals->series[i]->name, h->id) == 0)
			return totals->series[i]->requests;
	}
	return 0;
}

/* ---- the test ---- */

static uint64_t refused(void)
{
	struct master_refused r;

	master_refused(&r);
	return r.malformed + r.unknown + r.excess;
}

/* Half of them of the worker, whose limit (2,000 at once) is not reached. */
static void flood(struct hand *mad, struct hand *stranger)
{
	static unsigned char bytes[1 << 17];

	for (int i = 0; i < MESSAGES / MAD; i++) {
		struct hand *h = i % 2 == 0 ? mad : stranger;
		size_t len = spoil(bytes, sizeof bytes);

		while (zsock_send(h->sock, NULL, bytes, len) == -1) {
			assert_int_equal(errno, EAGAIN);
			loop_once(true);
		}
	}
}

static void test_a_hundred_thousand(void **state)
{
	struct hand honest;
	struct hand mad;
	struct hand stranger;
	struct hand next;

	(void)state;
	hand_start(&honest, "host1_00000000000000000000000000000001");
	hand_start(&stranger, "host3_00000000000000000000000000000003");
	register_hand(&honest);
	report(&honest, 1, 10);
	for (int i = 0; i < MAD; i++) {
		char id[64];

		snprintf(id, sizeof id, "mad_%032d", i);
		hand_start(&mad, id);
		register_hand(&mad);
		make_samples(id);
		flood(&mad, &stranger);
		drop_samples();
		wait_heard(&mad);
		zsock_free(mad.sock, 0);
	}
	/* It is still who it was, and its book is right. */
	report(&honest, 2, 20);
	assert_int_equal(reported(&honest), 30);
	assert_int_equal(honest.acks, 1);
	/* And the next one is as welcome as the first. */
	hand_start(&next, "host4_00000000000000000000000000000004");
	register_hand(&next);
	report(&next, 1, 7);
	assert_int_equal(reported(&next), 7);
	/* All that the stranger said, and noise of the others. */
	wait_until(refused() > MESSAGES / 2 + MESSAGES / 10);
	zsock_free(honest.sock, 0);
	zsock_free(stranger.sock, 0);
	zsock_free(next.sock, 0);
}

/* Well-formed and far too much: the sender loses, and nobody else. */
static void test_too_much(void **state)
{
	struct hand honest;
	struct hand greedy;
	struct buf big = BUF_INIT(WIRE_MAX_MESSAGE);
	struct master_refused before;
	struct master_refused after;

	(void)state;
	hand_start(&honest, "host1_00000000000000000000000000000001");
	hand_start(&greedy, "host2_00000000000000000000000000000002");
	register_hand(&honest);
	register_hand(&greedy);
	/* 15 MiB each: after four of them the rest is dropped unread. */
	assert_int_equal(buf_reserve(&big, 15 << 20) != NULL, 1);
	memset(big.data, 0xc1, 15 << 20);
	master_refused(&before);
	for (int i = 0; i < 20; i++) {
		while (zsock_send(greedy.sock, NULL, big.data, 15 << 20) ==
		    -1)
			loop_once(true);
	}
	report(&honest, 1, 5);
	assert_int_equal(reported(&honest), 5);
	do {
		loop_once(true);
		master_refused(&after);
	} while (after.malformed + after.excess < before.malformed +
	    before.excess + 20);
	assert_true(after.excess > before.excess);
	buf_release(&big);
	zsock_free(honest.sock, 0);
	zsock_free(greedy.sock, 0);
}

static void on_meet(struct peer *p, const struct wire_meet *meet, void *arg)
{
	(void)arg;
	meeting_take(p, meet);
}

static void on_lost(struct peer *p, const char *reason, bool crashed,
    void *arg)
{
	snprintf(why, sizeof why, "%s", reason);
	lost++;
	(void)crashed;
	(void)arg;
	meeting_lost(p);
}

/* Users that have all arrived, in groups of one: nobody counts that high. */
static void test_absurd_claims(void **state)
{
	const struct wire_meet meet = { "door", 1, INT64_C(1) << 48, 0 };
	struct hand mad;
	struct hand honest;

	(void)state;
	hand_start(&honest, "host1_00000000000000000000000000000001");
	register_hand(&honest);
	for (int i = 0; i < 3; i++) {
		struct buf b = BUF_INIT(1000);
		char id[64];

		snprintf(id, sizeof id, "mad_%032d", i);
		hand_start(&mad, id);
		register_hand(&mad);
		wire_encode_meet(&b, mad.id, &meet);
		say(&mad, &b);
		wait_heard(&mad);
		zsock_free(mad.sock, 0);
	}
	report(&honest, 1, 5);
	zsock_free(honest.sock, 0);
}

/* Names that would move a terminal's cursor, or are no text at all. */
static void test_names(void **state)
{
	static const char *const names[] = { "a\033[2Jb", "a\nb", "\xff_1",
		"a\xc2\x9b" "b" };
	struct hand hands[sizeof names / sizeof names[0]];
	struct hand honest;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf b = BUF_INIT(1000);

		hand_start(&hands[i], names[i]);
		wire_encode_client_ready(&b, names[i], 0);
		say(&hands[i], &b);
	}
	hand_start(&honest, "h\xc3\xb6st_00000000000000000000000000000001");
	register_hand(&honest);
	wait_until(refused() == sizeof names / sizeof names[0]);
	assert_int_equal(master_peer_count(), 1);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		zsock_free(hands[i].sock, 0);
	zsock_free(honest.sock, 0);
}

/* Numbers of workers end, and ids of users hang on them: one more is refused,
 * until somebody has left for good. */
static void test_no_more_numbers(void **state)
{
	struct hand hands[3];
	struct buf b = BUF_INIT(1000);

	(void)state;
	member_number_from(7, 2);
	for (int i = 0; i < 3; i++) {
		char id[64];

		snprintf(id, sizeof id, "host_%032d", i);
		hand_start(&hands[i], id);
		if (i < 2)
			register_hand(&hands[i]);
	}
	wire_encode_client_ready(&b, hands[2].id, 0);
	say(&hands[2], &b);
	wait_until(refused() == 1);
	assert_int_equal(master_peer_count(), 2);
	wire_encode_nil(&b, "quit", hands[0].id);
	say(&hands[0], &b);
	wait_until(lost == 1);
	clock_freeze(clock_now());
	clock_advance(2 * NS_PER_S);
	register_hand(&hands[2]);
	clock_thaw();
	assert_int_equal(master_peer_count(), 2);
	assert_int_equal(master_peer_at(1)->index, 7);
	for (int i = 0; i < 3; i++)
		zsock_free(hands[i].sock, 0);
}

/* A member that registers again and again would keep all others moving. */
static void test_registers_for_ever(void **state)
{
	struct hand mad;
	struct master_refused r;

	(void)state;
	hand_start(&mad, "mad_00000000000000000000000000000001");
	register_hand(&mad);
	for (int i = 0; i < 500; i++) {
		struct buf b = BUF_INIT(1000);

		wire_encode_client_ready(&b, mad.id, 0);
		say(&mad, &b);
	}
	wait_heard(&mad);
	master_refused(&r);
	assert_true(r.excess >= 300);
	zsock_free(mad.sock, 0);
}

/* Nothing that a flood makes the log say should slow it down. */
static void swallow(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	lines++;
	for (; *line != '\0'; line++)
		assert_true((unsigned char)*line >= ' ' && *line != 0x7f);
}

/* Somebody says of workers that they have crashed, in words that would write
 * to the terminal, and does not stop: few are believed, and who lives is here
 * again. */
static void test_crashes_that_are_none(void **state)
{
	struct hand honest;
	struct hand stranger;
	int before;

	(void)state;
	hand_start(&honest, "host1_00000000000000000000000000000001");
	hand_start(&stranger, "host3_00000000000000000000000000000003");
	register_hand(&honest);
	report(&honest, 1, 5);
	before = lines;
	for (int i = 0; i < 1000; i++) {
		struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

		wire_encode_crash(&b, stranger.id, honest.id,
		    "\033[2J\nEVENT all is well\n", "#0 \x1b]0;x\x07\n\n#2");
		say(&stranger, &b);
	}
	wait_until(lost > 0);
	assert_string_equal(why, "crashed:  [2J EVENT all is well ");
	wait_until(refused() >= 900);
	assert_int_equal(lost, 1);
	assert_true(lines - before < 100);
	register_hand(&honest);
	report(&honest, 2, 5);
	assert_int_equal(reported(&honest), 10);
	zsock_free(honest.sock, 0);
	zsock_free(stranger.sock, 0);
}

static int setup(void **state)
{
	static const char *const classes[] = { "Alpha", "Beta" };
	struct master_options o = { .bind = "tcp://127.0.0.1:0",
		.class_count = 2, .class_names = classes,
		.report_interval = 1, .joined = on_joined,
		.meet = on_meet, .lost = on_lost };

	(void)state;
	lost = 0;
	rng_seed(&rng, 1, 1);
	log_set_sink(swallow, NULL);
	if (loop_init() == -1)
		return -1;
	o.stats = totals = stats_new(1000, 100);
	return master_start(&o);
}

static int teardown(void **state)
{
	(void)state;
	meeting_clear();
	master_release();
	stats_free(totals);
	loop_release();
	log_set_sink(NULL, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_hundred_thousand, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_too_much, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_absurd_claims, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crashes_that_are_none,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers_for_ever, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_no_more_numbers, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
