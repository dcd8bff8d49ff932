/*
 * Callbacks on the worker's loop, for plugins around libraries that bring
 * their own state machine (libcurl, libwebsockets, libpq).  Callbacks run on
 * the loop thread, outside any fiber: they must not wait.  They usually
 * finish by swarm_wake() of the fiber that asked.
 */
#ifndef SWARM_LOOP_H
#define SWARM_LOOP_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A descriptor with a callback, level-triggered; registered with the kernel
 * while `want` is not 0.
 */
struct swarm_watch;
/* [worker] `want` is a set of SWARM_READ and SWARM_WRITE; NULL with errno. */
SWARM_API struct swarm_watch *swarm_watch_new(int fd, unsigned want,
    void (*ready)(int fd, unsigned ready, void *arg), void *arg);
/* [worker] Changes what it waits for.  0, or -1 with errno. */
SWARM_API int swarm_watch_want(struct swarm_watch *, unsigned want);
/* [worker] Also from its own callback.  NULL is fine. */
SWARM_API void swarm_watch_free(struct swarm_watch *);

/* A timer with a callback, on the worker's wheel: 1 ms ticks, never early. */
struct swarm_alarm;
/* [worker] Not set at first; never NULL. */
SWARM_API struct swarm_alarm *swarm_alarm_new(void (*fire)(void *arg),
    void *arg);
/* [worker] Fires once at `deadline` (see fiber.h), replacing the earlier
 * setting; SWARM_FOREVER unsets. */
SWARM_API void swarm_alarm_set(struct swarm_alarm *, int64_t deadline);
/* [worker] NULL is fine. */
SWARM_API void swarm_alarm_free(struct swarm_alarm *);

/* [any thread] Calls fn(arg) on the loop thread, soon and in order.  The
 * door for a library's threads that have no fiber to wake. */
SWARM_API void swarm_post(void (*fn)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#endif
