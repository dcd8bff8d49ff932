/*
 * How far another machine's clock is from ours, from pings with four
 * timestamps, and how far at most that estimate is off.
 *
 * Both clocks are monotonic ones: they differ by anything, and drift apart by
 * some parts in a million.  A ping that met no queue tells best, so of the
 * last minute the eight with the shortest way count (as NTP's clock filter
 * does), and a line through them gives offset and drift.
 *
 * Pure computation.
 */
#ifndef CLUSTER_OFFSET_H
#define CLUSTER_OFFSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFSET_SAMPLES 64
#define OFFSET_BEST 8

struct offset_sample {
	int64_t at;                     /* our clock, half-way */
	int64_t offset;                 /* theirs minus ours */
	int64_t delay;                  /* both ways, without their stay */
};

struct offset {
	struct offset_sample samples[OFFSET_SAMPLES];
	size_t count;
	size_t next;
};

/*
 * One exchange: sent and back by our clock, received and answered by theirs.
 * Impossible ones are ignored.
 */
void offset_add(struct offset *, int64_t sent, int64_t received,
    int64_t answered, int64_t back);
/* Their clock minus ours as a line through time. */
struct offset_line {
	int64_t at;                     /* our clock */
	int64_t offset;                 /* there, then */
	double slope;                   /* a second of ours gains so many */
	int64_t error;                  /* bound, at `at` */
};
/* The line from our `now` on.  False as below. */
bool offset_fit(const struct offset *, int64_t now, struct offset_line *);
/* What the line says of another moment. */
void offset_at(const struct offset_line *, int64_t now, int64_t *offset,
    int64_t *error);
/*
 * Their clock minus ours at our `now`, and a bound on the error: half the
 * shortest way there and back, and what the samples disagree by.  False while
 * there is no sample of the last two minutes.
 */
bool offset_get(const struct offset *, int64_t now, int64_t *offset,
    int64_t *error);

#endif
