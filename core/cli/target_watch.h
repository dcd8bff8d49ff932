/* --watch: figures of the machines under test, on their way into the run. */
#ifndef CLI_TARGET_WATCH_H
#define CLI_TARGET_WATCH_H

#include "cli/options.h"

struct run_status;
struct stats;

/* 0, or -1 after log_error(). */
int target_watch_start(const struct options *, struct stats *);
/* Once a second, before the outputs are shown it. */
void target_watch_tick(const struct run_status *);
void target_watch_stop(void);

/* `swarm agent`. */
int target_watch_agent(int argc, char **argv);

#endif
