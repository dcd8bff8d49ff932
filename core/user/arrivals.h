/*
 * The open load model on a worker: iterations start by a schedule, each on a
 * free user.  When no user is free an arrival waits in a queue with its
 * intended time, or is dropped and counted.  Response times count from the
 * intended start, so a slow target cannot slow the load down unseen.
 *
 * Driven by a timer of its own, finer than the wheel's tick.
 */
#ifndef USER_ARRIVALS_H
#define USER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arrivals_busy { ARRIVALS_QUEUE, ARRIVALS_DROP };

/* A worker's share of the load, as the master's plan carries it. */
struct arrivals_plan {
	unsigned number;                /* a plan sent again has the same */
	const char *schedule;           /* text of schedule_parse() */
	bool poisson;
	unsigned stripe;
	unsigned stripes;
	uint64_t seed;
	int64_t start;                  /* clock_now() of t = 0; on the wire to
	                                 * another machine: from arrival on */
	bool relative;
	enum arrivals_busy busy;
	size_t queue_max;
};

/*
 * From now on users run an iteration only when one arrives.  A new plan
 * replaces the one before from its next arrival on; those queued stay.  The
 * same plan again changes nothing.  0, or -1 after log_error().
 */
int arrivals_start(const struct arrivals_plan *);
void arrivals_stop(void);
bool arrivals_active(void);

/* "key=value" words (caller frees), and back, for the wire; a relative start
 * becomes an absolute one.  0, or -1 when malformed; `schedule` then points
 * into the text. */
char *arrivals_plan_text(const struct arrivals_plan *);
int arrivals_plan_parse(struct arrivals_plan *, char *text);

struct swarm_user;
/* life.c: the user has ended an iteration.  True: `u` has its next one, due
 * at u->intended; false: it is on the list of free users. */
bool arrivals_next(struct swarm_user *u);
/* life.c: takes a free user off the list. */
void arrivals_forget(struct swarm_user *u);

struct arrivals_status {
	uint64_t due;                   /* arrivals so far */
	uint64_t dropped;
	size_t queued;
	size_t free_users;
	bool ended;                     /* the schedule is over and done */
};
void arrivals_status(struct arrivals_status *);

#endif
