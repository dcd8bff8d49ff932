/*
 * Fibers: pooled stacks, switched by Boost.Context, one running at a time on
 * the loop thread.  <swarm/fiber.h> is implemented on top, in api.c.
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
};

/* After loop_init(). 0, or -1 after log_error(). */
int fiber_init(const struct fiber_options *);
/* No fiber may be alive. */
void fiber_release(void);

struct fiber;

/*
 * Starts fn(arg) on a pooled stack, on behalf of `user` (may be NULL).  It
 * runs up to its first wait before this returns when called outside a fiber,
 * and soon when called on one.  `ended`, when not NULL, is called on the loop
 * (no fiber) after fn returned and its stack went back to the pool.
 */
struct fiber *fiber_start(struct swarm_user *user, void (*fn)(void *),
    void *arg, void (*ended)(void *));

/* The running fiber, or NULL on the loop's own stack. */
struct fiber *fiber_self(void);
struct swarm_user *fiber_user(const struct fiber *);

/*
 * Suspends the running fiber until fiber_ready(); returns 0 when readied, or
 * -1 with errno ETIMEDOUT or ECANCELED.  The building block of every wait.
 */
int fiber_wait(int64_t deadline);
/* Lets a suspended fiber run in this loop pass.  Loop thread only. */
void fiber_ready(struct fiber *);

/* Present and later waits fail with ECANCELED; undone by
 * fiber_cancel(f, false). */
void fiber_cancel(struct fiber *, bool cancelled);
bool fiber_cancelled(const struct fiber *);

/* Counts for health and tests. */
struct fiber_stats {
	size_t alive;
	size_t stacks;                  /* made so far */
	size_t stack_bytes;             /* high-water mark, debug builds */
	const char *guard;              /* "madvise", "mprotect" or "canary" */
};
void fiber_stats(struct fiber_stats *);

/* A fiber that does not give way for this long is named in the log (the
 * watchdog thread reads what the loop publishes).  0: off. */
void fiber_watchdog(int64_t limit_ns,
    void (*report)(struct swarm_user *, int64_t ran_ns));

#endif
