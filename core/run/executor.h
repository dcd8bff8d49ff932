/*
 * An executor: a set of user classes and the load they make, from its start
 * to its end.  A plain run has one, without a name, for all classes; others
 * have several side by side.
 *
 * Time here is the run's: nanoseconds since it began, pauses left out.
 * Nothing here asks a clock, so that a test can play any hour in moments.
 */
#ifndef RUN_EXECUTOR_H
#define RUN_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/spec.h"
#include "user/quota.h"

struct plan_executor;
struct swarm_shape;
struct wire_progress;

enum executor_state { EXECUTOR_WAITING, EXECUTOR_RAMPING, EXECUTOR_RUNNING,
	EXECUTOR_DONE };

struct executor;

/* Takes what `spec` holds.  NULL after log_error(); `spec` is released then,
 * too. */
struct executor *executor_new(struct spec *,
    const struct swarm_shape *(*find)(const char *name));
void executor_free(struct executor *);
/* Gives it the classes that `owned` holds, by index. */
void executor_set_classes(struct executor *, const bool *owned);
const struct spec *executor_spec(const struct executor *);
bool executor_has_class(const struct executor *, size_t index);
/* Only swarm's workers can do its part. */
bool executor_needs_swarm(const struct executor *);

/* A run begins; 0, or -1 when its shape could not.  `index`: among the
 * executors, so that not all of them begin with the same worker.  `run_time`:
 * seconds that the whole run lasts; 0: no end. */
int executor_begin(struct executor *, uint64_t seed, size_t index,
    double run_time);
/* The next moment it has something to do; INT64_MAX: none. */
int64_t executor_due(const struct executor *);
/* Does what is due; true when workers are to be told. */
bool executor_act(struct executor *, int64_t now);
void executor_end(struct executor *, const char *why);
/* A new target, from `now` on; only of one that is on.  Of a shape the next
 * second has its say again. */
void executor_set_load(struct executor *, int64_t users, double spawn_rate,
    int64_t now);
/* Its shape has no more say in this test; false: there is none that has. */
bool executor_take_over(struct executor *);
/* Weights, fixed counts or the choice of classes have changed: holds from the
 * next user on. */
void executor_update_classes(struct executor *);
/* Of one with arrivals: so many a second, over 0, from half a second after
 * `now` to its end; also of the next test.  False for others. */
bool executor_set_rate(struct executor *, double rate, int64_t now);

/* What one worker has of it; the run keeps these, zeroed at first. */
struct share {
	int64_t *wanted;                /* of each class */
	int64_t *running;
	struct quota lease;
	int64_t due;
	int64_t dropped;
	int64_t late;
	int64_t queued;
	int64_t idle;
	int64_t sent;                   /* events of a replay */
	int64_t measured;               /* of these, done and in the figures */
};

struct share *share_new(size_t classes);
void share_release(struct share *);

/* The workers that are there now, with their ids; from then on `wanted` of
 * each is kept up to date.  Arrivals are shared out anew from `now` on. */
void executor_set_workers(struct executor *, struct share *const *,
    const char *const *ids, size_t count, int64_t now);
/* The worker of this one is gone; executor_set_workers() follows, or the run
 * is over. */
void executor_lose(struct executor *, struct share *);
/* What worker `stripe` of `stripes` is to do.  `start`: clock_now() of the
 * run's begin.  Names point into the executor. */
void executor_plan(struct executor *, struct share *, unsigned stripe,
    unsigned stripes, int64_t start, struct plan_executor *);
/* Of one that replays a trace: its first event is read, without which it does
 * not start. */
void executor_replay_ready(struct executor *);
/* The run's time of its t = 0; false before it has started. */
bool executor_replay_origin(const struct executor *, int64_t *origin);
/* Events that workers were sent and have not said to be due. */
int64_t executor_replay_ahead(const struct executor *, int64_t *sent);
/* All of them are sent. */
void executor_replay_over(struct executor *, int64_t now);
/* Whether all that are sent are done with. */
void executor_replay_settled(struct executor *, bool all);
/* News of a worker; true when it is to be sent its plan again. */
bool executor_progress(struct executor *, struct share *,
    const struct wire_progress *, size_t workers);
/* News of users running; shares hold them. */
void executor_counted(struct executor *, bool reported);

struct executor_status {
	const char *name;
	const char *classes;            /* "Reader,Writer" */
	const char *model;
	enum executor_state state;
	double start;                   /* seconds into the run */
	double time;                    /* 0: to the end */
	double spawn_rate;
	int64_t users_target;
	int64_t users_wanted;
	int64_t users_running;
	int64_t iterations;             /* to be done; 0: no such number */
	int64_t started;
	int64_t done;
	double rate;                    /* arrivals a second now; 0 without */
	int64_t due;                    /* arrivals */
	int64_t dropped;
	int64_t late;
	int64_t queued;
	int64_t idle;                   /* users that wait for an arrival */
	const char *reason;             /* why it ended; NULL */
};
void executor_status(const struct executor *, int64_t now,
    struct executor_status *);
const char *executor_state_name(enum executor_state);

#endif
