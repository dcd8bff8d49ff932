/*
 * Commands: `swarm NAME ...` for people who want load without writing C.
 *
 * A plugin that exports the interface "swarm.command/1" is run by its command
 * word: `swarm http URL -c 64` loads the plugin http and calls its setup()
 * with the rest of the arguments, in the master and in each worker alike.
 * A plugin http_command, if there is one, is taken instead: where an interface
 * has several providers, a command in a module of its own runs on either.
 * setup() reads them, registers user classes (swarm_class_add) and sets what
 * the run needs (swarm_run_option); the load run then goes on as any other,
 * with --csv, --html, thresholds and all the rest.
 */
#ifndef SWARM_COMMAND_H
#define SWARM_COMMAND_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_COMMAND_ID "swarm.command/1"

enum swarm_command_result {
	SWARM_COMMAND_ERROR = -1,       /* said why by swarm_error(); exit 2 */
	SWARM_COMMAND_RUN = 0,          /* go on with a load run */
	SWARM_COMMAND_ONCE = 1,         /* call once() instead, in one process */
	SWARM_COMMAND_DONE = 2,         /* nothing more to do; exit 0 */
};

struct swarm_command {
	struct swarm_iface head;
	const char *name;               /* the word after `swarm` */
	const char *summary;            /* one line */
	const char *help;               /* all of --help */
	/* [main] argv[0] is the command word; options of swarm itself that
	 * follow "--" have been taken out.  Called after load(). */
	enum swarm_command_result (*setup)(int argc, char **argv);
	/* [main] Before anything is bound or loaded, in every process: may call
	 * swarm_run_option() with "plugin", to choose a provider, and
	 * "option" ("MODULE.NAME=VALUE").  0, or -1 after swarm_error().
	 * NULL: nothing to do. */
	int (*prepare)(int argc, char **argv);
	/* [fiber] For work that is no load (initialise, list, describe): runs
	 * as the only user of a single process, returns the exit code. */
	int (*once)(struct swarm_user *);
	/* Since minor 2.  What it writes scenarios from, with commas ("har,curl")
	 * or NULL: `swarm new scenario NAME --from-har X` is then prepare() and
	 * setup() with the words "--from-har X -o NAME.c", and setup() answers
	 * SWARM_COMMAND_DONE. */
	const char *from;
};

/*
 * [main, in setup() or prepare()] As if --name=value had been given, unless it
 * was: names of swarm's own options ("users", "spawn-rate", "run-time",
 * "host"...).  An "option" adds to those of the user, whose win.  0, or -1
 * after swarm_error().
 */
SWARM_API int swarm_run_option(const char *name, const char *value);

#ifdef __cplusplus
}
#endif
#endif
