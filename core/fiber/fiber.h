/*
 * Fibers: pooled stacks, switched by Boost.Context, one running at a time on
 * the loop thread.  <swarm/fiber.h> is implemented on top, in api.c and its
 * neighbours.  Everything here belongs to the loop thread.
 */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fiber/wheel.h"

struct swarm_user;

struct fiber_options {
	size_t stack_size;              /* bytes, virtual; 0: 64 KiB */
	const char *guard;              /* NULL: the best; see fiber_stats */
};

/* After loop_init(). 0, or -1 after log_error(). */
int fiber_init(const struct fiber_options *);
/* No fiber may be alive.  Before loop_release(). */
void fiber_release(void);

struct fiber;

/*
 * The fibers of one owner (a user: its task and its helpers), embedded in the
 * owner and zero at first.
 */
struct fiber_group {
	struct fiber *first;
	size_t count;
	bool cancelled;
	struct fiber *waiter;
	/* When not NULL: the last fiber has ended.  Called on the loop, before
	 * that fiber's `ended`. */
	void (*empty)(struct fiber_group *);
};

/*
 * Starts fn(arg) on a pooled stack, on behalf of `user` (may be NULL).  It
 * runs up to its first wait before this returns when called outside a fiber,
 * and soon when called on one.  `ended`, when not NULL, is called on the loop
 * (no fiber) after fn returned and its stack went back to the pool.
 *
 * NULL when it has already ended; `ended` was called then.
 */
struct fiber *fiber_start(struct swarm_user *user, void (*fn)(void *),
    void *arg, void (*ended)(void *));
/* As fiber_start(), into a group; NULL for none. */
struct fiber *fiber_start_in(struct fiber_group *, struct swarm_user *user,
    void (*fn)(void *), void *arg, void (*ended)(void *));
/* The same, but it runs soon and not at once, wherever this is called; never
 * NULL. */
struct fiber *fiber_start_soon(struct fiber_group *, struct swarm_user *user,
    void (*fn)(void *), void *arg, void (*ended)(void *));

/* The running fiber, or NULL on the loop's own stack. */
struct fiber *fiber_self(void);
struct swarm_user *fiber_user(const struct fiber *);
struct fiber_group *fiber_group(const struct fiber *);

/* What a fiber waits for; only fiber_dump() looks at it. */
enum fiber_cause { FIBER_EVENT, FIBER_SLEEP, FIBER_PARK, FIBER_READABLE,
	FIBER_WRITABLE, FIBER_OFFLOAD, FIBER_JOIN, FIBER_YIELD, FIBER_RUNNING };

/*
 * Suspends the running fiber until fiber_ready(); returns 0 when readied, or
 * -1 with errno ETIMEDOUT or ECANCELED.  The building block of every wait.
 */
int fiber_wait(int64_t deadline);
/* The same, saying why; `fd` where there is one, else -1. */
int fiber_wait_for(enum fiber_cause, int fd, int64_t deadline);
/* The same, deaf to cancellation. */
int fiber_wait_shielded(enum fiber_cause, int64_t deadline);
/* Lets the others run first.  0, or -1 with ECANCELED. */
int fiber_yield(void);
/* A number that is another one once the running fiber has given way. */
uint64_t fiber_turn(void);
/* Lets a suspended fiber run in this loop pass; nothing if it is not
 * suspended. */
void fiber_ready(struct fiber *);
/* As fiber_ready(), but its wait fails with `error`. */
void fiber_fail(struct fiber *, int error);

/* Present and later waits fail with ECANCELED; undone by
 * fiber_cancel(f, false). */
void fiber_cancel(struct fiber *, bool cancelled);
/* By itself or with its group. */
bool fiber_cancelled(const struct fiber *);
/* The same for every fiber of the group, those started later too.  It is a
 * second reason beside fiber_cancel(), not the same. */
void fiber_group_cancel(struct fiber_group *, bool cancelled);
/* Waits, on a fiber and deaf to cancellation, until no fiber but the caller
 * is in the group.  0, or -1 with ETIMEDOUT.  One waiter at a time. */
int fiber_group_wait(struct fiber_group *, int64_t deadline);

/* A name for a fiber that outlives it; 0 for NULL. */
uint64_t fiber_id(struct fiber *);
/* NULL when it has ended. */
struct fiber *fiber_find(uint64_t id);

/* The handle of <swarm/fiber.h> on a fiber; NULL has one too. */
struct swarm_fiber;
struct swarm_fiber *fiber_handle(struct fiber *);

/* Counts for health and tests. */
struct fiber_stats {
	size_t alive;
	size_t stacks;                  /* made so far */
	size_t stack_bytes;             /* high-water mark, if measured */
	size_t stack_size;              /* of each */
	const char *guard;              /* "madvise", "mprotect" or "canary" */
};
void fiber_stats(struct fiber_stats *);
/* Whether each stack's high-water mark is taken when its fiber ends, which
 * reads it whole.  Debug builds do from the start. */
void fiber_measure_stacks(bool);

/*
 * A fiber that does not give way for this long is reported: on the loop
 * thread once it has given way (fiber_self() is still that fiber); and while
 * it still has not after ten times that, once, on the watchdog's own thread
 * with a NULL user.  0: off.  `limit_ns` is at least 1 ms; what was seen to
 * run may be shorter than the truth by a half of it.
 */
void fiber_watchdog(int64_t limit_ns,
    void (*report)(struct swarm_user *, int64_t ran_ns));

/* Every fiber alive, in no order. */
struct fiber_info {
	struct swarm_user *user;
	enum fiber_cause cause;
	int fd;                         /* -1: none */
	int64_t deadline;               /* INT64_MAX: none */
	bool cancelled;
};
void fiber_dump(void (*each)(const struct fiber_info *, void *), void *arg);
/* "reading", "asleep", ... */
const char *fiber_cause_name(enum fiber_cause);

#endif
