/* What is to be run: executors, from options and from what scenarios declare. */
#ifndef CLI_CHOOSE_H
#define CLI_CHOOSE_H

#include "cli/options.h"
#include "run/run.h"

/*
 * Fills in the executors of `run` and, in `o`, the users that are wanted most
 * (for who shows them) and the time to stop in, where they follow from those.
 * 0, or -1 after log_error().
 */
int choose_load(struct options *o, struct run_options *run);
/* Local workers that make sense for it: the users wanted most, or INT_MAX when
 * that is open. */
int choose_most_users(const struct run_options *run);

#endif
