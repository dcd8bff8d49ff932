/*
 * Log-linear histogram of nanoseconds: 128 sub-buckets per octave, so that a
 * reported value is within 0.39 % of the recorded one.  Fixed size, exact
 * merging by addition.  Values of 2^42 ns (73 min) and more are counted in
 * `overflow` and keep the exact maximum.
 */
#ifndef STATS_HISTOGRAM_H
#define STATS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_BUCKETS  4608

struct histogram {
	uint64_t count;
	uint64_t overflow;
	double sum;                     /* ns */
	double sum_squares;
	int64_t min;                    /* INT64_MAX while empty */
	int64_t max;                    /* 0 while empty */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *);
/* Negative counts as 0. */
void histogram_record(struct histogram *, int64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *);
/* Takes away what was merged before (sliding windows); min and max become
 * bucket bounds. */
void histogram_subtract(struct histogram *from, const struct histogram *);

/* Nearest rank, k = ceil(q n): the midpoint of the bucket of the k-th sample,
 * clamped to [min, max]; q = 1 is the exact maximum.  0 while empty. */
int64_t histogram_quantile(const struct histogram *, double q);
double histogram_mean(const struct histogram *);
double histogram_stddev(const struct histogram *);
/* Share of samples of at most `ns`, 0..1. */
double histogram_share(const struct histogram *, int64_t ns);

unsigned histogram_index(int64_t ns);
/* Lowest and highest value of a bucket. */
void histogram_bounds(unsigned index, int64_t *lo, int64_t *hi);

/*
 * Wire and file form: a version byte, count, overflow, sum, sum of squares,
 * min, max, then (gap, count) varints of the buckets in use.  Decoding adds
 * into `into`; it returns -1, leaving `into` untouched, on any malformed
 * input.
 */
int histogram_encode(const struct histogram *, struct buf *);
int histogram_decode_add(struct histogram *into, const void *data,
    size_t len);

#endif
