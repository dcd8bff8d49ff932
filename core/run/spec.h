/*
 * What an executor is to do, as people write it: a set of user classes and
 * the load they make, when it begins and how long it lasts.  From the command
 * line, from a configuration file, or from a scenario (SWARM_EXECUTORS).
 */
#ifndef RUN_SPEC_H
#define RUN_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/arrivals.h"

#define SPEC_NAME_MAX 63                /* bytes */

enum spec_model { SPEC_USERS, SPEC_SHAPE, SPEC_RATE, SPEC_ITERATIONS,
	SPEC_USER_ITERATIONS, SPEC_REPLAY };

struct spec {
	char *name;                     /* "": the only one of a run that
	                                 * names none */
	char **classes;                 /* NULL-ended; NULL: all */
	int64_t users;                  /* -1: not said */
	double spawn_rate;              /* users a second; 0: not said */
	char *shape;                    /* NULL: none */
	char *rate;                     /* NULL: closed */
	char *replay;                   /* schedule of user/replay.h, NULL:
	                                 * no replay */
	bool poisson;
	enum arrivals_busy busy;
	enum arrivals_catch_up catch_up;
	int64_t queue;
	int64_t iterations;             /* shared by all users; 0: no end */
	int64_t user_iterations;        /* of each user; 0: no end */
	double start;                   /* seconds into the run */
	double time;                    /* seconds it lasts; 0: to the end */
};

struct swarm_executor;

/* Nothing said; arrivals queue and come in bursts. */
void spec_init(struct spec *);
void spec_release(struct spec *);
/*
 * "name=browse,classes=Reader,users=100,spawn-rate=10,start=30s,time=2m",
 * parted by semicolons where a value holds commas and equals signs.  What is
 * not said is as in `deflt`.  0, or -1 after log_error().
 */
int spec_parse(struct spec *, const char *text, const struct spec *deflt);
/* A scenario's; `module` for messages.  0, or -1 after log_error(). */
int spec_take(struct spec *, const struct swarm_executor *,
    const struct spec *deflt, const char *module);
/* Fills in what was not said: the pool of an open model, the pace.  0, or -1
 * after log_error() for what does not go together. */
int spec_complete(struct spec *);
enum spec_model spec_model(const struct spec *);
/* "users", "shape", "rate", "iterations", "user-iterations", "replay". */
const char *spec_model_name(enum spec_model);

#endif
