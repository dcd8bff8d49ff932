/* What the files of this room know of a fiber.  Nobody else includes it. */
#ifndef FIBER_IMPL_H
#define FIBER_IMPL_H

#include "fiber/context.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "fiber/stack.h"
#include "fiber/tools.h"

struct swarm_waker;
struct joiner;

enum fiber_state { FIBER_STATE_FREE, FIBER_STATE_NEW, FIBER_STATE_RUNNING,
	FIBER_STATE_WAITING, FIBER_STATE_READY };

/*
 * At the top of its own stack, and used again with it; what is not reset by
 * fiber_start() is kept for the next fiber on that stack.  The most used
 * comes first: a switch without a deadline needs two cache lines of it.
 */
struct fiber {
	struct stack stack;
	context_t context;              /* while it does not run; NULL: never */
	struct loop_item item;
	struct wheel_timer timer;       /* fires at `deadline` or before */
	int64_t deadline;               /* of its wait; INT64_MAX: none */
	struct fiber_group *group;
	enum fiber_state state;
	enum fiber_cause cause;
	int error;                      /* what its wait ends with */
	int fd;
	bool cancelled;
	bool shielded;
	bool parked;
	bool token;                     /* a wake not yet taken */
	uint32_t serial;                /* of the fiber; 0: none */
	struct swarm_user *user;
	void (*fn)(void *);
	void *arg;
	void (*ended)(void *);
	struct fiber *group_next;
	struct fiber **group_prev;
	struct joiner *joiners;
	struct swarm_waker *waker;
	struct tools tools;
};

#define FIBER_LINES 3                   /* of its first members */

/* What readying and entering it touches, on its way into the caches. */
static inline void fiber_prefetch(const struct fiber *f)
{
	for (unsigned i = 0; i < FIBER_LINES; i++)
		__builtin_prefetch((const char *)f + i * 64, 1);
}

/* The same for what it goes on with: its frames and its user. */
static inline void fiber_prefetch_user(const struct fiber *f)
{
	for (unsigned i = 0; i < FIBER_LINES; i++) {
		__builtin_prefetch((const char *)f->context + i * 64);
		__builtin_prefetch((const char *)f->user + i * 64);
	}
}

/* fiber.c: takes the stack's high-water mark, if that is wanted; before
 * anything that would forget it. */
void fiber_measure(const struct fiber *);
/* wake.c: the fiber has ended. */
void wake_detach(struct fiber *);
/* wake.c: the stack goes. */
void wake_release(struct fiber *);
/* api.c: the fiber has ended. */
void api_joined(struct fiber *);
/* offload.c: ends its threads. */
void offload_release(void);

/* deep.c: the running fiber is on the large stack. */
extern bool deep_running;
/* Ends the process: it was about to wait there. */
void deep_refuse(void) __attribute__((noreturn));

/* ---- fiber.c ---- */

/* Ends the process: there is no fiber to wait on. */
void fiber_refuse(void) __attribute__((noreturn));
void deep_release(void);

/* watchdog.c: published by every switch; odd while a fiber runs. */
extern _Atomic uint64_t watchdog_turn;
/* The turn that lasted too long. */
extern _Atomic uint64_t watchdog_late;
/* On the loop thread: the late fiber has given way. */
void watchdog_report(struct swarm_user *);

#endif
