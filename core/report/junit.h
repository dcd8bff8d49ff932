/* The criteria of a run as JUnit XML, which CI systems show as tests. */
#ifndef REPORT_JUNIT_H
#define REPORT_JUNIT_H

#include "base/buf.h"
#include "report/result.h"

#define JUNIT_MAX (16u << 20)

/* 0, or -1 when it does not fit. */
int junit_write(struct buf *, const struct result *);

#endif
