/* How executors ended: taken from a run, written to JSON and read back, and a
 * table for the summary. */
#ifndef REPORT_EXECUTION_H
#define REPORT_EXECUTION_H

#include <jansson.h>
#include <stdio.h>

#include "report/result.h"
#include "run/run.h"

void execution_take(struct result *, const struct run_status *);
void execution_release(struct result *);
json_t *execution_json(const struct result *);
void execution_read(struct result *, const json_t *result);
/* Only when there are several, or one has a name. */
void execution_print(const struct result *, FILE *);

#endif
