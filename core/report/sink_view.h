/*
 * What a sink is shown: rows that know the interval and the whole test.  The
 * sink's thread alone.
 */
#ifndef REPORT_SINK_VIEW_H
#define REPORT_SINK_VIEW_H

#include <swarm/sink.h>

#include "base/strmap.h"
#include "report/delta.h"
#include "stats/histogram.h"

struct sink_row {
	struct swarm_sink_row shown;
	struct histogram times;
	struct histogram total_times;
};

/* Zeroed memory is one without a test. */
struct sink_view {
	unsigned test;
	bool pending;                   /* something that was not taken */
	struct swarm_sink_interval shown;
	struct sink_row total;
	struct sink_row **by_id;
	size_t id_count;
	struct strmap errors;
	struct strmap counters;
	struct swarm_sink_metric *metrics;
	size_t metric_count;
	/* Arrays of pointers, made anew for each call. */
	const struct swarm_sink_row **rows;
	const struct swarm_sink_error **error_rows;
	const struct swarm_sink_counter **counter_rows;
	const struct swarm_sink_metric **metric_rows;
};

/* Adds to the interval and to the totals. */
void sink_view_add(struct sink_view *, const struct delta *);
/* Fills the arrays of view->shown: before each call of the sink. */
void sink_view_arrays(struct sink_view *);
/* The interval was taken, or given up: the next begins. */
void sink_view_clear(struct sink_view *);
void sink_view_release(struct sink_view *);

#endif
