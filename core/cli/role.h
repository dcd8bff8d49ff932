/*
 * The roles of a process: master, worker, or a single user for commands that
 * ask or try.  Each takes the parsed options and returns the exit code.
 */
#ifndef CLI_ROLE_H
#define CLI_ROLE_H

#include "cli/options.h"

struct swarm_user;
struct users_options;

/* Exit codes; documented in swarm.1. */
enum exit_code {
	EXIT_PASSED = 0,
	EXIT_FAILED_REQUESTS = 1,
	EXIT_USAGE = 2,
	EXIT_MODULE = 3,
	EXIT_NO_ANSWER = 4,
	EXIT_WORKERS = 5,
	EXIT_CRASHED = 6,
	EXIT_REGRESSION = 98,
	EXIT_CRITERION = 99,
};

/* argv as the process got it: local workers are started with the same. */
int role_master(struct options *o, int argc, char **argv);
int role_worker(struct options *o);
int role_relay(struct options *o, char **argv);
/* Runs `fn` as the only user of this process, on a fiber; its answer is the
 * exit code. */
int role_once(struct options *o, int (*fn)(struct swarm_user *));
/* Users in this process, without a master or workers: begin() starts them, and
 * somebody stops the loop.  0, or EXIT_MODULE; takes the statistics. */
int role_alone(const struct users_options *, void (*begin)(void));

/*
 * Loads what the options name: plugins, scenarios, then imports, options,
 * load(), and the setup() of a plugin's command, whose result goes to
 * *command (SWARM_COMMAND_RUN without one).  0, or the exit code after
 * log_error().
 */
int role_load_modules(struct options *o, int *command);

/* ratio.c: --show-task-ratio. */
int ratio_print(bool json);

#endif
