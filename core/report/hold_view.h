/*
 * A figure that was held (run/hold.h) in the outputs: a line while it goes on,
 * what came of it as a sentence, its course as JSON (both ways) and as charts
 * in HTML.
 */
#ifndef REPORT_HOLD_VIEW_H
#define REPORT_HOLD_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "run/hold.h"

struct result_event;

/* What a result keeps of one; plain data.  Values are in `unit`. */
struct hold_view {
	bool present;
	bool users;                     /* the load is a number of users */
	bool turned;                    /* what is missing to all is held */
	char *text;                     /* the condition, as written */
	const char *unit;               /* "ms", "%" or "" */
	double target;
	double limit;                   /* of the generator; 0: not met */
	struct hold_point *points;      /* oldest first */
	size_t count;
};

/* A value as it is measured, in the unit that is shown; that unit. */
double hold_view_shown(const struct hold_spec *, double value);
const char *hold_view_unit(const struct hold_spec *);
/* NULL: nothing was held. */
void hold_view_take(struct hold_view *, const struct hold_status *);
void hold_view_release(struct hold_view *);

/* "p99=200ms is 187 ms at 523/s (near)". */
void hold_view_now(struct buf *, const struct hold_status *, double value);
/* Of the last second: "hold p99=200ms now 187 ms at 523/s". */
void hold_view_live(struct buf *, const struct hold_status *);
/* "p99=200ms was within 15 % for 92 % of 170 s, reached after 28 s; ...". */
void hold_view_sentence(struct buf *, const struct hold_view *);
/* The object "hold"; null when nothing was held. */
json_t *hold_view_json(const struct hold_view *);
/* What is missing or impossible is left out. */
void hold_view_read(struct hold_view *, const json_t *);
void hold_view_html(struct buf *, const struct hold_view *,
    const struct result_event *, size_t event_count);

#endif
