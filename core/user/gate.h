/*
 * What lets a user begin its next iteration, on a worker: the run's pauses,
 * and of each executor its arrivals, its share of a fixed number of
 * iterations, or the number each of its users may have.  An iteration is one
 * run of a task.
 *
 * Users that may not go on yet hold no stack: they wait in a list.
 */
#ifndef USER_GATE_H
#define USER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_SOON (100 * INT64_C(1000000))      /* ns */

struct plan;
struct swarm_user;

/* After user classes are there. */
void gate_init(void);
/* No executors, and nothing paused: before a test, and when it is over. */
void gate_clear(void);
/* What the master's plan says from now on.  0, or -1 after log_error() for
 * what could not be followed. */
int gate_apply(const struct plan *);
/* Arrivals stop; users that wait are left to whoever stops them. */
void gate_stop(void);

enum gate_answer { GATE_GO, GATE_WAIT, GATE_END };

/* life.c, on the user's fiber: before a task, which begins at once on GO; on
 * WAIT the user is in a list until user_run_at() is called for it; on END it
 * has had its share. */
enum gate_answer gate_enter(struct swarm_user *);
/* life.c: the task has ended. */
void gate_leave(struct swarm_user *);
/* life.c: its tasks begin when there is an arrival, and not after a wait. */
bool gate_open(const struct swarm_user *);
/* life.c: of an open one, after a task: true when the next arrival is there
 * already; false: the user is in the list of free ones. */
bool gate_next(struct swarm_user *);
/* sample.c: the series of a named executor, UINT32_MAX for none. */
uint32_t gate_series(const struct swarm_user *);

/* The master waits to hear how far we are: not with the next report only. */
void gate_tell(void);
/* It should hear of it within GATE_SOON, in case we are not there any more
 * when the next report is due.  Costs next to nothing. */
void gate_tell_soon(void);
/* How far an executor is, on this worker. */
struct gate_progress {
	const char *name;
	unsigned lease;                 /* `started` and `done` count from it */
	int64_t started;
	int64_t done;
	int64_t due;                    /* of arrivals; 0 without */
	int64_t dropped;
	int64_t late;
	int64_t queued;
	int64_t idle;                   /* users that wait in a list */
	uint64_t settled;               /* of a replay (replay_settled()) */
	const void *beyond;             /* replay_beyond(); NULL: not said */
	size_t beyond_len;
};
/* Fills at most `max`; returns how many. */
size_t gate_progress(struct gate_progress *, size_t max);

#endif
