/* What a run is made of; for core/run alone. */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "fiber/wheel.h"
#include "run/run.h"

struct executor;

struct run_internal {
	struct run_options options;
	struct run_status status;
	struct executor **executors;
	struct executor_status *shown;
	size_t count;
	bool needs_swarm;
	char *host;
	char *reason;
	int64_t shift;                  /* ns of all pauses that are over */
	int64_t paused_at;
	struct wheel_timer next;        /* an executor has something to do */
	struct wheel_timer limit;       /* stopping took too long */
	struct wheel_timer wait;        /* for the expected workers */
	struct wheel_timer say;         /* that workers are awaited */
	size_t stopping;                /* peers that have not answered */
};
extern struct run_internal run;

/* The run's time: pauses left out. */
int64_t run_now(void);
/* SPAWNING or RUNNING. */
bool run_active(void);
/* After anything that may have changed what executors are at. */
void run_go_on(bool changed);

/* gap.c */
void gap_forget(void);
/* A worker counts as lost; `from`: clock_now() of its last word. */
void gap_open(int64_t worker, int64_t from, const char *why, bool crashed);
/* It is here again. */
void gap_close(int64_t worker);
const struct run_gap *gap_list(size_t *count);
/* fleet.c */
unsigned fleet_present(void);
bool fleet_takes_part(const struct peer *);
/* Its shares are gone, and what it was to do is there again. */
void fleet_drop(struct peer *);
/* The workers there are now get the users that are wanted now. */
void fleet_update(void);
/* Everybody's plan, to be sent alone, or with the counts. */
void fleet_make_plans(void);
void fleet_send(void);
/* Who has which users now; classes belong to one executor each. */
void fleet_take_counts(struct peer *);

#endif
