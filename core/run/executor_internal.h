/* What an executor is made of; for executor*.c. */
#ifndef RUN_EXECUTOR_INTERNAL_H
#define RUN_EXECUTOR_INTERNAL_H

#include "base/clock.h"
#include "run/executor.h"
#include "user/schedule.h"

#define ARRIVALS_DELAY (300 * NS_PER_MS)        /* users first */
#define HAND_OVER      (500 * NS_PER_MS)        /* between two plans */
#define NEVER          INT64_MAX

struct dispatcher;
struct shape;

struct executor {
	struct spec spec;
	bool *has;                      /* class, by index */
	const char **class_names;
	size_t class_count;
	char *class_text;
	struct shape *shape;            /* NULL: none */
	enum executor_state state;
	char *reason;
	uint64_t seed;
	/* Users. */
	struct dispatcher *dispatcher;
	struct share **shares;
	size_t share_count;
	int64_t target;
	double spawn_rate;
	double time;                    /* seconds; 0: to the end */
	int64_t next_step;
	int64_t next_shape;
	int64_t settle;
	int64_t end;
	int64_t look;                   /* again, whether all are served */
	/* Arrivals. */
	struct schedule schedule;
	char *schedule_text;
	int64_t arrivals_at;            /* t = 0 of the schedule */
	int64_t hand_over;
	double rate_before;             /* until `rate_from` */
	int64_t rate_from;              /* ns after t = 0 */
	unsigned number;                /* of the plan */
	bool trace_ready;               /* of a replay: an event is read */
	bool trace_over;                /* all is handed out */
	bool trace_done;                /* and done with */
	int64_t limit;                  /* by its time */
	int64_t done_before;            /* when it was looked at last */
	/* Iterations; those of workers that are gone are in `lost`. */
	int64_t given;
	unsigned leases;
	struct share lost;
};

/* executor.c: users wanted now. */
int64_t executor_wanted(const struct executor *);
/* executor_share.c: users running; iterations to be done in all. */
int64_t executor_running(const struct executor *);
int64_t executor_goal(const struct executor *);
/* Arrivals a second; of one that has a schedule. */
double executor_rate(const struct executor *, int64_t now);
/* executor_replay.c: it starts. */
void executor_replay_begin(struct executor *, int64_t now);
/* All is handed out; true when it is over, and has been ended. */
bool executor_replay_ended(struct executor *, int64_t now);
bool executor_replay_done(struct executor *);

#endif
