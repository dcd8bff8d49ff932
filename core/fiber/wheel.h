/*
 * Timers: a hashed wheel of 1 ms slots with a second level for the far
 * future, driven by one timerfd armed for the next slot in use.  Adding and
 * removing are O(1).  libevent's heap falls behind at a million timers.
 *
 * A timer never fires early; it fires at most one tick (1 ms) late when the
 * loop is idle.
 */
#ifndef FIBER_WHEEL_H
#define FIBER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

struct wheel_timer {
	struct wheel_timer **place;     /* in the wheel; NULL: not set */
	int64_t when;                   /* ns, clock_now() */
	void (*fire)(struct wheel_timer *);
};

/* (Re)sets `t`, embedded in the caller's memory.  t->fire must be set. */
void wheel_add(struct wheel_timer *t, int64_t when);
/* Fine when not set. */
void wheel_del(struct wheel_timer *t);
static inline bool wheel_pending(const struct wheel_timer *t)
{
	return t->place != 0;
}
/* Fires everything due now (the loop calls it; tests too). */
void wheel_advance(int64_t now);
/* The earliest instant at which a timer may be due; INT64_MAX for none. */
int64_t wheel_next(void);

#endif
