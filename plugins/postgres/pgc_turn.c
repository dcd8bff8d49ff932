/*
 * The queue behind pools and gates.  What is waited for is handed to the first
 * in it, not put up for whoever is faster: nobody who comes later overtakes.
 */
#include "pgc_turn.h"

#include <errno.h>
#include <stddef.h>

#include <swarm/fiber.h>

static void join(struct pgc_turns *q, struct pgc_turn *t)
{
	if (q->first == NULL)
		q->last = &q->first;
	*q->last = t;
	q->last = &t->next;
}

static void leave(struct pgc_turns *q, const struct pgc_turn *t)
{
	struct pgc_turn **at = &q->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (q->last == &t->next)
		q->last = at;
}

int pgc_turn_wait(struct pgc_turns *q, struct pgc_turn *t, int64_t deadline)
{
	int rc = 0;
	int error;

	t->waker = swarm_waker();
	join(q, t);
	while (rc == 0 && !t->come)
		rc = swarm_park(deadline);
	error = errno;
	swarm_waker_free(t->waker);
	if (t->come)
		return 0;
	leave(q, t);
	errno = error;
	return -1;
}

struct pgc_turn *pgc_turn_give(struct pgc_turns *q)
{
	struct pgc_turn *t = q->first;

	if (t == NULL)
		return NULL;
	q->first = t->next;
	t->come = true;
	swarm_wake(t->waker);
	return t;
}

int pgc_gate_enter(struct pgc_gate *g, int64_t deadline)
{
	struct pgc_turn turn = { .next = NULL };

	if (g->used == g->limit)
		return pgc_turn_wait(&g->turns, &turn, deadline);
	g->used++;
	return 0;
}

void pgc_gate_leave(struct pgc_gate *g)
{
	if (pgc_turn_give(&g->turns) == NULL)
		g->used--;
}
