/*
 * A run, as the master sees it: its state machine, the load wanted at each
 * moment, who runs which users, and why it ended.
 *
 * The run asks the cluster's master for peers and tells it what to send; the
 * events of the master come in by the run_peer_ functions.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct executor_status;
struct hold_status;
struct peer;
struct spec;
struct stats;
struct swarm_shape;
struct trace_options;
struct wire_below;
struct wire_meet;
struct wire_progress;

enum run_state { RUN_READY, RUN_SPAWNING, RUN_RUNNING, RUN_STOPPING,
	RUN_STOPPED };

struct run_options {
	struct spec *specs;             /* executors; taken over */
	size_t spec_count;              /* 1 or more */
	const struct swarm_shape *(*find_shape)(const char *name);
	const struct trace_options *trace;      /* of the spec that replays; it
	                                         * must stay.  NULL: none does */
	double run_time;                /* seconds; 0: until all have ended */
	double stop_timeout;            /* seconds a task may take to end */
	const char *host;               /* NULL: the classes' own */
	uint64_t seed;
	int64_t expect_workers;
	double expect_workers_max_wait; /* seconds; 0: for ever */
	struct stats *stats;            /* cleared when a test starts */
	/* Called after each change of state; NULL: nobody asks. */
	void (*changed)(enum run_state, void *);
	void *arg;
};

/* After module_load_all().  0, or -1 after log_error(). */
int run_init(const struct run_options *);
void run_release(void);

/* Starts a test as soon as the expected workers are there; 0, or -1 with
 * log_error() when one is running. */
int run_start(void);
/* The load of the next test, or of the one that is running, for the executor
 * of that name (NULL: the only one).  Of several the name must be given: -1
 * with *why then, or when there is none of that name. */
int run_set_load(const char *executor, int64_t users, double spawn_rate,
    const char **why);
/* Likewise arrivals a second, over 0: -1 with *why also where users wait for
 * their answers. */
int run_set_rate(const char *executor, double rate, const char **why);
/* From now on to the end of the test the load is what run_set_load() says,
 * instead of a shape's: -1 with *why when there is no shape. */
int run_take_over(const char *executor, const char **why);
/* user_class_at() has other weights, fixed counts or choices. */
void run_classes_changed(void);
/* The worker gets no users from now on, and those it has move; or it may have
 * users again.  -1 with *why. */
int run_drain(struct peer *, bool on, const char **why);
void run_set_host(const char *host);
void run_set_run_time(double seconds);
/* Graceful; RUN_STOPPED follows, also when a worker does not answer.  Does
 * nothing when no test is running or waiting for workers. */
void run_stop(const char *why);
/* A test that is stopping waits no longer for tasks under way.  -1 with *why
 * when none is. */
int run_stop_now(const char **why);

/* No user begins another iteration, arrivals wait, and the run's time stands
 * still; and on again.  0, or -1 with *why. */
int run_pause(const char **why);
int run_resume(const char **why);

/* The events of cluster/master.h. */
void run_peer_joined(struct peer *);
void run_peer_lost(struct peer *, const char *why, bool crashed);
void run_peer_spawned(struct peer *);
void run_peer_reported(struct peer *);
void run_peer_stopped(struct peer *);
void run_peer_progress(struct peer *, const struct wire_progress *,
    size_t count);
void run_peer_meet(struct peer *, const struct wire_meet *);
/* What became of a worker below a relay, whose users are the relay's. */
void run_below(const struct wire_below *);

/* A worker was not heard of; of this test. */
struct run_gap {
	int64_t worker;                 /* its index */
	int64_t from;                   /* clock_now() of its last word */
	int64_t to;                     /* when it was back; 0: it is lost */
	char why[120];
};

/* What front ends show.  Times in clock_now() ns, 0 when not reached. */
struct run_status {
	enum run_state state;
	bool waiting;                   /* for workers */
	int64_t started;
	int64_t stopped;
	double started_wall;            /* unix time */
	int64_t users_wanted;           /* now, on the way to the target */
	int64_t users_target;
	int64_t users_planned;          /* of all executors, now and later;
	                                 * shapes apart */
	int64_t users_running;          /* reported */
	double spawn_rate;
	double run_time;
	double stop_left;               /* seconds that tasks still have to
	                                 * end in; 0: it is not stopping */
	bool paused;
	double paused_s;                /* seconds of all pauses so far */
	const char *host;               /* NULL: the classes' own */
	const char *stop_reason;        /* NULL while running */
	unsigned workers;               /* ready or running */
	unsigned workers_lost;          /* in this test, and not back */
	unsigned workers_crashed;
	const struct executor_status *executors;        /* until the next call
	                                                 * of run_status() */
	size_t executor_count;
	const struct run_gap *gaps;     /* oldest first */
	size_t gap_count;
	const struct hold_status *hold; /* run/hold.h, as who drives it adds
	                                 * it; NULL: nothing is held */
	bool workers_missing;           /* the expected ones never came, or the
	                                 * last one was lost */
};
void run_status(struct run_status *);
/* Locust's words: ready, spawning, running, stopping, stopped. */
const char *run_state_name(enum run_state);

#endif
