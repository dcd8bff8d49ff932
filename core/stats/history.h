/*
 * What happened when: the run's past in slots of 1 s, 10 s, 1 min and 10 min,
 * in constant memory for ever, for charts and for tables of any time range.
 *
 * Slots of 10 s and more keep a sparse histogram of response times, so that
 * the percentiles of a range come from its samples and never from averages
 * of percentiles.  These histograms have 16 buckets an octave: a percentile
 * of a range is within 3.2 % of the sample it stands for.  Slots of 1 s keep
 * three percentiles instead, and live for 15 minutes (4 hours for the total).
 *
 * A sample belongs to the second in which the master heard of it.  A second
 * without a tick is a gap, not a zero.
 *
 * One thread ticks; any thread may ask: a mutex is held for the length of a
 * call.
 */
#ifndef STATS_HISTORY_H
#define STATS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats;
struct history;

#define HISTORY_TOTAL   UINT32_MAX      /* in place of a series' id */
#define HISTORY_BUCKETS 576

/* State of the run at a tick. */
struct history_gauges {
	int64_t users;                  /* running */
	int64_t wanted;                 /* by now */
	unsigned workers;
	float cpu;                      /* the busiest worker's, % of a core */
	float delay_ms;                 /* longest pass of a worker's loop */
};

/* One slot, or several added up. */
struct history_sum {
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	uint64_t timed;                 /* samples in `buckets` */
	double sum_ms;
	bool present;                   /* there was a tick */
	struct history_gauges gauges;   /* last users, highest cpu and delay */
	uint64_t buckets[HISTORY_BUCKETS];
};

/* A point of a chart; times in ms, NAN where nothing was measured. */
struct history_point {
	int64_t time;                   /* unix, start of the slot */
	bool present;
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	double mean, p50, p95, p99, max;
	struct history_gauges gauges;   /* total only */
};

struct history *history_new(void);
void history_free(struct history *);
/* Once a second while a test runs; a second call in the same second does
 * nothing. */
void history_tick(struct history *, int64_t second, const struct stats *,
    const struct history_gauges *);
/*
 * Takes what the statistics hold now as known: samples that were merged into
 * them, and that happened long ago, are no news of the next tick.
 */
void history_skip(struct history *, const struct stats *);

/*
 * Points of [from, to) (unix seconds), at most about `max` of them; returns
 * their number, with *out to be freed by the caller and *step the seconds
 * each one covers.  The finest step that fits and that is still kept.
 */
size_t history_points(struct history *, uint32_t series, int64_t from,
    int64_t to, size_t max, unsigned *step, struct history_point **out);

/*
 * Widens [*from, *to) to slots that still exist; then history_sum() adds up
 * exactly that.  The slot of now is never cut.
 */
void history_snap(struct history *, int64_t *from, int64_t *to);
/* 0, or -1 when nothing is known of the series. */
int history_sum(struct history *, uint32_t series, int64_t from, int64_t to,
    struct history_sum *out);
/* Milliseconds; NAN while empty. */
double history_sum_quantile(const struct history_sum *, double q);
/* Lowest value of a bucket, ms. */
double history_bucket_ms(unsigned bucket);
/* Bytes held. */
size_t history_memory(struct history *);

#endif
