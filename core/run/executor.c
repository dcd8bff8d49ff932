/* See the header. */
#include "run/executor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/shape.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/dispatcher.h"
#include "run/executor_internal.h"
#include "run/shape.h"
#include "user/schedule.h"
#include "user/user.h"

#define SETTLE         NS_PER_S         /* for workers to report */
#define AT_ONCE        1e9              /* users a second */
#define MANY           1e9              /* users */
#define DRAIN          (10 * NS_PER_S)  /* arrivals that wait in line */
#define LOOK           (100 * NS_PER_MS)

static int64_t ns(double seconds)
{
	return (int64_t)(seconds * (double)NS_PER_S);
}

/* ---- life ---- */

struct executor *executor_new(struct spec *spec,
    const struct swarm_shape *(*find)(const char *name))
{
	struct executor *e = xcalloc(1, sizeof *e);

	e->spec = *spec;
	memset(spec, 0, sizeof *spec);
	e->next_step = e->next_shape = e->settle = e->end = NEVER;
	if (e->spec.shape != NULL) {
		e->shape = shape_new(e->spec.shape, find);
		if (e->shape == NULL)
			goto fail;
	}
	if (e->spec.rate != NULL &&
	    schedule_parse(&e->schedule, e->spec.rate) == -1)
		goto fail;
	return e;

fail:
	executor_free(e);
	return NULL;
}

void executor_free(struct executor *e)
{
	if (e == NULL)
		return;
	spec_release(&e->spec);
	shape_free(e->shape);
	schedule_release(&e->schedule);
	dispatcher_free(e->dispatcher);
	free(e->schedule_text);
	free(e->shares);
	free(e->has);
	free(e->class_names);
	free(e->class_text);
	free(e->reason);
	free(e);
}

const struct spec *executor_spec(const struct executor *e)
{
	return &e->spec;
}

bool executor_has_class(const struct executor *e, size_t index)
{
	return e->has[index];
}

bool executor_needs_swarm(const struct executor *e)
{
	return e->spec.rate != NULL || e->spec.replay != NULL ||
	    e->spec.iterations > 0 ||
	    e->spec.user_iterations > 0;
}

/* ---- classes ---- */

void executor_set_classes(struct executor *e, const bool *owned)
{
	struct buf text = BUF_INIT(1 << 20);

	free(e->has);
	free(e->class_names);
	free(e->class_text);
	e->class_count = 0;
	e->has = xcalloc(user_class_count() + 1, sizeof e->has[0]);
	e->class_names = xcalloc(user_class_count() + 1,
	    sizeof e->class_names[0]);
	for (size_t i = 0; i < user_class_count(); i++) {
		if (!owned[i])
			continue;
		e->has[i] = true;
		buf_printf(&text, "%s%s", e->class_count > 0 ? "," : "",
		    user_class_at(i)->name);
		e->class_names[e->class_count++] = user_class_at(i)->name;
	}
	e->class_text = buf_detach(&text);
}

/* ---- users ---- */

static void new_dispatcher(struct executor *e)
{
	size_t n = user_class_count();
	struct dispatcher_class *classes = xcalloc(n + 1, sizeof *classes);

	for (size_t i = 0; i < n; i++) {
		const struct user_class *c = user_class_at(i);

		classes[i].name = c->name;
		if (!e->has[i] || c->disabled)
			continue;
		classes[i].fixed_count = c->def.fixed_count;
		classes[i].weight = c->def.fixed_count > 0 ? 0 : c->def.weight;
	}
	dispatcher_free(e->dispatcher);
	e->dispatcher = dispatcher_new(classes, n);
	free(classes);
}

void executor_update_classes(struct executor *e)
{
	for (size_t i = 0; e->dispatcher != NULL && i < user_class_count();
	    i++) {
		const struct user_class *c = user_class_at(i);

		if (e->has[i])
			dispatcher_set_class(e->dispatcher, i,
			    c->def.fixed_count > 0 ? 0 : c->def.weight,
			    c->def.fixed_count, !c->disabled);
	}
}

int64_t executor_wanted(const struct executor *e)
{
	return (int64_t)dispatcher_total(e->dispatcher);
}

/* One step of a ramp; the next is due when the target is not reached. */
static void ramp(struct executor *e, int64_t now)
{
	int64_t have = executor_wanted(e);
	size_t users = 0;
	size_t changed;
	double interval = 0;

	dispatcher_pace(e->spawn_rate, &users, &interval);
	if (have < e->target) {
		size_t missing = (size_t)(e->target - have);

		changed = dispatcher_add_users(e->dispatcher,
		    missing < users ? missing : users);
	} else {
		size_t surplus = (size_t)(have - e->target);

		changed = dispatcher_remove_users(e->dispatcher,
		    surplus < users ? surplus : users);
	}
	e->next_step = NEVER;
	e->settle = NEVER;
	/* Nothing changed: only fixed counts, and they are full. */
	if (executor_wanted(e) != e->target && changed > 0)
		e->next_step = now + ns(interval);
	else
		e->settle = now + SETTLE;
}

void executor_set_load(struct executor *e, int64_t users, double spawn_rate,
    int64_t now)
{
	e->target = users;
	e->spawn_rate = spawn_rate;
	if (e->shape == NULL) {
		/* Also of the next test. */
		e->spec.users = users;
		e->spec.spawn_rate = spawn_rate;
	}
	if (e->state != EXECUTOR_RAMPING && e->state != EXECUTOR_RUNNING)
		return;
	e->state = EXECUTOR_RAMPING;
	ramp(e, now);
}

bool executor_take_over(struct executor *e)
{
	if (e->next_shape == NEVER)
		return false;
	e->next_shape = NEVER;
	return true;
}

/* What the shape wants now; a change starts a ramp of its own. */
static bool follow_shape(struct executor *e, int64_t now)
{
	double seconds = (double)(now - ns(e->spec.start)) / (double)NS_PER_S;
	struct swarm_load load;
	int64_t users;

	if (!shape_tick(e->shape, seconds, &load)) {
		executor_end(e, "the load shape is over");
		return true;
	}
	/* A module may divide by zero. */
	users = (int64_t)llround(load.users > 0 ? fmin(load.users, MANY) : 0);
	e->spawn_rate = load.spawn_rate > 0 ? load.spawn_rate : AT_ONCE;
	if (users == e->target)
		return false;
	executor_set_load(e, users, e->spawn_rate, now);
	return true;
}

/* ---- the course of it ---- */

/* All arrivals begin together, a little later, and end with the time to the
 * arrival. */
static void begin_arrivals(struct executor *e, int64_t now)
{
	double length;

	schedule_release(&e->schedule);
	/* It was parsed before. */
	if (schedule_parse(&e->schedule, e->spec.rate) == -1)
		return;
	if (e->time > 0)
		schedule_cut(&e->schedule, e->time);
	free(e->schedule_text);
	e->schedule_text = schedule_text(&e->schedule);
	e->arrivals_at = now + ARRIVALS_DELAY;
	e->hand_over = 0;
	e->rate_from = 0;
	length = schedule_length(&e->schedule);
	e->end = isfinite(length) ?
	    now + 2 * ARRIVALS_DELAY + ns(length) : NEVER;
}

double executor_rate(const struct executor *e, int64_t now)
{
	int64_t t = now - e->arrivals_at;

	if (t < e->rate_from)
		return e->rate_before;
	return schedule_rate(&e->schedule, (double)t / (double)NS_PER_S);
}

bool executor_set_rate(struct executor *e, double rate, int64_t now)
{
	char *text;
	int rc;

	if (e->spec.rate == NULL)
		return false;
	free(e->spec.rate);
	e->spec.rate = xasprintf("%.6f", rate);
	if (e->schedule_text == NULL || e->state == EXECUTOR_DONE)
		return true;
	e->rate_before = now > e->arrivals_at ? executor_rate(e, now) : rate;
	/* Workers keep their t = 0; the new rate is the schedule's after as
	 * long a silence, so that there is nothing to skip. */
	e->hand_over = (now > e->arrivals_at ? now - e->arrivals_at : 0) +
	    HAND_OVER;
	e->rate_from = e->hand_over;
	text = xasprintf("%.9fs:0,%.6f", (double)e->hand_over /
	    (double)NS_PER_S, rate);
	schedule_release(&e->schedule);
	rc = schedule_parse(&e->schedule, text);
	free(text);
	if (rc == -1)
		return false;
	if (e->time > 0)
		schedule_cut(&e->schedule, e->time);
	else
		e->end = NEVER;
	free(e->schedule_text);
	e->schedule_text = schedule_text(&e->schedule);
	/* Other chances than the stretch before. */
	e->seed = (e->seed + UINT64_C(0x9e3779b97f4a7)) & INT64_MAX;
	e->number++;
	return true;
}

int executor_begin(struct executor *e, uint64_t seed, size_t index,
    double run_time)
{
	free(e->reason);
	e->reason = NULL;
	e->seed = seed;
	e->number = 0;
	e->state = EXECUTOR_WAITING;
	e->next_step = e->next_shape = e->settle = e->end = NEVER;
	e->given = 0;
	e->trace_ready = e->trace_over = e->trace_done = false;
	e->done_before = 0;
	e->lost = (struct share){ 0 };
	e->target = 0;
	e->spawn_rate = e->spec.spawn_rate;
	e->time = e->spec.time;
	if (run_time > 0 && (e->time <= 0 ||
	    e->spec.start + e->time > run_time))
		e->time = run_time - e->spec.start;
	new_dispatcher(e);
	dispatcher_begin_with(e->dispatcher, index);
	/* A time of 0 is no end, and here it would be none at all. */
	if (run_time > 0 && e->spec.start >= run_time)
		executor_end(e, "the run ends before it begins");
	return e->shape != NULL ? shape_start(e->shape) : 0;
}

static bool start(struct executor *e, int64_t now)
{
	e->state = EXECUTOR_RAMPING;
	e->look = 0;
	if (e->spec.rate != NULL)
		begin_arrivals(e, now);
	else if (e->spec.replay != NULL)
		executor_replay_begin(e, now);
	else if (e->time > 0)
		e->end = ns(e->spec.start) + ns(e->time);
	if (e->shape == NULL) {
		e->target = e->spec.users;
		ramp(e, now);
		return true;
	}
	e->next_shape = now + NS_PER_S;
	if (!follow_shape(e, now))
		ramp(e, now);
	return true;
}

int64_t executor_due(const struct executor *e)
{
	int64_t end = e->look > e->end ? e->look : e->end;
	int64_t due = NEVER;

	if (e->state == EXECUTOR_DONE)
		return NEVER;
	if (e->state == EXECUTOR_WAITING)
		return e->spec.replay == NULL || e->trace_ready ?
		    ns(e->spec.start) : NEVER;
	due = e->next_step < due ? e->next_step : due;
	due = e->next_shape < due ? e->next_shape : due;
	due = e->settle < due ? e->settle : due;
	return end < due ? end : due;
}

static void settled(struct executor *e)
{
	e->settle = NEVER;
	if (e->state == EXECUTOR_RAMPING)
		e->state = EXECUTOR_RUNNING;
}

/* After the last arrival: some still wait in line for a user. */
static bool serves_on(const struct executor *e, int64_t now)
{
	int64_t queued = 0;

	if (e->spec.replay != NULL)
		return false;
	for (size_t i = 0; i < e->share_count; i++)
		queued += e->shares[i]->queued;
	return queued > 0 && now < e->end + DRAIN;
}

bool executor_act(struct executor *e, int64_t now)
{
	bool changed = false;

	if (e->state == EXECUTOR_WAITING && now >= ns(e->spec.start) &&
	    (e->spec.replay == NULL || e->trace_ready))
		return start(e, now);
	if (e->trace_over && e->state != EXECUTOR_DONE &&
	    executor_replay_ended(e, now))
		return true;
	if (e->state == EXECUTOR_WAITING || e->state == EXECUTOR_DONE)
		return false;
	if (now >= e->end && serves_on(e, now)) {
		e->look = now + LOOK;
	} else if (now >= e->end) {
		executor_end(e, "run time reached");
		return true;
	}
	if (now >= e->next_shape) {
		e->next_shape += NS_PER_S;
		changed = follow_shape(e, now);
	}
	if (now >= e->next_step) {
		ramp(e, now);
		changed = true;
	}
	/* Users that end by themselves never add up to the target. */
	if (now >= e->settle)
		settled(e);
	return changed;
}

void executor_end(struct executor *e, const char *why)
{
	if (e->state == EXECUTOR_DONE)
		return;
	e->state = EXECUTOR_DONE;
	e->reason = xstrdup(why);
	e->target = 0;
	if (e->dispatcher != NULL)
		dispatcher_remove_users(e->dispatcher, (size_t)executor_wanted(e));
}

void executor_counted(struct executor *e, bool reported)
{
	int64_t have = executor_running(e);

	if (e->state == EXECUTOR_RAMPING && e->next_step == NEVER &&
	    have >= executor_wanted(e) && !reported)
		settled(e);
	/* Users that end by themselves are not replaced; when the last one
	 * has, there is nothing to wait for. */
	if (reported && e->state == EXECUTOR_RUNNING && e->shape == NULL &&
	    executor_wanted(e) > 0 && have == 0)
		executor_end(e, "every user has ended");
}
