/*
 * The state machine of a run.
 *
 *	READY --run_start--> SPAWNING --all there--> RUNNING
 *	  SPAWNING, RUNNING --run_stop, run time--> STOPPING --> STOPPED
 *	  STOPPED --run_start--> SPAWNING
 *
 * Users are added or taken away in steps at the spawn rate; each step is a
 * plan of absolute counts that goes to every worker, so that a lost or a
 * repeated message does no harm.
 */
#include "run/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/dispatcher.h"
#include "cluster/master.h"
#include "fiber/wheel.h"
#include "run/shape.h"
#include "stats/stats.h"
#include "user/arrivals.h"
#include "user/schedule.h"
#include "user/user.h"

#define STOP_MARGIN 10.0        /* seconds beyond the stop timeout */
#define SETTLE      1.0         /* seconds for workers to report */
#define SAY_FIRST   NS_PER_S
#define SAY_AGAIN   (5 * NS_PER_S)
#define ARRIVALS_DELAY 0.3      /* seconds: users first */
#define AT_ONCE     1e9         /* users a second */

static struct {
	struct run_options options;
	struct run_status status;
	struct dispatcher *dispatcher;
	char *host;
	char *reason;
	int64_t target;
	struct wheel_timer step;        /* the next step of a ramp */
	struct wheel_timer limit;       /* run time; or stopping took too long */
	struct wheel_timer wait;        /* for the expected workers */
	struct wheel_timer shape;       /* once a second */
	struct wheel_timer settle;      /* after the last step of a ramp */
	struct wheel_timer say;         /* that workers are awaited */
	size_t stopping;                /* peers that have not answered */
	/* The open model. */
	bool open;
	struct schedule schedule;
	char *schedule_text;            /* of this test */
	int64_t arrivals_start;         /* clock_now() of t = 0 */
	unsigned plan_number;
} run;

static void step_fired(struct wheel_timer *);
static void limit_fired(struct wheel_timer *);
static void wait_fired(struct wheel_timer *);
static void shape_fired(struct wheel_timer *);
static void say_fired(struct wheel_timer *);
static void settle_fired(struct wheel_timer *);

static int64_t in(double seconds)
{
	return clock_now() + (int64_t)(seconds * (double)NS_PER_S);
}

const char *run_state_name(enum run_state state)
{
	static const char *const names[] = {
		[RUN_READY] = "ready",
		[RUN_SPAWNING] = "spawning",
		[RUN_RUNNING] = "running",
		[RUN_STOPPING] = "stopping",
		[RUN_STOPPED] = "stopped",
	};

	return names[state];
}

static void set_state(enum run_state state)
{
	if (run.status.state == state)
		return;
	run.status.state = state;
	log_debug("run: %s", run_state_name(state));
	if (run.options.changed != NULL)
		run.options.changed(state, run.options.arg);
}

static bool active(void)
{
	return run.status.state == RUN_SPAWNING ||
	    run.status.state == RUN_RUNNING;
}

static void new_dispatcher(void)
{
	size_t n = user_class_count();
	struct dispatcher_class *classes = xcalloc(n + 1, sizeof *classes);

	for (size_t i = 0; i < n; i++) {
		const struct user_class *c = user_class_at(i);

		classes[i].name = c->name;
		classes[i].fixed_count = c->def.fixed_count;
		classes[i].weight = c->def.fixed_count > 0 ? 0 : c->def.weight;
	}
	dispatcher_free(run.dispatcher);
	run.dispatcher = dispatcher_new(classes, n);
	free(classes);
}

int run_init(const struct run_options *options)
{
	memset(&run, 0, sizeof run);
	run.options = *options;
	run.host = options->host != NULL ? xstrdup(options->host) : NULL;
	run.target = options->users;
	run.step.fire = step_fired;
	run.limit.fire = limit_fired;
	run.wait.fire = wait_fired;
	run.shape.fire = shape_fired;
	run.say.fire = say_fired;
	run.settle.fire = settle_fired;
	run.status.state = RUN_READY;
	if (options->rate == NULL)
		return 0;
	run.open = true;
	return schedule_parse(&run.schedule, options->rate);
}

void run_release(void)
{
	wheel_del(&run.step);
	wheel_del(&run.limit);
	wheel_del(&run.wait);
	wheel_del(&run.shape);
	wheel_del(&run.say);
	wheel_del(&run.settle);
	dispatcher_free(run.dispatcher);
	schedule_release(&run.schedule);
	free(run.schedule_text);
	free(run.host);
	free(run.reason);
	memset(&run, 0, sizeof run);
}

static unsigned peers_present(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < master_peer_count(); i++)
		n += master_peer_at(i)->state != PEER_MISSING;
	return n;
}

/* A Locust worker knows no schedule of arrivals: it would run users on its
 * own account. */
static bool takes_part(const struct peer *p)
{
	return p->state != PEER_MISSING && (!run.open || p->swarm);
}

/* The workers there are now get the users that are wanted now. */
static void update_workers(void)
{
	size_t n = master_peer_count();
	struct dispatcher_worker *workers = xcalloc(n + 1, sizeof *workers);
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct peer *p = master_peer_at(i);

		if (!takes_part(p))
			continue;
		workers[count].id = p->id;
		workers[count++].wanted = p->wanted;
	}
	dispatcher_set_workers(run.dispatcher, workers, count);
	run.plan_number++;
	free(workers);
}

/* Each worker's stripe of the arrivals.  Local workers share our clock. */
static void plan_arrivals(struct peer *p, unsigned stripe, unsigned stripes)
{
	struct arrivals_plan plan = {
		.number = run.plan_number,
		.schedule = run.schedule_text,
		.poisson = run.options.poisson,
		.stripe = stripe,
		.stripes = stripes,
		.seed = run.options.seed,
		.start = run.arrivals_start,
		.busy = run.options.drop ? ARRIVALS_DROP : ARRIVALS_QUEUE,
		.queue_max = (size_t)run.options.queue,
	};

	if (p->pid == 0) {
		plan.relative = true;
		plan.start -= clock_now();
	}
	free(p->plan);
	p->plan = arrivals_plan_text(&plan);
}

static void send_plan(void)
{
	unsigned stripes = 0;
	unsigned stripe = 0;

	master_number_users(run.options.stop_timeout);
	for (size_t i = 0; i < master_peer_count(); i++)
		stripes += takes_part(master_peer_at(i));
	for (size_t i = 0; run.open && i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (takes_part(p))
			plan_arrivals(p, stripe++, stripes);
	}
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (takes_part(p))
			master_send_spawn(p, run.host,
			    run.options.stop_timeout);
	}
}

static int64_t sum_running(void)
{
	int64_t sum = 0;

	for (size_t i = 0; i < master_peer_count(); i++) {
		const struct peer *p = master_peer_at(i);

		for (size_t k = 0; k < user_class_count(); k++)
			sum += p->state != PEER_MISSING ? p->running[k] : 0;
	}
	return sum;
}

/* One step of a ramp; arms the next when the target is not reached. */
static void ramp(void)
{
	int64_t total = (int64_t)dispatcher_total(run.dispatcher);
	size_t users = 0;
	size_t changed;
	double interval = 0;

	dispatcher_pace(run.options.spawn_rate, &users, &interval);
	if (total < run.target) {
		size_t missing = (size_t)(run.target - total);

		changed = dispatcher_add_users(run.dispatcher,
		    missing < users ? missing : users);
	} else {
		size_t surplus = (size_t)(total - run.target);

		changed = dispatcher_remove_users(run.dispatcher,
		    surplus < users ? surplus : users);
	}
	total = (int64_t)dispatcher_total(run.dispatcher);
	run.status.users_wanted = total;
	send_plan();
	/* Nothing changed: only fixed counts, and they are full. */
	if (total != run.target && changed > 0)
		wheel_add(&run.step, in(interval));
	else
		wheel_add(&run.settle, in(SETTLE));
}

static void ramp_complete(void)
{
	wheel_del(&run.settle);
	set_state(RUN_RUNNING);
	master_ramp_complete((int64_t)dispatcher_total(run.dispatcher));
}

/* Users that end by themselves never add up to the target. */
static void settle_fired(struct wheel_timer *t)
{
	(void)t;
	if (run.status.state == RUN_SPAWNING && !wheel_pending(&run.step))
		ramp_complete();
}

static void step_fired(struct wheel_timer *t)
{
	(void)t;
	if (active())
		ramp();
}

/* What the shape wants now; a change starts a ramp of its own. */
static void follow_shape(void)
{
	double seconds = (double)(clock_now() - run.status.started) /
	    (double)NS_PER_S;
	struct swarm_load load;
	int64_t users;

	if (!shape_tick(seconds, &load)) {
		run_stop("the load shape is over");
		return;
	}
	users = (int64_t)llround(load.users > 0 ? load.users : 0);
	run.options.spawn_rate = load.spawn_rate > 0 ? load.spawn_rate :
	    AT_ONCE;
	if (users != run.target)
		run_set_load(users, run.options.spawn_rate);
}

static void shape_fired(struct wheel_timer *t)
{
	if (!active())
		return;
	wheel_add(t, t->when + NS_PER_S);
	follow_shape();
}

static void finish(void)
{
	wheel_del(&run.limit);
	run.status.stopped = clock_now();
	run.status.users_wanted = 0;
	set_state(RUN_STOPPED);
}

/* All arrivals begin together, a little later, and end with the run time to
 * the arrival. */
static void begin_arrivals(void)
{
	double length;

	if (run.options.run_time > 0)
		schedule_cut(&run.schedule, run.options.run_time);
	free(run.schedule_text);
	run.schedule_text = schedule_text(&run.schedule);
	run.arrivals_start = in(ARRIVALS_DELAY);
	length = schedule_length(&run.schedule);
	if (isfinite(length))
		wheel_add(&run.limit, in(2 * ARRIVALS_DELAY + length));
}

static void begin(void)
{
	struct run_status *s = &run.status;

	wheel_del(&run.wait);
	s->waiting = false;
	stats_reset(run.options.stats);
	if (shape_chosen() && shape_start() == -1) {
		run.reason = xstrdup("the load shape could not start");
		finish();
		return;
	}
	new_dispatcher();
	master_reset_numbers(UINT32_MAX);
	update_workers();
	s->started = clock_now();
	s->started_wall = clock_wall();
	s->stopped = 0;
	s->workers_lost = 0;
	s->workers_crashed = 0;
	s->workers_missing = false;
	free(run.reason);
	run.reason = NULL;
	if (run.open)
		begin_arrivals();
	else if (run.options.run_time > 0)
		wheel_add(&run.limit, in(run.options.run_time));
	set_state(RUN_SPAWNING);
	if (shape_chosen()) {
		run.target = 0;
		wheel_add(&run.shape, clock_now() + NS_PER_S);
		follow_shape();
	} else {
		ramp();
	}
}

/* Once when they are slow to come, then now and again. */
static void say_fired(struct wheel_timer *t)
{
	if (!run.status.waiting)
		return;
	log_info("waiting for workers: %u of %lld are there", peers_present(),
	    (long long)run.options.expect_workers);
	wheel_add(t, clock_now() + SAY_AGAIN);
}

static void begin_when_ready(void)
{
	if (run.status.waiting &&
	    (int64_t)peers_present() >= run.options.expect_workers)
		begin();
}

int run_start(void)
{
	if (active() || run.status.state == RUN_STOPPING ||
	    run.status.waiting) {
		log_error("a test is running already; stop it first");
		return -1;
	}
	run.status.waiting = true;
	wheel_add(&run.say, clock_now() + SAY_FIRST);
	if (run.options.expect_workers_max_wait > 0)
		wheel_add(&run.wait, in(run.options.expect_workers_max_wait));
	begin_when_ready();
	return 0;
}

static void wait_fired(struct wheel_timer *t)
{
	(void)t;
	log_error("%u of %lld expected workers came within %g s; start the "
	    "others, or lower --expect-workers", peers_present(),
	    (long long)run.options.expect_workers,
	    run.options.expect_workers_max_wait);
	run.status.waiting = false;
	run.status.workers_missing = true;
	run.reason = xstrdup("workers missing");
	finish();
}

static void limit_fired(struct wheel_timer *t)
{
	(void)t;
	if (active()) {
		run_stop("run time reached");
	} else if (run.status.state == RUN_STOPPING) {
		log_warn("%zu workers did not report that their users have "
		    "stopped", run.stopping);
		finish();
	}
}

void run_stop(const char *why)
{
	if (run.status.waiting) {
		run.status.waiting = false;
		wheel_del(&run.wait);
		run.reason = xstrdup(why);
		finish();
		return;
	}
	if (!active())
		return;
	wheel_del(&run.step);
	wheel_del(&run.shape);
	run.reason = xstrdup(why);
	run.stopping = peers_present();
	wheel_add(&run.limit, in(run.options.stop_timeout + STOP_MARGIN));
	set_state(RUN_STOPPING);
	for (size_t i = 0; i < master_peer_count(); i++)
		master_send_stop(master_peer_at(i));
	if (run.stopping == 0)
		finish();
}

void run_set_load(int64_t users, double spawn_rate)
{
	run.target = users;
	run.options.spawn_rate = spawn_rate;
	if (!active())
		return;
	set_state(RUN_SPAWNING);
	wheel_del(&run.step);
	ramp();
}

void run_set_host(const char *host)
{
	free(run.host);
	run.host = host != NULL && host[0] != '\0' ? xstrdup(host) : NULL;
}

void run_set_run_time(double seconds)
{
	run.options.run_time = seconds;
}

void run_peer_joined(struct peer *p)
{
	if (run.open && !p->swarm)
		log_warn("worker %s is Locust's and cannot follow --rate: it "
		    "gets no users", p->id);
	begin_when_ready();
	if (!active())
		return;
	update_workers();
	send_plan();
}

/* The peer is still in the master's table, as PEER_MISSING. */
void run_peer_lost(struct peer *p, bool crashed)
{
	if (run.status.state == RUN_STOPPING)
		run_peer_stopped(p);
	/* A local one that never came: waiting for it would have no end. */
	if (run.status.waiting && p->index == -1) {
		run.status.waiting = false;
		run.status.workers_missing = true;
		wheel_del(&run.wait);
		run.reason = xstrdup("a worker process could not start");
		finish();
	}
	if (!active())
		return;
	run.status.workers_lost++;
	run.status.workers_crashed += crashed;
	update_workers();
	if (peers_present() == 0) {
		run.status.workers_missing = true;
		run_stop("the last worker was lost");
		return;
	}
	if ((int64_t)dispatcher_total(run.dispatcher) < run.target &&
	    !wheel_pending(&run.step))
		ramp();
	else
		send_plan();
}

void run_peer_spawned(struct peer *p)
{
	(void)p;
	if (run.status.state == RUN_SPAWNING && !wheel_pending(&run.step) &&
	    sum_running() >= (int64_t)dispatcher_total(run.dispatcher))
		ramp_complete();
}

/* Users that end by themselves are not replaced; when the last one has, there
 * is nothing to wait for. */
void run_peer_reported(struct peer *p)
{
	(void)p;
	if (run.status.state == RUN_RUNNING && !shape_chosen() &&
	    dispatcher_total(run.dispatcher) > 0 && sum_running() == 0)
		run_stop("every user has ended");
}

void run_peer_stopped(struct peer *p)
{
	(void)p;
	if (run.status.state != RUN_STOPPING || run.stopping == 0)
		return;
	if (--run.stopping == 0)
		finish();
}

void run_status(struct run_status *status)
{
	*status = run.status;
	status->users_target = run.target;
	status->users_running = sum_running();
	status->spawn_rate = run.options.spawn_rate;
	status->run_time = run.options.run_time;
	status->host = run.host;
	status->stop_reason = run.reason;
	status->workers = peers_present();
}
