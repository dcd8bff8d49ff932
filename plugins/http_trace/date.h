/* Dates of logs and recordings, without a library's help: a log of a gigabyte
 * has ten million of them. */
#ifndef HTTP_TRACE_DATE_H
#define HTTP_TRACE_DATE_H

#include <stdint.h>

#include "bytes.h"

#define DATE_LOG_LEN 26

/* ns of the Unix epoch; 0, or -1 when it is not one. */
/* "10/Oct/2000:13:55:36 -0700", at the beginning of the text. */
int date_log(struct span, int64_t *ns);
/* "2024-01-31T12:00:00.123+01:00": seconds or more, with any zone or none,
 * which is UTC.  *resolution: 1e9 for whole seconds, else 0. */
int date_iso(struct span, int64_t *ns, int64_t *resolution);
/* Seconds since then, or ms, us, ns by their size. */
int date_number(double, int64_t *ns);

#endif
