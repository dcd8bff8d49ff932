/*
 * The open load model on a worker: iterations start by a schedule, each on a
 * free user.  When no user is free an arrival waits in a queue with its
 * intended time, or is dropped and counted.  Response times count from the
 * intended start, so a slow target cannot slow the load down unseen.
 *
 * One of these for each executor with a rate; each is driven by a timer of
 * its own, finer than the wheel's tick.
 */
#ifndef USER_ARRIVALS_H
#define USER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* An arrival that finds no free user. */
enum arrivals_busy { ARRIVALS_QUEUE, ARRIVALS_DROP };

/*
 * Arrivals that became due while the worker was held up, by more than
 * ARRIVALS_LATE: all at once, with their intended times; at no more than twice
 * the rate, with their intended times; or not at all, and counted.
 */
enum arrivals_catch_up { ARRIVALS_BURST, ARRIVALS_SPREAD, ARRIVALS_SKIP };

#define ARRIVALS_LATE (10 * INT64_C(1000000))   /* ns */

/* A worker's share of a schedule, as the master's plan carries it. */
struct arrivals_plan {
	unsigned number;                /* a plan sent again has the same */
	const char *schedule;           /* text of schedule_parse(), or of a
	                                 * replay (replay.h) */
	bool poisson;
	unsigned stripe;
	unsigned stripes;
	uint64_t seed;
	int64_t start;                  /* clock_now() of t = 0, pauses left
	                                 * out; on the wire to another
	                                 * machine: from arrival on */
	bool relative;
	int64_t shared;                 /* t = 0 by the master's clock, which a
	                                 * worker elsewhere knows better than
	                                 * when a plan was sent; 0: not said */
	bool common;                    /* `start` was made of that */
	int64_t from;                   /* ns after t = 0: what is due before
	                                 * belongs to the plan before */
	enum arrivals_busy busy;
	enum arrivals_catch_up catch_up;
	size_t queue_max;
};

struct arrivals;
struct swarm_user;

/* NULL after log_error().  Owner: the executor's gate. */
struct arrivals *arrivals_new(const struct arrivals_plan *);
void arrivals_free(struct arrivals *);
/*
 * A later plan takes over where it says; those queued stay.  The same plan
 * again changes nothing.  0, or -1 after log_error().
 */
int arrivals_update(struct arrivals *, const struct arrivals_plan *);
/* While paused no arrival is due.  `shift`: ns of all pauses so far, by which
 * intended times have moved. */
void arrivals_pause(struct arrivals *, bool paused, int64_t shift);
/* No more of them; those queued are dropped. */
void arrivals_stop(struct arrivals *);

/* life.c: the user has ended an iteration.  True: `u` has its next one, due
 * at u->intended; false: it is on the list of free users. */
bool arrivals_next(struct arrivals *, struct swarm_user *u);

/* "key=value" words, and back, for the wire; a relative start becomes an
 * absolute one.  0, or -1 when malformed; `schedule` then points into the
 * text. */
void arrivals_plan_text(const struct arrivals_plan *, struct buf *out);
int arrivals_plan_parse(struct arrivals_plan *, char *text);
/* "burst", "spread", "drop"; 0, or -1. */
int arrivals_catch_up_parse(const char *, enum arrivals_catch_up *);
/* "queue", "drop"; 0, or -1. */
int arrivals_busy_parse(const char *, enum arrivals_busy *);

struct arrivals_status {
	uint64_t due;                   /* arrivals so far */
	uint64_t dropped;               /* no free user, or skipped */
	uint64_t late;                  /* by more than ARRIVALS_LATE */
	size_t queued;
	size_t free_users;
};
void arrivals_status(const struct arrivals *, struct arrivals_status *);

#endif
