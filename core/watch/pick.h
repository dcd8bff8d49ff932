/*
 * Which figures are made of an exporter's samples: processor, load, memory,
 * network, disks, descriptors and processes, by the names that
 * node_exporter, process-exporter and the client libraries of Prometheus
 * give them (`swarm agent` gives the same), and what else was asked for.
 * Counters become what they gain in a second.
 */
#ifndef WATCH_PICK_H
#define WATCH_PICK_H

#include <stddef.h>

#include "watch/exposition.h"

#define PICK_GROUPS  16                 /* named processes of a target */
#define PICK_WANTED  16                 /* metrics asked for besides */
#define PICK_FIGURES 80
#define PICK_NAME    160

struct pick_figure {
	char name[PICK_NAME];
	const char *unit;               /* a constant; "share" is of 1 */
	double value;
};

struct pick_wanted {
	char *text;                     /* as it was asked for */
	char *split;                    /* `selector` lives in it */
	struct exposition_sample selector;
};

struct pick_figures {
	struct pick_figure at[PICK_FIGURES];
	size_t count;
};

struct pick;

/* `wanted` is not copied. */
struct pick *pick_new(const struct pick_wanted *wanted, size_t count);
void pick_free(struct pick *);
/*
 * One answer, taken at `now` (seconds of a clock that never goes back).  What
 * needs two answers is left out at the first and where a counter began anew.
 * Returns 0, or -1: this is no answer of an exporter.
 */
int pick_take(struct pick *, char *text, double now, struct pick_figures *);

/* 0, or -1: no name of a metric. */
int pick_wanted_init(struct pick_wanted *, const char *text);
void pick_wanted_release(struct pick_wanted *);

#endif
