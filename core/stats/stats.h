/*
 * Series of samples.  A worker keeps the delta since its last report; the
 * master keeps totals and merges deltas by addition.  Both are a struct
 * stats.  One thread.  Memory is bounded: beyond `max_series` samples go to
 * the series "(other)" of their type, beyond `max_errors` errors to the row
 * "(other errors)" of their series.
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strmap.h"
#include "stats/batches.h"
#include "stats/histogram.h"
#include "stats/metric.h"

#define STATS_SECONDS 64                /* power of two */
#define STATS_OTHER "(other)"
#define STATS_OTHER_ERRORS "(other errors)"

/* Limits that suit a run unless the user says otherwise. */
#define STATS_DEFAULT_SERIES 5000
#define STATS_DEFAULT_ERRORS 2000
#define STATS_MAX_COUNTERS   1000
#define STATS_MAX_EXCEPTIONS 200
#define STATS_MAX_NODES      200        /* named in one of them */
/* Longer texts are cut. */
#define STATS_MAX_TYPE  64              /* bytes */
#define STATS_MAX_NAME  1024
#define STATS_MAX_ERROR 1024
#define STATS_MAX_TRACEBACK 16384

/* Requests and failures of one wall-clock second. */
struct stats_second {
	int64_t second;                 /* unix time; 0: unused */
	uint32_t requests;
	uint32_t failures;
};

struct series {
	uint32_t id;                    /* its index */
	bool phase;                     /* swarm_observe(): not a request */
	bool other;                     /* takes what has no room */
	bool transaction;               /* times other requests: it has rows
	                                 * like one, but no part in the total */
	char *type;
	char *name;
	uint64_t requests;              /* failures included; 0 in a phase */
	uint64_t failures;
	uint64_t untimed;               /* Locust's num_none_requests */
	uint64_t bytes;
	double start_time;              /* unix; creation or last reset */
	double last_time;               /* unix; 0: none */
	/* Response time from the intended start; NULL while every sample so
	 * far had no lag, when it equals `service`. */
	struct histogram *response;
	struct histogram service;
	struct batches batches;         /* of response times */
	struct stats_second seconds[STATS_SECONDS];
	struct histogram *spare;        /* a response put away by a reset */
};

struct error_row {
	struct series *series;
	char *text;
	uint64_t occurrences;
	double first_seen;              /* unix; 0: not known */
	double last_seen;
};

/* Errors in the code of a scenario that are no results: Locust's
 * exceptions. */
struct exception_row {
	char *message;
	char *traceback;                /* the key */
	uint64_t count;
	char **nodes;
	size_t node_count;
};

struct counter {
	char *name;
	int64_t value;
};

struct stats {
	struct series **series;
	size_t count;
	size_t max_series;
	struct strmap by_name;          /* "type\0name" */
	struct series total;            /* type "", name "Aggregated" */
	struct error_row **errors;
	size_t error_count;
	size_t max_errors;
	struct strmap by_error;
	struct exception_row *exceptions;
	size_t exception_count;
	struct counter *counters;
	size_t counter_count;
	struct strmap by_counter;
	struct metrics metrics;
	uint64_t capped;                /* samples sent to "(other)" */
	unsigned resets;                /* stats_reset() so far */
	/* The wall-clock second that samples fall into now. */
	int64_t second;                 /* unix */
	int64_t second_begin;           /* clock_now() */
};

struct stats *stats_new(size_t max_series, size_t max_errors);
void stats_free(struct stats *);
/* Found or made; never NULL. */
struct series *stats_series(struct stats *, const char *type,
    const char *name);
/* NULL when there is none. */
struct series *stats_find(const struct stats *, const char *type,
    const char *name);
/*
 * One sample, into its series and the total.  `end` in clock_now() ns.
 * response = service + lag.
 */
void stats_record(struct stats *, struct series *, int64_t end,
    int64_t service_ns, int64_t lag_ns, size_t bytes, bool failed);
void stats_observe(struct stats *, struct series *, int64_t ns, size_t bytes);
/* Adds to the table of errors only; failures are counted by stats_record(). */
void stats_error(struct stats *, struct series *, const char *text,
    uint64_t occurrences, double first_seen, double last_seen);
/* Master only: not part of a delta. */
void stats_exception(struct stats *, const char *message,
    const char *traceback, const char *node);
uint32_t stats_counter(struct stats *, const char *name);
void stats_count(struct stats *, uint32_t counter, int64_t add);

/* Response time: `response` when it differs, else `service`. */
const struct histogram *series_response(const struct series *);
/* A series outside of a struct stats, as a decoder fills one before it
 * merges. */
void series_init(struct series *, const char *type, const char *name);
void series_release(struct series *);
/* The response histogram to add to: made from `service` when the first
 * sample with a lag comes. */
struct histogram *series_need_response(struct series *);
/* Adds to the ring of seconds, which keeps the newest. */
void series_count_second(struct series *, int64_t second, uint32_t requests,
    uint32_t failures);
/* Values to zero. */
void series_reset(struct series *);
/* Adds one series' delta (also a total's) to another. */
void series_merge(struct series *into, const struct series *delta);
/* Adds all of `delta`. */
void stats_merge(struct stats *into, const struct stats *delta);
/* Values to zero, series and counters stay (their ids are held by others);
 * errors and exceptions go. */
void stats_reset(struct stats *);
/* Bytes held by series and histograms. */
size_t stats_memory(const struct stats *);

#endif
