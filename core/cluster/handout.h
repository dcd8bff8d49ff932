/*
 * Events of a replayed trace to the workers: each user's to one of them, for
 * as long as that is there.  For the master, and for a relay with the workers
 * below it.
 *
 * What was handed out stays here until the worker has said that it is done
 * with it.  When a worker is lost, the others get what it had not begun, as
 * far as that is certain: of a local one that is known to the event
 * (user/begun.h), likewise of one that has stopped in order and said so; else
 * of one elsewhere it is what was not sent to it any more.  Nothing is handed
 * out twice that may have been begun.
 *
 * A worker that joins gets its share of the users.  One of them moves when the
 * worker that had it is done with what it was given of that user; until then
 * its events wait here, so that their order is kept.
 */
#ifndef CLUSTER_HANDOUT_H
#define CLUSTER_HANDOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/record.h"

struct handout_held;
struct handout_holder;
struct handout_moves;
struct peer;

struct handout {
	/* The caller's, as is `hurry`; `gave` is told of each event that a
	 * worker gets. */
	void (*gave)(struct peer *, void *arg);
	void *arg;
	struct handout_holder **holders;
	size_t count;
	/* Of these, those that get events, and their places for
	 * record_place(). */
	struct handout_holder **open;
	uint64_t *places;
	size_t open_count;
	unsigned serial;                /* of holders, so far */
	uint64_t nobodys;               /* events without a user, so far */
	struct handout_moves *moves;    /* NULL: no user is moving */
	struct handout_held *held;      /* of these, in order */
	struct handout_held **held_last;
	size_t held_bytes;
	int64_t now;                    /* of the replay's time */
	bool hurry;                     /* the caller waits for what is done */
};

/* All zero before, but for `gave`. */
void handout_release(struct handout *);
bool handout_has(const struct handout *, const struct peer *);
/* It gets users from now on.  False: not yet, what is under way elsewhere is
 * not known to the event; try again. */
bool handout_join(struct handout *, struct peer *);
/* It gets no events from now on; handout_gone() follows. */
void handout_leave(struct handout *, struct peer *);
/* To a worker with the next batch, or kept here.  `mark`: the caller's own
 * number, which only rises.  -1 when nobody is left. */
int handout_put(struct handout *, const struct record *, uint64_t mark);
/* Sends what there is; `now` of the replay's time, ns. */
void handout_flush(struct handout *, int64_t now);
/* News of a worker. */
void handout_settled(struct handout *, const struct peer *, uint64_t settled);
/* It has stopped: from `settled` on, which was told before, these are done
 * with (a bit each), and the others not begun. */
void handout_stopped(struct handout *, const struct peer *, uint64_t settled,
    const void *beyond, size_t len);
/* More must not be read: too much waits here. */
bool handout_full(const struct handout *);
/* Nothing waits here. */
bool handout_idle(const struct handout *);
/* Everything that was put is done with. */
bool handout_over(const struct handout *);
/* The lowest mark of all events that somebody is not done with; UINT64_MAX. */
uint64_t handout_oldest(const struct handout *);

struct handout_account {
	int64_t given;                  /* events, in all */
	int64_t settled;                /* of these, all but some at the end */
	int64_t again;                  /* given to others */
	int64_t lost;                   /* there were no others */
	bool exact;                     /* it is done with the rest */
};
/* It is lost, or has stopped.  `ended`: it will begin nothing more. */
void handout_gone(struct handout *, const struct peer *, bool ended,
    struct handout_account *);

#endif
