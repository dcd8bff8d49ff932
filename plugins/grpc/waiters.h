/*
 * Fibers that wait for something to change.  Each looks again when woken:
 * a wake is a hint, not a promise.
 */
#ifndef GRPC_WAITERS_H
#define GRPC_WAITERS_H

#include <stdint.h>

struct waiter;

struct waiters {
	struct waiter *first;
};

/* [fiber] Parks until woken: 0, or -1 with ETIMEDOUT or ECANCELED. */
int waiters_wait(struct waiters *, int64_t deadline);
/* [worker] */
void waiters_wake(struct waiters *);

#endif
