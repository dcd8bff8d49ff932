/* The figures that criteria are judged by. */
#ifndef RUN_CRITERIA_VALUE_H
#define RUN_CRITERIA_VALUE_H

#include <stdbool.h>

#include "run/criterion.h"
#include "stats/stats.h"
#include "stats/window.h"

/* Where the numbers of a moment come from. */
struct criteria_view {
	const struct stats *stats;
	const struct windows *windows;
	double seconds;                 /* of the window; 0: the whole run */
	double elapsed;
};

/* Fills `sum`, to be released; false when no series matches. */
bool criteria_value_collect(const struct criteria_view *, const char *pattern,
    const char *tags, struct window_sum *sum);
/* The statistic now; false when there is none.  Of the whole run `before`
 * (NULL: nothing) is left out, the first `before_s` seconds. */
bool criteria_value_take(const struct criterion *,
    const struct criteria_view *, const struct window_sum *before,
    double before_s, double *out);

#endif
