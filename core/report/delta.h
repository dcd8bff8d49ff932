/*
 * What came in one interval of a run, as plain data of its own, so that it can
 * be handed to another thread: counts and sparse histograms of the series that
 * had anything, errors and counters that grew.  Two of the same test can be
 * put together, which loses nothing but resolution in time.
 */
#ifndef REPORT_DELTA_H
#define REPORT_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/report.h"
#include "stats/sparse.h"

#define DELTA_TOTAL UINT32_MAX

struct delta_row {
	uint32_t id;
	char *type;
	char *name;
	bool phase;
	bool transaction;
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	struct sparse times;            /* of responses */
};

struct delta_error {
	char *type;
	char *name;
	char *text;
	uint64_t count;
};

struct delta_counter {
	char *name;
	int64_t change;
};

/* State, not change: the later one counts. */
struct delta_metric {
	char *name;
	char *unit;
	const char *kind;               /* constant */
	uint64_t count;
	double last;
	double mean;
	double min;
	double max;
	double quantiles[4];            /* 0.5, 0.9, 0.95, 0.99 */
};

struct delta {
	unsigned test;
	unsigned intervals;
	double time;                    /* unix, its end */
	double started;                 /* unix, the test's */
	double elapsed;
	double length;
	const char *state;              /* constant */
	int64_t users;
	int64_t users_target;
	unsigned workers;
	struct report_load load;
	struct delta_row total;
	struct delta_row *rows;         /* by id */
	size_t row_count;
	struct delta_error *errors;
	size_t error_count;
	struct delta_counter *counters;
	size_t counter_count;
	struct delta_metric *metrics;
	size_t metric_count;
};

/* What the errors and counters were when the last delta was taken. */
struct delta_source {
	unsigned test;
	int64_t started;                /* of the test, as run_status has it */
	double reset;                   /* unix; when the totals began */
	uint64_t *errors;
	size_t error_count;
	int64_t *counters;
	size_t counter_count;
};

struct report;

void delta_source_release(struct delta_source *);
/* What the newest tick of the windows brought; delta_free() it. */
struct delta *delta_take(struct delta_source *, const struct report *);
struct delta *delta_copy(const struct delta *);
/* Adds a later one of the same test. */
void delta_merge(struct delta *into, const struct delta *later);
void delta_free(struct delta *);

#endif
