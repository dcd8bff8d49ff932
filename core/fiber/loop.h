/*
 * The one event loop of a process: libevent for descriptors and signals, the
 * wheel for every timer, a queue of things to run, and the door for other
 * threads.  All of it belongs to the thread that called loop_init().
 *
 * The master uses the loop too, without fibers.
 */
#ifndef FIBER_LOOP_H
#define FIBER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;

/* 0, or -1 after log_error().  Ignores SIGPIPE. */
int loop_init(void);
void loop_release(void);
struct event_base *loop_base(void);
/* Runs until loop_stop(). */
void loop_run(void);
/* One pass: runs what is ready; waits for an event when `wait`. */
void loop_once(bool wait);
void loop_stop(void);

/* Work to do in this or the next pass, in order.  The item is the caller's
 * and must stay until it ran.  Loop thread only. */
struct loop_item {
	struct loop_item *next;
	void (*run)(struct loop_item *);
	const void *hint;               /* memory run() will touch, or NULL */
	bool queued;
};
/* Nothing happens when it is queued already. */
void loop_defer(struct loop_item *);
/* Only from run(): the next item, taken from the queue to be run at once, when
 * it has this `run` too and the pass is not over; else NULL. */
struct loop_item *loop_more(void (*run)(struct loop_item *));

/* Nothing is queued.  For a test that moves a frozen clock by hand: it may
 * jump to wheel_next() when the loop is idle. */
bool loop_idle(void);

/* Any thread: fn(arg) on the loop thread, in order of the calls.  Dropped
 * when there is no loop (any more). */
void loop_post(void (*fn)(void *), void *arg);
/* Any thread: whether the caller is the loop's thread. */
bool loop_here(void);

/* Generator health: nanoseconds spent outside the kernel's wait since start,
 * and the longest single pass since last asked. */
struct loop_health {
	int64_t busy_ns;
	int64_t longest_pass_ns;
	uint64_t passes;
	uint64_t worked;                /* passes that ran anything */
};
void loop_health(struct loop_health *);
/* For callbacks of libevent that do real work: the pass counts as busy from
 * here on.  Without it the work before the queue runs is not counted. */
void loop_woke(void);

#endif
