/* How a scenario's own metrics are shown, in every form of a report. */
#ifndef REPORT_METRIC_VIEW_H
#define REPORT_METRIC_VIEW_H

#include <jansson.h>

#include "base/buf.h"
#include "report/result.h"
#include "stats/stats.h"

/* For people, in one line: "last 12, mean 7.3, min 3, max 14 jobs". */
int metric_view_text(struct buf *, const struct result_metric *);
/* The rest of an object of the JSON results: all but the buckets. */
void metric_view_json(json_t *object, const struct result_metric *);
/* The table of PREFIX_metrics.csv, counters first. */
int metric_view_csv(struct buf *, const struct stats *);

#endif
