/*
 * A replayed trace on a worker: arrivals whose moments come from a file and
 * which carry what is to be done.  The master reads the file and sends the
 * events of this worker's share a little ahead (core/run/replay.h).
 *
 * An event belongs to a user of the trace.  Its events run one after the
 * other, in order, on one simulated user of the pool as long as that has
 * nothing else to do: so it keeps its connection and its cookies.  Which of
 * the pool that is does not matter.  An event that is due before the one ahead
 * of it has ended waits for it; with `overlap` it takes another of the pool.
 */
#ifndef USER_REPLAY_H
#define USER_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/arrivals.h"

/* How a plan's schedule begins that is such a replay: "replay:NAME", or
 * "replay,overlap:NAME", after the trace that performs it. */
#define REPLAY_SCHEDULE "replay"
#define REPLAY_CLASS    "replay"        /* of users */
/* The series of how long after its moment each event was begun. */
#define REPLAY_TYPE     "REPLAY"
#define REPLAY_LAG      "lag"

struct replay;
struct swarm_trace;
struct swarm_user;

/* Before user classes are chosen from: one that performs events. */
int replay_add_class(void);
/* What a module exports. */
void replay_offer(const struct swarm_trace *);
const struct swarm_trace *replay_find(const char *name);
void replay_each(void (*fn)(const struct swarm_trace *, void *), void *arg);
/* "http, beats"; empty: none. */
void replay_names(struct buf *out);

/* NULL after log_error().  Owner: the executor's gate; there is one in a
 * process at most. */
struct replay *replay_new(const struct arrivals_plan *);
void replay_free(struct replay *);
/*
 * Events as record_put() has packed them, numbered from `number` on; copied.
 * Numbers that do not follow those before begin anew.  `hurry`: whoever sent
 * them waits to hear which are done with.  Without a replay that goes on they
 * are of no use to anyone.
 */
void replay_take(const void *data, size_t len, uint64_t number, bool hurry);
/* Of a local worker: where it notes what it has begun (user/begun.h). */
void replay_note_begun(int fd);
void replay_pause(struct replay *, bool paused, int64_t shift);
/* Nothing more is begun; what waits is whoever's sent it. */
void replay_stop(struct replay *);
/* As arrivals_next(). */
bool replay_next(struct replay *, struct swarm_user *);
void replay_status(const struct replay *, struct arrivals_status *);
/* The first number that is not done with. */
uint64_t replay_settled(const struct replay *);
/*
 * When it has stopped and no user is left: those from there on that are done
 * with (tally_beyond()), until the next call; the others were not begun.
 * False: that can't be said.
 */
bool replay_beyond(const struct replay *, const void **bits, size_t *len);

#endif
