/* The result of a run as one HTML file that needs nothing else. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/buf.h"
#include "report/result.h"

#define HTML_MAX (512u << 20)
/* What encloses the results, gzip and base64, inside the file. */
#define HTML_DATA_BEGIN "<script type=\"application/gzip\" id=\"results\">"
#define HTML_DATA_END   "</script>"

/* Those results; 0, or -1 when they do not fit. */
int html_embed(struct buf *, const struct result *);
/* 0, or -1 when it does not fit. */
int html_write(struct buf *, const struct result *);

#endif
