/*
 * What people and files see of a run.  The master starts it with what was
 * asked for, feeds it once a second, and finishes it when the last report of
 * the workers has been merged; the answer is the exit code.
 *
 * Everything goes through here so that the same numbers reach the terminal,
 * CSV, JSON and HTML.  Results go to standard output, everything else to
 * standard error.  One run of a process at a time; the loop's thread.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "cluster/health.h"
#include "report/limit.h"
#include "run/run.h"
#include "stats/window.h"

struct buf;
struct stats;

/* Exit codes that a verdict may give. */
#define REPORT_PASSED      0
#define REPORT_FAILED      1            /* or --exit-code-on-error */
#define REPORT_NO_ANSWER   4
#define REPORT_WORKERS     5
#define REPORT_CRASHED     6
#define REPORT_REGRESSION  98           /* worse than --baseline */
#define REPORT_CRITERION   99
#define REPORT_NO_CAPACITY 97           /* a search without an answer */
#define REPORT_UNSURE      96           /* one with less than was asked for */

enum report_summary { REPORT_SUMMARY_FULL, REPORT_SUMMARY_COMPACT,
	REPORT_SUMMARY_NONE };
enum report_colour { REPORT_COLOUR_AUTO, REPORT_COLOUR_ALWAYS,
	REPORT_COLOUR_NEVER };

/* A counter of workers: requests that are missing in their logs. */
#define REPORT_LOG_DROPPED "request log: missing"

struct capacity;

/* Strings and arrays live until report_finish() has returned.  A path that
 * is NULL is not wanted. */
struct report_options {
	const struct stats *stats;      /* the master's totals */
	const char *scenario;           /* name to show; NULL: none */
	const char *host;               /* the target; NULL: the classes' */
	int argc;                       /* the command line, to be shown */
	char **argv;
	uint64_t seed;                  /* of the run's random numbers */
	bool seed_chosen;               /* by swarm, not by its user */
	char *const *load;              /* options that were set, and values in
	                                 * turn, NULL-ended; NULL: none */
	double progress;                /* seconds between lines; 0: none */
	bool plain;                     /* lines also on a terminal */
	enum report_summary summary;
	enum report_colour colour;
	bool json;                      /* on stdout, instead of a summary */
	const char *csv;                /* prefix of four files */
	bool csv_full_history;
	const char *json_file;
	const char *html;               /* {u}, {r}, {t} are replaced */
	const char *markdown;
	const char *junit;
	const char *hdr_log;
	const char *ndjson;
	const char *prometheus;
	const char *request_log;        /* written by the workers */
	const char *flight;             /* file of the flight recorder */
	double flight_before;           /* seconds; both 0: as usual */
	double flight_after;
	char *const *outs;              /* "NAME=TARGET" of sinks, NULL-ended;
	                                 * NULL: none */
	/* Seconds, WARM_UP_NONE or WARM_UP_AUTO (report/warm_up.h). */
	double warm_up;
	/* The search that this run is, with the texts of its objectives; NULL:
	 * it is none. */
	const struct capacity *capacity;
	bool capacity_users;
	char *const *slos;
	size_t slo_count;
	int exit_code_on_error;
	const char *baseline;           /* compared with: a name or file */
	const char *save_baseline;      /* added to, when the run passes */
	/* Criteria (run/criterion.h), NULL-ended; NULL: none. */
	char *const *fail_if;
	char *const *stop_if;
	/* Called when a criterion asks for the end of the run. */
	void (*stop)(const char *why);
	/* Called when one asks for less load: `share` of it goes.  False:
	 * this load can't be changed. */
	bool (*step_down)(double share);
	/* Called when workers are to tell what their users did around now:
	 * answers go to report_flight() with that id. */
	void (*ask_flight)(uint64_t id, double before, double after);
};

/* A worker's loop that is busier than this share of the time can't keep to
 * the plan. */
#define REPORT_BUSY 0.85

struct report_worker {
	int64_t index;
	struct health health;
	const struct histogram *delays; /* of its loop, since the last tick;
	                                 * NULL: none */
};

/* What the load generator itself is doing: the worst of its workers; -1 where
 * it is not known. */
struct report_load {
	double cpu;                     /* percent of one core */
	double loop_busy;               /* 0..1 */
	double loop_delay_ms;
	const struct report_worker *workers;
	size_t worker_count;
};

struct report_outcome {
	struct run_status run;
	int scenario_exit_code;         /* -1: the scenario set none */
};

/* 0, or -1 after log_error(): a file that can't be written, a criterion that
 * can't be understood. */
int report_start(const struct report_options *);
/* Once a second while a test is there; `load` may be NULL. */
void report_tick(const struct run_status *, const struct report_load *);
/* A figure of a watched machine in this second, TARGET.FIGURE: goes into the
 * results at the next tick.  Both texts are copied. */
void report_resource(const char *name, const char *unit, double value);
struct resources;
/* What they were so far (report/resources.h), on the loop's thread. */
const struct resources *report_resources(void);
/* Something that belongs into the story of the run: a lost worker, an edit of
 * the load.  Shown at once, and again in the results. */
void report_event(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
/* A worker's answer to what was asked for. */
void report_flight(uint64_t id, int64_t worker, const void *lines,
    size_t len);
/* A sentence for the notes of the results; each once. */
void report_note(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
/* Gives the terminal back at once, for an end without report_finish(). */
void report_leave(void);
/* Writes everything out, prints the summary, frees; the exit code. */
int report_finish(const struct report_outcome *);

/* The HTML report of the run as it stands, added to `out`; 0, or -1 when it
 * does not fit or there is no run. */
int report_page(struct buf *out);
/* The totals of the run as they stand, as Prometheus' text; likewise. */
int report_metrics(struct buf *out);

/* The windows and history of the run, for the web page and criteria.  NULL
 * before report_start(). */
const struct windows *report_windows(void);
/* What the statistics hold now is no news: old samples came back into them. */
void report_skip(void);
/* Who limits the run, as it looks now; why goes to `why`. */
enum limit report_limit(struct buf *why);
struct criteria;
/* Their state at the last tick; NULL before report_start(). */
const struct criteria *report_criteria(void);

#endif
