/*
 * Numbers as Locust defines them, for what Locust's users and tools read: its
 * CSV files, its REST answers, its wire protocol.
 *
 * Its response times are whole milliseconds of two significant digits; its
 * percentile takes a rank from the top of those, its median from the bottom.
 * Its current rate is of worker seconds, two seconds late.
 */
#ifndef STATS_LOCUST_H
#define STATS_LOCUST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "stats/stats.h"

/* Python's rounding to one, two digits, half to even: 147 -> 150. */
int64_t locust_round(double ms);

/* A dictionary of rounded milliseconds and their counts, by time. */
struct locust_time {
	int64_t ms;
	uint64_t count;
};

struct locust_times {
	struct locust_time *times;
	size_t count;
	uint64_t samples;
};

/* Of a histogram; release it. */
void locust_times_init(struct locust_times *, const struct histogram *);
void locust_times_release(struct locust_times *);
/* 0 <= p <= 1; 0 without samples. */
int64_t locust_percentile(const struct locust_times *, double p);
/* In ms, brought into [min, max] of the histogram it was made from. */
double locust_median(const struct locust_times *, const struct histogram *);
/* In ms, added up as Locust does; 0 without samples. */
double locust_average(const struct histogram *);

/* A row of its statistics. */
struct locust_row {
	uint64_t requests;
	uint64_t failures;
	double median;                  /* ms; so the next three */
	double average;
	double min;                     /* 0 when there is none */
	double max;
	double average_content;
	double total_rps;
	double total_fail_per_sec;
	double current_rps;
	double current_fail_per_sec;
	struct locust_times times;
};

/* Its current rates: mean of ten whole seconds, two late, by the total's
 * clock. */
void locust_rates(const struct series *, const struct series *total,
    double *rps, double *fail_per_sec);
/* `total` is the total of the same statistics, whose times the rates go by.
 * Release it. */
void locust_row_init(struct locust_row *, const struct series *,
    const struct series *total);
void locust_row_release(struct locust_row *);

/* All series but phases by name, then type; the caller frees the array. */
const struct series **locust_sort(const struct stats *, size_t *count);

/* A float as Python prints it: the shortest text that reads back equal. */
int locust_float(struct buf *, double);
/* A string as Python's repr() shows it. */
int locust_repr(struct buf *, const char *);
/* The key of an error row: 64 hex digits and a NUL. */
void locust_error_key(char key[65], const char *type, const char *name,
    const char *error);

#endif
