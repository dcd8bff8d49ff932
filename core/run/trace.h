/*
 * A trace as it is to be replayed: what a module decodes, without what is not
 * wanted, sorted within a window, and each event with the moment it is due.
 *
 * No more of the file is in memory than the window, and of that no more than
 * TRACE_HELD_MAX.  Nothing here asks a clock or waits for anything but the
 * disk.
 */
#ifndef RUN_TRACE_H
#define RUN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "user/record.h"

#define TRACE_HELD_MAX ((size_t)256 << 20)      /* bytes */

struct swarm_trace;
struct trace;

struct trace_options {
	const struct swarm_trace *def;
	const char *path;
	const char *user_key;           /* NULL: the format's own choice */
	const char *methods;            /* "GET,POST", "all"; NULL: those that
	                                 * change nothing */
	const char *from;               /* a date, "+10m" after the first event
	                                 * or unix seconds; NULL: the start */
	const char *to;                 /* likewise; NULL: the end */
	double speed;                   /* 2: twice as fast */
	int64_t limit;                  /* events of a pass; 0: all */
	int64_t passes;                 /* 0: without end */
	double window;                  /* seconds: to sort within */
	double max_gap;                 /* seconds of the trace: longer silences
	                                 * are cut to it; 0: none is */
};

enum trace_answer { TRACE_EVENT, TRACE_MORE, TRACE_END, TRACE_FAILED };

/* Reads as far as the first event, so that a file of another kind is refused.
 * The options' texts must stay.  NULL after log_error(). */
struct trace *trace_open(const struct trace_options *);
void trace_close(struct trace *);
/* The next event; it stays until the next call.  MORE: much was left out, and
 * there is more to read.  FAILED after log_error(), when what was read before
 * has been given. */
enum trace_answer trace_next(struct trace *, struct record *);

struct trace_counts {
	uint64_t events;                /* given by trace_next() */
	uint64_t unreadable;
	uint64_t out_of_order;          /* later than the window allows */
	uint64_t left_out;              /* by methods, from, to */
	int64_t passes;                 /* begun */
	int64_t gap_cut_ns;             /* of the trace's time */
};
void trace_counts(const struct trace *, struct trace_counts *);
/* What was left out and why, one log_warn() for each reason. */
void trace_say(const struct trace *);

/* "2024-01-31T12:00:00.5+01:00", without a zone UTC, "2024-01-31 12:00", or
 * unix seconds, in ns of the Unix epoch; 0, or -1. */
int trace_date(const char *text, int64_t *ns);

#endif
