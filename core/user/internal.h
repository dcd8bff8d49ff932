/* What a simulated user is made of; for core/user alone. */
#ifndef USER_INTERNAL_H
#define USER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "fiber/arena.h"
#include "fiber/fiber.h"
#include "fiber/wheel.h"
#include "user/ids.h"
#include "user/measure.h"
#include "user/user.h"

enum user_state {
	USER_NEW,                       /* start() to be run */
	USER_IDLE,                      /* between two tasks, on the wheel */
	USER_BUSY,                      /* in start() or a task */
	USER_ENDING,                    /* in stop() and after */
};

/* Where a user stands in a set. */
struct user_frame {
	const struct user_set *set;
	uint32_t position;              /* sequential: next; Markov: last */
	uint32_t repeats;
};

/* A task asked for by swarm_schedule(). */
struct user_queued {
	struct user_queued *next;
	const struct user_task *task;
	uint32_t depth;                 /* of its set */
};

struct user_defer {
	struct user_defer *next;
	void (*fn)(void *);
	void *arg;
};

/* Users that wait for something, longest first. */
struct user_list {
	struct swarm_user *first;
	struct swarm_user **last;
	size_t count;
};

struct swarm_user {
	/* Three cache lines that each task and each sample looks at. */
	struct wheel_timer timer;       /* the wait, or the stop timeout */
	struct user_class *class;
	struct arena arena;             /* the running task's memory */
	void **slots;
	struct fiber_group group;       /* its task's fiber, and helpers */
	struct measure *measure;        /* NULL: nothing of it */
	int64_t lag;                    /* ns between the two below */
	int64_t task_start;             /* ns; when the running task began */
	int64_t intended;               /* ns; when it should have; 0: then */
	const char *task;               /* its name, or "start", "stop" */
	const void *task_data;          /* what its module gave with it */
	struct user_defer *defers;
	struct user_frame *frames;      /* the class's set, then nested ones */
	uint32_t depth;
	unsigned id;
	enum user_state state;
	bool stopping;                  /* to end after the running task */
	bool cancelled;                 /* its waits fail */
	bool listed;                    /* counts as running */
	bool lingering;                 /* stops after its task: in that list */
	bool leaving;                   /* the innermost set after this task */
	bool no_wait;                   /* after this task */
	bool trying;                    /* each task once, in order */

	size_t class_index;
	struct swarm_user *next;        /* in the class's list */
	struct swarm_user **prev;       /* last started first */
	struct swarm_user *list_next;
	struct swarm_user **list_prev;  /* NULL: in no list */
	struct user_list *list;
	void *data;
	struct rng rng;
	struct user_queued *queue;      /* to run before others are chosen */
	uint64_t number;                /* in the run, from 0; see numbers.h */
	unsigned lease;                 /* the running task belongs to */
	int64_t iterations;             /* begun */
};

/* The worker's users. */
struct users {
	struct users_options options;
	struct users_class *classes;
	size_t alive;
	struct ids ids;
	bool stopped_pending;
};
extern struct users users;

/* list.c.  A user is in one list at most. */
void user_list_init(struct user_list *);
void user_list_add(struct user_list *, struct swarm_user *);
/* NULL: it is empty. */
struct swarm_user *user_list_take(struct user_list *);
/* Out of the list it is in, if any. */
void user_list_remove(struct swarm_user *);

/* sample.c: where this process measures; ends it with a word about `function`
 * when that is nowhere yet. */
struct stats *sample_stats(const char *function);
/* life.c: runs an iteration of an idle user, due at `intended` (0: now). */
void user_run_at(struct swarm_user *u, int64_t intended);
/* task.c: the next task of `u`, entering sets on the way; NULL when it has
 * none or is to stop. */
const struct user_task *user_pick(struct swarm_user *u);
/* Tells options.step, in a trial. */
void user_step(struct swarm_user *u, const char *task);
/* Forgets queued tasks of sets deeper than this. */
void user_drop_queue(struct swarm_user *u, uint32_t depth);
/* The innermost set's stop(), then the outer one goes on. */
void user_leave_set(struct swarm_user *u);
/* Seconds to wait now: the innermost set that has a wait decides. */
double user_wait(struct swarm_user *u);
/* api.c: ends a task: defers, arena. */
void user_end_task(struct swarm_user *u);
/* api.c: calls the slots' destroy functions and frees the slots. */
void user_release_slots(struct swarm_user *u);

#endif
