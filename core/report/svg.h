/* Line charts over the time of a run, as inline SVG that needs no script. */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <stddef.h>

#include "base/buf.h"
#include "report/result.h"

struct svg_line {
	const char *name;
	const char *style;              /* class of the line: a, b or c */
	const double *values;           /* NAN, or beyond 1e150: a gap */
};

struct svg_chart {
	const char *title;
	const char *unit;
	const double *at;               /* seconds into the run */
	size_t count;
	const struct svg_line *lines;
	size_t line_count;
	const struct result_event *events;      /* drawn as marks */
	size_t event_count;
};

int svg_chart(struct buf *, const struct svg_chart *);
/* Text for HTML and SVG, in elements and in quoted attributes. */
int svg_escape(struct buf *, const char *);

#endif
