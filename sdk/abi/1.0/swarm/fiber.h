/*
 * Fibers: calls that look blocking.  While one fiber waits, the others of the
 * worker run.
 *
 * Every wait returns 0 or more on success and -1 with errno set: ETIMEDOUT
 * when the deadline passed, ECANCELED when the user is being stopped, or the
 * cause.  Once a user is being stopped all its waits fail with ECANCELED at
 * once, so that loops end; in its stop() hook waits work again, for as long
 * as the run's stop timeout allows.
 *
 * Rules.  Do not block the thread outside swarm_offload().  Do not hold a
 * mutex across a wait.  Stacks are 64 KiB with a guard page: no large arrays.
 * No longjmp and no C++ exception across the boundary.  Thread-local
 * variables (errno too) keep their address across waits.
 */
#ifndef SWARM_FIBER_H
#define SWARM_FIBER_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Deadlines are absolute, on the clock of swarm_now(). */
#define SWARM_FOREVER INT64_MAX

/* [any thread] Monotonic nanoseconds. */
SWARM_API int64_t swarm_now(void);
/*
 * [worker] Nanoseconds on a clock that all workers of a run share, on whatever
 * machine: for times that travel from one user to another, as the one-way
 * delay of a message.  Runs beside swarm_now() at some distance, so never mix
 * the two.  *error_ns (may be NULL) gets a bound on how far off this is: 0 on
 * the master's machine, half the way to it elsewhere.  -1: not known (the
 * first second, a Locust master, outside of a run); then it is the machine's
 * own clock, of no use to others.
 */
SWARM_API int64_t swarm_shared_now(int64_t *error_ns);
/* [any thread] The deadline `seconds` from now; negative counts as 0. */
SWARM_API int64_t swarm_in(double seconds);

/* [fiber] Sleeps.  0, or -1 with ECANCELED. */
SWARM_API int swarm_sleep(double seconds);
SWARM_API int swarm_sleep_until(int64_t deadline);

#define SWARM_READ  1u
#define SWARM_WRITE 2u

/*
 * [fiber] Waits until `fd` (non-blocking) is readable or writable; returns
 * the ready bits (an error or a hang-up counts as both).  Registers and
 * unregisters with the kernel each time, about 4 us: a long-lived
 * descriptor is better served by swarm_io (and one that has a swarm_io cannot
 * be waited for like this).
 */
SWARM_API int swarm_wait_fd(int fd, unsigned want, int64_t deadline);

/*
 * A descriptor registered once, edge-triggered, for as long as it is open.
 * Edges are remembered: read or write until EAGAIN, then wait.  One fiber
 * may wait for reading while another waits for writing.
 *
 * A read that returned less than was asked for has emptied the socket, so the
 * next one may wait first and save a system call: once the peer has closed
 * its side (or the socket has failed) reading stays ready for ever, so that
 * an end that came together with the last bytes is never missed.
 */
struct swarm_io;
/* [fiber] Registers a non-blocking descriptor; NULL with errno.  The caller
 * keeps owning `fd`. */
SWARM_API struct swarm_io *swarm_io_new(int fd);
/* [fiber] As swarm_wait_fd(). */
SWARM_API int swarm_io_wait(struct swarm_io *, unsigned want,
    int64_t deadline);
/* [worker] The edges remembered and not yet taken by a wait; no system call,
 * nothing is taken. */
SWARM_API unsigned swarm_io_ready(const struct swarm_io *);
/* [fiber] Unregisters; call it before closing the descriptor.  NULL is fine. */
SWARM_API void swarm_io_free(struct swarm_io *);

/*
 * Parking: a fiber sleeps until somebody wakes it.  One wake is remembered,
 * so a wake before the park is not lost.
 */
struct swarm_waker;
/* [fiber] A counted handle on the running fiber; free it when done. */
SWARM_API struct swarm_waker *swarm_waker(void);
/* [fiber] Sleeps until woken: 0, or -1 with ETIMEDOUT or ECANCELED. */
SWARM_API int swarm_park(int64_t deadline);
/* [any thread] Wakes the fiber; does nothing if it has ended. */
SWARM_API void swarm_wake(struct swarm_waker *);
/* [any thread] Drops the handle.  NULL is fine. */
SWARM_API void swarm_waker_free(struct swarm_waker *);

/*
 * [fiber] Runs a call that really blocks in the worker's thread pool and
 * waits for it; returns what fn returned.  It is not cancelled half-way.
 */
SWARM_API int swarm_offload(int (*fn)(void *), void *arg);

/*
 * Helper fibers of the same user (a reader, say).  They are cancelled when
 * the user ends and are gone before its slots are destroyed.
 */
struct swarm_fiber;
/* [worker] Starts fn(arg) soon, also from a callback on the loop (to connect
 * again, say); never NULL.  Join it or forget it. */
SWARM_API struct swarm_fiber *swarm_spawn(struct swarm_user *,
    void (*fn)(void *), void *arg);
/* [fiber] Waits for its end: 0, or -1 as any wait.  After 0 the handle is
 * gone. */
SWARM_API int swarm_join(struct swarm_fiber *, int64_t deadline);
/* [fiber] Waits until it has ended, also while the caller is being cancelled
 * (then it is cancelled too): for a fiber that works in its maker's memory. */
SWARM_API void swarm_reap(struct swarm_fiber *);
/* [fiber] Makes its present and later waits fail with ECANCELED. */
SWARM_API void swarm_cancel(struct swarm_fiber *);

#ifdef __cplusplus
}
#endif
#endif
