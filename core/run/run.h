/*
 * A run, as the master sees it: its state machine, the load wanted at each
 * moment, the user dispatcher, limits, and the verdict.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum run_state { RUN_READY, RUN_SPAWNING, RUN_RUNNING, RUN_STOPPING,
	RUN_STOPPED };

struct stats;

struct run_options {
	int64_t users;
	double spawn_rate;              /* users a second */
	double run_time;                /* seconds; 0: until stopped */
	double stop_timeout;            /* seconds a task may take to end */
	const char *host;
	int expect_workers;
	double expect_workers_max_wait; /* seconds; 0: for ever */
	struct stats *stats;
	void (*changed)(enum run_state, void *);        /* NULL: nobody asks */
	void *arg;
};

void run_init(const struct run_options *);
/* Waits for the expected workers, then starts. */
void run_start(void);
/* Changes the load of a running test. */
void run_set_load(int64_t users, double spawn_rate);
/* Graceful; RUN_STOPPED follows. */
void run_stop(const char *why);

/* What front ends show.  Times in clock_now() ns, 0 when not reached. */
struct run_status {
	enum run_state state;
	int64_t started;
	int64_t stopped;
	int64_t users_wanted;           /* now, on the way to the target */
	int64_t users_target;
	int64_t users_running;          /* reported */
	double spawn_rate;
	const char *stop_reason;        /* NULL while running */
	unsigned workers_lost;
	unsigned workers_crashed;
	unsigned workers;
};
void run_status(struct run_status *);
const char *run_state_name(enum run_state);     /* Locust's words */

#endif
