/* Locust's CSV tables; the files of --csv, and what the web page offers for
 * download.  Each appends a whole table with its header; 0, or -1 when it
 * does not fit. */
#ifndef REPORT_CSV_H
#define REPORT_CSV_H

#include "base/buf.h"
#include "stats/stats.h"

#define CSV_MAX (256u << 20)

int csv_stats(struct buf *, const struct stats *);
int csv_failures(struct buf *, const struct stats *);
int csv_exceptions(struct buf *, const struct stats *);

#endif
