/*
 * A master under a fleet of simulated workers: how much of a core it takes,
 * and how long an order to all of them needs.
 *
 *	bench_fleet [WORKERS [SERIES [SECONDS]]]
 *
 * The workers live in one child process: real sockets, real messages, no
 * users.  Each sends a heartbeat and a report with SERIES busy series a
 * second, as a swarm worker does.
 */
#include "cluster/master.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#define SAMPLES 50

static int64_t workers = 200;
static int64_t series = 20;
static int64_t seconds = 3;

/* ---- the fleet ---- */

struct sim {
	void *socket;
	char id[64];
	struct buf report;
	struct buf heartbeat;
	bool registered;
};

static void make_messages(struct sim *s, const struct stats *delta)
{
	const struct wire_count count = { "user", 10 };
	struct wire_heartbeat hb = { .state = "running",
		.sent = clock_now(), .clock_error = -1 };

	health_init(&hb.health);
	hb.health.cpu = 50;
	hb.health.memory = 1 << 24;
	hb.health.loop_busy = 0.5;
	buf_init(&s->report, WIRE_MAX_MESSAGE);
	buf_init(&s->heartbeat, 4096);
	wire_stats_encode(&s->report, s->id, delta, NULL, &count, 1);
	wire_encode_heartbeat(&s->heartbeat, s->id, &hb);
}

static struct stats *make_delta(void)
{
	struct stats *delta = stats_new(10000, 10);
	struct rng rng;
	char name[32];

	rng_seed(&rng, 1, 1);
	for (int64_t i = 0; i < series; i++) {
		struct series *s;

		snprintf(name, sizeof name, "/path/%d", (int)i);
		s = stats_series(delta, "GET", name);
		for (int k = 0; k < SAMPLES; k++)
			stats_record(delta, s, clock_now(),
			    (int64_t)(1e6 / (rng_uniform(&rng) + 0.02)), 0,
			    10, false);
	}
	return delta;
}

static void say(struct sim *s, const struct buf *b)
{
	zmq_send(s->socket, b->data, b->len, ZMQ_DONTWAIT);
}

/* All that has come for one worker. */
static void listen_to(struct sim *s, struct buf *scratch)
{
	static char data[1 << 16];
	const struct wire_count count = { "user", 10 };
	struct wire_message m;
	int len;

	while ((len = zmq_recv(s->socket, data, sizeof data,
	    ZMQ_DONTWAIT)) >= 0) {
		if (wire_decode(&m, data, (size_t)len) == -1)
			continue;
		if (m.type == WIRE_ACK)
			s->registered = true;
		if (m.type == WIRE_SPAWN) {
			buf_clear(scratch);
			wire_encode_spawning_complete(scratch, s->id, &count,
			    1);
			say(s, scratch);
		}
		wire_message_release(&m);
	}
}

static void open_sim(struct sim *s, void *context, const char *endpoint,
    struct buf *scratch)
{
	int none = 0;

	s->socket = zmq_socket(context, ZMQ_DEALER);
	zmq_setsockopt(s->socket, ZMQ_ROUTING_ID, s->id, strlen(s->id));
	zmq_setsockopt(s->socket, ZMQ_LINGER, &none, sizeof none);
	if (zmq_connect(s->socket, endpoint) == -1)
		exit(1);
	buf_clear(scratch);
	wire_encode_client_ready(scratch, s->id, false);
	say(s, scratch);
}

/* Each worker has its own place in the second. */
static _Noreturn void be_fleet(const char *endpoint)
{
	struct sim *sims = xcalloc((size_t)workers, sizeof *sims);
	struct stats *delta = make_delta();
	struct buf scratch = BUF_INIT(1 << 16);
	void *context = zmq_ctx_new();
	int64_t tick = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)workers + 10);
	for (int64_t i = 0; i < workers; i++) {
		snprintf(sims[i].id, sizeof sims[i].id, "host%d_%032d",
		    (int)(i / 8), (int)i);
		make_messages(&sims[i], delta);
		open_sim(&sims[i], context, endpoint, &scratch);
	}
	for (;; tick++) {
		struct timespec pause = { .tv_nsec = 10 * NS_PER_MS };

		for (int64_t i = 0; i < workers; i++) {
			listen_to(&sims[i], &scratch);
			if (!sims[i].registered || (tick + i) % 100 != 0)
				continue;
			say(&sims[i], &sims[i].heartbeat);
			say(&sims[i], &sims[i].report);
		}
		nanosleep(&pause, NULL);
	}
}

/* ---- the master ---- */

static int64_t joined;
static int64_t spawned;
static int64_t reports;
static bool expired;

static void on_joined(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	joined++;
}

static void on_spawned(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	spawned++;
}

static void on_reported(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	reports++;
}

static void on_expired(struct wheel_timer *t)
{
	(void)t;
	expired = true;
}

/* Until *n reaches `want` or the time is up. */
static void run_until(const int64_t *n, int64_t want, int64_t ns)
{
	struct wheel_timer limit = { .fire = on_expired };

	expired = false;
	wheel_add(&limit, clock_now() + ns);
	while (*n < want && !expired)
		loop_once(true);
	wheel_del(&limit);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print(const char *name, double value, const char *unit)
{
	printf("{\"bench\":\"fleet\",\"workers\":%d,\"series\":%d,"
	    "\"case\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n",
	    (int)workers, (int)series, name, value, unit);
}

static void measure(struct stats *totals)
{
	struct loop_health health;
	struct rusage usage;
	int64_t start = clock_now();
	double cpu;

	run_until(&joined, workers, 30 * NS_PER_S);
	print("registered_all", (double)(clock_now() - start) / 1e9, "s");
	start = clock_now();
	for (size_t i = 0; i < master_peer_count(); i++) {
		master_peer_at(i)->wanted[0] = 10;
		master_send_spawn(master_peer_at(i), NULL, 0);
	}
	run_until(&spawned, joined, 30 * NS_PER_S);
	print("spawned_all", (double)(clock_now() - start) / 1e9, "s");
	loop_health(&health);
	reports = 0;
	cpu = cpu_seconds();
	start = clock_now();
	run_until(&reports, INT64_MAX, seconds * NS_PER_S);
	cpu = cpu_seconds() - cpu;
	loop_health(&health);
	print("core_share", 100 * cpu / ((double)(clock_now() - start) / 1e9),
	    "%");
	print("reports", (double)reports /
	    ((double)(clock_now() - start) / 1e9), "1/s");
	print("longest_pass", (double)health.longest_pass_ns / 1e6, "ms");
	getrusage(RUSAGE_SELF, &usage);
	print("memory", (double)usage.ru_maxrss / 1024, "MiB");
	if ((int64_t)master_peer_count() != workers ||
	    totals->total.requests == 0)
		fprintf(stderr, "only %zu workers are there\n",
		    master_peer_count());
}

static void raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static const char *const classes[] = { "user" };
	int64_t *const numbers[] = { &workers, &series, &seconds };
	struct master_options o = { .bind = "tcp://127.0.0.1:0",
		.class_count = 1, .class_names = classes,
		.report_interval = 1, .joined = on_joined,
		.spawned = on_spawned, .reported = on_reported };
	pid_t fleet;

	for (int i = 1; i < argc && i < 4; i++) {
		if (parse_int64(argv[i], 1, 100000, numbers[i - 1]) == -1)
			return 2;
	}
	raise_limit();
	if (loop_init() == -1)
		return 1;
	o.stats = stats_new(10000, 10);
	if (master_start(&o) == -1)
		return 1;
	fleet = fork();
	if (fleet == 0)
		be_fleet(master_endpoint());
	measure(o.stats);
	kill(fleet, SIGKILL);
	waitpid(fleet, NULL, 0);
	master_release();
	stats_free(o.stats);
	loop_release();
	return 0;
}
