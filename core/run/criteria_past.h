/*
 * What a criterion remembers of a run: the seconds that a slope goes through,
 * and what had come by certain moments, so that a warm-up which is only known
 * at the end can be left out of the whole.
 */
#ifndef RUN_CRITERIA_PAST_H
#define RUN_CRITERIA_PAST_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/window.h"

#define CRITERIA_PAST_MARKS 24

/* Sums for a straight line through points. */
struct criteria_line {
	double n, t, y, tt, ty;
};

struct criteria_mark {
	double at;                      /* seconds into the run */
	struct window_sum sum;
	struct criteria_line line;
};

struct criteria_past {
	struct { double t, y; } *ring;  /* of a window; NULL: none */
	size_t size, next, used;
	struct criteria_line line;      /* of the whole run */
	struct criteria_mark *marks;    /* oldest first */
	size_t mark_count;
	double every;                   /* seconds between two */
};

/* `window`: seconds that a slope looks back; 0: the whole run. */
void criteria_past_init(struct criteria_past *, double window);
void criteria_past_release(struct criteria_past *);
/* A point of a slope, once a second. */
void criteria_past_add(struct criteria_past *, double t, double y);
/* Growth for each second through the window or the run, without what came
 * before `mark` (NULL: from the start); false while there are too few. */
bool criteria_past_slope(const struct criteria_past *,
    const struct criteria_mark *, double *out);
/* Whether a moment is to be marked now. */
bool criteria_past_due(const struct criteria_past *, double at);
/* Takes over `sum`. */
void criteria_past_mark(struct criteria_past *, double at,
    const struct window_sum *sum);
/* The first one at or after a moment; NULL: none. */
const struct criteria_mark *criteria_past_at(const struct criteria_past *,
    double at);

#endif
