/* Command words: swarm's own and those of plugins. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/options.h"

struct swarm_command;

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);      /* argv[0] is the word; the
	                                         * exit code */
};

/* NULL when swarm itself has no such command. */
const struct command *command_find(const char *name);
void command_print_list(FILE *out);
void command_each(void (*fn)(const struct command *));

/*
 * argv[at] is a plugin's command: loads the plugin, keeps the arguments up to
 * "--" for it and leaves the others in argv.  0, or -1 after log_error().
 */
int command_take(struct options *o, int at, int *argc, char **argv);
/* The command taken, or NULL. */
const struct swarm_command *command_taken(void);
/* Calls its setup(), after load(): an enum swarm_command_result. */
int command_setup(void);

#endif
