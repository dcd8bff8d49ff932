/*
 * Load shapes: how many users at each moment.  A module exports one as
 * "swarm.shape/1"; `--shape NAME` or `--shape NAME:ARGUMENTS` chooses it, and
 * the only one a scenario exports is taken by itself.
 */
#ifndef SWARM_SHAPE_H
#define SWARM_SHAPE_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_SHAPE_ID "swarm.shape/1"

/* What a shape wants now. */
struct swarm_load {
	double users;                   /* rounded to the nearest */
	double spawn_rate;              /* users a second; 0: at once */
};

struct swarm_shape {
	struct swarm_iface head;
	const char *name;
	const char *help;               /* one line: its arguments */
	/* [main] A run begins; `arguments` is what followed the colon, or "".
	 * 0, or -1 after swarm_error(). */
	int (*start)(const char *arguments);
	/* [main] About once a second, `seconds` into the run.  Fills *load and
	 * returns true, or false to end the test. */
	bool (*tick)(double seconds, struct swarm_load *load);
};

#ifdef __cplusplus
}
#endif
#endif
