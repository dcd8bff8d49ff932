/* The state of a run in Prometheus' text format. */
#ifndef REPORT_PROMETHEUS_H
#define REPORT_PROMETHEUS_H

#include "base/buf.h"
#include "report/report.h"

#define PROMETHEUS_MAX (256u << 20)
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What /metrics answers; `load` may be NULL.  0, or -1 when it does not
 * fit. */
int prometheus_write(struct buf *, const struct stats *,
    const struct run_status *, const struct report_load *load);

#endif
