/*
 * The rest of <swarm/fiber.h>, and <swarm/loop.h> and <swarm/libevent.h>.
 *
 * The handle of a spawned fiber is not memory but a name (stack and serial
 * number) in the shape of a pointer: a fiber may be joined after its end or
 * never, and nothing is left behind either way.
 */
#include <swarm/fiber.h>
#include <swarm/libevent.h>
#include <swarm/loop.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "fiber/fiber_impl.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

/* A sleep this long is worth giving a deep stack's pages back for. */
#define TRIM_NS (10 * NS_PER_S)

struct joiner {
	struct joiner *next;
	struct fiber *fiber;
	bool done;
};

int64_t swarm_now(void)
{
	return clock_now();
}

int64_t swarm_in(double seconds)
{
	int64_t now = clock_now();

	/* The negation catches a NaN too. */
	if (!(seconds > 0))
		return now;
	if (seconds >= (double)(INT64_MAX - now) / 1e9)
		return SWARM_FOREVER;
	return now + (int64_t)(seconds * 1e9);
}

int swarm_sleep_until(int64_t deadline)
{
	int64_t left = deadline - clock_now();
	struct fiber *f = fiber_self();

	if (left <= 0)
		return fiber_yield();
	if (left >= TRIM_NS && !fiber_cancelled(f)) {
		fiber_measure(f);
		stack_trim(&f->stack, __builtin_frame_address(0));
	}
	while (fiber_wait_for(FIBER_SLEEP, -1, deadline) == 0)
		;
	return errno == ETIMEDOUT ? 0 : -1;
}

int swarm_sleep(double seconds)
{
	if (!(seconds > 0))
		return fiber_yield();
	return swarm_sleep_until(swarm_in(seconds));
}

static struct swarm_fiber *api_handle(uint64_t id)
{
	return (struct swarm_fiber *)(uintptr_t)id;
}

static struct fiber *api_fiber(struct swarm_fiber *handle)
{
	return fiber_find((uint64_t)(uintptr_t)handle);
}

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t),
    "a fiber's handle needs 64 bits");

struct swarm_fiber *fiber_handle(struct fiber *f)
{
	return api_handle(fiber_id(f));
}

void api_joined(struct fiber *f)
{
	struct joiner *j;

	for (j = f->joiners; j; j = j->next) {
		j->done = true;
		fiber_ready(j->fiber);
	}
	f->joiners = NULL;
}

static void api_unjoin(struct fiber *f, struct joiner *j)
{
	struct joiner **at = &f->joiners;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
}

int swarm_join(struct swarm_fiber *handle, int64_t deadline)
{
	struct joiner j = { .fiber = fiber_self() };
	struct fiber *f = api_fiber(handle);
	int error;

	if (fiber_cancelled(j.fiber)) {
		errno = ECANCELED;
		return -1;
	}
	if (!f)
		return 0;
	if (f == j.fiber) {
		errno = EDEADLK;
		return -1;
	}
	j.next = f->joiners;
	f->joiners = &j;
	while (!j.done && fiber_wait_for(FIBER_JOIN, -1, deadline) == 0)
		;
	if (j.done)
		return 0;
	error = errno;
	api_unjoin(f, &j);
	errno = error;
	return -1;
}

void swarm_reap(struct swarm_fiber *handle)
{
	struct joiner j = { .fiber = fiber_self() };
	struct fiber *f;

	if (swarm_join(handle, SWARM_FOREVER) == 0)
		return;
	f = api_fiber(handle);
	if (!f || f == j.fiber)
		return;
	fiber_cancel(f, true);
	j.next = f->joiners;
	f->joiners = &j;
	while (!j.done)
		fiber_wait_shielded(FIBER_JOIN, SWARM_FOREVER);
}

void swarm_cancel(struct swarm_fiber *handle)
{
	struct fiber *f = api_fiber(handle);

	if (f)
		fiber_cancel(f, true);
}

struct swarm_watch {
	struct event *event;
	unsigned want;
	void (*ready)(int, unsigned, void *);
	void *arg;
};

static void api_watched(evutil_socket_t fd, short what, void *arg)
{
	struct swarm_watch *w = arg;
	unsigned ready = 0;

	loop_woke();
	if (what & EV_READ)
		ready |= SWARM_READ;
	if (what & EV_WRITE)
		ready |= SWARM_WRITE;
	/* The last use of w: the callback may free it. */
	w->ready((int)fd, ready & w->want, w->arg);
}

static short api_what(unsigned want)
{
	int what = EV_PERSIST;

	if (want & SWARM_READ)
		what |= EV_READ;
	if (want & SWARM_WRITE)
		what |= EV_WRITE;
	return (short)what;
}

struct swarm_watch *swarm_watch_new(int fd, unsigned want,
    void (*ready)(int fd, unsigned ready, void *arg), void *arg)
{
	struct swarm_watch *w = xcalloc(1, sizeof(*w));

	w->ready = ready;
	w->arg = arg;
	w->event = fd < 0 ? NULL
	                  : event_new(loop_base(), fd, EV_PERSIST | EV_READ,
	                        api_watched, w);
	errno = EBADF;
	if (w->event && swarm_watch_want(w, want) == 0)
		return w;
	if (w->event)
		event_free(w->event);
	free(w);
	return NULL;
}

int swarm_watch_want(struct swarm_watch *w, unsigned want)
{
	int fd = event_get_fd(w->event);

	want &= SWARM_READ | SWARM_WRITE;
	if (want == w->want)
		return 0;
	event_del(w->event);
	w->want = 0;
	if (!want)
		return 0;
	errno = EBADF;
	if (event_assign(w->event, loop_base(), fd, api_what(want),
	        api_watched, w) == -1 || event_add(w->event, NULL) == -1)
		return -1;
	w->want = want;
	return 0;
}

void swarm_watch_free(struct swarm_watch *w)
{
	if (!w)
		return;
	event_free(w->event);
	free(w);
}

struct swarm_alarm {
	struct wheel_timer timer;
	void (*fire)(void *);
	void *arg;
};

static void api_alarm(struct wheel_timer *t)
{
	struct swarm_alarm *a = (struct swarm_alarm *)(void *)t;

	a->fire(a->arg);
}

_Static_assert(offsetof(struct swarm_alarm, timer) == 0,
    "the cast in api_alarm()");

struct swarm_alarm *swarm_alarm_new(void (*fire)(void *arg), void *arg)
{
	struct swarm_alarm *a = xcalloc(1, sizeof(*a));

	a->timer.fire = api_alarm;
	a->fire = fire;
	a->arg = arg;
	return a;
}

void swarm_alarm_set(struct swarm_alarm *a, int64_t deadline)
{
	if (deadline == SWARM_FOREVER)
		wheel_del(&a->timer);
	else
		wheel_add(&a->timer, deadline);
}

void swarm_alarm_free(struct swarm_alarm *a)
{
	if (!a)
		return;
	wheel_del(&a->timer);
	free(a);
}

void swarm_post(void (*fn)(void *arg), void *arg)
{
	loop_post(fn, arg);
}

struct event_base *swarm_event_base(void)
{
	return loop_base();
}
