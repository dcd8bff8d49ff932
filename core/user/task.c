/*
 * Which task comes next.  A user stands in a stack of sets, the class's own
 * at the bottom; entering and leaving them runs their hooks.
 */
#include "user/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static struct user_frame *top(struct swarm_user *u)
{
	return &u->frames[u->depth - 1];
}

/* Weights are few and small sums: a walk beats a table of repeats. */
static uint32_t pick_random(struct swarm_user *u, const struct user_set *s)
{
	uint64_t at = rng_below(&u->rng, s->weight_sum);
	uint32_t i = 0;

	while (at >= s->tasks[i].weight)
		at -= s->tasks[i++].weight;
	return i;
}

/* In order, each `weight` times, for ever. */
static uint32_t pick_sequential(struct user_frame *f)
{
	const struct user_set *s = f->set;
	uint32_t i = f->position;

	if (++f->repeats >= s->tasks[i].weight) {
		f->repeats = 0;
		f->position = (i + 1) % (uint32_t)s->task_count;
	}
	return i;
}

/* The first, then by the weights of the one before. */
static uint32_t pick_markov(struct swarm_user *u, struct user_frame *f)
{
	const struct user_task *last;
	uint64_t at;

	if (f->repeats == 0) {
		f->repeats = 1;
		return 0;
	}
	last = &f->set->tasks[f->position];
	at = rng_below(&u->rng, last->next_sum);
	f->position = 0;
	while (at >= last->next[f->position])
		at -= last->next[f->position++];
	return f->position;
}

void user_drop_queue(struct swarm_user *u, uint32_t depth)
{
	struct user_queued **at = &u->queue;

	while (*at != NULL) {
		struct user_queued *q = *at;

		if (q->depth <= depth) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		free(q);
	}
}

static const struct user_task *take_queued(struct swarm_user *u)
{
	struct user_queued *q = u->queue;
	const struct user_task *task = q->task;

	u->queue = q->next;
	free(q);
	return task;
}

static const struct user_task *pick(struct swarm_user *u)
{
	struct user_frame *f = top(u);
	const struct user_set *s = f->set;

	if (s->task_count == 0)
		return NULL;
	if (u->queue != NULL && !u->trying && u->queue->depth == u->depth)
		return take_queued(u);
	if (u->trying)
		return f->position < s->task_count ? &s->tasks[f->position++] :
		    NULL;
	switch (s->flow) {
	case SWARM_SEQUENTIAL:
		return &s->tasks[pick_sequential(f)];
	case SWARM_MARKOV:
		return &s->tasks[pick_markov(u, f)];
	case SWARM_RANDOM:
		break;
	}
	if (s->task_count == 1)
		return &s->tasks[0];
	return &s->tasks[pick_random(u, s)];
}

static void enter(struct swarm_user *u, const struct user_task *t)
{
	user_step(u, t->name);
	u->frames = xreallocarray(u->frames, u->depth + 1,
	    sizeof u->frames[0]);
	u->frames[u->depth++] = (struct user_frame){ .set = t->set };
	if (t->set->start == NULL)
		return;
	u->task = t->name;
	u->task_data = t->data;
	t->set->start(u);
	user_end_task(u);
}

void user_leave_set(struct swarm_user *u)
{
	const struct user_set *s = top(u)->set;

	u->depth--;
	u->leaving = false;
	user_drop_queue(u, u->depth);
	if (s->stop == NULL)
		return;
	u->task_data = s->data;
	s->stop(u);
	user_end_task(u);
}

static void enter_root(struct swarm_user *u)
{
	if (u->depth > 0)
		return;
	u->frames = xcalloc(1, sizeof u->frames[0]);
	u->frames[u->depth++].set = &u->class->root;
}

const struct user_task *user_pick(struct swarm_user *u)
{
	const struct user_task *t;

	enter_root(u);
	for (;;) {
		t = pick(u);
		if (t == NULL && u->depth > 1 && !u->stopping) {
			user_leave_set(u);
			continue;
		}
		if (t == NULL || t->set == NULL || u->stopping)
			return t != NULL && t->set == NULL ? t : NULL;
		enter(u, t);
		if (u->leaving)
			user_leave_set(u);
	}
}

double user_wait(struct swarm_user *u)
{
	const struct swarm_wait *w = NULL;

	for (uint32_t i = u->depth; i > 0 && w == NULL; i--) {
		if (u->frames[i - 1].set->wait.next != NULL)
			w = &u->frames[i - 1].set->wait;
	}
	return w != NULL ? w->next(u, w) : 0;
}

SWARM_API void swarm_leave(struct swarm_user *u, bool at_once)
{
	u->leaving = u->depth > 1;
	u->no_wait = u->no_wait || at_once;
}

SWARM_API int swarm_schedule(struct swarm_user *u, const char *name,
    bool first)
{
	struct user_queued **at = &u->queue;
	const struct user_set *s;
	struct user_queued *q;
	size_t i = 0;

	enter_root(u);
	s = top(u)->set;
	while (i < s->task_count && strcmp(s->tasks[i].name, name) != 0)
		i++;
	if (i == s->task_count) {
		swarm_raise(u, "there is no task \"%s\" to schedule here",
		    name);
		return -1;
	}
	q = xcalloc(1, sizeof *q);
	q->task = &s->tasks[i];
	q->depth = u->depth;
	/* Those of the innermost set come before those of the outer ones. */
	while (!first && *at != NULL && (*at)->depth == u->depth)
		at = &(*at)->next;
	q->next = *at;
	*at = q;
	return 0;
}

SWARM_API void swarm_skip_wait(struct swarm_user *u)
{
	u->no_wait = true;
}
