/* The result of a run as short Markdown, for a merge request. */
#ifndef REPORT_MARKDOWN_H
#define REPORT_MARKDOWN_H

#include "base/buf.h"
#include "report/result.h"

#define MARKDOWN_MAX (16u << 20)

/* 0, or -1 when it does not fit. */
int markdown_write(struct buf *, const struct result *);
/* Text of others, in cells, too. */
void markdown_escape(struct buf *, const char *);

#endif
