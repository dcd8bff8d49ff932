/*
 * What people and files see of a run: the outputs of core/report and the web
 * page, fed once a second by the master.
 */
#ifndef CLI_FRONT_H
#define CLI_FRONT_H

#include <stdbool.h>

#include "cli/options.h"

struct stats;

/* 0, or -1 after log_error(): an unusable file or a bad criterion. */
int front_start(const struct options *o, struct stats *stats, int argc,
    char **argv);
/* Once a second. */
void front_tick(void);
/* A line worth saying at once and again in the summary. */
void front_event(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
/* Pauses the run or lets it go on, and notes it: 0, or -1 with *why. */
int front_pause(bool on, const char **why);
/* After the last report was merged: writes everything out; the exit code. */
int front_finish(void);

#endif
