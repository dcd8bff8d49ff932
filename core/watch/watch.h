/*
 * Watching the machines under test: exporters are asked once a second, on a
 * thread of the master's that has its own loop, so that neither a slow nor a
 * hostile answer is felt by the run.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <stdbool.h>

#define WATCH_TARGETS 8
#define WATCH_ANSWER  (4u << 20)        /* bytes of an answer */
#define WATCH_TIMEOUT 3                 /* seconds for a whole answer */
#define WATCH_STALE   2.5               /* older figures are not shown */

/* Both end with NULL, or are NULL: NAME=URL, and metrics besides the usual.
 * 0 (also where there is nothing to watch), or -1 after log_error(). */
int watch_start(char *const *targets, char *const *metrics);
/*
 * The present figures, TARGET.FIGURE, TARGET.up (1 or 0) among them, and what
 * has happened since the last call, in words; on the caller's thread.
 */
void watch_take(
    void (*figure)(const char *name, const char *unit, double value, void *),
    void (*event)(const char *text, void *), void *arg);
/* Ends the thread; nothing is lost by calling it without a start. */
void watch_stop(void);

#endif
