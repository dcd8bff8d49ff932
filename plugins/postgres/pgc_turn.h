/*
 * Fibers that wait for their turn, in the order of coming: for a connection
 * of a pool, or for a place among those that may do something at once.
 */
#ifndef PGC_TURN_H
#define PGC_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct swarm_waker;

/* One who waits; on its own stack.  Zeroed at first. */
struct pgc_turn {
	struct pgc_turn *next;
	struct swarm_waker *waker;
	bool come;
};

/* Those who wait.  Zeroed it is empty. */
struct pgc_turns {
	struct pgc_turn *first;
	struct pgc_turn **last;         /* where the next one goes */
};

/* [fiber] Waits until its turn comes: 0; or -1 with errno, and it is out of
 * the queue.  A turn that came is never lost, whatever else happened. */
int pgc_turn_wait(struct pgc_turns *, struct pgc_turn *, int64_t deadline);
/* [worker] The turn of the first one, who is woken; NULL when nobody waits. */
struct pgc_turn *pgc_turn_give(struct pgc_turns *);

/* Places, so many at once; they go from hand to hand.  Set the limit. */
struct pgc_gate {
	int limit;
	int used;
	struct pgc_turns turns;
};

/* [fiber] 0, or -1 with errno as any wait. */
int pgc_gate_enter(struct pgc_gate *, int64_t deadline);
/* [worker] Once for each that entered. */
void pgc_gate_leave(struct pgc_gate *);

#endif
