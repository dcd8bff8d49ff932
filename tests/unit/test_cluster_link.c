/*
 * A master and a worker on one loop, over a real socket: registration, a
 * test from spawn to stop, reports, the end; and a stranger with a socket of
 * its own who says what it likes.
 */
#include "cluster/master.h"
#include "cluster/worker.h"
#include "cluster/zsock.h"

#include <swarm/fiber.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "wait_kit.h"


static const char *const classes[] = { "Alpha", "Beta" };

/* What has happened, at either end. */
static struct {
	int joined, lost, spawned, reported, stopped, exceptions;
	int registered, spawns, firsts, stops, quits, orphaned, ramps;
	int64_t index;
	int64_t users[2];               /* of the worker */
	char why[512];
	char line[512];
	int lines, line_level;
	char host[64];
	char plan[64];
	double stop_timeout;
	bool crashed;
	bool quit_done;
} seen;

static struct stats *totals;
static struct stats *delta;

/* ---- the master's events ---- */

static void on_joined(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	seen.joined++;
}

static void on_lost(struct peer *p, const char *why, bool crashed, void *arg)
{
	(void)arg;
	assert_int_equal(p->state, PEER_MISSING);
	snprintf(seen.why, sizeof seen.why, "%s", why);
	seen.crashed = crashed;
	seen.lost++;
}

static void on_spawned(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	seen.spawned++;
}

static void on_reported(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	seen.reported++;
}

static void on_stopped(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	seen.stopped++;
}

static void on_log(struct peer *p, int level, const char *line, void *arg)
{
	(void)p;
	(void)arg;
	snprintf(seen.line, sizeof seen.line, "%s", line);
	seen.line_level = level;
	seen.lines++;
}

static void on_exception(struct peer *p, const char *message,
    const char *traceback, void *arg)
{
	(void)p;
	(void)arg;
	snprintf(seen.line, sizeof seen.line, "%s|%s", message, traceback);
	seen.exceptions++;
}

static void on_stop_test(struct peer *p, const char *why, void *arg)
{
	(void)p;
	(void)arg;
	snprintf(seen.why, sizeof seen.why, "%s", why);
}

/* ---- the worker's events ---- */

static void on_registered(const struct wire_ack *ack, void *arg)
{
	(void)arg;
	seen.index = ack->index;
	seen.registered++;
}

static void on_spawn(const struct wire_spawn *spawn, bool first, void *arg)
{
	(void)arg;
	seen.spawns++;
	seen.firsts += first;
	for (size_t i = 0; i < spawn->count; i++) {
		for (size_t c = 0; c < 2; c++) {
			if (strcmp(spawn->counts[i].name, classes[c]) == 0)
				seen.users[c] = spawn->counts[i].count;
		}
	}
	snprintf(seen.host, sizeof seen.host, "%s",
	    spawn->host == NULL ? "" : spawn->host);
	snprintf(seen.plan, sizeof seen.plan, "%s",
	    spawn->plan == NULL ? "" : spawn->plan);
	seen.stop_timeout = spawn->stop_timeout;
	worker_spawned();
}

static void on_stop(void *arg)
{
	(void)arg;
	seen.stops++;
	seen.users[0] = seen.users[1] = 0;
	worker_stopped(0);
}

static void on_quit(void *arg)
{
	(void)arg;
	if (seen.quits++ == 0)
		worker_finish();
}

static void on_orphaned(const char *why, void *arg)
{
	(void)arg;
	snprintf(seen.why, sizeof seen.why, "%s", why);
	seen.orphaned++;
}

static void on_counts(int64_t *counts, void *arg)
{
	(void)arg;
	counts[0] = seen.users[0];
	counts[1] = seen.users[1];
}

static void on_ramp_complete(int64_t users, void *arg)
{
	(void)arg;
	seen.ramps += (int)users;
}

/* ---- both ---- */

static void start_master(const char *bind)
{
	const struct master_options o = { .bind = bind, .class_count = 2,
		.class_names = classes, .report_interval = 0.1,
		.stats = totals, .joined = on_joined, .lost = on_lost,
		.spawned = on_spawned, .reported = on_reported,
		.stopped = on_stopped, .log = on_log,
		.exception = on_exception, .stop_test = on_stop_test };

	assert_int_equal(master_start(&o), 0);
}

static void start_worker(const char *endpoint)
{
	const struct worker_options o = { .connect = endpoint,
		.stats = delta, .class_count = 2, .class_names = classes,
		.registered = on_registered, .spawn = on_spawn,
		.stop = on_stop, .quit = on_quit, .orphaned = on_orphaned,
		.counts = on_counts, .ramp_complete = on_ramp_complete };

	assert_int_equal(worker_start(&o), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	if (loop_init() == -1)
		return -1;
	totals = stats_new(100, 100);
	delta = stats_new(100, 100);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	master_release();
	stats_free(totals);
	stats_free(delta);
	loop_release();
	return 0;
}

static void on_quit_done(void *arg)
{
	(void)arg;
	seen.quit_done = true;
}

static void quit_all(void)
{
	master_quit(10, on_quit_done, NULL);
	wait_until(seen.quit_done);
	assert_int_equal(seen.quits, 1);
	assert_int_equal(master_peer_count(), 0);
}

static void join(void)
{
	start_master("tcp://127.0.0.1:0");
	start_worker(master_endpoint());
	wait_until(seen.joined == 1 && seen.registered == 1);
}

static void record(const char *name, int count)
{
	struct series *s = stats_series(delta, "GET", name);

	for (int i = 0; i < count; i++)
		stats_record(delta, s, clock_now(), i * NS_PER_MS, 0, 1,
		    false);
}

/* ---- tests ---- */

static void test_a_whole_run(void **state)
{
	struct peer *p;
	int64_t offset = 0;
	int64_t error = 0;

	(void)state;
	join();
	p = master_peer_at(0);
	assert_int_equal(p->index, 0);
	assert_true(p->swarm);
	assert_true(worker_master_is_swarm());
	wait_until(p->health.memory > 0 && p->health.loop_busy >= 0 &&
	    p->health.descriptors > 3 && p->health.ports_max > 0 &&
	    p->delays.count > 50);
	/* The same clock, seen through a socket. */
	wait_until(worker_master_clock(&offset, &error));
	assert_true(error > 0 && error < NS_PER_S);
	assert_true(llabs(offset) <= error);
	assert_true(llabs(swarm_shared_now(&error) - clock_now()) < NS_PER_S);
	assert_true(error > 0);
	wait_until(p->clock_error > 0);
	p->wanted[0] = 3;
	p->wanted[1] = 2;
	p->plan = xstrdup("rate=5");
	master_send_spawn(p, "http://h", 1.5);
	wait_until(seen.spawned == 1);
	assert_int_equal(p->state, PEER_RUNNING);
	assert_int_equal(seen.firsts, 1);
	assert_string_equal(seen.host, "http://h");
	assert_string_equal(seen.plan, "rate=5");
	assert_true(seen.stop_timeout == 1.5);
	assert_int_equal(p->running[0], 3);
	assert_int_equal(p->running[1], 2);
	record("/a", 10);
	wait_until(totals->total.requests == 10);
	master_ramp_complete(5);
	wait_until(seen.ramps == 5);
	p->wanted[0] = 4;
	master_send_spawn(p, NULL, 0);
	wait_until(seen.spawned == 2);
	assert_int_equal(seen.firsts, 1);
	/* Recorded just before the stop: no report is due until after. */
	record("/a", 7);
	master_send_stop(p);
	wait_until(seen.stopped == 1 && p->state == PEER_READY);
	assert_int_equal(totals->total.requests, 17);
	assert_int_equal(p->running[0], 0);
	assert_int_equal(seen.joined, 1);
	/* And again: the same index, a new test. */
	wait_until(seen.registered == 2);
	assert_int_equal(seen.index, 0);
	master_send_spawn(p, NULL, 0);
	wait_until(seen.spawned == 3);
	assert_int_equal(seen.firsts, 2);
	/* Stop and start in one breath: the start is not lost. */
	master_send_stop(p);
	master_send_spawn(p, NULL, 0);
	wait_until(seen.spawned == 4);
	assert_int_equal(seen.firsts, 3);
	assert_int_equal(p->state, PEER_RUNNING);
	record("/a", 5);
	quit_all();
	assert_int_equal(totals->total.requests, 22);
	assert_int_equal(seen.lost, 1);
	assert_string_equal(seen.why, "quit");
}

static void test_messages_of_a_worker(void **state)
{
	(void)state;
	join();
	worker_log(LOG_LEVEL_WARN, "careful");
	wait_until(seen.lines == 1);
	assert_string_equal(seen.line, "careful");
	assert_int_equal(seen.line_level, LOG_LEVEL_WARN);
	worker_exception("kaboom", "iot.c:12, task report");
	wait_until(seen.exceptions == 1);
	assert_string_equal(seen.line, "kaboom|iot.c:12, task report");
	worker_stop_test("enough");
	wait_until(seen.why[0] != '\0');
	assert_string_equal(seen.why, "enough");
	quit_all();
}

/* Thousands of lines at once: a burst gets through, the rest is counted. */
static void test_log_flood(void **state)
{
	long dropped;

	(void)state;
	join();
	for (int i = 0; i < 5000; i++)
		worker_log(LOG_LEVEL_INFO, "again");
	wait_until(strstr(seen.line, "more lines were dropped") != NULL);
	dropped = strtol(seen.line, NULL, 10);
	assert_true(seen.lines >= 50 && seen.lines <= 300);
	assert_int_equal(dropped + seen.lines - 1, 5000);
	quit_all();
}

/* The master goes and comes back at the same address: the worker registers
 * again, and drops the users of the run that is no more. */
static void test_master_restart(void **state)
{
	char endpoint[128];

	(void)state;
	join();
	snprintf(endpoint, sizeof endpoint, "%s", master_endpoint());
	master_peer_at(0)->wanted[0] = 3;
	master_send_spawn(master_peer_at(0), NULL, 0);
	wait_until(seen.spawned == 1);
	master_release();
	start_master(endpoint);
	wait_until(seen.joined == 2 && seen.stops == 1);
	wait_until(master_peer_at(0)->state == PEER_READY &&
	    seen.registered == 3);
	assert_int_equal(seen.users[0], 0);
	quit_all();
}

/* ---- a peer by hand ---- */

struct hand {
	struct zsock *sock;
	int messages;
	char types[32][32];
};

static void on_hand_message(const char *from, const void *data, size_t len,
    void *arg)
{
	struct hand *h = arg;
	struct wire_message m;

	(void)from;
	assert_int_equal(wire_decode(&m, data, len), 0);
	if (h->messages < 32)
		snprintf(h->types[h->messages++], 32, "%.31s", m.type_name);
	wire_message_release(&m);
}

static void hand_start(struct hand *h, const char *id)
{
	const struct zsock_options o = { .identity = id,
		.message = on_hand_message, .arg = h };

	memset(h, 0, sizeof *h);
	h->sock = zsock_new(&o);
	assert_non_null(h->sock);
	assert_int_equal(zsock_connect(h->sock, master_endpoint()), 0);
}

static void hand_say(struct hand *h, const char *bytes, size_t len)
{
	assert_int_equal(zsock_send(h->sock, NULL, bytes, len), 0);
}

static void hand_file(struct hand *h, const char *name)
{
	char path[512];
	char data[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/wire/%s",
	    TEST_SOURCE_DIR, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	hand_say(h, data, fread(data, 1, sizeof data, f));
	fclose(f);
}

/* The id in the corpus' messages. */
#define HAND_ID "host1_0123456789abcdef0123456789abcdef"

static uint64_t refused(void)
{
	struct master_refused r;

	master_refused(&r);
	return r.malformed + r.unknown;
}

/* Everything that would kill a Locust master (section by section). */
static void test_harmless(void **state)
{
	struct hand h;

	(void)state;
	start_master("tcp://127.0.0.1:0");
	hand_start(&h, HAND_ID);
	/* From nobody: counted and nothing else. */
	hand_file(&h, "spawning_complete");
	hand_file(&h, "stats");
	hand_file(&h, "spawning");
	hand_file(&h, "deep");
	hand_file(&h, "bomb_array");
	hand_say(&h, "", 0);
	hand_say(&h, "\x93\xa4ping\xc0\xa7" "another", 15);
	wait_until(refused() == 7);
	assert_int_equal(master_peer_count(), 0);
	assert_int_equal(totals->total.requests, 0);
	hand_file(&h, "client_ready");
	wait_until(seen.joined == 1 && h.messages == 1);
	assert_string_equal(h.types[0], "ack");
	assert_false(master_peer_at(0)->swarm);
	/* Twice is as good as once. */
	hand_file(&h, "client_ready");
	wait_until(h.messages == 2);
	assert_int_equal(seen.joined, 1);
	/* An unknown type, then a report: the first did no harm. */
	hand_say(&h, "\x93\xa9heartbeat\xc0\xd9\x26" HAND_ID, 52);
	hand_file(&h, "exception");
	hand_file(&h, "logs");
	hand_file(&h, "stats");
	wait_until(seen.reported == 1);
	assert_int_equal(totals->total.requests, 2);
	assert_int_equal(refused(), 8);
	assert_int_equal(seen.exceptions, 1);
	assert_int_equal(seen.lines, 1);
	/* The whole ring again: nothing new in it. */
	hand_file(&h, "logs");
	hand_file(&h, "heartbeat");
	wait_until(strcmp(h.types[h.messages - 1], "heartbeat") == 0);
	assert_int_equal(seen.lines, 1);
	hand_file(&h, "quit");
	wait_until(seen.lost == 1);
	/* After it, only what was under way. */
	hand_file(&h, "heartbeat");
	hand_file(&h, "stats");
	wait_until(totals->total.requests == 4);
	assert_int_equal(master_peer_count(), 0);
	zsock_free(h.sock, 0);
}

/* A Locust worker that another master had is taken over. */
static void test_adoption(void **state)
{
	struct hand h;

	(void)state;
	start_master("tcp://127.0.0.1:0");
	hand_start(&h, HAND_ID);
	hand_file(&h, "heartbeat");
	wait_until(seen.joined == 1);
	wait_until(h.messages == 1);
	assert_string_equal(h.types[0], "heartbeat");
	zsock_free(h.sock, 0);
}

/* Debian's Locust does not know its version: welcome, without what it would
 * only warn about. */
static void test_old_worker(void **state)
{
	struct hand h;

	(void)state;
	start_master("tcp://127.0.0.1:0");
	hand_start(&h, HAND_ID);
	hand_file(&h, "client_ready_debian");
	wait_until(seen.joined == 1);
	hand_file(&h, "heartbeat");
	hand_file(&h, "stats");
	wait_until(seen.reported == 1);
	master_ramp_complete(1);
	master_send_stop(master_peer_at(0));
	wait_until(h.messages == 2);
	assert_string_equal(h.types[0], "ack");
	assert_string_equal(h.types[1], "stop");
	zsock_free(h.sock, 0);
}

/* A second and a bit, so that a timer set for a second is due: it fires with
 * the millisecond it falls into. */
static void pass_second(void)
{
	clock_advance(NS_PER_S + 2 * NS_PER_MS);
	loop_once(false);
}

/* Our own sleep is not the worker's silence. */
static void test_sleep_of_the_master(void **state)
{
	struct hand h;

	(void)state;
	start_master("tcp://127.0.0.1:0");
	hand_start(&h, HAND_ID);
	hand_file(&h, "client_ready");
	wait_until(seen.joined == 1);
	clock_freeze(clock_now());
	clock_advance(100 * NS_PER_S);
	loop_once(false);
	pass_second();
	clock_thaw();
	assert_int_equal(seen.lost, 0);
	zsock_free(h.sock, 0);
}

/* Silence: lost after some seconds, back with a heartbeat, same index. */
static void test_silence(void **state)
{
	struct hand h;

	(void)state;
	start_master("tcp://127.0.0.1:0");
	hand_start(&h, HAND_ID);
	hand_file(&h, "client_ready");
	wait_until(seen.joined == 1);
	clock_freeze(clock_now());
	for (int i = 0; i < 3; i++)
		pass_second();
	assert_int_equal(seen.lost, 0);
	pass_second();
	clock_thaw();
	assert_int_equal(seen.lost, 1);
	assert_non_null(strstr(seen.why, "no heartbeat for"));
	assert_false(seen.crashed);
	hand_file(&h, "stats");
	wait_until(seen.joined == 2 && seen.reported == 1);
	assert_int_equal(master_peer_at(0)->index, 0);
	zsock_free(h.sock, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_whole_run, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_messages_of_a_worker,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_flood, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_master_restart, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_harmless, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_adoption, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_old_worker, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_sleep_of_the_master,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
