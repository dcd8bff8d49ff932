/*
 * Orders that are lost on the way, come twice or too early: each is carried
 * out once.  The master's side with a worker played by hand, the worker's
 * with a master played by hand, both over real sockets.
 */
#include "cluster/master.h"
#include "cluster/meeting.h"
#include "cluster/worker.h"
#include "cluster/wire_object.h"
#include "cluster/zsock.h"

#include <swarm/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "hand_kit.h"
#include "log_kit.h"

#define INSTANCE 77

static const char *const classes[] = { "Alpha" };
static struct stats *stats;

/* What the hand has got, or the worker was made to do. */
static struct {
	int spawns, stops, quits, batches, mets;
	int64_t released;
	struct wire_order order;        /* the last */
	int words;                      /* on orders */
	uint64_t word;
	int done_spawns, done_stops, done_quits, done_plans;
	uint64_t replayed[8];           /* numbers of batches */
	int done_replays;
	int64_t users;
	char why[512];
	char from[64];                  /* the worker's name */
	int ready;
	int stopped;                    /* reports that say so */
} seen;

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	log_kit_start();
	stats = stats_new(100, 100);
	return loop_init();
}

static int teardown(void **state)
{
	(void)state;
	zsock_free(hand, 0);
	hand = NULL;
	stats_free(stats);
	loop_release();
	log_kit_stop();
	return 0;
}

/* ---- a worker by hand ---- */

static void on_order(const char *from, const void *data, size_t len, void *arg)
{
	struct wire_message m;
	char name[80];

	(void)from;
	(void)arg;
	assert_int_equal(wire_decode(&m, data, len), 0);
	wire_read_order(&m.data, &seen.order);
	hand_hear(&m);
	switch (m.type) {
	case WIRE_SPAWN:
		seen.spawns++;
		break;
	case WIRE_STOP:
		seen.stops++;
		break;
	case WIRE_QUIT:
		seen.quits++;
		break;
	case WIRE_REPLAY:
		seen.batches++;
		break;
	case WIRE_MET:
		assert_int_equal(wire_read_met(&m.data, name, sizeof name,
		    &seen.released), 0);
		seen.mets++;
		break;
	default:
		break;
	}
	wire_message_release(&m);
}

static void say(struct buf *b)
{
	assert_int_equal(zsock_send(hand, seen.from[0] != '\0' ? seen.from :
	    NULL, b->data, b->len), 0);
	buf_release(b);
}

static void on_meet(struct peer *p, const struct wire_meet *news, void *arg)
{
	(void)arg;
	meeting_take(p, news);
}

static void begin_master(void)
{
	const struct master_options m = { .bind = "tcp://127.0.0.1:0",
		.class_count = 1, .class_names = classes,
		.report_interval = 1, .stats = stats, .meet = on_meet };

	assert_int_equal(master_start(&m), 0);
	hand_open(on_order);
}

static void join(void)
{
	begin_master();
	hand_join(0);
}

static void acknowledge(uint64_t number)
{
	struct buf b = BUF_INIT(1000);

	wire_encode_taken(&b, HAND_ID, number);
	say(&b);
}

static void test_repeated_until_taken(void **state)
{
	struct peer *p;

	(void)state;
	join();
	p = master_peer_at(0);
	p->wanted[0] = 3;
	master_send_spawn(p, NULL, 0);
	wait_until(seen.spawns == 1);
	assert_int_equal(seen.order.number, 1);
	assert_int_equal(seen.order.since, 1);
	/* It may be on its way still. */
	hand_heartbeat("ready");
	assert_int_equal(seen.spawns, 1);
	clock_freeze(clock_now());
	clock_advance(2 * NS_PER_S);
	hand_heartbeat("ready");
	assert_int_equal(seen.spawns, 2);
	assert_int_equal(seen.order.number, 1);
	p->wanted[0] = 4;
	master_send_spawn(p, NULL, 0);
	wait_until(seen.spawns == 3);
	assert_int_equal(seen.order.number, 2);
	assert_int_equal(seen.order.since, 1);
	acknowledge(2);
	clock_advance(2 * NS_PER_S);
	hand_heartbeat("ready");
	assert_int_equal(seen.spawns, 3);
	/* After a stop nothing before it counts any more. */
	master_send_spawn(p, NULL, 0);
	master_send_stop(p);
	wait_until(seen.stops == 1);
	assert_int_equal(seen.order.number, 4);
	assert_int_equal(seen.order.since, 4);
	clock_advance(2 * NS_PER_S);
	hand_heartbeat("running");
	assert_int_equal(seen.spawns, 4);
	assert_int_equal(seen.stops, 2);
	acknowledge(4);
	clock_advance(2 * NS_PER_S);
	hand_heartbeat("running");
	assert_int_equal(seen.stops, 2);
	clock_thaw();
	master_release();
}

/* Events to replay are orders, too; too many of them wait here. */
static void test_batches_are_repeated(void **state)
{
	const struct wire_replay r = { "events", 6, 7, false };
	struct peer *p;
	int n = 0;

	(void)state;
	join();
	p = master_peer_at(0);
	assert_int_equal(master_send_replay(p, &r), 0);
	wait_until(seen.batches == 1);
	assert_int_equal(seen.order.number, 1);
	clock_freeze(clock_now());
	clock_advance(2 * NS_PER_S);
	hand_heartbeat("ready");
	clock_thaw();
	assert_int_equal(seen.batches, 2);
	assert_int_equal(seen.order.number, 1);
	while (n < 1000 && master_send_replay(p, &r) == 0)
		n++;
	assert_in_range(n, 10, 200);
	wait_until(seen.batches == n + 2);
	assert_int_equal(seen.order.number, n + 1);
	/* One that did not leave has taken no number. */
	acknowledge((uint64_t)n + 1);
	hand_heartbeat("ready");
	assert_int_equal(master_send_replay(p, &r), 0);
	wait_until(seen.batches == n + 3);
	assert_int_equal(seen.order.number, n + 2);
	assert_int_equal(seen.order.since, n + 2);
	master_release();
}

static void meet(int64_t arrived)
{
	const struct wire_meet m = { "gate", 2, arrived, 0 };
	struct buf b = BUF_INIT(1000);

	wire_encode_meet(&b, HAND_ID, &m);
	say(&b);
	hand_heartbeat("ready");
}

/* Who says the same again has not heard that they may go on. */
static void test_meetings_are_answered_again(void **state)
{
	(void)state;
	meeting_init(NULL);
	join();
	meet(1);
	meet(1);
	assert_int_equal(seen.mets, 0);
	meet(2);
	assert_int_equal(seen.mets, 1);
	assert_int_equal(seen.released, 2);
	meet(2);
	assert_int_equal(seen.mets, 2);
	assert_int_equal(seen.released, 2);
	meet(3);
	assert_int_equal(seen.mets, 2);
	meeting_clear();
	master_release();
}

/* It lives, and takes nothing: it is no worker. */
static void test_who_takes_no_orders(void **state)
{
	struct peer *p;

	(void)state;
	join();
	p = master_peer_at(0);
	for (int i = 0; i < 300; i++)
		master_send_spawn(p, NULL, 0);
	wait_until(seen.spawns >= 256);
	wait_until(master_peer_count() == 0);
	master_release();
}

/* What it measured belongs to a test that is over. */
static void report(uint64_t seq, uint64_t test)
{
	hand_report(&(struct wire_ticket){ .seq = seq, .since = 1,
	    .test = test }, 1);
}

static void test_back_after_the_test(void **state)
{
	(void)state;
	join();
	master_reset_numbers(100);
	/* Nobody has asked it to run any. */
	hand_heartbeat("running");
	assert_int_equal(seen.stops, 1);
	report(1, 1);
	hand_heartbeat("running");
	assert_int_equal(heard.pong.taken, 1);
	assert_int_equal(stats->total.requests, 1);
	/* The next test: those of the first are taken, and count no more. */
	master_reset_numbers(100);
	report(2, 1);
	hand_heartbeat("running");
	assert_int_equal(heard.pong.taken, 2);
	assert_int_equal(stats->total.requests, 1);
	report(3, 2);
	hand_heartbeat("running");
	assert_int_equal(stats->total.requests, 2);
	assert_int_equal(seen.stops, 1);
	master_release();
}

/* ---- levels ---- */

static void put_ready(const char *version)
{
	struct buf b = BUF_INIT(1000);
	msgpack_packer pk;

	wire_object_packer(&pk, &b);
	msgpack_pack_array(&pk, 3);
	wire_object_put_text(&pk, "client_ready");
	wire_object_put_text(&pk, version);
	wire_object_put_text(&pk, HAND_ID);
	say(&b);
}

static void test_worker_of_another_level(void **state)
{
	struct master_refused refused;

	(void)state;
	begin_master();
	put_ready("2.46.3+swarm.99/7.7.7");
	wait_until(heard.acks == 1 && seen.quits == 1);
	assert_int_equal(heard.ack.level, WIRE_LEVEL);
	assert_string_equal(heard.ack.program, SWARM_VERSION);
	assert_int_equal(master_peer_count(), 0);
	assert_non_null(strstr(logged, "level 99"));
	assert_non_null(strstr(logged, "swarm 7.7.7"));
	assert_non_null(strstr(logged, "(swarm " SWARM_VERSION ")"));
	assert_non_null(strstr(logged, "install the same swarm"));
	master_refused(&refused);
	assert_int_equal(refused.levels, 1);
	/* Locust's own has none. */
	put_ready("2.46.3");
	wait_until(heard.acks == 2);
	assert_int_equal(master_peer_count(), 1);
	master_release();
}

/* ---- a master by hand ---- */

static void on_word(const char *from, const void *data, size_t len, void *arg)
{
	struct wire_message m;
	bool stopped = false;

	(void)arg;
	snprintf(seen.from, sizeof seen.from, "%s", from);
	assert_int_equal(wire_decode(&m, data, len), 0);
	if (m.type == WIRE_TAKEN) {
		assert_int_equal(wire_read_taken(&m.data, &seen.word), 0);
		seen.words++;
	}
	seen.ready += m.type == WIRE_CLIENT_READY;
	if (m.type == WIRE_STATS)
		assert_int_equal(wire_words_read(&m.data, &stopped, NULL,
		    NULL, NULL), 0);
	seen.stopped += stopped;
	wire_message_release(&m);
}

static void do_spawn(const struct wire_spawn *spawn, bool first, void *arg)
{
	(void)first;
	(void)arg;
	seen.done_spawns++;
	seen.users = spawn->counts[0].count;
	worker_spawned();
}

static void do_stop(void *arg)
{
	(void)arg;
	seen.done_stops++;
	worker_stopped(0);
}

static void do_quit(void *arg)
{
	(void)arg;
	seen.done_quits++;
}

static void do_plan(const char *text, void *arg)
{
	(void)text;
	(void)arg;
	seen.done_plans++;
}

static void do_replay(const struct wire_replay *r, void *arg)
{
	(void)arg;
	if (seen.done_replays < 8)
		seen.replayed[seen.done_replays] = r->number;
	seen.done_replays++;
}

static void do_orphaned(const char *why, void *arg)
{
	(void)arg;
	snprintf(seen.why, sizeof seen.why, "%s", why);
}

static void do_counts(int64_t *counts, void *arg)
{
	(void)arg;
	counts[0] = seen.users;
}

static void begin_worker(void)
{
	const struct zsock_options o = { .router = true, .message = on_word };
	struct worker_options w = { .stats = stats, .class_count = 1,
		.class_names = classes, .spawn = do_spawn, .stop = do_stop,
		.quit = do_quit, .orphaned = do_orphaned,
		.counts = do_counts, .plan = do_plan,
		.replay = do_replay };

	hand = zsock_new(&o);
	assert_int_equal(zsock_bind(hand, "tcp://127.0.0.1:0"), 0);
	w.connect = zsock_endpoint(hand);
	assert_int_equal(worker_start(&w), 0);
	wait_until(seen.ready == 1);
}

static void acknowledge_worker(uint64_t instance)
{
	const struct wire_ack ack = { .swarm = true, .report_interval = 60,
		.instance = instance, .first = -1 };
	struct buf b = BUF_INIT(1000);

	wire_encode_ack(&b, seen.from, &ack);
	say(&b);
	wait_until(worker_registered());
}

static void order_spawn(uint64_t number, uint64_t since, int64_t users)
{
	static double timestamp = 1000;
	const struct wire_count count = { "Alpha", users };
	const struct wire_spawn spawn = { .timestamp = timestamp++,
		.counts = &count, .count = 1,
		.order = { number, since, INSTANCE } };
	struct buf b = BUF_INIT(1000);

	wire_encode_spawn(&b, seen.from, &spawn);
	say(&b);
}

static void order(const char *type, uint64_t number, uint64_t since,
    uint64_t instance)
{
	const struct wire_order o = { number, since, instance };
	struct buf b = BUF_INIT(1000);

	if (strcmp(type, "swarm_plan") == 0)
		wire_encode_plan(&b, seen.from, "pause 0 0\n", &o);
	else
		wire_encode_order(&b, type, seen.from, &o);
	say(&b);
}

static void send_batch(uint64_t event, uint64_t number)
{
	const struct wire_replay r = { "e", 1, event, false };
	const struct wire_order o = { number, 1, INSTANCE };
	struct buf b = BUF_INIT(1000);

	wire_encode_replay(&b, seen.from, &r, &o);
	say(&b);
}

/* A batch that a broken connection has lost is not left out. */
static void test_batches_in_their_order(void **state)
{
	(void)state;
	begin_worker();
	acknowledge_worker(INSTANCE);
	order_spawn(1, 1, 10);
	send_batch(100, 2);
	send_batch(300, 4);
	send_batch(200, 3);
	send_batch(300, 4);
	send_batch(300, 4);
	wait_until(seen.word == 4);
	/* Not a word for each. */
	assert_in_range(seen.words, 1, 4);
	assert_int_equal(seen.done_replays, 3);
	assert_int_equal(seen.replayed[0], 100);
	assert_int_equal(seen.replayed[1], 200);
	assert_int_equal(seen.replayed[2], 300);
	worker_finish();
}

static void test_carried_out_once(void **state)
{
	(void)state;
	begin_worker();
	acknowledge_worker(INSTANCE);
	/* The first is missing. */
	order_spawn(2, 1, 20);
	order_spawn(1, 1, 10);
	wait_until(seen.words == 1);
	assert_int_equal(seen.word, 1);
	assert_int_equal(seen.done_spawns, 1);
	assert_int_equal(seen.users, 10);
	/* Both again: the first is old. */
	order_spawn(1, 1, 10);
	order_spawn(2, 1, 20);
	wait_until(seen.words == 3);
	assert_int_equal(seen.word, 2);
	assert_int_equal(seen.done_spawns, 2);
	assert_int_equal(seen.users, 20);
	order("swarm_plan", 3, 2, INSTANCE);
	order("swarm_plan", 3, 2, INSTANCE);
	wait_until(seen.words == 5);
	assert_int_equal(seen.done_plans, 1);
	/* Of another master. */
	order("stop", 9, 9, INSTANCE + 1);
	/* What was before a stop need not have come. */
	order("stop", 6, 6, INSTANCE);
	order("stop", 6, 6, INSTANCE);
	wait_until(seen.words == 7);
	assert_int_equal(seen.word, 6);
	assert_int_equal(seen.done_stops, 1);
	assert_int_equal(seen.stopped, 1);
	order("quit", 7, 7, INSTANCE);
	wait_until(seen.done_quits == 1);
	assert_int_equal(seen.word, 6);
	worker_finish();
}

static void test_master_of_another_level(void **state)
{
	struct buf b = BUF_INIT(1000);
	msgpack_packer pk;

	(void)state;
	begin_worker();
	wire_object_begin(&pk, &b, "ack", 2);
	wire_object_put_text(&pk, "index");
	msgpack_pack_int(&pk, 3);
	wire_object_put_text(&pk, "swarm");
	msgpack_pack_map(&pk, 2);
	wire_object_put_text(&pk, "level");
	msgpack_pack_int(&pk, 1);
	wire_object_put_text(&pk, "instance");
	msgpack_pack_int(&pk, 5);
	wire_object_put_text(&pk, seen.from);
	say(&b);
	wait_until(seen.why[0] != '\0');
	assert_non_null(strstr(seen.why, "level 1 "));
	assert_non_null(strstr(seen.why, "(swarm unknown)"));
	assert_non_null(strstr(seen.why, "(swarm " SWARM_VERSION ")"));
	assert_non_null(strstr(seen.why, "install the same swarm"));
	assert_false(worker_registered());
	worker_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_repeated_until_taken,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_batches_are_repeated,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_batches_in_their_order,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_meetings_are_answered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_takes_no_orders,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_after_the_test,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_worker_of_another_level,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_carried_out_once, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_master_of_another_level,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
