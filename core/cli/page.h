/* The web page of a master: what it shows and what it may do. */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "cli/options.h"

struct stats;

/* 0, or -1 after log_error(). */
int page_start(const struct options *o, struct stats *stats, int argc,
    char **argv);
bool page_running(void);
/* Once a second. */
void page_tick(void);
/* After each change of the run's state. */
void page_changed(void);
void page_event(const char *kind, const char *text);
/* Log lines come from this worker until called with NULL. */
void page_log_source(const char *worker);
void page_stop(const char *why);

#endif
