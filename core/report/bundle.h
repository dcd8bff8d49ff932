/* The page's program and looks as they are embedded: gzip. */
#ifndef REPORT_BUNDLE_H
#define REPORT_BUNDLE_H

#include "base/buf.h"

extern const unsigned char bundle_script[], bundle_script_end[];
extern const unsigned char bundle_style[], bundle_style_end[];

/*
 * What makes a report that has its results inside (HTML_DATA_BEGIN) the page
 * itself: program and looks as base64, and what unpacks them.  The plain
 * report stays below, for paper and for where scripts do not run.
 */
int bundle_html(struct buf *out);
/* The Content-Security-Policy of such a report: only that program runs, and no
 * request leaves, whatever names a target has. */
void bundle_policy(struct buf *out);

#endif
