/* See the header. */
#include "fleet.h"

#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "cluster/wire.h"

#define SAMPLES 50
#define TICKS   100                     /* a second */

struct fleet fleet = { .workers = 200, .series = 20, .interval = 1 };

struct sim {
	void *socket;
	char id[64];
	struct buf report;
	struct buf heartbeats[2];       /* ready, running */
	bool registered;
	bool running;
};

static void make_messages(struct sim *s, const struct stats *delta)
{
	const struct wire_count count = { "user", 10 };
	struct wire_heartbeat hb = {
		.sent = clock_now(), .clock_error = -1 };

	health_init(&hb.health);
	hb.health.cpu = 50;
	hb.health.memory = 1 << 24;
	hb.health.loop_busy = fleet.locust ? -1 : 0.5;
	buf_init(&s->report, WIRE_MAX_MESSAGE);
	if (fleet.locust)
		wire_stats_encode_locust(&s->report, s->id, delta, &count, 1);
	else
		wire_stats_encode(&s->report, s->id, delta, NULL, &count, 1);
	for (int i = 0; i < 2; i++) {
		buf_init(&s->heartbeats[i], 4096);
		hb.state = i == 0 ? "ready" : "running";
		wire_encode_heartbeat(&s->heartbeats[i], s->id, &hb);
	}
}

struct stats *fleet_delta(void)
{
	struct stats *delta = stats_new(10000, 10);
	struct rng rng;
	char name[32];

	rng_seed(&rng, 1, 1);
	for (int64_t i = 0; i < fleet.series; i++) {
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
	if (zmq_send(s->socket, b->data, b->len, ZMQ_DONTWAIT) == -1)
		fleet.seen->refused++;
}

static void take_index(const struct wire_message *m)
{
	struct wire_ack ack;

	fleet.seen->acks++;
	if (wire_read_ack(&m->data, &ack) == 0 && ack.index >= 0 &&
	    ack.index < (int64_t)(sizeof fleet.seen->used / sizeof fleet.seen->used[0]))
		fleet.seen->repeated += atomic_exchange(&fleet.seen->used[ack.index],
		    true);
}

/* All that has come for one worker. */
static void listen_to(struct sim *s, struct buf *scratch)
{
	static char data[1 << 16];
	const struct wire_count count = { "user", 10 };
	struct wire_order order;
	struct wire_message m;
	int len;

	while ((len = zmq_recv(s->socket, data, sizeof data,
	    ZMQ_DONTWAIT)) >= 0) {
		if (wire_decode(&m, data, (size_t)len) == -1)
			continue;
		if (m.type == WIRE_ACK && !s->registered) {
			s->registered = true;
			take_index(&m);
		}
		if (wire_read_order(&m.data, &order)) {
			buf_clear(scratch);
			wire_encode_taken(scratch, s->id, order.number);
			say(s, scratch);
		}
		if (m.type == WIRE_SPAWN) {
			buf_clear(scratch);
			wire_encode_spawning_complete(scratch, s->id, &count,
			    1);
			say(s, scratch);
			fleet.seen->spawns += !s->running;
			s->running = true;
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

/* Each worker has its own place in the second, and in the interval. */
static void play(struct sim *sims, int64_t tick, struct buf *scratch)
{
	int64_t period = TICKS * fleet.interval;

	for (int64_t i = 0; i < fleet.workers; i++) {
		struct sim *s = &sims[i];

		/* All of them looked at in each tick would be the fleet's
		 * own load; an order waits for 0.1 s at most. */
		if ((tick + i) % 10 == 0)
			listen_to(s, scratch);
		if (!s->registered)
			continue;
		if ((tick + i) % TICKS == 0)
			say(s, &s->heartbeats[s->running]);
		if ((tick + i * period / fleet.workers) % period == 0) {
			say(s, &s->report);
			fleet.seen->sent++;
		}
	}
}

static _Noreturn void be_fleet(char **endpoints, size_t endpoint_count)
{
	struct sim *sims = xcalloc((size_t)fleet.workers, sizeof *sims);
	struct stats *delta = fleet_delta();
	struct buf scratch = BUF_INIT(1 << 16);
	void *context = zmq_ctx_new();
	int64_t next = clock_now();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)fleet.workers + 10);
	for (int64_t i = 0; i < fleet.workers; i++) {
		snprintf(sims[i].id, sizeof sims[i].id, "host%d_%032d",
		    (int)(i / 8), (int)i);
		make_messages(&sims[i], delta);
		open_sim(&sims[i], context,
		    endpoints[(size_t)i % endpoint_count], &scratch);
	}
	for (int64_t tick = 0;; tick++) {
		struct timespec pause = { 0 };
		int64_t left;

		play(sims, tick, &scratch);
		next += NS_PER_S / TICKS;
		left = next - clock_now();
		pause.tv_nsec = left > 0 ? left : 0;
		nanosleep(&pause, NULL);
	}
}

pid_t fleet_start(char **endpoints, size_t count)
{
	pid_t pid = fork();

	if (pid == 0)
		be_fleet(endpoints, count);
	return pid;
}
