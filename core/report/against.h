/* --baseline and --save-baseline of a run. */
#ifndef REPORT_AGAINST_H
#define REPORT_AGAINST_H

#include "report/report.h"
#include "report/result.h"

/* Whether the baselines can be used, before the run: 0, or -1 after
 * log_error(). */
int against_check(const struct report_options *);
/* Compares; a run that passed and is worse fails with REPORT_REGRESSION. */
void against_judge(const struct report_options *, struct result *);

#endif
