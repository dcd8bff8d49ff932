/*
 * Orders that are lost on the way, come twice or too early: each is carried
 * out once.  The master's side with a worker played by hand, the worker's
 * with a master played by hand, both over real sockets.
 */
#include "cluster/master.h"
#include "cluster/worker.h"
#include "cluster/wire_object.h"
#include "cluster/zsock.h"

#include <swarm/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "wait_kit.h"

#define HAND_ID "host1_0123456789abcdef0123456789abcdef"
#define INSTANCE 77

static const char *const classes[] = { "Alpha" };
static struct stats *stats;
static struct zsock *hand;
static char logged[1024];

/* What the hand has got, or the worker was made to do. */
static struct {
	int acks, spawns, stops, quits;
	struct wire_ack ack;
	struct wire_order order;        /* the last */
	int pongs;
	uint64_t taken;                 /* reports */
	int words;                      /* on orders */
	uint64_t word;
	int done_spawns, done_stops, done_quits, done_plans;
	int64_t users;
	char why[512];
	char from[64];                  /* the worker's name */
	int ready;
} seen;

static void on_line(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(logged, sizeof logged, "%s", line);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	logged[0] = '\0';
	log_set_sink(on_line, NULL);
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
	log_set_sink(NULL, NULL);
	return 0;
}

/* ---- a worker by hand ---- */

static void on_order(const char *from, const void *data, size_t len, void *arg)
{
	struct wire_message m;
	struct wire_pong pong;

	(void)from;
	(void)arg;
	assert_int_equal(wire_decode(&m, data, len), 0);
	wire_read_order(&m.data, &seen.order);
	switch (m.type) {
	case WIRE_ACK:
		assert_int_equal(wire_read_ack(&m.data, &seen.ack), 0);
		seen.acks++;
		break;
	case WIRE_SPAWN:
		seen.spawns++;
		break;
	case WIRE_STOP:
		seen.stops++;
		break;
	case WIRE_QUIT:
		seen.quits++;
		break;
	case WIRE_HEARTBEAT:
		if (wire_read_pong(&m.data, &pong) == 0)
			seen.taken = pong.taken;
		seen.pongs++;
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

static void begin_master(void)
{
	const struct zsock_options o = { .identity = HAND_ID,
		.message = on_order };
	const struct master_options m = { .bind = "tcp://127.0.0.1:0",
		.class_count = 1, .class_names = classes,
		.report_interval = 1, .stats = stats };

	assert_int_equal(master_start(&m), 0);
	hand = zsock_new(&o);
	assert_int_equal(zsock_connect(hand, master_endpoint()), 0);
}

static void join(void)
{
	struct buf b = BUF_INIT(1000);

	begin_master();
	wire_encode_client_ready(&b, HAND_ID, 0);
	say(&b);
	wait_until(seen.acks == 1);
}

/* Until the master has heard it, and has said what it then says. */
static void heartbeat(const char *state)
{
	struct wire_heartbeat hb = { .state = state, .sent = 1,
		.clock_error = -1 };
	struct buf b = BUF_INIT(4096);
	int before = seen.pongs;

	health_init(&hb.health);
	hb.health.loop_busy = 0.1;
	wire_encode_heartbeat(&b, HAND_ID, &hb);
	say(&b);
	wait_until(seen.pongs > before);
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
	heartbeat("ready");
	assert_int_equal(seen.spawns, 1);
	clock_freeze(clock_now());
	clock_advance(2 * NS_PER_S);
	heartbeat("ready");
	assert_int_equal(seen.spawns, 2);
	assert_int_equal(seen.order.number, 1);
	p->wanted[0] = 4;
	master_send_spawn(p, NULL, 0);
	wait_until(seen.spawns == 3);
	assert_int_equal(seen.order.number, 2);
	assert_int_equal(seen.order.since, 1);
	acknowledge(2);
	clock_advance(2 * NS_PER_S);
	heartbeat("ready");
	assert_int_equal(seen.spawns, 3);
	/* After a stop nothing before it counts any more. */
	master_send_spawn(p, NULL, 0);
	master_send_stop(p);
	wait_until(seen.stops == 1);
	assert_int_equal(seen.order.number, 4);
	assert_int_equal(seen.order.since, 4);
	clock_advance(2 * NS_PER_S);
	heartbeat("running");
	assert_int_equal(seen.spawns, 4);
	assert_int_equal(seen.stops, 2);
	acknowledge(4);
	clock_advance(2 * NS_PER_S);
	heartbeat("running");
	assert_int_equal(seen.stops, 2);
	clock_thaw();
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
	const struct wire_ticket t = { .seq = seq, .since = 1, .test = test };
	struct stats *delta = stats_new(10, 10);
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	stats_record(delta, stats_series(delta, "GET", "/"), clock_now(),
	    NS_PER_MS, 0, 1, false);
	wire_stats_encode(&b, HAND_ID, delta, &t, NULL, 0);
	say(&b);
	stats_free(delta);
}

static void test_back_after_the_test(void **state)
{
	(void)state;
	join();
	master_reset_numbers(100);
	/* Nobody has asked it to run any. */
	heartbeat("running");
	assert_int_equal(seen.stops, 1);
	report(1, 1);
	heartbeat("running");
	assert_int_equal(seen.taken, 1);
	assert_int_equal(stats->total.requests, 1);
	/* The next test: those of the first are taken, and count no more. */
	master_reset_numbers(100);
	report(2, 1);
	heartbeat("running");
	assert_int_equal(seen.taken, 2);
	assert_int_equal(stats->total.requests, 1);
	report(3, 2);
	heartbeat("running");
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
	wait_until(seen.acks == 1 && seen.quits == 1);
	assert_int_equal(seen.ack.level, WIRE_LEVEL);
	assert_string_equal(seen.ack.program, SWARM_VERSION);
	assert_int_equal(master_peer_count(), 0);
	assert_non_null(strstr(logged, "level 99"));
	assert_non_null(strstr(logged, "swarm 7.7.7"));
	assert_non_null(strstr(logged, "(swarm " SWARM_VERSION ")"));
	assert_non_null(strstr(logged, "install the same swarm"));
	master_refused(&refused);
	assert_int_equal(refused.levels, 1);
	/* Locust's own has none. */
	put_ready("2.46.3");
	wait_until(seen.acks == 2);
	assert_int_equal(master_peer_count(), 1);
	master_release();
}

/* ---- a master by hand ---- */

static void on_word(const char *from, const void *data, size_t len, void *arg)
{
	struct wire_message m;

	(void)arg;
	snprintf(seen.from, sizeof seen.from, "%s", from);
	assert_int_equal(wire_decode(&m, data, len), 0);
	if (m.type == WIRE_TAKEN) {
		assert_int_equal(wire_read_taken(&m.data, &seen.word), 0);
		seen.words++;
	}
	seen.ready += m.type == WIRE_CLIENT_READY;
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
		.counts = do_counts, .plan = do_plan };

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
