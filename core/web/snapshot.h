/*
 * What the web thread knows: everything a page can show of one moment,
 * immutable and counted.  Made on the master's loop, read anywhere.
 */
#ifndef WEB_SNAPSHOT_H
#define WEB_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/histogram.h"
#include "web/web.h"

#define SNAPSHOT_QUANTILES 11
/* 0.5 0.66 0.75 0.8 0.9 0.95 0.98 0.99 0.999 0.9999 1 */
extern const double snapshot_quantiles[SNAPSHOT_QUANTILES];
enum { SNAPSHOT_P50 = 0, SNAPSHOT_P90 = 4, SNAPSHOT_P95 = 5,
	SNAPSHOT_P99 = 7 };

/* Times in ms.  Names belong to the statistics, which outlive the server. */
struct snapshot_row {
	uint32_t id;
	bool phase;
	const char *type;
	const char *name;
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	uint64_t timed;
	double avg;
	double min;
	double max;
	double quantile[SNAPSHOT_QUANTILES];
	/* Over the last 5 s. */
	double rps;
	double fps;
	double bps;
	/* Locust's arithmetic: see stats/locust.h. */
	double locust_median;
	int64_t locust_quantile[SNAPSHOT_QUANTILES];
	double locust_rps;
	double locust_fps;
	uint64_t version;               /* raised when any of this changes */
};

struct snapshot_error {
	uint32_t series;
	const char *type;
	const char *name;
	const char *text;
	uint64_t occurrences;
	double first_seen;
	double last_seen;
};

struct snapshot_exception {
	const char *message;
	const char *traceback;
	uint64_t count;
	const char *nodes;              /* with ", " between them */
};

/* Of the scenario's own, with values. */
struct snapshot_metric {
	const char *name;
	const char *unit;
	const char *kind;
	bool distribution;
	uint64_t count;
	double last;
	double mean;
	double min;
	double max;
	double p50;                     /* of a distribution */
	double p95;
	double p99;
};

struct snapshot {
	int refs;
	uint64_t seq;
	uint64_t epoch;                 /* raised when statistics went back */
	double time;                    /* unix */
	bool second;                    /* made at the end of one */
	struct run_status run;          /* strings copied; of what it points to
	                                 * the executors only */
	double elapsed;                 /* seconds of the test */
	struct snapshot_row total;
	struct snapshot_row *rows;      /* by id */
	size_t row_count;
	/* Percentiles of the last 5 s, NAN while there are none; Locust's of
	 * the last 10. */
	double recent[SNAPSHOT_QUANTILES];
	uint64_t recent_count;
	int64_t locust_recent_p50;      /* -1: none */
	int64_t locust_recent_p95;
	double start_time;              /* of the total: start or reset */
	double last_time;
	struct snapshot_error *errors;
	size_t error_count;
	struct snapshot_exception *exceptions;
	size_t exception_count;
	struct web_worker *workers;
	size_t worker_count;
	int64_t *class_users;
	size_t class_count;
	const struct web_class *classes;
	const struct web_setting *settings;
	unsigned setup;
	struct web_criterion *criteria;
	size_t criterion_count;
	struct web_figure *figures;
	size_t figure_count;
	const char *limited_by;         /* NULL: not known */
	const char *limit_reason;
	struct web_hold hold;           /* strings copied */
	struct web_search search;
	struct {
		const char *name;
		int64_t value;
	} *counters;
	size_t counter_count;
	struct snapshot_metric *metrics;
	size_t metric_count;
	void *memory;                   /* chain of what it owns */
};

/* Makes one after the other; the loop's. */
struct snapshot_maker;
struct snapshot_maker *snapshot_maker_new(const struct stats *,
    size_t class_count);
void snapshot_maker_free(struct snapshot_maker *);
/* With one reference, the caller's.  `second`: another one is over; rates and
 * windows are of whole seconds, whatever is asked in between. */
struct snapshot *snapshot_make(struct snapshot_maker *,
    const struct web_state *, double now, bool second);

/* [any thread] */
struct snapshot *snapshot_ref(struct snapshot *);
void snapshot_unref(struct snapshot *);

#endif
