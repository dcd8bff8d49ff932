/*
 * How sure a figure is.
 *
 * Intervals are of 95 %.  All of them rest on the number of independent
 * samples that the real ones are worth (`effective`), because requests are
 * not independent: see stats/batches.h.
 */
#ifndef STATS_CONFIDENCE_H
#define STATS_CONFIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "stats/batches.h"
#include "stats/histogram.h"

struct interval {
	double lo;
	double hi;
};

/* Two-sided Student's t for 95 %, any number of degrees from 1 up. */
double confidence_t(double degrees);

/* A stretch of time: how many samples ended in it, and their sum. */
struct confidence_slot {
	uint64_t count;
	double sum;                     /* ns */
	double length;                  /* seconds */
};

/*
 * Autocorrelation time in samples, from what came second by second out of all
 * streams together; `variance` of single samples, ns squared.  0 when there
 * are too few slots to tell.
 */
double confidence_time_of_slots(const struct confidence_slot *, size_t count,
    double variance);

/* Samples per second, from the same slots, oldest first; [0, 0] when there
 * are too few. */
struct interval confidence_throughput(const struct confidence_slot *,
    size_t count);

/* Independent samples worth as much as those of `h`; at least 1 unless
 * empty. */
double confidence_effective(const struct histogram *h, double time);

/* Of the mean, ns. */
struct interval confidence_mean(const struct histogram *, double effective);
/* Of a quantile, ns. */
struct interval confidence_quantile(const struct histogram *, double q,
    double effective);
/* Of a share, 0..1 (Wilson). */
struct interval confidence_share(double share, double n);

enum sufficiency { SUFFICIENT, SUFFICIENT_BARELY, INSUFFICIENT };

/* Whether the tail beyond a quantile has been seen often enough. */
enum sufficiency confidence_sufficiency(double q, double effective);
/* Independent samples that a quantile needs. */
uint64_t confidence_needed(double q);

#endif
