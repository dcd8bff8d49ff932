/* Whether a run passed, why, and the exit code that says so. */
#ifndef REPORT_VERDICT_H
#define REPORT_VERDICT_H

#include "report/result.h"

struct report;
struct report_outcome;

/* Fills verdict, exit_code and sentence from the rest of the result. */
void verdict_decide(struct result *, const struct report *,
    const struct report_outcome *);

/* Of a run that has not ended: nothing is decided. */
void verdict_open(struct result *);

#endif
