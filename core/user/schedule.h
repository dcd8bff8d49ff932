/*
 * Arrival schedules of the open load model: when the n-th iteration is to
 * start, whatever the target does.
 *
 * The rate is piecewise linear or a sine; L(t) is its integral, and arrival n
 * is due at the inverse of L at n (n = 1, 2, ...), exactly, for any n, without
 * adding up rounding errors.  A Poisson schedule replaces n by a sum of n unit
 * exponentials (time rescaling).
 *
 * A schedule is shared by stripes: stripe k of m takes the arrivals n with
 * n mod m = k; of a Poisson one, its part of the streams that make up the
 * whole (poisson.h), so that all arrivals are the same for any m.
 */
#ifndef USER_SCHEDULE_H
#define USER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "user/poisson.h"

#define SCHEDULE_SEGMENTS_MAX 1024

/* The rate goes from `from` to `to` arrivals a second in `duration`
 * seconds, and swings about that by `amplitude` when it has a period (then
 * `to` equals `from`); the last segment may last for ever (INFINITY). */
struct schedule_segment {
	double from;
	double to;
	double duration;
	double amplitude;
	double period;                  /* seconds; 0: no swing */
	double phase;                   /* radians, at the segment's begin */
	double begin;                   /* derived: seconds */
	double before;                  /* derived: arrivals before it */
};

struct schedule {
	struct schedule_segment *segments;
	size_t count;
	bool poisson;
};

/*
 * "100" for ever; "30s:100" holds; "30s:0-100" ramps; "5m:100~50/1m" swings
 * between 50 and 150 every minute, beginning at 100 and rising ("@DEGREES"
 * after it: elsewhere in the wave); several separated by commas.  0, or -1
 * after log_error(); nothing to release then.
 */
int schedule_parse(struct schedule *, const char *text);
void schedule_release(struct schedule *);
/* Ends it after so many seconds (over 0), if it is longer. */
void schedule_cut(struct schedule *, double seconds);
/* The highest rate it reaches. */
double schedule_peak(const struct schedule *);
/* The text that schedule_parse() reads; caller frees. */
char *schedule_text(const struct schedule *);
/* Seconds from the start to where L = n; INFINITY after the end. */
double schedule_when(const struct schedule *, double n);
/* L(t): arrivals due until t seconds. */
double schedule_count(const struct schedule *, double t);
double schedule_rate(const struct schedule *, double t);
/* Seconds; INFINITY for ever. */
double schedule_length(const struct schedule *);

/* A stripe's walk through a schedule. */
struct schedule_walk {
	const struct schedule *schedule;
	unsigned stripe;
	unsigned stripes;
	double n;
	size_t segment;                 /* where n was last */
	struct poisson poisson;
};

void schedule_walk_init(struct schedule_walk *, const struct schedule *,
    unsigned stripe, unsigned stripes, uint64_t seed);
/* Skips what is due before `t` seconds. */
void schedule_walk_skip(struct schedule_walk *, double t);
/* When the stripe's next arrival is due, in seconds; INFINITY at the end. */
double schedule_walk_next(struct schedule_walk *);

#endif
