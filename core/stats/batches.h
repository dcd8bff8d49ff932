/*
 * How much a stream of samples repeats itself.
 *
 * Requests are not independent: while a queue is long, all of them are slow.
 * A confidence interval from the raw count would be too narrow by a factor of
 * 3 to 30 exactly when the server is loaded.  This keeps the sums of batches
 * of 2, 4, 8, … consecutive samples in constant memory; the variance of
 * batch means over the variance of single samples tells by how much the count
 * has to be divided (the autocorrelation time).
 *
 * A worker keeps one per series, on the stream of response times; the master
 * adds them up.
 */
#ifndef STATS_BATCHES_H
#define STATS_BATCHES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define BATCHES_LEVELS 24               /* batches of 2 to 2^24 */

struct batch_level {
	uint64_t n;                     /* batches */
	double sum;                     /* of batch sums, ns */
	double sum_squares;
};

struct batches {
	uint64_t seen;                  /* samples; its bits say what waits */
	double waiting[BATCHES_LEVELS]; /* half pair of each level */
	struct batch_level level[BATCHES_LEVELS];       /* [0]: pairs */
};

void batches_init(struct batches *);
/* Sums to zero; half pairs stay, so that batches go on over a report. */
void batches_reset(struct batches *);

/* One sample. */
static inline void batches_add(struct batches *b, int64_t ns)
{
	uint64_t carry = b->seen++;
	double v = (double)ns;
	unsigned l = 0;

	/* A binary counter: each carry is a finished batch. */
	for (; (carry & 1) && l < BATCHES_LEVELS; carry >>= 1, l++) {
		struct batch_level *level = &b->level[l];

		v += b->waiting[l];
		level->n++;
		level->sum += v;
		level->sum_squares += v * v;
	}
	if (l < BATCHES_LEVELS)
		b->waiting[l] = v;
}

/* Adds the finished batches of another stream. */
void batches_merge(struct batches *into, const struct batches *);

/*
 * Autocorrelation time in samples, at least 1: so many samples tell as much
 * as one independent one.  `variance` is that of single samples (ns squared).
 * 1 when there is too little to tell.
 */
double batches_time(const struct batches *, double variance);

/*
 * Wire form of the finished batches.  Encoding: 0, or -1 when it does not fit.
 * Decoding adds into `into`; -1, leaving it untouched, on malformed input.
 */
int batches_encode(const struct batches *, struct buf *);
int batches_decode_add(struct batches *into, const void *data, size_t len);

#endif
