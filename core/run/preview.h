/*
 * The load a test would have, before it runs: what the start form draws.
 */
#ifndef RUN_PREVIEW_H
#define RUN_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swarm_shape;
struct spec;

#define PREVIEW_POINTS 240

struct preview_line {
	double users[PREVIEW_POINTS];   /* wanted; NAN: not known before */
	double rate[PREVIEW_POINTS];    /* arrivals a second; NAN: none */
};

/* Seconds after which nothing changes any more, or INFINITY; at least that of
 * a ramp.  0 when nobody can tell. */
double preview_length(const struct spec *,
    const struct swarm_shape *(*find)(const char *name));
/* Fills `line` for the moments i / (PREVIEW_POINTS - 1) * span.  A shape of a
 * module decides as it goes: not known. */
void preview_fill(const struct spec *,
    const struct swarm_shape *(*find)(const char *name), double span,
    struct preview_line *line);

/* Of the next test, with another load for one executor.  -1 and 0 keep what
 * is set, a run_time of 0 is no end. */
struct preview_wish {
	const char *executor;           /* NULL: the only one */
	int64_t users;
	double spawn_rate;
	double rate;
	double run_time;
};

struct preview {
	double span;                    /* seconds */
	bool ends;                      /* by itself, or by the run time */
	size_t count;                   /* as run_status() has executors */
	struct preview_line *lines;
};

/* Release it after success; -1 with *why. */
int preview_run(const struct preview_wish *, struct preview *,
    const char **why);
void preview_release(struct preview *);

#endif
