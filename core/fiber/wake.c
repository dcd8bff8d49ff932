/*
 * Park and wake.  A fiber has at most one waker, made when first asked for and
 * kept with its stack for the next fiber while nobody else holds it, so that
 * a request that needs one allocates nothing.  When handles are still held at
 * the fiber's end it is cut off and goes with the last of them.
 *
 * A wake from another thread passes the door as a post that holds a reference
 * of its own; `posted` makes ten wakes before the loop looks one post.
 *
 * Lists of waiting fibers allocate nothing: who gives up takes itself off.
 */
#include <swarm/fiber.h>

#include "base/xalloc.h"
#include "fiber/fiber_impl.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct swarm_waker {
	atomic_uint refs;               /* the fiber's own among them */
	atomic_bool posted;
	struct fiber *fiber;            /* loop thread only; NULL: ended */
};

static void wake_unref(struct swarm_waker *w)
{
	if (atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1)
		free(w);
}

static void wake_fiber(struct fiber *f)
{
	f->token = true;
	if (f->parked)
		fiber_ready(f);
}

static void wake_arrived(void *arg)
{
	struct swarm_waker *w = arg;

	/* Before the look at the fiber: a later wake posts again. */
	atomic_store(&w->posted, false);
	if (w->fiber)
		wake_fiber(w->fiber);
	wake_unref(w);
}

void wake_detach(struct fiber *f)
{
	struct swarm_waker *w = f->waker;

	if (atomic_load_explicit(&w->refs, memory_order_acquire) == 1)
		return;
	f->waker = NULL;
	w->fiber = NULL;
	wake_unref(w);
}

void wake_release(struct fiber *f)
{
	free(f->waker);
	f->waker = NULL;
}

struct swarm_waker *swarm_waker(void)
{
	struct fiber *f = fiber_self();
	struct swarm_waker *w;

	if (!f)
		fiber_refuse();
	w = f->waker;
	if (!w) {
		w = xcalloc(1, sizeof(*w));
		atomic_init(&w->refs, 1);
		w->fiber = f;
		f->waker = w;
	}
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	return w;
}

int swarm_park(int64_t deadline)
{
	struct fiber *f = fiber_self();
	int rc = 0;

	if (fiber_cancelled(f)) {
		errno = ECANCELED;
		return -1;
	}
	f->parked = true;
	while (rc == 0 && !f->token)
		rc = fiber_wait_for(FIBER_PARK, -1, deadline);
	f->parked = false;
	/* A wake in the same pass as the timeout was not in vain. */
	if (rc == -1 && (errno != ETIMEDOUT || !f->token))
		return -1;
	f->token = false;
	return 0;
}

void swarm_wake(struct swarm_waker *w)
{
	if (loop_here()) {
		if (w->fiber)
			wake_fiber(w->fiber);
		return;
	}
	if (atomic_exchange(&w->posted, true))
		return;
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	loop_post(wake_arrived, w);
}

void swarm_waker_free(struct swarm_waker *w)
{
	if (w)
		wake_unref(w);
}

/* ---- lists ---- */

struct swarm_waiter {
	struct swarm_waiter *next;
	struct swarm_waker *waker;
};

int swarm_waiters_wait(struct swarm_waiters *list, int64_t deadline)
{
	struct swarm_waiter self = { list->first, swarm_waker() };
	struct swarm_waiter **at = &list->first;
	int rc, error;

	list->first = &self;
	rc = swarm_park(deadline);
	error = errno;
	while (*at != &self)
		at = &(*at)->next;
	*at = self.next;
	swarm_waker_free(self.waker);
	errno = error;
	return rc;
}

void swarm_waiters_wake(const struct swarm_waiters *list)
{
	for (struct swarm_waiter *w = list->first; w; w = w->next)
		swarm_wake(w->waker);
}
