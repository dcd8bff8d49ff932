/*
 * Metrics of a scenario's own: gauges, rates (shares) and distributions,
 * beside the counters of stats.h.  A worker keeps the delta since its last
 * report, the master the whole; a merge adds sums and counts, keeps the
 * extremes, and of a gauge's last values the latest.
 *
 * A distribution is a histogram of thousandths, so that it merges exactly and
 * needs as little memory as response times do.
 */
#ifndef STATS_METRIC_H
#define STATS_METRIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/strmap.h"
#include "stats/histogram.h"

#define METRICS_MAX     1000            /* more share "(other)" of a kind */
#define METRIC_MAX_UNIT 32              /* bytes; longer is cut */
#define METRIC_SCALE    1000.0          /* of a distribution's histogram */

enum metric_kind { METRIC_GAUGE, METRIC_RATE, METRIC_DISTRIBUTION };
#define METRIC_KINDS 3

struct metric {
	char *name;
	char *unit;                     /* "" when none */
	enum metric_kind kind;
	uint64_t count;                 /* values recorded */
	double sum;
	double min;                     /* of no values: 0 */
	double max;
	double last;                    /* the latest over all workers */
	double last_time;               /* unix; 0: none */
	struct histogram values;        /* of a distribution */
};

struct metrics {
	struct metric *at;
	size_t count;
	struct strmap by_name;          /* kind and name */
};

/* Its number, found or made. */
uint32_t metrics_get(struct metrics *, enum metric_kind, const char *name,
    const char *unit);
/* Values that are no finite numbers are left out. */
void metrics_record(struct metrics *, uint32_t id, double value);
/* Adds `count` values of one metric: all but name, unit and kind of `delta`
 * counts. */
void metric_merge(struct metric *into, const struct metric *delta);
void metrics_merge(struct metrics *into, const struct metrics *delta);
/* Values go, names and numbers stay. */
void metrics_reset(struct metrics *);
void metrics_release(struct metrics *);

double metric_mean(const struct metric *);
/* A value that the share `q` of a distribution does not exceed. */
double metric_quantile(const struct histogram *, double q);
/* "gauge", "rate", "distribution". */
const char *metric_kind_name(enum metric_kind);

#endif
