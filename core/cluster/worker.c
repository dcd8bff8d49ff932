/*
 * The worker's side: register, say each second that we live, report, do as
 * told.
 *
 * The order of messages is Locust's, because a Locust master depends on it;
 * two rules keep it alive: nothing is sent before its ack, and
 * spawning_complete never between client_stopped and the next ack.
 *
 * A delta is reset only when its report was handed to ZeroMQ, and a report
 * precedes client_stopped and quit, so that a run's last samples are in.
 */
#include "cluster/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/bucket.h"
#include "cluster/child.h"
#include "cluster/offset.h"
#include "cluster/outbox.h"
#include "cluster/wire_custom.h"
#include "cluster/worker_log.h"
#include "cluster/worker_sample.h"
#include "cluster/zsock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#define HEARTBEAT_NS  NS_PER_S
#define READY_NS      (5 * NS_PER_S)    /* between two client_ready */
#define READY_TRIES   61
#define LOCUST_LOG_NS (10 * NS_PER_S)
#define FINISH_MS     3000
/* Without a word from the master for so long: a swarm master, which answers
 * every heartbeat, has lost us; a Locust master may just be ramping, which it
 * does with closed ears, so it gets more time. */
#define SILENT_NS        (10 * NS_PER_S)
#define SILENT_LOCUST_NS (30 * NS_PER_S)
#define ORPHANED_NS      (60 * NS_PER_S)

/* Room for every bucket a histogram has. */
#define DELAYS_MAX (64u << 10)

enum state { READY, SPAWNING, RUNNING };

static struct {
	struct worker_options o;
	char *endpoint;
	char *id;
	struct zsock *sock;
	enum state state;
	bool registered;
	bool was_registered;            /* at least once */
	bool swarm;                     /* the master is */
	bool hears;                     /* the master sends heartbeats */
	bool stopping;
	bool old_run;                   /* of a master that is no more: what
	                                 * is measured is nobody's */
	bool orphaned;
	int tries;
	uint64_t instance;
	double interval;                /* seconds between reports */
	double last_timestamp;          /* of a spawn */
	int64_t last_heard;
	int64_t stop_came;
	struct wheel_timer retry;
	struct wheel_timer heartbeat;
	struct wheel_timer report;
	struct wheel_timer logs;
	struct wheel_timer ready_again;
	struct wire_spawn early;        /* came before we were ready */
	bool has_early;
	struct wire_count *counts;
	int64_t *numbers;
	struct bucket custom;           /* a scenario's own messages */
	struct buf out;
	struct offset offset;           /* the master's clock */
	struct offset_line line;
	bool knows_clock;
} self;

static void open_socket(void);

/* ---- sending ---- */

/* Sends self.out and empties it: 0, or -1 when it could not be taken. */
static int flush(void)
{
	int rc = -1;

	if (self.sock != NULL && !self.out.overflow)
		rc = zsock_send(self.sock, NULL, self.out.data, self.out.len);
	buf_clear(&self.out);
	return rc;
}

static void send_nil(const char *type)
{
	wire_encode_nil(&self.out, type, self.id);
	flush();
}

static void send_ready(void)
{
	wire_encode_client_ready(&self.out, self.id, self.o.relay_span);
	flush();
}

static const struct wire_count *user_counts(void)
{
	size_t n = self.o.class_count;

	memset(self.numbers, 0, n * sizeof *self.numbers);
	self.o.counts(self.numbers, self.o.arg);
	for (size_t i = 0; i < n; i++)
		self.counts[i] = (struct wire_count){
			self.o.class_names[i], self.numbers[i] };
	return self.counts;
}

void worker_tell_progress(void)
{
	struct wire_progress all[WIRE_MAX_EXECUTORS];
	size_t count;

	if (self.sock == NULL || !self.swarm || !self.registered ||
	    self.o.progress == NULL)
		return;
	count = self.o.progress(all, self.o.arg);
	if (count == 0)
		return;
	wire_encode_progress(&self.out, self.id, all, count);
	flush();
}

/* To a swarm master, which says later that it has it. */
static void send_numbered(const struct wire_count *counts, bool last)
{
	struct wire_ticket ticket = { 0 };
	int64_t offset;
	int64_t error;

	if (outbox_full(last))
		return;
	outbox_number(&ticket);
	if (worker_master_clock(&offset, &error))
		ticket.at = clock_now() + offset;
	wire_stats_encode(&self.out, self.id, self.o.stats, &ticket, counts,
	    self.o.class_count);
	if (self.out.overflow) {
		flush();
		return;
	}
	outbox_keep(&self.out);
	/* One that could not be sent goes with the next answer. */
	flush();
	stats_reset(self.o.stats);
}

static void send_report(bool last)
{
	const struct wire_count *counts = user_counts();

	if (self.old_run)
		stats_reset(self.o.stats);
	if (self.swarm && self.registered && self.o.reporting != NULL)
		self.o.reporting(self.o.arg);
	/* First: who takes an iteration for done has its samples soon. */
	worker_tell_progress();
	if (self.swarm) {
		send_numbered(counts, last);
		return;
	}
	wire_stats_encode_locust(&self.out, self.id, self.o.stats, counts,
	    self.o.class_count);
	if (flush() == 0)
		stats_reset(self.o.stats);
}

static int send_again(const void *data, size_t len)
{
	return self.sock == NULL ? -1 : zsock_send(self.sock, NULL, data, len);
}

static void send_logs(void)
{
	if (self.swarm && worker_log_encode(&self.out, self.id))
		flush();
}

/* ---- heartbeats ---- */

static void send_heartbeat(void)
{
	static const char *const names[] = { [READY] = "ready",
		[SPAWNING] = "spawning", [RUNNING] = "running" };
	struct wire_heartbeat hb = { .state = names[self.state],
		.sent = clock_now(), .clock_error = -1 };
	struct histogram *delays = worker_sample_delays();
	struct buf packed = BUF_INIT(DELAYS_MAX);

	worker_master_clock(&hb.clock_offset, &hb.clock_error);
	worker_sample(&hb.health);
	if (self.o.health != NULL)
		self.o.health(&hb.health, delays, self.o.arg);
	if (!self.swarm)
		hb.health.loop_busy = -1;
	if (histogram_encode(delays, &packed) == 0) {
		hb.delays = packed.data;
		hb.delays_len = packed.len;
	}
	wire_encode_heartbeat(&self.out, self.id, &hb);
	if (flush() == 0)
		histogram_clear(delays);
	buf_release(&packed);
}

/* ---- registration ---- */

static void orphan(const char *why)
{
	if (self.orphaned)
		return;
	self.orphaned = true;
	wheel_del(&self.retry);
	self.o.orphaned(why, self.o.arg);
}

static void on_retry(struct wheel_timer *t)
{
	char why[400];

	if (self.registered || self.orphaned)
		return;
	if (!self.was_registered && self.tries++ >= READY_TRIES) {
		snprintf(why, sizeof why, "no master answers at %s: gave up "
		    "after 5 minutes", self.endpoint);
		orphan(why);
		return;
	}
	if (self.tries == 2)
		log_info("no answer from the master at %s yet%s; trying on",
		    self.endpoint, self.o.keys == NULL ? "" :
		    " (are the keys those of its fleet?)");
	send_ready();
	wheel_add(t, clock_now() + READY_NS);
}

static void register_now(void)
{
	self.registered = false;
	wheel_add(&self.retry, clock_now());
}

/* Takes the spawn, which it releases. */
static void begin_spawn(struct wire_spawn *spawn)
{
	bool first = self.state == READY;

	self.last_timestamp = spawn->timestamp;
	if (first) {
		stats_reset(self.o.stats);
		outbox_forget();
	}
	self.state = SPAWNING;
	self.o.spawn(spawn, first, self.o.arg);
	wire_spawn_release(spawn);
}

static void drop_early(void)
{
	if (self.has_early)
		wire_spawn_release(&self.early);
	self.has_early = false;
}

/* A master that does not wait for us to be ready after a stop has its order
 * kept until we are. */
static void on_spawn(const struct wire_message *m)
{
	struct wire_spawn spawn;

	if (wire_read_spawn(&m->data, &spawn) == -1) {
		log_error("a malformed order to spawn users was ignored");
		return;
	}
	send_nil("spawning");
	if (spawn.timestamp <= self.last_timestamp) {
		wire_spawn_release(&spawn);
	} else if (self.stopping || !self.registered) {
		drop_early();
		self.early = spawn;
		self.has_early = true;
	} else {
		begin_spawn(&spawn);
	}
}

/* A new master knows nothing of our users, so they belong to no run. */
static void leave_old_run(void)
{
	if (self.state == READY || self.stopping)
		return;
	log_warn("the master was restarted: the users of the run before are "
	    "stopped");
	self.stopping = true;
	self.old_run = true;
	self.stop_came = clock_now();
	self.o.stop(self.o.arg);
}

static void on_ack(const struct wire_message *m)
{
	bool again = self.was_registered;
	struct wire_ack ack;

	if (wire_read_ack(&m->data, &ack) == -1)
		return;
	if (self.registered)
		return;                 /* for a repeated client_ready */
	self.registered = true;
	self.was_registered = true;
	wheel_del(&self.retry);
	self.swarm = ack.swarm;
	self.interval = ack.swarm ? ack.report_interval : 3;
	if (self.o.registered != NULL)
		self.o.registered(&ack, self.o.arg);
	if (again && ack.instance != self.instance) {
		/* Perhaps on another machine. */
		memset(&self.offset, 0, sizeof self.offset);
		self.knows_clock = false;
		outbox_forget();
		leave_old_run();
	}
	self.instance = ack.instance;
	if (self.has_early && !self.stopping) {
		self.has_early = false;
		begin_spawn(&self.early);
	}
	if (again)
		return;
	send_heartbeat();
	wheel_add(&self.heartbeat, clock_now() + HEARTBEAT_NS);
	send_report(false);
	wheel_add(&self.report, clock_now() +
	    (int64_t)(self.interval * (double)NS_PER_S));
	wheel_add(&self.logs, clock_now() + LOCUST_LOG_NS);
	send_logs();
}

/* ---- what the master says ---- */

static void on_stop(void)
{
	drop_early();
	if (self.stopping)
		return;
	self.stopping = true;
	self.stop_came = clock_now();
	self.o.stop(self.o.arg);
}

/* Locust's own workers only open a new socket; a swarm master sends this to
 * one it does not know. */
static void on_reconnect(void)
{
	open_socket();
	if (self.swarm || !self.registered)
		register_now();
}

/* After the clock was learned from it. */
static void tell_heard(void)
{
	if (self.o.heard != NULL)
		self.o.heard(self.o.arg);
}

static void say_clock(bool knew)
{
	int64_t offset;
	int64_t error;

	if (!knew && worker_master_clock(&offset, &error))
		log_debug("the master's clock is %.3f s ahead of ours, give "
		    "or take %.3f ms", (double)offset / (double)NS_PER_S,
		    (double)error / (double)NS_PER_MS);
}

static void on_heartbeat(const struct wire_message *m)
{
	struct wire_pong pong;
	bool knew;

	self.hears = true;
	if (wire_read_pong(&m->data, &pong) == -1) {
		tell_heard();
		return;
	}
	outbox_taken(pong.taken);
	outbox_again(pong.sent, send_again);
	if (pong.received == 0) {
		tell_heard();
		return;
	}
	offset_add(&self.offset, pong.sent, pong.received, pong.answered,
	    self.last_heard);
	knew = self.knows_clock;
	self.knows_clock = offset_fit(&self.offset, clock_now(), &self.line);
	self.line.error += pong.error;
	say_clock(knew);
	tell_heard();
}

static void on_ramp_complete(const struct wire_message *m)
{
	const msgpack_object *data = &m->data;
	int64_t users;

	if (self.o.ramp_complete != NULL &&
	    wire_read_ramp_complete(data, &users) == 0)
		self.o.ramp_complete(users, self.o.arg);
}

static void on_rows(const struct wire_message *m)
{
	struct wire_rows rows;

	if (self.o.rows != NULL && wire_read_rows(&m->data, &rows) == 0)
		self.o.rows(&rows, self.o.arg);
}

/* One that comes before the first spawn, or after a stop, is of no use. */
static void on_plan(const struct wire_message *m)
{
	char *text;

	if (self.o.plan == NULL || self.state == READY || self.stopping)
		return;
	text = wire_read_plan(&m->data);
	if (text != NULL)
		self.o.plan(text, self.o.arg);
	else
		log_error("a malformed plan was ignored");
	free(text);
}

static void on_met(const struct wire_message *m)
{
	char name[80];
	int64_t released;

	if (self.o.met != NULL &&
	    wire_read_met(&m->data, name, sizeof name, &released) == 0)
		self.o.met(name, released, self.o.arg);
}

/* Likewise of no use then. */
static void on_replay(const struct wire_message *m)
{
	const void *events;
	size_t len;

	if (self.o.replay == NULL || self.state == READY || self.stopping)
		return;
	events = wire_read_replay(&m->data, &len);
	if (events != NULL)
		self.o.replay(events, len, self.o.arg);
	else
		log_error("a malformed batch of events was ignored");
}

static void on_flight(const struct wire_message *m)
{
	struct wire_flight f;

	if (self.o.flight != NULL && wire_read_flight(&m->data, &f) == 0)
		self.o.flight(&f, self.o.arg);
}

static void dispatch(const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_ACK:
		on_ack(m);
		break;
	case WIRE_SPAWN:
		on_spawn(m);
		break;
	case WIRE_STOP:
		on_stop();
		break;
	case WIRE_QUIT:
		self.o.quit(self.o.arg);
		break;
	case WIRE_RECONNECT:
		on_reconnect();
		break;
	case WIRE_HEARTBEAT:
		on_heartbeat(m);
		break;
	case WIRE_SPAWNING_COMPLETE:
		on_ramp_complete(m);
		break;
	case WIRE_ROWS:
		on_rows(m);
		break;
	case WIRE_PLAN:
		on_plan(m);
		break;
	case WIRE_MET:
		on_met(m);
		break;
	case WIRE_REPLAY:
		on_replay(m);
		break;
	case WIRE_FLIGHT:
		on_flight(m);
		break;
	case WIRE_UNKNOWN:
		if (self.o.custom != NULL)
			self.o.custom(m, self.o.arg);
		break;
	default:
		/* A worker's own. */
		break;
	}
}

static void on_message(const char *from, const void *data, size_t len,
    void *arg)
{
	struct wire_message m;

	(void)from;
	(void)arg;
	if (wire_decode(&m, data, len) == -1) {
		log_error("a malformed message of the master was ignored");
		return;
	}
	self.last_heard = clock_now();
	dispatch(&m);
	wire_message_release(&m);
}

/* ---- timers ---- */

static void check_silence(void)
{
	int64_t silence = clock_now() - self.last_heard;

	/* An old Locust master never says a word. */
	if (!self.hears)
		return;
	if (silence > ORPHANED_NS) {
		orphan("no word from the master for a minute");
	} else if (self.swarm && silence > SILENT_NS && self.registered) {
		log_warn("no word from the master for %lld s; trying to "
		    "register again", (long long)(silence / NS_PER_S));
		register_now();
	} else if (!self.swarm && silence > SILENT_LOCUST_NS &&
	    (silence / NS_PER_S) % 10 == 0) {
		send_ready();
	}
}

static void on_heartbeat_due(struct wheel_timer *t)
{
	wheel_add(t, clock_now() + HEARTBEAT_NS);
	if (self.registered)
		send_heartbeat();
	send_logs();
	check_silence();
}

static void on_report_due(struct wheel_timer *t)
{
	wheel_add(t, clock_now() +
	    (int64_t)(self.interval * (double)NS_PER_S));
	if (self.registered)
		send_report(false);
}

/* Only to a Locust master that is new enough to know them. */
static void on_logs_due(struct wheel_timer *t)
{
	wheel_add(t, clock_now() + LOCUST_LOG_NS);
	if (!self.swarm && self.hears && self.registered &&
	    worker_log_encode_locust(&self.out, self.id))
		flush();
}

static void on_ready_again(struct wheel_timer *t)
{
	(void)t;
	self.state = READY;
	self.stopping = false;
	self.old_run = false;
	register_now();
}

static void on_lines(void *arg)
{
	(void)arg;
	if (self.registered)
		send_logs();
}

/* ---- what the run says ---- */

void worker_spawned(void)
{
	if (self.sock == NULL || self.stopping || self.state == READY)
		return;
	self.state = RUNNING;
	if (!self.registered)
		return;
	wire_encode_spawning_complete(&self.out, self.id, user_counts(),
	    self.o.class_count);
	flush();
}

void worker_stopped(double stop_timeout)
{
	int64_t ready = clock_now();

	if (self.sock == NULL || !self.stopping)
		return;
	if (self.registered) {
		send_report(true);
		send_nil("client_stopped");
	}
	self.registered = false;
	if (!self.swarm)
		ready = self.stop_came +
		    (int64_t)(stop_timeout * (double)NS_PER_S);
	wheel_add(&self.ready_again, ready);
}

/* Locust knows no such message: there this worker leaves, and the test ends
 * with the last one. */
void worker_stop_test(const char *why)
{
	if (self.sock == NULL || !self.registered)
		return;
	if (!self.swarm) {
		log_warn("the scenario ended the test (%s): this worker "
		    "leaves", why);
		self.o.quit(self.o.arg);
		return;
	}
	wire_encode_stop_test(&self.out, self.id, why);
	flush();
}

void worker_ask_rows(const struct wire_rows_wanted *wanted)
{
	if (self.sock == NULL || !self.registered || !self.swarm)
		return;
	wire_encode_rows_wanted(&self.out, self.id, wanted);
	flush();
}

void worker_tell_module(const char *module, const void *data, size_t len)
{
	struct wire_module m = { .data = data, .len = len };

	if (self.sock == NULL || !self.swarm || !self.registered)
		return;
	snprintf(m.module, sizeof m.module, "%s", module);
	wire_encode_module(&self.out, self.id, &m);
	flush();
}

void worker_tell_flight(const struct wire_flight *f)
{
	if (self.sock == NULL || !self.swarm || !self.registered)
		return;
	wire_encode_flight(&self.out, self.id, f);
	flush();
}

int worker_meet(const struct wire_meet *m)
{
	if (self.sock == NULL || !self.swarm || !self.registered)
		return -1;
	wire_encode_meet(&self.out, self.id, m);
	return flush();
}

int worker_send_custom(const char *type, const char *json)
{
	if (self.sock == NULL || !self.registered) {
		errno = ENOTCONN;
		return -1;
	}
	if (!bucket_take(&self.custom, 1, BUCKET_CUSTOM_RATE, BUCKET_CUSTOM_BURST)) {
		errno = EAGAIN;
		return -1;
	}
	if (wire_encode_custom(&self.out, self.id, type, json) == -1) {
		buf_clear(&self.out);
		errno = EINVAL;
		return -1;
	}
	return flush();
}

void worker_forward_custom(const struct wire_message *m)
{
	if (self.sock == NULL || !self.registered)
		return;
	wire_forward_custom(&self.out, self.id, m);
	flush();
}

void worker_exception(const char *message, const char *where)
{
	if (self.sock == NULL || !self.registered || !worker_log_allow())
		return;
	wire_encode_exception(&self.out, self.id, message, where);
	flush();
}

/* On one machine it is one clock. */
bool worker_master_clock(int64_t *offset, int64_t *error)
{
	*offset = 0;
	*error = self.o.local ? 0 : -1;
	if (self.o.local)
		return true;
	if (!self.knows_clock)
		return false;
	offset_at(&self.line, clock_now(), offset, error);
	return true;
}

bool worker_common_start(struct arrivals_plan *plan)
{
	int64_t offset;
	int64_t error;

	/* A local worker's is its own clock. */
	if (plan->shared == 0)
		return true;
	if (!worker_master_clock(&offset, &error))
		return false;
	plan->start = plan->shared - offset;
	plan->common = true;
	return true;
}

bool worker_registered(void)
{
	return self.registered;
}

bool worker_master_is_swarm(void)
{
	return self.swarm;
}

double worker_report_interval(void)
{
	return self.interval;
}

/* ---- life ---- */

static void open_socket(void)
{
	const struct zsock_options options = { .identity = self.id,
		.keys = self.o.keys, .message = on_message };

	zsock_free(self.sock, 0);
	self.sock = zsock_new(&options);
	if (self.sock != NULL &&
	    zsock_connect(self.sock, self.endpoint) == -1) {
		zsock_free(self.sock, 0);
		self.sock = NULL;
	}
}

static void copy_options(const struct worker_options *o)
{
	char **names = xcalloc(o->class_count + 1, sizeof *names);

	self.o = *o;
	for (size_t i = 0; i < o->class_count; i++)
		names[i] = xstrdup(o->class_names[i]);
	self.o.class_names = (const char *const *)names;
	self.endpoint = xstrdup(o->connect);
	self.counts = xcalloc(o->class_count + 1, sizeof *self.counts);
	self.numbers = xcalloc(o->class_count + 1, sizeof *self.numbers);
}

/* The master names its own children, to know them again. */
static char *choose_id(void)
{
	const char *given = getenv(CHILD_ID_ENV);
	char id[WIRE_MAX_NODE_ID + 1];

	if (given != NULL && *given != '\0' &&
	    strlen(given) <= WIRE_MAX_NODE_ID)
		return xstrdup(given);
	zsock_new_identity(id, sizeof id);
	return xstrdup(id);
}

int worker_start(const struct worker_options *o)
{
	copy_options(o);
	self.id = choose_id();
	buf_init(&self.out, WIRE_MAX_MESSAGE);
	open_socket();
	if (self.sock == NULL)
		return -1;
	self.interval = 3;
	self.last_heard = clock_now();
	self.retry.fire = on_retry;
	self.heartbeat.fire = on_heartbeat_due;
	self.report.fire = on_report_due;
	self.logs.fire = on_logs_due;
	self.ready_again.fire = on_ready_again;
	worker_log_start(on_lines);
	worker_sample_start();
	wheel_add(&self.retry, clock_now());
	return 0;
}

static void release(void)
{
	drop_early();
	for (size_t i = 0; i < self.o.class_count; i++)
		free((char *)self.o.class_names[i]);
	free((char **)self.o.class_names);
	free(self.endpoint);
	free(self.id);
	free(self.counts);
	free(self.numbers);
	outbox_forget();
	buf_release(&self.out);
	memset(&self, 0, sizeof self);
}

void worker_finish(void)
{
	wheel_del(&self.retry);
	wheel_del(&self.heartbeat);
	wheel_del(&self.report);
	wheel_del(&self.logs);
	wheel_del(&self.ready_again);
	if (self.registered) {
		outbox_again(INT64_MAX, send_again);
		send_report(true);
		send_logs();
	}
	/* Also between a test and the ack to being ready again, where the
	 * order to quit may come. */
	if (self.was_registered)
		send_nil("quit");
	worker_log_stop();
	worker_sample_stop();
	zsock_free(self.sock, self.was_registered ? FINISH_MS : 0);
	release();
}
