/*
 * The tests of this process: when each ran, with which load, and how it came
 * out.  What happened in between is in the history, which outlives a test, so
 * that two of them can be compared.  Written on the loop, read anywhere.
 */
#ifndef WEB_RUNS_H
#define WEB_RUNS_H

#include "base/jsonw.h"
#include "web/snapshot.h"

#define RUNS_KEPT 200

/* At every snapshot: begins, updates and ends runs as the state says. */
void runs_take(const struct snapshot *);
/* An array, oldest first. */
void runs_write(struct jsonw *);
/* The statistics were reset: what was is a run of its own; and not. */
void runs_split(double now, const char *why);
void runs_join(void);
void runs_release(void);

#endif
