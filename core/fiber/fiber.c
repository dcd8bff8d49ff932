/*
 * Fibers.  Every switch goes between a fiber and the loop's own stack (the
 * hub): a fiber that waits jumps to the hub, the run queue jumps into the next
 * one.  A pooled stack keeps its suspended context in fiber_main()'s loop, so
 * that starting a fiber is a jump too, and the sanitizers and valgrind learn
 * of a stack once.
 *
 * The one state machine: WAITING -> READY by whoever comes first of
 * fiber_ready(), the deadline and a cancellation; the reason is noted in
 * `error` and the others then do nothing.  So a wake that came before the
 * timeout is not lost, and the other way round.
 */
#include "fiber/fiber_impl.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define STACK_DEFAULT (64 * 1024)
#define STACK_LEAST (32 * 1024)
/* Sanitized frames are several times as large. */
#define STACK_SANITIZED (256 * 1024)

#ifdef NDEBUG
#define MEASURED false
#else
#define MEASURED true
#endif

static struct {
	struct fiber *current;
	context_t context;              /* while a fiber runs */
	struct tools tools;
	size_t alive;
	size_t high_water;
	size_t stack_size;
	bool measuring;                 /* high_water */
	uint32_t serial;                /* of the fiber last started */
} hub;

void fiber_measure(const struct fiber *f)
{
	size_t used;

	if (!hub.measuring)
		return;
	used = stack_high_water(&f->stack);
	if (used > hub.high_water)
		hub.high_water = used;
}

void fiber_measure_stacks(bool on)
{
	hub.measuring = on;
}

/* The stack, with the fiber on it, goes. */
static void fiber_forget(struct stack *s)
{
	struct fiber *f = (struct fiber *)s;

	wake_release(f);
	tools_stack_end(&f->tools);
}

int fiber_init(const struct fiber_options *o)
{
	size_t size = o->stack_size ? o->stack_size : STACK_DEFAULT;

	if (size < STACK_LEAST)
		size = STACK_LEAST;
	if ((TOOLS_ASAN || TOOLS_TSAN) && size < STACK_SANITIZED)
		size = STACK_SANITIZED;
	memset(&hub, 0, sizeof(hub));
	hub.measuring = MEASURED;
	hub.stack_size = size;
	tools_thread(&hub.tools);
	return stack_init(&(struct stack_options){ .size = size,
	    .head = sizeof(struct fiber), .guard = o->guard,
	    .forget = fiber_forget });
}

static struct fiber *fiber_at(uint32_t index)
{
	return (struct fiber *)stack_at(index);
}

void fiber_release(void)
{
	fiber_watchdog(0, NULL);
	offload_release();
	deep_release();
	for (uint32_t i = 0; i < stack_count(); i++) {
		struct fiber *f = fiber_at(i);

		if (f->context)
			fiber_forget(&f->stack);
	}
	stack_release();
}

struct fiber *fiber_self(void)
{
	return hub.current;
}

struct swarm_user *fiber_user(const struct fiber *f)
{
	return f->user;
}

struct fiber_group *fiber_group(const struct fiber *f)
{
	return f->group;
}

/* It would crash a few lines further on, in swarm's code, and nobody would
 * look for the mistake in the module's. */
void fiber_refuse(void)
{
	log_error("a function that waits was called where no fiber runs: in "
	          "load(), setup(), worker_start(), a hook or a callback; "
	          "those marked [fiber] belong into tasks, start() and stop() "
	          "of users");
	abort();
}

/* Every wait begins with it. */
bool fiber_cancelled(const struct fiber *f)
{
	if (__builtin_expect(!f, 0))
		fiber_refuse();
	return f->cancelled || (f->group && f->group->cancelled);
}

/* From the running fiber to the hub; returns when it is resumed. */
static void fiber_leave(struct fiber *f)
{
	struct context_from from;

	if (__builtin_expect(deep_running, 0))
		deep_refuse();
	tools_leave(&f->tools, &hub.tools);
	from = context_jump(hub.context, NULL);
	hub.context = from.context;
	tools_back(&f->tools, &hub.tools);
}

static void fiber_main(struct context_from from)
{
	struct fiber *f = from.data;

	hub.context = from.context;
	tools_back(&f->tools, &hub.tools);
	for (;;) {
		f->fn(f->arg);
		f->state = FIBER_STATE_FREE;
		fiber_leave(f);
	}
}

static void fiber_group_add(struct fiber_group *g, struct fiber *f)
{
	f->group = g;
	if (!g)
		return;
	f->group_next = g->first;
	if (g->first)
		g->first->group_prev = &f->group_next;
	f->group_prev = &g->first;
	g->first = f;
	g->count++;
}

static void fiber_group_remove(struct fiber *f)
{
	struct fiber_group *g = f->group;

	if (!g)
		return;
	*f->group_prev = f->group_next;
	if (f->group_next)
		f->group_next->group_prev = f->group_prev;
	f->group = NULL;
	if (g->waiter)
		fiber_ready(g->waiter);
	if (--g->count == 0 && g->empty)
		g->empty(g);
}

/* On the hub: the fiber's function has returned. */
static void fiber_retire(struct fiber *f)
{
	void (*ended)(void *) = f->ended;
	void *arg = f->arg;

	fiber_measure(f);
	hub.alive--;
	f->serial = 0;
	wheel_del(&f->timer);
	if (f->waker)
		wake_detach(f);
	if (f->joiners)
		api_joined(f);
	fiber_group_remove(f);
	stack_put(&f->stack);
	if (ended)
		ended(arg);
}

static void __attribute__((noreturn)) fiber_overflow(void)
{
	log_error("a fiber has run over the end of its stack and damaged "
	          "memory: its task needs a smaller stack frame (no large "
	          "arrays) or the run a larger stack size");
	abort();
}

/* From the hub into a fiber; returns when it waits or has ended. */
static inline __attribute__((always_inline)) void fiber_enter(struct fiber *f)
{
	struct context_from from;
	uint64_t turn;

	f->state = FIBER_STATE_RUNNING;
	f->cause = FIBER_RUNNING;
	hub.current = f;
	turn = atomic_load_explicit(&watchdog_turn, memory_order_relaxed) + 1;
	atomic_store_explicit(&watchdog_turn, turn, memory_order_relaxed);
	tools_leave(&hub.tools, &f->tools);
	from = context_jump(f->context, f);
	f->context = from.context;
	f->item.hint = from.context;
	tools_back(&hub.tools, &f->tools);
	atomic_store_explicit(&watchdog_turn, turn + 1, memory_order_relaxed);
	if (__builtin_expect(atomic_load_explicit(&watchdog_late,
	                         memory_order_relaxed) == turn, 0))
		watchdog_report(f->user);
	hub.current = NULL;
	if (__builtin_expect(stack_has_canary, 0) && !stack_intact(&f->stack))
		fiber_overflow();
	if (f->state == FIBER_STATE_FREE)
		fiber_retire(f);
}

/* Runs the fibers behind it in the queue as well: each return to the loop
 * would be mispredicted, since the processor's return stack does not know of
 * switches. */
static void fiber_run_item(struct loop_item *item)
{
	do {
		fiber_enter((struct fiber *)(void *)(
		    (char *)item - offsetof(struct fiber, item)));
		item = loop_more(fiber_run_item);
	} while (item);
}

static void fiber_wake(struct fiber *f, int error)
{
	f->error = error;
	f->state = FIBER_STATE_READY;
	loop_defer(&f->item);
}

/*
 * A wait leaves its timer set when it ends, because the next one mostly has a
 * later deadline: one that fires too early for it is set anew, once in the
 * time of a deadline and not once in each wait.
 */
static void fiber_expire(struct wheel_timer *t)
{
	struct fiber *f = (struct fiber *)(void *)((char *)t -
	    offsetof(struct fiber, timer));

	if (f->state != FIBER_STATE_WAITING || f->deadline == INT64_MAX)
		return;
	if (f->deadline > t->when)
		wheel_add(t, f->deadline);
	else
		fiber_wake(f, ETIMEDOUT);
}

/* The first fiber on this stack. */
static void fiber_prepare(struct fiber *f)
{
	char *top = (char *)f;
	size_t size = (size_t)(top - f->stack.low);

	tools_stack(&f->tools, f->stack.low, size);
	f->context = context_make(top, size, fiber_main);
	f->item.run = fiber_run_item;
	f->timer.fire = fiber_expire;
}

static inline __attribute__((always_inline)) struct fiber *fiber_new(
    struct fiber_group *g, struct swarm_user *user, void (*fn)(void *),
    void *arg, void (*ended)(void *))
{
	struct fiber *f = (struct fiber *)stack_get();

	if (!f->context)
		fiber_prepare(f);
	if (++hub.serial == 0)
		hub.serial = 1;
	f->serial = hub.serial;
	f->state = FIBER_STATE_NEW;
	f->cause = FIBER_YIELD;
	f->fd = -1;
	f->cancelled = false;
	f->shielded = false;
	f->token = false;
	f->fn = fn;
	f->arg = arg;
	f->ended = ended;
	f->user = user;
	hub.alive++;
	fiber_group_add(g, f);
	return f;
}

struct fiber *fiber_start_in(struct fiber_group *g, struct swarm_user *user,
    void (*fn)(void *), void *arg, void (*ended)(void *))
{
	struct fiber *f = fiber_new(g, user, fn, arg, ended);
	uint32_t serial = f->serial;

	if (hub.current) {
		loop_defer(&f->item);
		return f;
	}
	fiber_enter(f);
	return f->serial == serial ? f : NULL;
}

struct fiber *fiber_start_soon(struct fiber_group *g, struct swarm_user *user,
    void (*fn)(void *), void *arg, void (*ended)(void *))
{
	struct fiber *f = fiber_new(g, user, fn, arg, ended);

	loop_defer(&f->item);
	return f;
}

struct fiber *fiber_start(struct swarm_user *user, void (*fn)(void *),
    void *arg, void (*ended)(void *))
{
	return fiber_start_in(NULL, user, fn, arg, ended);
}

static int fiber_suspend(
    struct fiber *f, enum fiber_cause cause, int64_t deadline)
{
	f->cause = cause;
	f->state = FIBER_STATE_WAITING;
	f->deadline = deadline;
	if (deadline != INT64_MAX && (!wheel_pending(&f->timer) ||
	    f->timer.when > deadline))
		wheel_add(&f->timer, deadline);
	fiber_leave(f);
	if (!f->error)
		return 0;
	errno = f->error;
	return -1;
}

int fiber_wait_for(enum fiber_cause cause, int fd, int64_t deadline)
{
	struct fiber *f = hub.current;

	if (fiber_cancelled(f)) {
		errno = ECANCELED;
		return -1;
	}
	f->fd = fd;
	return fiber_suspend(f, cause, deadline);
}

int fiber_wait(int64_t deadline)
{
	return fiber_wait_for(FIBER_EVENT, -1, deadline);
}

int fiber_wait_shielded(enum fiber_cause cause, int64_t deadline)
{
	struct fiber *f = hub.current;
	int rc;

	f->shielded = true;
	f->fd = -1;
	rc = fiber_suspend(f, cause, deadline);
	f->shielded = false;
	return rc;
}

uint64_t fiber_turn(void)
{
	return atomic_load_explicit(&watchdog_turn, memory_order_relaxed);
}

int fiber_yield(void)
{
	struct fiber *f = hub.current;

	if (fiber_cancelled(f)) {
		errno = ECANCELED;
		return -1;
	}
	f->cause = FIBER_YIELD;
	f->fd = -1;
	fiber_wake(f, 0);
	fiber_leave(f);
	return 0;
}

void fiber_ready(struct fiber *f)
{
	if (f->state == FIBER_STATE_WAITING)
		fiber_wake(f, 0);
}

void fiber_fail(struct fiber *f, int error)
{
	if (f->state == FIBER_STATE_WAITING)
		fiber_wake(f, error);
}

void fiber_cancel(struct fiber *f, bool cancelled)
{
	f->cancelled = cancelled;
	if (cancelled && !f->shielded)
		fiber_fail(f, ECANCELED);
}

void fiber_group_cancel(struct fiber_group *g, bool cancelled)
{
	g->cancelled = cancelled;
	if (!cancelled)
		return;
	for (struct fiber *f = g->first; f; f = f->group_next)
		if (!f->shielded)
			fiber_fail(f, ECANCELED);
}

int fiber_group_wait(struct fiber_group *g, int64_t deadline)
{
	struct fiber *f = hub.current;
	size_t left = f->group == g;
	int rc = 0;

	while (rc == 0 && g->count > left) {
		g->waiter = f;
		rc = fiber_wait_shielded(FIBER_JOIN, deadline);
		g->waiter = NULL;
	}
	return g->count > left ? rc : 0;
}

uint64_t fiber_id(struct fiber *f)
{
	if (!f)
		return 0;
	return (uint64_t)f->serial << 32 | (f->stack.index + 1);
}

struct fiber *fiber_find(uint64_t id)
{
	uint32_t index = (uint32_t)id;
	struct fiber *f;

	if (index == 0 || index > stack_count())
		return NULL;
	f = fiber_at(index - 1);
	return f->serial && f->serial == (uint32_t)(id >> 32) ? f : NULL;
}

void fiber_stats(struct fiber_stats *s)
{
	*s = (struct fiber_stats){ .alive = hub.alive,
		.stacks = stack_count(), .stack_bytes = hub.high_water,
		.stack_size = hub.stack_size,
		.guard = stack_guard() };
}

const char *fiber_cause_name(enum fiber_cause cause)
{
	static const char *const names[] = { "waiting for an event", "asleep",
		"parked", "waiting to read", "waiting to write",
		"waiting for a blocking call", "waiting for another fiber",
		"about to run", "running" };

	return names[cause];
}

void fiber_dump(void (*each)(const struct fiber_info *, void *), void *arg)
{
	for (uint32_t i = 0; i < stack_count(); i++) {
		struct fiber *f = fiber_at(i);

		if (f->state == FIBER_STATE_FREE)
			continue;
		each(&(struct fiber_info){ .user = f->user, .cause = f->cause,
		         .fd = f->fd,
		         .deadline = f->state == FIBER_STATE_WAITING ?
		             f->deadline : INT64_MAX,
		         .cancelled = fiber_cancelled(f) }, arg);
	}
}
