/*
 * A histogram of few samples, as a list of the buckets in use, by index: one
 * second of one series takes a few hundred bytes instead of kilobytes.
 */
#ifndef STATS_SPARSE_H
#define STATS_SPARSE_H

#include <stddef.h>
#include <stdint.h>

#include "stats/histogram.h"

struct sparse_bucket {
	uint32_t index;
	uint32_t n;                     /* above 32 bits: further entries */
};

struct sparse {
	uint64_t count;
	uint64_t overflow;
	histogram_wide sum;
	histogram_wide sum_squares;
	int64_t min;                    /* exact when known, else a bound */
	int64_t max;
	struct sparse_bucket *buckets;
	uint32_t used;
};

/* Zeroed memory is an empty one. */
void sparse_release(struct sparse *);
/*
 * Fills `out`, which is empty, with what came since: now - before.  `before`
 * then becomes equal to `now`.
 */
void sparse_advance(struct sparse *out, const struct histogram *now,
    struct histogram *before);
/* All of `h`, into an empty one. */
void sparse_from(struct sparse *out, const struct histogram *h);
/* Adds to a histogram. */
void sparse_add(struct histogram *into, const struct sparse *);
void sparse_merge(struct sparse *into, const struct sparse *);
size_t sparse_memory(const struct sparse *);

#endif
