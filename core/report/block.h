/* Whether a run is shown live on the terminal instead of in plain lines. */
#ifndef REPORT_BLOCK_H
#define REPORT_BLOCK_H

#include <stdbool.h>

struct report;

bool block_wanted(const struct report *);
/* Takes it away for good. */
void block_leave(void);

#endif
