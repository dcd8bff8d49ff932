/*
 * The members of the list live on the waiting fibers' stacks: nothing is
 * allocated, and a fiber that gives up takes itself off.
 */
#include "waiters.h"

#include <swarm/fiber.h>

#include <errno.h>
#include <stddef.h>

struct waiter {
	struct waiter *next;
	struct swarm_waker *waker;
};

int waiters_wait(struct waiters *list, int64_t deadline)
{
	struct waiter self = { list->first, swarm_waker() };
	struct waiter **at = &list->first;
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

void waiters_wake(struct waiters *list)
{
	for (struct waiter *w = list->first; w; w = w->next)
		swarm_wake(w->waker);
}
