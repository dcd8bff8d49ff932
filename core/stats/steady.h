/*
 * Warm-up and steady state of a series of seconds.
 *
 * A run's first seconds are not like the rest: caches are cold, connections
 * are opened, queues fill.  Where the rest begins is found by MSER-5 (White,
 * 1997): the cut that makes the mean of what remains most certain.  Whether
 * the rest stands still is then tested for a trend (Mann and Kendall, with
 * Sen's slope).
 */
#ifndef STATS_STEADY_H
#define STATS_STEADY_H

#include <stdbool.h>
#include <stddef.h>

#define STEADY_GROUP  5                 /* values averaged first */
#define STEADY_LEAST  20                /* values, to say anything */
#define STEADY_DRIFT  0.05              /* of the median: no drift */

/*
 * How many of the first values are warm-up, a multiple of STEADY_GROUP.
 * false: the best cut lies at the end of the first half, so that the series
 * never became steady.  Needs STEADY_LEAST values.
 */
bool steady_cut(const double *values, size_t count, size_t *cut);

struct steady_trend {
	double z;                       /* Mann-Kendall, standard normal */
	double drift;                   /* over all values, as a part of their
	                                 * median; signed */
};
/* The trend of values in groups of STEADY_GROUP, so that neighbours that
 * resemble each other do not make one.  Zeros when there are too few. */
struct steady_trend steady_trend(const double *values, size_t count);
/* A trend that is both no chance and worth mention. */
bool steady_drifts(const struct steady_trend *);

#endif
