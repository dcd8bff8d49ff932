/*
 * Begins what is due by a schedule, one after the other, in passes that leave
 * the loop to others: what arrivals and replayed events have in common.  Its
 * owner says what is next and begins it; the time, pauses, who is free and
 * the counts are kept here.
 */
#ifndef USER_PACE_H
#define USER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fiber/loop.h"
#include "user/arrivals.h"
#include "user/internal.h"

/* A start, the pauses and what is due add up without an overflow. */
#define PACE_NEVER (INT64_MAX / 4)

struct ticker;

struct pace {
	struct loop_item again;         /* first: what the loop gives back */
	struct ticker *ticker;          /* NULL: freed */
	/* The owner's, set before pace_init().  When the next is due, ns after
	 * t = 0; PACE_NEVER: there is none now. */
	int64_t (*next)(const struct pace *);
	/* Begins it, due at clock_now() `at`; `late` by more than
	 * ARRIVALS_LATE. */
	void (*begin)(struct pace *, int64_t at, bool late);
	void (*free)(struct pace *);

	int64_t start;                  /* clock_now() of t = 0 */
	int64_t shift;                  /* ns of pauses so far */
	int64_t not_before;             /* clock_now(): nothing is; 0 */
	bool paused;
	bool stopped;
	enum arrivals_busy busy;
	enum arrivals_catch_up catch_up;
	struct user_list idle;          /* waiting longest first */
	uint64_t due;
	uint64_t dropped;
	uint64_t late;
	uint32_t dropped_counter;
	uint32_t late_counter;
};

/* Its owner's first member, zero but for what is set before; takes the start
 * and the manners of the plan.  -1 after log_error(). */
int pace_init(struct pace *, const struct arrivals_plan *);
/* After anything that changes what is next. */
void pace_arm(struct pace *);
/* `free` is called, at once or when the loop has given it back. */
void pace_free(struct pace *);

/* clock_now() of what is due `due` ns after t = 0. */
static inline int64_t pace_at(const struct pace *p, int64_t due)
{
	return p->start + p->shift + due;
}
/* One that is not begun is counted. */
void pace_drop(struct pace *);
/* Fills in its counts and users. */
void pace_status(const struct pace *, struct arrivals_status *);

#endif
