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

#include <swarm/user.h>

struct stats;

/* A class as swarm runs it: the module's data copied to this host's size. */
struct user_class {
	struct swarm_user_class def;
	char *name;
	const char *module;             /* its name, for logs and crashes */
	struct swarm_task *tasks;       /* copied, weights at least 1 */
	char **task_names;
	size_t task_count;
	uint64_t weight_sum;
};

/* Called by module_load_all() for every module: adds the classes of `def`
 * (already copied to this host's size; its arrays still have the module's
 * strides).  0, or -1 after log_error(). */
int user_class_add_module(const char *module, const struct swarm_module *def);
/* Whose setup() runs now: the owner of what swarm_class_add() adds. */
void user_class_set_owner(const char *module);
size_t user_class_count(void);
struct user_class *user_class_at(size_t i);
struct user_class *user_class_find(const char *name);

struct users_options {
	const char *host;               /* --host, or NULL */
	uint64_t seed;
	unsigned first_id;              /* this worker's block of user ids */
	struct stats *stats;            /* the shard samples go to */
	/* All users have gone after users_stop(). */
	void (*stopped)(void *);
	/* A scenario called swarm_stop_test(). */
	void (*stop_test)(const char *why, void *);
	void *arg;
};

/* Worker, after fiber_init(). */
void users_init(const struct users_options *);
void users_set_host(const char *host);
/* Starts the missing users or stops surplus ones (the last started first),
 * each surplus user given `stop_timeout` seconds to end its task. */
void users_set_target(size_t class_index, size_t count, double stop_timeout);
/* All classes to 0; then options.stopped. */
void users_stop(double stop_timeout);
/* Running now (not those being stopped). */
size_t users_running(size_t class_index);
size_t users_alive(void);

/* Who runs now, for the crash report; async-signal-safe. */
struct user_where {
	const char *module;
	const char *user_class;
	const char *task;
	unsigned id;
};
bool users_where(struct user_where *);

#endif
