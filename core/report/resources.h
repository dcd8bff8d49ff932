/*
 * What the target felt: figures of watched machines second by second, on the
 * run's own axis of time.
 */
#ifndef REPORT_RESOURCES_H
#define REPORT_RESOURCES_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"

#define RESOURCES_POINTS 600            /* then two become one */
#define RESOURCES_ROWS   700

struct result_event;

struct resource {
	char *name;                     /* TARGET.FIGURE */
	char *unit;
	double *values;                 /* as many as points; NAN: not known */
	double now;                     /* of the second that runs */
	double last;                    /* of the one before; NAN */
	double sum;                     /* of the point that is being made */
	unsigned seconds;
};

struct resources {
	struct resource *rows;
	size_t row_count;
	double *at;                     /* seconds into the run */
	size_t count;                   /* points */
	unsigned step;                  /* seconds of a point; 0: one */
	unsigned ticks;                 /* of the point that is being made */
};

/* In the second that runs. */
void resources_put(struct resources *, const char *name, const char *unit,
    double value);
/* The second is over, `at` seconds into the run; `counts`: it belongs to it. */
void resources_tick(struct resources *, double at, int counts);
void resources_clear(struct resources *);
void resources_copy(struct resources *, const struct resources *);

/* NULL when there are none. */
json_t *resources_json(const struct resources *);
/* Adds the same as text; an object without anything when there are none.
 * 0 or -1. */
int resources_write(struct buf *, const struct resources *);
/* What can't be read is left out. */
void resources_read(struct resources *, const json_t *);
/* Charts, one for the figures of a machine that share a unit. */
void resources_html(struct buf *, const struct resources *,
    const struct result_event *events, size_t event_count);

#endif
