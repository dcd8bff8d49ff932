/*
 * swarm capacity: the search of run/capacity.h on a run.  Once a second it is
 * told what the merged statistics say of the last one, and the run gets the
 * load it asks for.
 */
#ifndef CLI_FIND_CAPACITY_H
#define CLI_FIND_CAPACITY_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/options.h"

struct capacity;
struct report_load;
struct report_options;
struct run_status;

/* The words of a command line after "capacity", in place: a --users without a
 * number asks for users. */
void find_capacity_words(int argc, char **argv);
/* What the command sets unless its user does; 0, or -1 after log_error(). */
int find_capacity_defaults(struct options *);
/* Reads the objectives; before the load is chosen.  0, or -1 after
 * log_error(). */
int find_capacity_start(struct options *);
void find_capacity_release(void);
/* The search, into what the report is asked for. */
void find_capacity_tell(struct report_options *);
/* After report_tick(), once a second. */
void find_capacity_tick(const struct run_status *,
    const struct report_load *);
/* The search, if there is one, and whether its load is a number of users. */
const struct capacity *find_capacity_search(bool *users);
/* As results have it, while it goes on, too; null when there is none. */
json_t *find_capacity_json(void);
/* The table of probes, on standard output. */
void find_capacity_print(void);

#endif
