/*
 * Inside core/report: what a run looks like to one of its outputs.
 *
 * An output that must write while the run goes on (progress, CSV history)
 * has a tick; one that only renders the end needs the result alone.  Outputs
 * are called in the order of the table in report.c.
 */
#ifndef REPORT_OUTPUT_H
#define REPORT_OUTPUT_H

#include <stdbool.h>

#include "report/flight.h"
#include "report/generator.h"
#include "report/report.h"
#include "report/result.h"
#include "run/criteria.h"

/* A run in progress. */
struct report {
	struct report_options options;
	struct windows *windows;
	struct criteria *criteria;
	struct run_status run;          /* at the last tick */
	struct report_load load;
	double wall;                    /* unix time of the last tick */
	double elapsed;                 /* seconds of the test so far */
	bool fresh;                     /* the windows have a new second: false
	                                 * between two tests */
	int64_t users_max;
	int64_t users_asked;            /* the last target that was any */
	unsigned workers_max;
	struct generator generator;
	struct flight flight;
	struct resources resources;
	struct past past;
	/* Events and notes, kept for the result. */
	struct result_event *events;
	size_t event_count;
	char **notes;
	size_t note_count;
};

struct output {
	const char *name;
	bool (*wanted)(const struct report *);
	/* 0, or -1 after log_error(). */
	int (*start)(const struct report *);
	void (*tick)(const struct report *);
	/* An event that has just happened. */
	void (*event)(const struct report *, const struct result_event *);
	/* The result as it stands, now and again while a test runs and when
	 * it has ended, so that a killed master leaves something.  0, or -1
	 * without a word. */
	int (*save)(const struct report *, const struct result *);
	/* 0, or -1 after log_error(). */
	int (*finish)(const struct report *, const struct result *);
};

extern const struct output output_block;
extern const struct output output_progress;
extern const struct output output_csv;
extern const struct output output_json;
extern const struct output output_figures;
extern const struct output output_flight;
extern const struct output output_hdr;
extern const struct output output_html;
extern const struct output output_junit;
extern const struct output output_markdown;
extern const struct output output_ndjson;
extern const struct output output_prometheus;
extern const struct output output_sinks;
extern const struct output output_summary;
extern const struct output output_against;

#endif
