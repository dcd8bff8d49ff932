/*
 * The last resort: the worker's libevent base.  OUTSIDE THE ABI PROMISE: it
 * ties a module to the libevent that this swarm was built with.
 */
#ifndef SWARM_LIBEVENT_H
#define SWARM_LIBEVENT_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
/* [worker] Owned by swarm. */
SWARM_API struct event_base *swarm_event_base(void);

#ifdef __cplusplus
}
#endif
#endif
