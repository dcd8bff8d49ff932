/* HdrHistogram's log format, for the tools that read it. */
#ifndef REPORT_HDR_H
#define REPORT_HDR_H

#include "base/buf.h"
#include "stats/histogram.h"

/* The histogram in the compressed V2 encoding, base64: of two significant
 * digits, in nanoseconds.  0, or -1 when it does not fit. */
int hdr_encode(struct buf *, const struct histogram *);

#endif
