/*
 * Users: classes of simulated users, their tasks, and what a task may ask of
 * the user it runs as.
 *
 * A class is data: a name, a think time, tasks with weights.  Each user of a
 * class runs start(), then picks a task, runs it, waits, and so on until the
 * run stops it; then stop().  A task runs on a fiber and looks like blocking
 * code.  Between two tasks a user holds no stack.
 *
 * A user lives on one worker's loop thread for its whole life.  Its fibers
 * never run in parallel and give way only at a wait, so its data need no lock.
 */
#ifndef SWARM_USER_H
#define SWARM_USER_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct swarm_wait;

/*
 * Think time.  `next` returns the seconds to wait after a task; `a` and `b`
 * are its parameters.  next == NULL waits not at all.  Frozen.
 */
struct swarm_wait {
	double (*next)(struct swarm_user *, const struct swarm_wait *);
	double a;
	double b;
};

/* [fiber] The functions behind the macros below; seconds. */
SWARM_API double swarm_wait_constant(struct swarm_user *,
    const struct swarm_wait *);
SWARM_API double swarm_wait_between(struct swarm_user *,
    const struct swarm_wait *);
SWARM_API double swarm_wait_pacing(struct swarm_user *,
    const struct swarm_wait *);

SWARM_API double swarm_wait_exponential(struct swarm_user *,
    const struct swarm_wait *);
SWARM_API double swarm_wait_lognormal(struct swarm_user *,
    const struct swarm_wait *);

#define SWARM_CONSTANT(s)       { swarm_wait_constant, (s), 0 }
/* Uniform over [a, b). */
#define SWARM_BETWEEN(a, b)     { swarm_wait_between, (a), (b) }
/* A task starts every `s` seconds; a task that takes longer is followed at
 * once by the next, and nothing is caught up. */
#define SWARM_PACING(s)         { swarm_wait_pacing, (s), 0 }
/* As SWARM_PACING, as task executions a second of each user. */
#define SWARM_THROUGHPUT(r)     { swarm_wait_pacing, 1.0 / (r), 0 }
/* Exponential with this mean: each user is a Poisson process. */
#define SWARM_EXPONENTIAL(mean) { swarm_wait_exponential, (mean), 0 }
/* Log-normal with this median and this sigma of the logarithm: how people
 * pause (0.5 to 1 is usual). */
#define SWARM_LOGNORMAL(median, sigma) \
	{ swarm_wait_lognormal, (median), (sigma) }

struct swarm_task_set;

/* Where a Markov flow goes from a task, and how likely.  Frozen. */
struct swarm_transition {
	const char *task;               /* a name in the same set */
	unsigned weight;                /* 0 counts as 1 */
};

/* One thing a user does: a function, or a set of tasks to stay in. */
struct swarm_task {
	const char *name;
	void (*run)(struct swarm_user *);       /* [fiber] */
	unsigned weight;                        /* 0 counts as 1 */
	const struct swarm_task_set *set;       /* instead of run */
	const char *tags;                       /* "read,slow"; of a set: of all
	                                         * its tasks */
	const struct swarm_transition *next;    /* ends with task == NULL */
	const void *data;                       /* swarm_task_data() */
};

/* How a user chooses its next task. */
enum swarm_flow {
	SWARM_RANDOM,                   /* by weight, independently each time */
	SWARM_SEQUENTIAL,               /* in order, each `weight` times */
	SWARM_MARKOV,                   /* the first, then by its `next` */
};

/*
 * Tasks that belong together.  A user that picks the set stays in it, running
 * its tasks, until one of them calls swarm_leave().  Sets nest to any depth.
 * Frozen.
 */
struct swarm_task_set {
	struct swarm_wait wait;         /* next == NULL: the outer one's */
	void (*start)(struct swarm_user *);     /* [fiber] when entered */
	void (*stop)(struct swarm_user *);      /* [fiber] when left */
	const struct swarm_task *tasks;         /* ends with name == NULL */
	enum swarm_flow flow;
};

/* One kind of user. */
struct swarm_user_class {
	const char *name;
	double weight;                  /* share of the users; 0 counts as 1 */
	unsigned fixed_count;           /* exactly so many, before any weight */
	const char *host;               /* when --host is not given */
	size_t data_size;               /* bytes of swarm_data(), zeroed */
	struct swarm_wait wait;
	void (*start)(struct swarm_user *);     /* [fiber] before the tasks */
	void (*stop)(struct swarm_user *);      /* [fiber] after the last */
	const struct swarm_task *tasks;         /* ends with name == NULL */
	enum swarm_flow flow;
	const void *data;               /* swarm_task_data() in start, stop */
};

/*
 * A part of the load: some of the classes, how many users or iterations, when
 * it begins and how long it lasts.  Several run side by side, each with
 * results of its own.  As `--executor` on the command line (swarm(1),
 * EXECUTORS), which, like any other option about load, replaces what a
 * scenario declares.  One model each: users, shape, rate or iterations.
 */
struct swarm_executor {
	const char *name;               /* letters, digits, "-", "_", "." */
	const char *classes;            /* "Reader,Writer"; NULL: those that no
	                                 * other executor names */
	unsigned users;                 /* 0: 1, or with a rate its peak */
	double spawn_rate;              /* users a second; 0: 1, with a rate
	                                 * or iterations all at once */
	const char *shape;              /* "stages:1m:100,30s:0" */
	const char *rate;               /* "30s:0-100,5m:100" */
	bool poisson;
	const char *when_busy;          /* "queue", "drop"; NULL: queue */
	const char *catch_up;           /* "burst", "spread", "drop"; NULL:
	                                 * burst */
	uint64_t queue;                 /* arrivals that may wait; 0: 10,000 */
	uint64_t iterations;            /* shared by all its users */
	uint64_t user_iterations;       /* of each of its users */
	double start;                   /* seconds into the run */
	double time;                    /* seconds it lasts; 0: to the end */
};

#define SWARM_EXECUTORS(...) \
	(const struct swarm_executor[]){ __VA_ARGS__, { .name = NULL } }

#define SWARM_TASK(fn, ...)     { .name = #fn, .run = (fn), __VA_ARGS__ }
#define SWARM_TASKS(...) \
	(const struct swarm_task[]){ __VA_ARGS__, { .name = NULL } }
/* A nested set, named after its variable. */
#define SWARM_SET(set_, ...)    { .name = #set_, .set = &(set_), __VA_ARGS__ }
#define SWARM_NEXT(...) \
	(const struct swarm_transition[]){ __VA_ARGS__, { NULL, 0 } }
#define SWARM_USERS(...) \
	(const struct swarm_user_class[]){ __VA_ARGS__, { .name = NULL } }

/* A module with nothing but users. */
#define SWARM_SCENARIO(...) \
	SWARM_MODULE(.users = SWARM_USERS(__VA_ARGS__))

/*
 * [main, in setup()] Adds a class; returns its index, or -1 after
 * swarm_error().  Everything is copied except the functions.
 */
SWARM_API int swarm_class_add(const struct swarm_user_class *);
/* [main, in setup()] Adds a task to class `index`; 0 or -1. */
SWARM_API int swarm_task_add(int index, const struct swarm_task *);
/* [main, in setup()] Changes a class's weight, by name; 0 or -1. */
SWARM_API int swarm_class_weight(const char *name, double weight);

/* ---- the user a task runs as ---- */

/* [fiber] The user that owns the running fiber; NULL outside one. */
SWARM_API struct swarm_user *swarm_self(void);
/* [fiber] The class's data_size bytes; zeroed before start(), owned by swarm,
 * valid until stop() returns. */
SWARM_API void *swarm_data(struct swarm_user *);
/* [fiber] A number that no other user of the run has as long as this one
 * lives, whichever worker it runs on. */
SWARM_API unsigned swarm_user_id(struct swarm_user *);
/* [fiber] Another number that no other user has as long as this one lives:
 * from 0, as small as can be, the same set on any number of workers.  It is
 * given again to the user that takes a stopped one's place.  It decides the
 * random numbers of the user, and its unique row (data.h). */
SWARM_API uint64_t swarm_user_number(struct swarm_user *);
/* [fiber] The class's name and the running task's ("start", "stop" in those
 * hooks).  Owned by swarm. */
SWARM_API const char *swarm_user_class_name(struct swarm_user *);
SWARM_API const char *swarm_task_name(struct swarm_user *);
/* [fiber] The `data` of the running task; in a hook of a set that of the task
 * which is the set, in the user's own start() and stop() that of the class.
 * For one function that runs many tasks: those of an interpreter, say. */
SWARM_API const void *swarm_task_data(struct swarm_user *);
/* [fiber] The target: --host, else the class's host, else "".  Owned by
 * swarm, valid for the run.  With NULL, also in a hook of the master: --host
 * or "". */
SWARM_API const char *swarm_host(struct swarm_user *);

/*
 * [fiber], or in a callback on the loop while that user's fiber waits for it.
 * Memory that lives until the running task (or hook) returns; aligned for any
 * type, not zeroed.  Never NULL: swarm ends the process when memory
 * runs out.  Freed by swarm.
 */
SWARM_API void *swarm_alloc(struct swarm_user *, size_t size);
SWARM_API char *swarm_printf(struct swarm_user *, const char *fmt, ...)
    SWARM_PRINTF(2, 3);
SWARM_API char *swarm_strdup(struct swarm_user *, const char *);
/* [fiber] Calls fn(arg) when the running task returns, last one first, also
 * when the user is being stopped. */
SWARM_API void swarm_defer(struct swarm_user *, void (*fn)(void *), void *arg);

/* [fiber] The user's own random numbers: 64 random bits; uniform over [0,1);
 * uniform over 0..n-1 (n > 0). */
SWARM_API uint64_t swarm_random(struct swarm_user *);
SWARM_API double swarm_uniform(struct swarm_user *);
SWARM_API uint64_t swarm_below(struct swarm_user *, uint64_t n);

/* [fiber] Normal and exponential numbers with the given mean; a rank of
 * 0..n-1 by Zipf's law with exponent s > 0 (n > 0). */
SWARM_API double swarm_normal(struct swarm_user *, double mean, double sigma);
SWARM_API double swarm_exponential(struct swarm_user *, double mean);
SWARM_API uint64_t swarm_zipf(struct swarm_user *, uint64_t n, double s);

/* [fiber] Leaves the innermost task set when the running task returns; the
 * outer flow then goes on after its wait, or at once.  Outside a set it only
 * decides about that wait.  The task goes on until it returns itself. */
SWARM_API void swarm_leave(struct swarm_user *, bool at_once);
/* [fiber] Queues a task of the innermost set, by name: it runs before any is
 * chosen, after those queued before, or as the very next with `first`.  A
 * task that leaves the set takes the set's queue away.  0, or -1 (and an
 * error as of swarm_raise()) when the set has no such task. */
SWARM_API int swarm_schedule(struct swarm_user *, const char *task,
    bool first);
/* [fiber] No wait after the running task. */
SWARM_API void swarm_skip_wait(struct swarm_user *);

/*
 * [fiber] An error in the scenario itself, the stand-in for an exception: it
 * is shown with its place, counted, makes the run fail, and the user goes on
 * with its next task once this one returns.  Use it as
 *	if (token == NULL) { swarm_raise(u, "no token"); return; }
 */
SWARM_API void swarm_raise_at(struct swarm_user *, const char *file, int line,
    const char *fmt, ...) SWARM_PRINTF(4, 5);
#define swarm_raise(u, ...) swarm_raise_at((u), __FILE__, __LINE__, __VA_ARGS__)

/*
 * [fiber] Waits until `count` users wait at `name` (1 to 79 bytes), and goes on
 * with them: all at the same moment, as far as the network lets them.  More
 * than `count` who wait form the next group.  The first is over all workers,
 * a few milliseconds after the last has come; the second among the users of
 * one worker, at once.  `timeout` in seconds; 0: for ever.  0, or -1 with
 * errno ETIMEDOUT, ECANCELED (the user is being stopped) or EINVAL.
 */
SWARM_API int swarm_rendezvous(struct swarm_user *, const char *name,
    unsigned count, double timeout);
SWARM_API int swarm_rendezvous_here(struct swarm_user *, const char *name,
    unsigned count, double timeout);

/* [fiber] Ends this user when its task returns.  It is not replaced. */
SWARM_API void swarm_stop_user(struct swarm_user *);
/* [fiber] Ends the whole run, as Ctrl-C would. */
SWARM_API void swarm_stop_test(struct swarm_user *, const char *why);
/* [fiber] Whether this user is to end: waits fail with ECANCELED, or the task
 * should come to its end. */
SWARM_API bool swarm_stopping(struct swarm_user *);

/*
 * Per-user state of a plugin.
 *
 * swarm_slot_new: [main, in load()] reserves `size` bytes in every user,
 * zeroed on first use.  `destroy`, when not NULL, is called on a fiber after
 * the user's stop() for every user that used the slot.  Returns the slot's
 * number, from 1; never fails.
 * swarm_slot: [fiber] the bytes of this user.
 */
SWARM_API int swarm_slot_new(size_t size,
    void (*destroy)(struct swarm_user *, void *));
SWARM_API void *swarm_slot(struct swarm_user *, int slot);

#ifdef __cplusplus
}
#endif
#endif
