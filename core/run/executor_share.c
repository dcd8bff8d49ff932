/*
 * What workers have of an executor: their users, their stripes of its
 * arrivals, their leases of its iterations, and how far they are.
 */
#include "run/executor_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "cluster/dispatcher.h"
#include "cluster/wire.h"
#include "user/plan.h"
#include "user/user.h"

struct share *share_new(size_t classes)
{
	struct share *s = xcalloc(1, sizeof *s);

	s->wanted = xcalloc(classes + 1, sizeof s->wanted[0]);
	s->running = xcalloc(classes + 1, sizeof s->running[0]);
	return s;
}

void share_release(struct share *s)
{
	free(s->wanted);
	free(s->running);
	free(s);
}

int64_t executor_running(const struct executor *e)
{
	int64_t sum = 0;

	for (size_t i = 0; i < e->share_count; i++) {
		for (size_t k = 0; k < user_class_count(); k++)
			sum += e->shares[i]->running[k];
	}
	return sum;
}

void executor_set_workers(struct executor *e, struct share *const *shares,
    const char *const *ids, size_t count, int64_t now)
{
	struct dispatcher_worker *workers = xcalloc(count + 1,
	    sizeof *workers);

	e->shares = xreallocarray(e->shares, count + 1, sizeof e->shares[0]);
	e->share_count = count;
	for (size_t i = 0; i < count; i++) {
		e->shares[i] = shares[i];
		workers[i].id = ids[i];
		workers[i].wanted = shares[i]->wanted;
	}
	dispatcher_set_workers(e->dispatcher, workers, count);
	free(workers);
	e->number++;
	if (e->schedule_text != NULL && now > e->arrivals_at)
		e->hand_over = now - e->arrivals_at + HAND_OVER;
	/* Lost users come back at the spawn rate. */
	if (e->state == EXECUTOR_RAMPING || e->state == EXECUTOR_RUNNING) {
		if (executor_wanted(e) < e->target && e->next_step == NEVER)
			e->next_step = now;
	}
}

void executor_lose(struct executor *e, struct share *s)
{
	e->lost.due += s->due;
	/* What waited for a user of a replay is given to others. */
	e->lost.dropped += s->dropped +
	    (e->spec.replay == NULL ? s->queued : 0);
	e->lost.late += s->late;
	e->lost.sent += s->sent;
	/* What it had begun and not done is begun again by another. */
	e->lost.lease.started += e->state == EXECUTOR_DONE ?
	    s->lease.started : s->lease.done;
	e->lost.lease.done += s->lease.done;
	for (size_t i = 0; i < e->share_count; i++) {
		if (e->shares[i] == s)
			e->shares[i--] = e->shares[--e->share_count];
	}
	quota_return(&s->lease, &e->given);
}

/* ---- iterations ---- */

static bool grant(struct executor *e, struct share *s, size_t workers)
{
	int64_t users = 0;

	for (size_t k = 0; k < user_class_count(); k++)
		users += s->wanted[k];
	return quota_grant(&s->lease, &e->given, e->spec.iterations, workers,
	    users);
}

void executor_plan(struct executor *e, struct share *s, unsigned stripe,
    unsigned stripes, int64_t clock_start, struct plan_executor *out)
{
	*out = (struct plan_executor){
		.name = e->spec.name,
		.classes = e->class_names,
		.class_count = e->class_count,
		.granted = -1,
		.each = e->spec.user_iterations,
	};
	if (e->spec.iterations > 0) {
		if (s->lease.number == 0)
			s->lease.number = ++e->leases;
		if (e->state != EXECUTOR_WAITING && s->lease.granted == 0)
			grant(e, s, stripes);
		out->granted = s->lease.granted;
		out->lease = s->lease.number;
	}
	/* Before it starts its users find no gate open. */
	if (e->schedule_text == NULL || e->state == EXECUTOR_WAITING)
		return;
	out->open = true;
	out->arrivals = (struct arrivals_plan){
		.number = e->number,
		.schedule = e->schedule_text,
		.poisson = e->spec.poisson,
		.stripe = stripe,
		.stripes = stripes,
		.seed = e->seed,
		.start = clock_start + e->arrivals_at,
		.from = e->hand_over,
		.busy = e->spec.busy,
		.catch_up = e->spec.catch_up,
		.queue_max = (size_t)e->spec.queue,
	};
}

static int64_t sum_done(const struct executor *e)
{
	/* Of a number for each user, those of a lost worker begin anew. */
	int64_t sum = e->spec.iterations > 0 ? e->lost.lease.done : 0;

	for (size_t i = 0; i < e->share_count; i++)
		sum += e->shares[i]->lease.done;
	return sum;
}

int64_t executor_goal(const struct executor *e)
{
	if (e->spec.user_iterations > 0)
		return e->spec.user_iterations * e->spec.users;
	return e->spec.iterations;
}

bool executor_progress(struct executor *e, struct share *s,
    const struct wire_progress *p, size_t workers)
{
	char why[80];

	if (p->lease != s->lease.number)
		return false;
	s->lease.started = p->started;
	s->lease.done = p->done;
	s->due = p->due;
	s->dropped = p->dropped;
	s->late = p->late;
	s->queued = p->queued;
	s->idle = p->idle;
	if (e->state != EXECUTOR_RAMPING && e->state != EXECUTOR_RUNNING)
		return false;
	if (executor_goal(e) > 0 && sum_done(e) >= executor_goal(e)) {
		snprintf(why, sizeof why, "all %lld iterations are done",
		    (long long)executor_goal(e));
		executor_end(e, why);
		return false;
	}
	if (e->trace_over)
		executor_replay_done(e);
	return e->spec.iterations > 0 && grant(e, s, workers);
}
