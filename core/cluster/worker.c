/*
 * The worker's side: register, say each second that we live, report, do as
 * told.
 *
 * The order of messages is Locust's, because a Locust master depends on it;
 * two rules keep it alive: nothing is sent before its ack, and
 * spawning_complete never between client_stopped and the next ack.
 * What is sent, and how, is worker_send.c's.
 */
#include "cluster/worker_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/child.h"
#include "cluster/outbox.h"
#include "cluster/worker_log.h"
#include "cluster/worker_sample.h"
#include "fiber/loop.h"

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

struct worker_internal worker;

static void open_socket(void);

/* ---- registration ---- */

static void orphan(const char *why)
{
	if (worker.orphaned)
		return;
	worker.orphaned = true;
	wheel_del(&worker.retry);
	worker.o.orphaned(why, worker.o.arg);
}

static void on_retry(struct wheel_timer *t)
{
	char why[400];

	if (worker.registered || worker.orphaned)
		return;
	if (!worker.was_registered && worker.tries++ >= READY_TRIES) {
		snprintf(why, sizeof why, "no master answers at %s: gave up "
		    "after 5 minutes (%s)", worker.endpoint,
		    zsock_why_silent(worker.sock));
		orphan(why);
		return;
	}
	/* A local one's may be a relay, which waits itself. */
	if (worker.tries == 2 && !worker.o.local)
		log_info("no answer from the master at %s yet: %s; trying on",
		    worker.endpoint, zsock_why_silent(worker.sock));
	worker_send_ready();
	wheel_add(t, clock_now() + READY_NS);
}

static void register_now(void)
{
	worker.registered = false;
	wheel_add(&worker.retry, clock_now());
}

/* Takes the spawn, which it releases. */
static void begin_spawn(struct wire_spawn *spawn)
{
	bool first = worker.state == WORKER_READY;

	worker.last_timestamp = spawn->timestamp;
	worker.test = spawn->test;
	if (first) {
		stats_reset(worker.o.stats);
		wire_words_clear(&worker.words);
		outbox_forget();
	}
	worker.state = WORKER_SPAWNING;
	worker.o.spawn(spawn, first, worker.o.arg);
	wire_spawn_release(spawn);
}

static void drop_early(void)
{
	if (worker.has_early)
		wire_spawn_release(&worker.early);
	worker.has_early = false;
}

/* A new master knows nothing of our users, so they belong to no run. */
static void leave_old_run(const char *why)
{
	if (worker.state == WORKER_READY || worker.stopping)
		return;
	log_warn("%s: the users of the run before are stopped", why);
	outbox_forget();
	worker.stopping = true;
	worker.old_run = true;
	worker.stop_came = clock_now();
	worker.o.stop(worker.o.arg);
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
	worker_send_nil("spawning");
	if (spawn.test != worker.test)
		leave_old_run("another test has begun");
	if (spawn.timestamp <= worker.last_timestamp) {
		wire_spawn_release(&spawn);
	} else if (worker.stopping || !worker.registered) {
		drop_early();
		worker.early = spawn;
		worker.has_early = true;
	} else {
		begin_spawn(&spawn);
	}
}

static void on_ack(const struct wire_message *m)
{
	bool again = worker.was_registered;
	struct wire_ack ack;
	char why[400];

	if (wire_read_ack(&m->data, &ack) == -1)
		return;
	if (worker.registered)
		return;                 /* for a repeated client_ready */
	if (!worker_knows_level(&ack, why, sizeof why)) {
		orphan(why);
		return;
	}
	worker.registered = true;
	worker.was_registered = true;
	wheel_del(&worker.retry);
	worker.swarm = ack.swarm;
	worker.interval = ack.swarm ? ack.report_interval : 3;
	if (worker.o.registered != NULL)
		worker.o.registered(&ack, worker.o.arg);
	if (again && ack.instance != worker.instance) {
		/* Perhaps on another machine. */
		memset(&worker.offset, 0, sizeof worker.offset);
		worker.last_timestamp = 0;
		worker.knows_clock = false;
		outbox_forget();
		leave_old_run("the master was restarted");
	}
	if (ack.instance != worker.instance)
		worker.order = 0;
	worker.instance = ack.instance;
	if (worker.has_early && !worker.stopping) {
		worker.has_early = false;
		begin_spawn(&worker.early);
	}
	if (again)
		return;
	worker_send_heartbeat();
	wheel_add(&worker.heartbeat, clock_now() + HEARTBEAT_NS);
	worker_send_report(false);
	wheel_add(&worker.report, clock_now() +
	    (int64_t)(worker.interval * (double)NS_PER_S));
	wheel_add(&worker.logs, clock_now() + LOCUST_LOG_NS);
	worker_send_logs();
}

/* ---- what the master says ---- */

static void on_stop(void)
{
	drop_early();
	if (worker.stopping) {
		worker.o.stop_now(worker.o.arg);
		return;
	}
	worker.stopping = true;
	worker.stop_came = clock_now();
	worker.o.stop(worker.o.arg);
}

/* Locust's own workers only open a new socket; a swarm master sends this to
 * one it does not know. */
static void on_reconnect(void)
{
	open_socket();
	if (worker.swarm || !worker.registered)
		register_now();
}

/* After the clock was learned from it. */
static void tell_heard(void)
{
	if (worker.o.heard != NULL)
		worker.o.heard(worker.o.arg);
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

	worker.hears = true;
	if (wire_read_pong(&m->data, &pong) == -1) {
		tell_heard();
		return;
	}
	outbox_taken(pong.taken);
	outbox_again(pong.sent, worker_send_again);
	if (pong.received == 0) {
		tell_heard();
		return;
	}
	offset_add(&worker.offset, pong.sent, pong.received, pong.answered,
	    worker.last_heard);
	knew = worker.knows_clock;
	worker.knows_clock = offset_fit(&worker.offset, clock_now(),
	    &worker.line);
	worker.line.error += pong.error;
	say_clock(knew);
	tell_heard();
}

static void on_ramp_complete(const struct wire_message *m)
{
	const msgpack_object *data = &m->data;
	int64_t users;

	if (worker.o.ramp_complete != NULL &&
	    wire_read_ramp_complete(data, &users) == 0)
		worker.o.ramp_complete(users, worker.o.arg);
}

static void on_rows(const struct wire_message *m)
{
	struct wire_rows rows;

	if (worker.o.rows != NULL && wire_read_rows(&m->data, &rows) == 0)
		worker.o.rows(&rows, worker.o.arg);
}

/* One that comes before the first spawn, or after a stop, is of no use. */
static void on_plan(const struct wire_message *m)
{
	char *text;

	if (worker.o.plan == NULL || worker.state == WORKER_READY ||
	    worker.stopping)
		return;
	text = wire_read_plan(&m->data);
	if (text != NULL)
		worker.o.plan(text, worker.o.arg);
	else
		log_error("a malformed plan was ignored");
	free(text);
}

static void on_met(const struct wire_message *m)
{
	char name[80];
	int64_t released;

	if (worker.o.met != NULL &&
	    wire_read_met(&m->data, name, sizeof name, &released) == 0)
		worker.o.met(name, released, worker.o.arg);
}

/* Likewise of no use then. */
static void on_replay(const struct wire_message *m)
{
	struct wire_replay r;

	if (worker.o.replay == NULL || worker.state == WORKER_READY ||
	    worker.stopping)
		return;
	if (wire_read_replay(&m->data, &r) == 0)
		worker.o.replay(&r, worker.o.arg);
	else
		log_error("a malformed batch of events was ignored");
}

static void on_flight(const struct wire_message *m)
{
	struct wire_flight f;

	if (worker.o.flight != NULL && wire_read_flight(&m->data, &f) == 0)
		worker.o.flight(&f, worker.o.arg);
}

static void dispatch(const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_ACK:
		on_ack(m);
		break;
	case WIRE_SPAWN:
		if (worker_is_due(m))
			on_spawn(m);
		break;
	case WIRE_STOP:
		if (worker_is_due(m))
			on_stop();
		break;
	case WIRE_QUIT:
		if (worker_is_due(m))
			worker.o.quit(worker.o.arg);
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
		if (worker_is_due(m))
			on_plan(m);
		break;
	case WIRE_MET:
		on_met(m);
		break;
	case WIRE_REPLAY:
		if (worker_is_due(m))
			on_replay(m);
		break;
	case WIRE_FLIGHT:
		on_flight(m);
		break;
	case WIRE_UNKNOWN:
		if (worker.o.custom != NULL)
			worker.o.custom(m, worker.o.arg);
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
	worker.last_heard = clock_now();
	dispatch(&m);
	wire_message_release(&m);
}

/* ---- timers ---- */

static void check_silence(void)
{
	int64_t silence = clock_now() - worker.last_heard;

	/* An old Locust master never says a word. */
	if (!worker.hears)
		return;
	if (silence > ORPHANED_NS) {
		orphan("no word from the master for a minute");
	} else if (worker.swarm && silence > SILENT_NS && worker.registered) {
		log_warn("no word from the master for %lld s; trying to "
		    "register again", (long long)(silence / NS_PER_S));
		register_now();
	} else if (!worker.swarm && silence > SILENT_LOCUST_NS &&
	    (silence / NS_PER_S) % 10 == 0) {
		worker_send_ready();
	}
}

static void on_heartbeat_due(struct wheel_timer *t)
{
	wheel_add(t, clock_now() + HEARTBEAT_NS);
	if (worker.registered)
		worker_send_heartbeat();
	worker_send_logs();
	check_silence();
}

static void on_report_due(struct wheel_timer *t)
{
	wheel_add(t, clock_now() +
	    (int64_t)(worker.interval * (double)NS_PER_S));
	if (worker.registered)
		worker_send_report(false);
}

/* Only to a Locust master that is new enough to know them. */
static void on_logs_due(struct wheel_timer *t)
{
	wheel_add(t, clock_now() + LOCUST_LOG_NS);
	if (!worker.swarm && worker.hears && worker.registered &&
	    worker_log_encode_locust(&worker.out, worker.id))
		worker_flush();
}

static void on_ready_again(struct wheel_timer *t)
{
	(void)t;
	worker.state = WORKER_READY;
	worker.stopping = false;
	worker.old_run = false;
	register_now();
}

static void on_lines(void *arg)
{
	(void)arg;
	if (worker.registered)
		worker_send_logs();
}

/* ---- what the run asks ---- */

/* On one machine it is one clock. */
bool worker_master_clock(int64_t *offset, int64_t *error)
{
	*offset = 0;
	*error = worker.o.local ? 0 : -1;
	if (worker.o.local)
		return true;
	if (!worker.knows_clock)
		return false;
	offset_at(&worker.line, clock_now(), offset, error);
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
	return worker.registered;
}

bool worker_master_is_swarm(void)
{
	return worker.swarm;
}

double worker_report_interval(void)
{
	return worker.interval;
}

/* ---- life ---- */

static void open_socket(void)
{
	const struct zsock_options options = { .identity = worker.id,
		.keys = worker.o.keys, .message = on_message };

	zsock_free(worker.sock, 0);
	worker.sock = zsock_new(&options);
	if (worker.sock != NULL &&
	    zsock_connect(worker.sock, worker.endpoint) == -1) {
		zsock_free(worker.sock, 0);
		worker.sock = NULL;
	}
}

static void copy_options(const struct worker_options *o)
{
	char **names = xcalloc(o->class_count + 1, sizeof *names);

	worker.o = *o;
	for (size_t i = 0; i < o->class_count; i++)
		names[i] = xstrdup(o->class_names[i]);
	worker.o.class_names = (const char *const *)names;
	worker.endpoint = xstrdup(o->connect);
	worker.counts = xcalloc(o->class_count + 1, sizeof *worker.counts);
	worker.numbers = xcalloc(o->class_count + 1, sizeof *worker.numbers);
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
	worker.id = choose_id();
	buf_init(&worker.out, WIRE_MAX_MESSAGE);
	wire_words_init(&worker.words);
	open_socket();
	if (worker.sock == NULL)
		return -1;
	worker.interval = 3;
	worker.last_heard = clock_now();
	worker.retry.fire = on_retry;
	worker.heartbeat.fire = on_heartbeat_due;
	worker.report.fire = on_report_due;
	worker.logs.fire = on_logs_due;
	worker.ready_again.fire = on_ready_again;
	worker_log_start(on_lines);
	worker_sample_start();
	wheel_add(&worker.retry, clock_now());
	return 0;
}

static void release(void)
{
	drop_early();
	for (size_t i = 0; i < worker.o.class_count; i++)
		free((char *)worker.o.class_names[i]);
	free((char **)worker.o.class_names);
	free(worker.endpoint);
	free(worker.id);
	free(worker.counts);
	free(worker.numbers);
	outbox_forget();
	buf_release(&worker.out);
	wire_words_release(&worker.words);
	memset(&worker, 0, sizeof worker);
}

void worker_finish(void)
{
	wheel_del(&worker.retry);
	wheel_del(&worker.heartbeat);
	wheel_del(&worker.report);
	wheel_del(&worker.logs);
	wheel_del(&worker.ready_again);
	wheel_del(&worker.taken);
	if (worker.registered) {
		outbox_again(INT64_MAX, worker_send_again);
		worker_send_report(true);
		worker_send_logs();
	}
	/* Also between a test and the ack to being ready again, where the
	 * order to quit may come. */
	if (worker.was_registered)
		worker_send_nil("quit");
	worker_log_stop();
	worker_sample_stop();
	zsock_free(worker.sock, worker.was_registered ? FINISH_MS : 0);
	release();
}
