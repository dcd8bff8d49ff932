/* What front ends show of an executor. */
#include "run/executor_internal.h"

const char *executor_state_name(enum executor_state state)
{
	static const char *const names[] = { "waiting", "ramping", "running",
		"done" };

	return names[state];
}

void executor_status(const struct executor *e, int64_t now,
    struct executor_status *out)
{
	struct share sum = e->lost;

	for (size_t i = 0; i < e->share_count; i++) {
		const struct share *s = e->shares[i];

		sum.lease.started += s->lease.started;
		sum.lease.done += s->lease.done;
		sum.due += s->due;
		sum.dropped += s->dropped;
		sum.late += s->late;
		sum.queued += s->queued;
		sum.idle += s->idle;
	}
	*out = (struct executor_status){
		.name = e->spec.name,
		.classes = e->class_text,
		.model = spec_model_name(spec_model(&e->spec)),
		.state = e->state,
		.start = e->spec.start,
		.time = e->time,
		.spawn_rate = e->spawn_rate,
		.users_target = e->state == EXECUTOR_WAITING ? 0 : e->target,
		.users_wanted = e->dispatcher != NULL ? executor_wanted(e) : 0,
		.users_running = executor_running(e),
		.iterations = executor_goal(e),
		.started = sum.lease.started,
		.done = sum.lease.done,
		.due = sum.due,
		.dropped = sum.dropped,
		.late = sum.late,
		.queued = sum.queued,
		.idle = sum.idle,
		.reason = e->reason,
	};
	if (e->spec.rate != NULL && e->schedule_text != NULL &&
	    now > e->arrivals_at &&
	    e->state != EXECUTOR_DONE && e->state != EXECUTOR_WAITING)
		out->rate = executor_rate(e, now);
}
