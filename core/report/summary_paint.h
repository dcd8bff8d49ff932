/* Lines of the summary, and the figures in it: see summary.c. */
#ifndef REPORT_SUMMARY_PAINT_H
#define REPORT_SUMMARY_PAINT_H

#include <stdio.h>

#include "report/report.h"
#include "report/result.h"
#include "report/text.h"

struct summary {
	const struct result *result;
	struct terminal terminal;
	enum report_summary size;
	FILE *stream;
};

/* ---- summary_paint.c ---- */

/* The line, which is empty afterwards. */
void summary_line(const struct summary *, struct buf *line);
/* A sentence over as many lines as it takes, indented but for the first. */
void summary_wrap(const struct summary *, size_t indent, const char *text);
/* The same behind a head. */
void summary_wrapped(const struct summary *, const char *head,
    const char *text);
/* The value right-aligned, and empty afterwards. */
void summary_cell(struct buf *line, struct buf *value, size_t width);

/* "  LATENCY    p50 4.1   p90 14": parts that do not fit go to a new line. */
struct summary_parts {
	const struct summary *summary;
	struct buf line;
	size_t used;
};
void summary_parts_begin(struct summary_parts *, const struct summary *,
    const char *title);
/* The value is empty afterwards. */
void summary_parts_add(struct summary_parts *, const char *name,
    struct buf *value);
void summary_parts_end(struct summary_parts *);

/* ---- summary_figures.c ---- */

void summary_times(const struct summary *, const char *title,
    const struct histogram *, double effective);
/* What the true values may be, with 95 % confidence. */
void summary_intervals(const struct summary *);
void summary_histogram(const struct summary *, const struct histogram *);
/* Those of phases, or of all others, the slowest first. */
void summary_endpoints(const struct summary *, const char *title,
    bool phases);

#endif
