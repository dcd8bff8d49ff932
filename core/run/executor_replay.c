/*
 * An executor that replays a trace: its arrivals are what the master sends
 * (run/replay.h), and it ends when all of them have come to their end.
 */
#include "run/executor_internal.h"

#include <stdlib.h>

#include "base/xalloc.h"

#define STUCK (60 * NS_PER_S)   /* without an event that ends */

/* Its schedule is what the master sends, and its time begins now: to find the
 * first event may have taken a while. */
void executor_replay_begin(struct executor *e, int64_t now)
{
	e->limit = e->time > 0 ? now + ARRIVALS_DELAY +
	    (int64_t)(e->time * (double)NS_PER_S) : NEVER;
	e->end = e->limit;
	free(e->schedule_text);
	e->schedule_text = xstrdup(e->spec.replay);
	e->arrivals_at = now + ARRIVALS_DELAY;
	e->hand_over = 0;
}

void executor_replay_ready(struct executor *e)
{
	e->trace_ready = true;
}

bool executor_replay_origin(const struct executor *e, int64_t *origin)
{
	*origin = e->arrivals_at;
	return e->state == EXECUTOR_RAMPING || e->state == EXECUTOR_RUNNING;
}

int64_t executor_replay_ahead(const struct executor *e, int64_t *sent)
{
	int64_t ahead = 0;

	*sent = e->lost.sent;
	for (size_t i = 0; i < e->share_count; i++) {
		*sent += e->shares[i]->sent;
		ahead += e->shares[i]->sent - e->shares[i]->due;
	}
	return ahead;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void executor_replay_over(struct executor *e, int64_t now)
{
	e->trace_over = true;
	e->end = sooner(e->end, now + STUCK);
}

void executor_replay_settled(struct executor *e, bool all)
{
	e->trace_done = all;
}

bool executor_replay_done(struct executor *e)
{
	if (e->trace_done)
		executor_end(e, "all of the trace is replayed");
	return e->state == EXECUTOR_DONE;
}

bool executor_replay_ended(struct executor *e, int64_t now)
{
	int64_t done = e->lost.lease.done;

	if (executor_replay_done(e))
		return true;
	if (now < e->end || now >= e->limit)
		return false;
	for (size_t i = 0; i < e->share_count; i++)
		done += e->shares[i]->lease.done;
	if (done == e->done_before)
		executor_end(e, "the last requests of the trace do not end");
	/* There is no end while something goes on. */
	e->done_before = done;
	e->end = sooner(now + STUCK, e->limit);
	return e->state == EXECUTOR_DONE;
}
