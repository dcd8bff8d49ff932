/*
 * The past of each endpoint: what came in stretches of time, for charts of
 * one endpoint after the run.  A result has the busiest of them, and all the
 * others as one.
 */
#ifndef REPORT_PAST_H
#define REPORT_PAST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/sparse.h"
#include "stats/window.h"

#define PAST_STRETCHES 120              /* then two become one */
#define PAST_SERIES    200              /* endpoints kept apart */
#define PAST_SHOWN     20               /* of these, in a result */

enum past_figure { PAST_REQUESTS, PAST_FAILURES, PAST_P50, PAST_P95, PAST_P99,
	PAST_FIGURES };

struct past_slot;

/* While the run goes on. */
struct past {
	double end[PAST_STRETCHES];     /* seconds into the run */
	size_t count;
	unsigned step;                  /* seconds of a stretch; 0: one */
	unsigned ticks;                 /* of the one that is being made */
	struct past_slot *rows[PAST_SERIES];    /* by a series' id; NULL */
	struct past_slot *rest;         /* of the series beyond; NULL: none */
	size_t series;                  /* all that were seen */
};

/* A second is over, `at` seconds into the run. */
void past_tick(struct past *, const struct windows *, const struct stats *,
    double at);
void past_clear(struct past *);

/* What a result keeps: plain data. */
struct past_row {
	char *type;                     /* NULL: the others, as one */
	char *name;
	double *values[PAST_FIGURES];   /* by stretch; ms, NAN */
};

struct past_view {
	double *end;
	size_t count;
	struct past_row *rows;          /* busiest first */
	size_t row_count;
	size_t others;                  /* endpoints that are one row */
};

void past_take(struct past_view *, const struct past *, const struct stats *);
void past_release(struct past_view *);
/* The object "endpoint_history"; NULL when there is nothing. */
json_t *past_json(const struct past_view *);
/* What can't be read is left out. */
void past_read(struct past_view *, const json_t *);

#endif
