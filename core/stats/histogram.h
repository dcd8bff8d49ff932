/*
 * Log-linear histogram of nanoseconds: 128 sub-buckets per octave, so that a
 * reported value is within 0.39 % of the recorded one.  Exact merging by
 * addition: sums are integers, so that any order of merging gives the same
 * bits.  Values of 2^42 ns (73 min) and more are counted in `overflow` and
 * keep the exact maximum.
 *
 * The buckets of an octave are allocated when the first sample falls into
 * it, 512 bytes each, 36 at most, and are kept until release: a series that
 * spans 0.5 to 60 ms holds 3.5 KiB instead of 36.  After that recording
 * allocates nothing, but for one small entry per bucket and 2^32 samples.
 * Small buckets are not about memory alone: with a thousand series in turn
 * 64-bit ones make recording half as fast again.
 */
#ifndef STATS_HISTOGRAM_H
#define STATS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_SUB      (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_OCTAVES  36
#define HISTOGRAM_BUCKETS  (HISTOGRAM_OCTAVES * HISTOGRAM_SUB)

typedef unsigned __int128 histogram_wide;

/* What a bucket counts beyond 32 bits. */
struct histogram_high {
	uint32_t index;
	uint32_t high;
};

struct histogram {
	uint64_t count;
	uint64_t overflow;
	histogram_wide sum;             /* ns */
	/* ns squared; values above 2^48 ns (78 h) count as that here, so
	 * that 2^32 of them fit. */
	histogram_wide sum_squares;
	int64_t min;                    /* INT64_MAX while empty */
	int64_t max;                    /* 0 while empty */
	/* The low words of the buckets; NULL: nothing there yet. */
	uint32_t *octaves[HISTOGRAM_OCTAVES];
	struct histogram_high *high;
	uint32_t high_count;
};

void histogram_init(struct histogram *);
/* Frees the buckets; empty and usable again. */
void histogram_release(struct histogram *);
/* Empties, keeping the memory. */
void histogram_clear(struct histogram *);
/* `into` becomes equal to the other. */
void histogram_copy(struct histogram *into, const struct histogram *);

/* Negative counts as 0. */
void histogram_record(struct histogram *, int64_t ns);
/* Fetches the line that recording `ns` will need. */
void histogram_prefetch(const struct histogram *, int64_t ns);
/* n samples of the same value. */
void histogram_record_n(struct histogram *, int64_t ns, uint64_t n);
/* Replaces the sum, minimum and maximum of a histogram that was filled with
 * rounded values by the true ones.  Nothing while empty; impossible numbers
 * are brought into range. */
void histogram_correct(struct histogram *, double sum_ns, int64_t min,
    int64_t max);
void histogram_merge(struct histogram *into, const struct histogram *);
/* Takes away what was merged before (sliding windows); min and max become
 * bucket bounds. */
void histogram_subtract(struct histogram *from, const struct histogram *);
/* Adds to one bucket alone; the caller sees to count, sums and extremes. */
void histogram_add_at(struct histogram *, unsigned index, uint64_t n);
/* Same samples: every field and bucket. */
bool histogram_equal(const struct histogram *, const struct histogram *);

/* Nearest rank, k = ceil(q n): the midpoint of the bucket of the k-th sample,
 * clamped to [min, max]; q = 1 is the exact maximum, q <= 0 the minimum.  0
 * while empty. */
int64_t histogram_quantile(const struct histogram *, double q);
double histogram_mean(const struct histogram *);
/* Of the samples as a population; 0 below two samples. */
double histogram_stddev(const struct histogram *);
/* Share of samples of at most `ns`, 0..1; a bucket that `ns` falls into
 * counts as a whole.  0 while empty. */
double histogram_share(const struct histogram *, int64_t ns);
/* Samples of at most `ns`, likewise. */
uint64_t histogram_count_to(const struct histogram *, int64_t ns);

/* Bucket of a value; HISTOGRAM_BUCKETS for an overflow. */
unsigned histogram_index(int64_t ns);
/* Lowest and highest value of a bucket. */
void histogram_bounds(unsigned index, int64_t *lo, int64_t *hi);
/* What a sample of this bucket is reported as: the midpoint, clamped to
 * [min, max]. */
int64_t histogram_value(const struct histogram *, unsigned index);
/* Samples in a bucket. */
uint64_t histogram_at(const struct histogram *, unsigned index);
/*
 * The first bucket in use at or above `index`, with its samples in *n;
 * HISTOGRAM_BUCKETS when there is none.  A walk:
 *
 *	for (i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
 *	    i = histogram_next(h, i + 1, &n))
 */
unsigned histogram_next(const struct histogram *, unsigned index,
    uint64_t *n);
/* Bytes held. */
size_t histogram_memory(const struct histogram *);

/*
 * Wire and file form: a version byte, count, overflow, sum, sum of squares,
 * min, max, then (gap, count) of the buckets in use, all as LEB128 varints;
 * the length of the whole says how many.  Encoding: 0, or -1 when it does not
 * fit in the buffer.  Decoding adds into `into`; it returns -1, leaving
 * `into` untouched, on any malformed input.
 */
int histogram_encode(const struct histogram *, struct buf *);
int histogram_decode_add(struct histogram *into, const void *data,
    size_t len);
/* Whether it could be added to an empty histogram: 0 or -1. */
int histogram_decode_check(const void *data, size_t len);

#endif
