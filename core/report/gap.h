/* When workers were not heard of: taken from a run, told in its notes, written
 * to JSON and read back. */
#ifndef REPORT_GAP_H
#define REPORT_GAP_H

#include <jansson.h>

#include "report/result.h"
#include "run/run.h"

/* After the notes were taken: adds one for each that ended. */
void gap_take(struct result *, const struct run_status *);
void gap_release(struct result *);
json_t *gap_json(const struct result *);
void gap_read(struct result *, const json_t *run);

#endif
