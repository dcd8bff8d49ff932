/*
 * The result of a run as plain data: what the summary, JSON, HTML, Markdown
 * and JUnit show, and what is read back from a JSON file to be shown again or
 * compared.  All of them render this and nothing else, so that no two of them
 * can disagree.
 */
#ifndef REPORT_RESULT_H
#define REPORT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/capacity_view.h"
#include "report/card.h"
#include "report/generator.h"
#include "report/hold_view.h"
#include "report/past.h"
#include "report/resources.h"
#include "report/warm_up.h"
#include "stats/confidence.h"
#include "stats/histogram.h"
#include "stats/metric.h"
#include "stats/sparse.h"

struct flight;

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_INCONCLUSIVE };

struct result_series {
	char *type;
	char *name;
	bool phase;                     /* part of requests, not a request */
	bool transaction;               /* times other requests; no part of
	                                 * the total */
	bool lagged;                    /* response differs from service */
	uint64_t requests;
	uint64_t failures;
	uint64_t untimed;
	uint64_t bytes;
	double rps;                     /* over the time of the total */
	double effective;               /* independent samples that the
	                                 * response times are worth */
	struct histogram service;
	struct histogram response;      /* equals service unless lagged */
};

struct result_error {
	char *type;
	char *name;
	char *text;
	uint64_t occurrences;
	double first_seen;              /* unix; 0: not known */
	double last_seen;
};

struct result_exception {
	char *message;
	char *traceback;
	uint64_t count;
};

struct result_counter {
	char *name;
	int64_t value;
};

/* Of the scenario's own. */
struct result_metric {
	char *name;
	char *unit;                     /* "" when none */
	enum metric_kind kind;
	uint64_t count;
	double last;                    /* of a gauge */
	double min;
	double max;
	double mean;                    /* of a rate: its share */
	struct histogram values;        /* of a distribution, in thousandths */
};

struct result_criterion {
	char *text;
	char *action;                   /* "warn", "fail", "stop" */
	bool failed;
	bool broken;                    /* it held, also when it only warns */
	bool known;                     /* there was something to judge */
	double value;                   /* ns, share or plain */
	char *shown;                    /* the same, for people; NULL */
	double first_s;                 /* into the run; -1: it never held */
	double share;                   /* of the judged seconds it held */
};

struct result_event {
	double at;                      /* seconds into the run */
	char *text;
};

/* Times in seconds into the run. */
struct result_executor {
	char *name;                     /* "": the only one */
	char *classes;
	char *model;
	char *state;                    /* "done" unless it was cut short */
	char *reason;                   /* "": none */
	double start;
	double time;                    /* 0: to the end */
	int64_t iterations;             /* wanted; 0: no such number */
	int64_t started;
	int64_t done;
	int64_t due;                    /* arrivals */
	int64_t dropped;
	int64_t late;
};

/* A worker was not heard of; seconds into the run. */
struct result_gap {
	int64_t worker;
	double from;
	double to;                      /* -1: it never came back */
	char *why;
};

/* A stretch of the run; oldest first. */
struct result_point {
	double end;                     /* seconds into the run */
	double length;
	int64_t users;
	uint64_t requests;
	uint64_t failures;
	uint64_t bytes;
	struct sparse response;
};

struct result {
	char *version;                  /* of the swarm that measured */
	struct card card;
	struct capacity_view capacity;
	struct hold_view hold;
	const struct flight *flight;    /* of the report, or: */
	struct flight *flight_of_file;
	char *scenario;
	char *host;                     /* NULL: none */
	char *command;
	double started;                 /* unix; 0: it never did */
	double duration;                /* of the run without its pauses, s */
	double paused;                  /* seconds of all pauses */
	int64_t users;                  /* most at once */
	unsigned workers;               /* most at once */
	unsigned workers_lost;
	bool complete;                  /* the run had ended */
	struct interval throughput;     /* requests/s, 95 %; 0, 0: too short */
	char *stop_reason;              /* NULL: none */
	enum verdict verdict;
	int exit_code;
	char *sentence;                 /* why */
	char *comparison;               /* with --baseline, a table of lines;
	                                 * NULL: none */
	struct generator_result generator;
	struct warm_up warm_up;
	struct resources resources;
	struct past_view past;
	struct result_series total;
	struct result_series *series;   /* by name, then type */
	size_t series_count;
	struct result_error *errors;    /* most frequent first */
	size_t error_count;
	struct result_exception *exceptions;
	size_t exception_count;
	struct result_counter *counters;
	size_t counter_count;
	struct result_metric *metrics;  /* those with values, by name */
	size_t metric_count;
	struct result_criterion *criteria;
	size_t criterion_count;
	struct result_event *events;
	size_t event_count;
	struct result_executor *executors;
	size_t executor_count;
	struct result_gap *gaps;
	size_t gap_count;
	char **notes;
	size_t note_count;
	struct result_point *points;
	size_t point_count;
};

struct report;
struct report_outcome;

/* Of a run; release it. */
void result_init(struct result *, const struct report *,
    const struct report_outcome *);
void result_release(struct result *);
/* Seconds at the start that --warm-up=auto leaves out of the run so far; 0:
 * none, or not asked for. */
double result_warm_up(const struct report *);
/*
 * The stretch of the history at full load: without the ramp up before the
 * most users were reached and without what came after they began to leave.
 * The whole, when that would leave less than half (a shape that changes the
 * load all the time).  Returns the number of points from *first on.
 */
size_t result_steady(const struct result *, size_t *first);
/* Requests per second in that stretch, with its 95 % interval ([0, 0] when it
 * is too short). */
double result_rate(const struct result *, struct interval *);
const char *result_verdict_name(enum verdict);

#endif
