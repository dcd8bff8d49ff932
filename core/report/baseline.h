/*
 * Baselines: results that later runs are compared with, by name.  A baseline
 * is a folder of result files, NAME/TIME.json, in $SWARM_BASELINES or
 * .swarm/baselines, so that a project can keep it beside its scenarios.
 */
#ifndef REPORT_BASELINE_H
#define REPORT_BASELINE_H

#include <stddef.h>

#include "report/result.h"

#define BASELINE_RUNS 10                /* the newest ones count */

/* Letters, digits, "_", "-" and ".": 0, or -1 after log_error(). */
int baseline_check_name(const char *name);
/*
 * The files that a word of `swarm compare` stands for: a file is itself, else
 * it is the name of a baseline.  Returns how many were added at `out` (free()
 * each), or -1 after log_error().
 */
int baseline_files(const char *word, char **out, size_t max);
/* Adds a result to a baseline; the oldest beyond BASELINE_RUNS go.  0, or -1
 * after log_error(). */
int baseline_add(const char *name, const struct result *);

/* `swarm baseline …`: the exit code. */
int baseline_main(int argc, char **argv);

#endif
