/* The end of a run, for a terminal. */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include <stdio.h>

#include "report/report.h"
#include "report/result.h"

void summary_print(const struct result *, FILE *, enum report_summary,
    enum report_colour);

/* The last line. */
void summary_exit(const struct result *, FILE *);

#endif
