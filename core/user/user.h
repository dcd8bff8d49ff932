/*
 * The users of one worker: classes from the loaded modules, users started and
 * stopped to a wanted count for each class, their task loop, and the sample
 * API's shard of statistics.
 */
#ifndef USER_USER_H
#define USER_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/stats.h>
#include <swarm/user.h>

struct series;
struct stats;
struct user_set;

/* A task as swarm runs it: names copied, weights at least 1. */
struct user_task {
	char *name;
	void (*run)(struct swarm_user *);
	struct user_set *set;           /* instead of run */
	unsigned weight;
	char *tags;                     /* NULL: none */
	/* Markov: where to, by name (ends with NULL), and the weights of the
	 * tasks that may follow, by index. */
	struct swarm_transition *transitions;
	unsigned *next;
	uint64_t next_sum;
	const void *data;               /* the module's */
};

/* A set of tasks; the class itself is the outermost. */
struct user_set {
	struct swarm_wait wait;
	void (*start)(struct swarm_user *);
	void (*stop)(struct swarm_user *);
	enum swarm_flow flow;
	struct user_task *tasks;
	size_t task_count;
	uint64_t weight_sum;
	const void *data;               /* of the task that it is */
};

/* A class as swarm runs it: the module's data copied to this host's size. */
struct user_class {
	struct swarm_user_class def;    /* its tasks are in `root` */
	char *name;
	const char *module;             /* its name, for logs and crashes */
	bool disabled;                  /* in the master: gets no new users */
	struct user_set root;
};

/* Called by module_load_all() for every module: adds the classes of `def`
 * (already copied to this host's size; its arrays still have the module's
 * strides).  0, or -1 after log_error(). */
int user_class_add_module(const char *module, const struct swarm_module *def);
/* Whose setup() runs now: the owner of what swarm_class_add() adds, and how
 * large its structs are (def->user_size, task_size; NULL: as here). */
void user_class_set_owner(const char *module, const struct swarm_module *def);
size_t user_class_count(void);
struct user_class *user_class_at(size_t i);
struct user_class *user_class_find(const char *name);
/* user_class_count() when there is none. */
size_t user_class_index(const char *name);
/* Keeps these tasks of its own set (ends with NULL); 0, or -1 after
 * log_error(). */
int user_class_keep_tasks(struct user_class *, const char *const *names);
/* Every class and every task has a weight of 1. */
void user_class_equal_weights(void);
/* After all classes are there: keeps the named ones (none named: all), drops
 * tasks by tags, checks that something is left.  Lists end with NULL and may
 * be NULL.  0, or -1 after log_error(). */
int user_class_select(char *const *names, char *const *tags,
    char *const *exclude_tags);

struct users_options {
	const char *host;               /* --host, or NULL */
	uint64_t seed;
	/* Keys of tags whose values get rows of their own; NULL-ended. */
	const char *const *split_by;
	unsigned first_id;              /* this worker's block of user ids */
	struct stats *stats;            /* the shard samples go to */
	/* Every class has reached the count asked for. */
	void (*reached)(void *);
	/* All users have gone after users_stop(). */
	void (*stopped)(void *);
	/* A scenario called swarm_stop_test(). */
	void (*stop_test)(const char *why, void *);
	/* The master waits to hear how far executors are (user/gate.h). */
	void (*progressed)(void *);
	/* How many wait for others at `name`, all workers together: 0, or -1
	 * to be asked again.  NULL: there is only this worker. */
	int (*meet)(const char *name, int64_t wanted, int64_t arrived,
	    int64_t left, void *);
	/* A scenario called swarm_raise(); `where` is "file:line, task ...". */
	void (*raised)(const char *message, const char *where, void *);
	/* Every sample, as it ends; `error` is NULL when it passed, `tags`
	 * ("key=value,...") when there are none.  NULL: not asked for. */
	void (*sampled)(const char *type, const char *name, int64_t service_ns,
	    size_t bytes, const char *error, const char *tags, void *);
	/* Likewise, with all that is known; NULL: not asked for. */
	void (*ended)(const struct swarm_timer *, const struct series *,
	    int64_t end, size_t bytes, const char *error);
	/* A task or hook of a trial begins. */
	void (*step)(const char *user_class, const char *task, void *);
	void *arg;
};

/* Worker, after fiber_init(). */
void users_init(const struct users_options *);
/* Frees what users_init() made; no user may be alive. */
void users_release(void);
void users_set_host(const char *host);
/* In a process without users (the master): where the counters and metrics of
 * its modules' hooks go. */
void users_set_stats(struct stats *);
/* This worker's block of user ids (user/ids.h). */
void users_set_ids(uint32_t first, uint32_t count);
void users_set_seed(uint64_t seed);
/* Of a master; before the first user of a test. */
void users_set_split_by(const char *keys);
/* Numbers of a class's users in the order of their start; those beyond, and
 * all without this, take their id.  The array must stay until the next call
 * for the class. */
void users_set_numbers(size_t class_index, const uint32_t *numbers,
    size_t count);
/* Starts the missing users (a few hundred a loop pass) or stops surplus ones
 * (the last started first), each surplus user given `stop_timeout` seconds to
 * end its task.  options.reached follows, also when nothing was to do. */
void users_set_target(size_t class_index, size_t count, double stop_timeout);
/* All classes to 0; then options.stopped. */
void users_stop(double stop_timeout);
/* Those that are being stopped get no more time for their task. */
void users_stop_now(void);
/* Starts one user that runs every task once, in order, without waits, and
 * ends; options.step and options.sampled say what it does. */
void users_try(size_t class_index);
/* Running now (not those being stopped). */
size_t users_running(size_t class_index);
/* All there are, those being stopped too. */
size_t users_alive(void);
/* options.stopped as soon as no user is left, without stopping any. */
void users_when_empty(void);
/* A new test begins: users that ended by themselves may be replaced. */
void users_new_run(void);

/* Who runs now, for the crash report; async-signal-safe. */
struct user_where {
	const char *module;
	const char *user_class;
	const char *task;
	unsigned id;
};
bool users_where(struct user_where *);

#endif
