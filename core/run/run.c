/*
 * The state machine of a run.
 *
 *	READY --run_start--> SPAWNING --all there--> RUNNING
 *	  SPAWNING, RUNNING --run_stop, run time--> STOPPING --> STOPPED
 *	  STOPPED --run_start--> SPAWNING
 *
 * The load itself is the executors' (executor.h): here they get their time and
 * their workers.  What they want goes to every worker as a plan of absolute
 * counts, so that a lost or a repeated message does no harm.
 *
 * A pause stops the run's time: executors' moments are in that time, and the
 * one timer that waits for the next of them is taken off.
 */
#include "run/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "cluster/meeting.h"
#include "run/classes.h"
#include "run/executor.h"
#include "run/replay.h"
#include "stats/stats.h"
#include "user/user.h"

#define STOP_MARGIN 10.0        /* seconds beyond the stop timeout */
#define SAY_FIRST   NS_PER_S
#define SAY_AGAIN   (5 * NS_PER_S)

struct run_internal run;

static void next_fired(struct wheel_timer *);
static void limit_fired(struct wheel_timer *);
static void wait_fired(struct wheel_timer *);
static void say_fired(struct wheel_timer *);

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

bool run_active(void)
{
	return run.status.state == RUN_SPAWNING ||
	    run.status.state == RUN_RUNNING;
}

int64_t run_now(void)
{
	return (run.status.paused ? run.paused_at : clock_now()) -
	    run.status.started - run.shift;
}

int run_init(const struct run_options *options)
{
	int rc = 0;

	memset(&run, 0, sizeof run);
	run.options = *options;
	run.host = options->host != NULL ? xstrdup(options->host) : NULL;
	run.next.fire = next_fired;
	run.limit.fire = limit_fired;
	run.wait.fire = wait_fired;
	run.say.fire = say_fired;
	run.status.state = RUN_READY;
	run.executors = xcalloc(options->spec_count,
	    sizeof(struct executor *));
	run.shown = xcalloc(options->spec_count, sizeof run.shown[0]);
	for (size_t i = 0; i < options->spec_count; i++) {
		struct executor *e = rc == 0 ? executor_new(
		    &options->specs[i], options->find_shape) : NULL;

		if (e == NULL) {
			rc = -1;
			spec_release(&options->specs[i]);
			continue;
		}
		run.executors[run.count++] = e;
		run.needs_swarm = run.needs_swarm || executor_needs_swarm(e);
	}
	if (rc == 0 && options->trace != NULL)
		rc = replay_feed_init(options->trace);
	return rc == 0 ? classes_share(run.executors, run.count) : -1;
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

/* ---- executors ---- */

static void gather(void)
{
	int64_t wanted = 0;
	int64_t target = 0;
	int64_t planned = 0;

	for (size_t i = 0; i < run.count; i++) {
		executor_status(run.executors[i],
		    run.status.started != 0 ? run_now() : 0, &run.shown[i]);
		planned += executor_spec(run.executors[i])->users;
		wanted += run.shown[i].users_wanted;
		target += run.status.started != 0 ?
		    run.shown[i].users_target :
		    executor_spec(run.executors[i])->users;
	}
	run.status.users_wanted = wanted;
	run.status.users_target = target;
	run.status.users_planned = planned;
	run.status.spawn_rate = run.count == 1 && run.status.started == 0 ?
	    executor_spec(run.executors[0])->spawn_rate :
	    run.shown[0].spawn_rate;
}

static void arm(void)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < run.count; i++) {
		int64_t at = executor_due(run.executors[i]);

		due = at < due ? at : due;
	}
	wheel_del(&run.next);
	if (run_active() && !run.status.paused && due != INT64_MAX)
		wheel_add(&run.next, run.status.started + run.shift + due);
}

/* SPAWNING while an executor is on its way; true: all have ended. */
static bool settle(void)
{
	size_t ramping = 0;
	size_t running = 0;
	size_t done = 0;

	gather();
	for (size_t i = 0; i < run.count; i++) {
		ramping += run.shown[i].state == EXECUTOR_RAMPING;
		running += run.shown[i].state == EXECUTOR_RUNNING;
		done += run.shown[i].state == EXECUTOR_DONE;
	}
	if (done == run.count)
		return true;
	if (ramping > 0) {
		set_state(RUN_SPAWNING);
	} else if (running > 0 && run.status.state == RUN_SPAWNING) {
		set_state(RUN_RUNNING);
		master_ramp_complete(run.status.users_wanted);
	}
	return false;
}

void run_go_on(bool changed)
{
	if (!run_active())
		return;
	if (settle()) {
		run_stop(run.count == 1 ? run.shown[0].reason :
		    "every executor has ended");
		return;
	}
	if (changed)
		fleet_send();
	arm();
}

static void next_fired(struct wheel_timer *t)
{
	bool changed = false;

	(void)t;
	if (!run_active() || run.status.paused)
		return;
	for (size_t i = 0; i < run.count; i++)
		changed = executor_act(run.executors[i], run_now()) || changed;
	run_go_on(changed);
}

/* ---- states ---- */

static void finish(void)
{
	wheel_del(&run.limit);
	replay_feed_end();
	run.status.stopped = clock_now();
	set_state(RUN_STOPPED);
}

static int begin_executors(void)
{
	for (size_t i = 0; i < run.count; i++) {
		if (executor_begin(run.executors[i], run.options.seed, i,
		    run.options.run_time) == -1)
			return -1;
		if (executor_spec(run.executors[i])->replay != NULL &&
		    replay_feed_begin(run.executors[i]) == -1)
			return -1;
	}
	return 0;
}

static void begin(void)
{
	struct run_status *s = &run.status;

	wheel_del(&run.wait);
	s->waiting = false;
	stats_reset(run.options.stats);
	meeting_clear();
	master_reset_numbers(UINT32_MAX);
	for (size_t i = 0; i < master_peer_count(); i++)
		fleet_drop(master_peer_at(i));
	if (begin_executors() == -1) {
		run.reason = xstrdup("the load could not start");
		finish();
		return;
	}
	s->started = clock_now();
	s->started_wall = clock_wall();
	s->stopped = 0;
	s->workers_lost = 0;
	s->workers_crashed = 0;
	gap_forget();
	s->workers_missing = false;
	s->paused = false;
	s->paused_s = 0;
	run.shift = 0;
	free(run.reason);
	run.reason = NULL;
	fleet_update();
	set_state(RUN_SPAWNING);
	for (size_t i = 0; i < run.count; i++)
		executor_act(run.executors[i], 0);
	run_go_on(true);
}

/* Once when they are slow to come, then now and again. */
static void say_fired(struct wheel_timer *t)
{
	if (!run.status.waiting)
		return;
	log_info("waiting for workers: %u of %lld are there", fleet_present(),
	    (long long)run.options.expect_workers);
	wheel_add(t, clock_now() + SAY_AGAIN);
}

static void begin_when_ready(void)
{
	if (run.status.waiting &&
	    (int64_t)fleet_present() >= run.options.expect_workers)
		begin();
}

int run_start(void)
{
	if (run_active() || run.status.state == RUN_STOPPING ||
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
	    "others, or lower --expect-workers", fleet_present(),
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
	if (run.status.state != RUN_STOPPING)
		return;
	log_warn("%zu workers did not report that their users have stopped",
	    run.stopping);
	finish();
}

/* A pause that lasts still counts. */
static void end_pause(void)
{
	if (!run.status.paused)
		return;
	run.shift += clock_now() - run.paused_at;
	run.status.paused = false;
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
	if (!run_active())
		return;
	wheel_del(&run.next);
	replay_feed_end();
	end_pause();
	run.reason = xstrdup(why);
	for (size_t i = 0; i < run.count; i++)
		executor_end(run.executors[i], run.reason);
	run.stopping = fleet_present();
	wheel_add(&run.limit, in(run.options.stop_timeout + STOP_MARGIN));
	set_state(RUN_STOPPING);
	for (size_t i = 0; i < master_peer_count(); i++)
		master_send_stop(master_peer_at(i));
	if (run.stopping == 0)
		finish();
}

int run_stop_now(const char **why)
{
	if (run.status.state != RUN_STOPPING) {
		*why = "no test is stopping";
		return -1;
	}
	wheel_add(&run.limit, in(STOP_MARGIN));
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		/* To Locust's own a second stop says nothing new. */
		if (p->swarm && p->state == PEER_STOPPING)
			master_send_stop(p);
	}
	return 0;
}

/* Of the stop timeout. */
static double stop_left(void)
{
	int64_t left = run.limit.when - clock_now() -
	    (int64_t)(STOP_MARGIN * (double)NS_PER_S);

	return run.status.state == RUN_STOPPING && left > 0 ?
	    (double)left / (double)NS_PER_S : 0;
}

static int set_paused(bool paused, const char **why)
{
	if (!run_active())
		*why = "no test is running";
	else if (run.status.paused == paused)
		*why = paused ? "the test is paused already" :
		    "the test is not paused";
	else
		return 0;
	return -1;
}

static void tell_pause(void)
{
	fleet_make_plans();
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (!p->swarm)
			log_warn("worker %s is Locust's and knows no pause: "
			    "its users go on", p->id);
		else if (fleet_takes_part(p))
			master_send_plan(p);
	}
	arm();
}

int run_pause(const char **why)
{
	if (set_paused(true, why) == -1)
		return -1;
	run.paused_at = clock_now();
	run.status.paused = true;
	tell_pause();
	return 0;
}

int run_resume(const char **why)
{
	if (set_paused(false, why) == -1)
		return -1;
	end_pause();
	tell_pause();
	return 0;
}

/* ---- events ---- */

void run_peer_joined(struct peer *p)
{
	if (p->away > 0)
		gap_close(p->index);
	if (run.needs_swarm && !p->swarm)
		log_warn("worker %s is Locust's and cannot follow --rate or "
		    "numbers of iterations: it gets no users", p->id);
	if (!run_active()) {
		begin_when_ready();
		return;
	}
	replay_feed_lost(p);
	fleet_drop(p);
	fleet_update();
	run_go_on(true);
}

/* A worker that goes now takes some with it, unless it has taken leave. */
static bool loses_samples(void)
{
	return run_active() || run.status.state == RUN_STOPPING;
}

void run_below(const struct wire_below *b)
{
	if (b->back)
		gap_close(b->index);
	else if (loses_samples())
		gap_open(b->index, clock_now() - b->ago, b->why, b->crashed);
}

/* The peer is still in the master's table, as PEER_MISSING. */
void run_peer_lost(struct peer *p, const char *why, bool crashed)
{
	if (loses_samples() && !p->dismissed && !p->left && p->index != -1)
		gap_open(p->index, p->last_seen, why, crashed);
	replay_feed_lost(p);
	fleet_drop(p);
	meeting_lost(p);
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
	if (!run_active())
		return;
	fleet_update();
	if (fleet_present() == 0) {
		run.status.workers_missing = true;
		run_stop("the last worker was lost");
		return;
	}
	run_go_on(true);
}

static void counted(struct peer *p, bool reported)
{
	fleet_take_counts(p);
	if (!run_active() || run.status.paused)
		return;
	for (size_t i = 0; i < run.count; i++)
		executor_counted(run.executors[i], reported);
	run_go_on(false);
}

void run_peer_spawned(struct peer *p)
{
	counted(p, false);
}

void run_peer_reported(struct peer *p)
{
	replay_feed_reported(p);
	counted(p, true);
}

void run_peer_stopped(struct peer *p)
{
	replay_feed_stopped(p);
	fleet_take_counts(p);
	/* A dismissed one was not among those that are waited for; and one
	 * that has stopped may be lost, too. */
	if (run.status.state != RUN_STOPPING || run.stopping == 0 ||
	    p->dismissed || !p->awaited)
		return;
	if (--run.stopping == 0)
		finish();
}

void run_peer_progress(struct peer *p, const struct wire_progress *news,
    size_t count)
{
	struct share **shares = p->run;
	size_t workers = fleet_present();
	bool changed = false;

	replay_feed_progress(p, news, count);
	for (size_t i = 0; shares != NULL && i < count; i++) {
		for (size_t k = 0; k < run.count; k++) {
			if (strcmp(executor_spec(run.executors[k])->name,
			    news[i].name) == 0)
				changed = executor_progress(run.executors[k],
				    shares[k], &news[i], workers) || changed;
		}
	}
	if (run_active() && changed) {
		fleet_make_plans();
		master_send_plan(p);
	}
	run_go_on(false);
}

void run_peer_meet(struct peer *p, const struct wire_meet *news)
{
	if (run_active())
		meeting_take(p, news);
}

/* ---- the end ---- */

void run_release(void)
{
	replay_feed_release();
	wheel_del(&run.next);
	wheel_del(&run.limit);
	wheel_del(&run.wait);
	wheel_del(&run.say);
	for (size_t i = 0; i < master_peer_count(); i++)
		fleet_drop(master_peer_at(i));
	meeting_clear();
	for (size_t i = 0; i < run.count; i++)
		executor_free(run.executors[i]);
	free(run.executors);
	free(run.shown);
	free(run.host);
	free(run.reason);
	memset(&run, 0, sizeof run);
}

void run_status(struct run_status *status)
{
	gather();
	*status = run.status;
	status->users_running = sum_running();
	status->run_time = run.options.run_time;
	status->stop_left = stop_left();
	status->host = run.host;
	status->stop_reason = run.reason;
	status->workers = fleet_present();
	status->executors = run.shown;
	status->executor_count = run.count;
	status->gaps = gap_list(&status->gap_count);
	status->paused_s = (double)run.shift / (double)NS_PER_S;
	if (run.status.paused)
		status->paused_s += (double)(clock_now() - run.paused_at) /
		    (double)NS_PER_S;
}
