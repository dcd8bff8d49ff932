/*
 * --hold: the controller of run/hold.h on a run.  Once a second it is told
 * what the merged statistics say, and an executor gets the load it asks for.
 */
#ifndef CLI_HOLD_LOAD_H
#define CLI_HOLD_LOAD_H

#include "cli/options.h"

struct report_load;
struct run_options;
struct run_status;
struct stats;

/* Reads --hold, after the load was chosen: 0, or -1 after log_error(). */
int hold_load_start(const struct options *, const struct run_options *);
void hold_load_release(void);
/* The statistics that the figure is taken from. */
void hold_load_tell(const struct stats *);
/* Adds what is held to what front ends show. */
void hold_load_show(struct run_status *);
/* After report_tick(), once a second. */
void hold_load_tick(const struct run_status *, const struct report_load *);
/* Before the results are written: what came of it, as a note. */
void hold_load_finish(void);

#endif
