/*
 * The recent past of every series: what came in each of the last seconds, so
 * that any window ("p99 of the last 10 s") can be asked for, and the past of
 * the total over the whole run, for charts and comparisons.
 *
 * The master calls windows_tick() once a second with its totals.  Deltas are
 * kept sparse: memory is bounded by the number of series (a few kilobytes
 * each) and by WINDOWS_HISTORY slots for the total.
 *
 * Response times are meant, from the intended start.
 */
#ifndef STATS_WINDOW_H
#define STATS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/sparse.h"
#include "stats/stats.h"

#define WINDOWS_SECONDS 60      /* kept for a series unless more is asked */
#define WINDOWS_HISTORY 7200    /* slots of the run, then they are paired */

/* What came in a stretch of time. */
struct window_slot {
	double end;                     /* seconds since the test began */
	double length;                  /* seconds */
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	double lag;                     /* ns: response less service, summed */
	struct sparse response;
};

/* A slot of the run's history. */
struct history_slot {
	struct window_slot slot;
	int64_t users;                  /* at its end */
};

/* The sum over a window; release with window_sum_release(). */
struct window_sum {
	double length;                  /* seconds that are in it */
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	double lag;                     /* ns, of all samples */
	struct histogram response;
};

struct windows;

struct windows *windows_new(void);
void windows_free(struct windows *);
/* Forgets everything: a new test. */
void windows_clear(struct windows *);
/* Keeps at least so many seconds for every series from now on. */
void windows_keep(struct windows *, unsigned seconds);
/*
 * One second has passed; `now` in clock_now() ns.  The first call (after
 * windows_clear()) counts what is there as its own second.
 */
void windows_tick(struct windows *, const struct stats *, int64_t now,
    int64_t users);
/*
 * The last tick of a test.  What workers told is behind the clock, by up to a
 * second; when all of it is in, more time's samples come than have passed, and
 * their second is as long as the samples say.
 */
void windows_end(struct windows *, const struct stats *, int64_t now,
    int64_t users);
/*
 * Takes what the statistics hold now as known: samples that were merged into
 * them, and that happened long ago, are no news of the next tick.
 */
void windows_skip(struct windows *, const struct stats *);
/*
 * The sum over the last `seconds`, of `series` or of the total (NULL): whole
 * ticks, at least one.  `sum` is set up by the call.
 */
void windows_sum(const struct windows *, const struct series *,
    double seconds, struct window_sum *sum);
/* Exactly what came between the last two ticks. */
void windows_last(const struct windows *, const struct series *,
    struct window_sum *sum);
void window_sum_release(struct window_sum *);
/* The same as it is kept: valid until the next tick; NULL before the first. */
const struct window_slot *windows_slot(const struct windows *,
    const struct series *);

/* The whole run, oldest first, the newest slot still growing. */
size_t windows_history(const struct windows *,
    const struct history_slot **slots);
/* Seconds since a second before the first tick: the end of the last slot. */
double windows_elapsed(const struct windows *);
size_t windows_memory(const struct windows *);

#endif
