/*
 * What a master's tests are made of and the page may change between two of
 * them: user classes and the options of modules.
 *
 * Weights, fixed counts and the choice of classes are the master's alone.
 * Hosts, tasks and options are known to modules once they are loaded, so
 * local workers start anew with other arguments; a worker that somebody else
 * started keeps what it was given, and then such a change is refused.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "web/web.h"

/* After module_load_all(); `argv` (NULL-ended, with the program's name) must
 * stay. */
void setup_begin(char *const *argv);
void setup_release(void);

/* As they are now; these live until setup_release(). */
const struct web_class *setup_classes(size_t *count);
const struct web_setting *setup_settings(size_t *count);
/* Another number after each change. */
unsigned setup_number(void);

/* The classes that get users (none named: all; NULL-ended); for these and the
 * next two 0, or WEB_BAD_VALUE with "FIELD: what is wrong". */
int setup_choose(const char *const *names, char *error, size_t size);
/* Options of modules; `pairs` end with a NULL name. */
int setup_change_options(const struct web_pair *pairs, char *error,
    size_t size);
/* An object as --config-users has it, all or nothing. */
int setup_change_class(const char *json, char *error, size_t size);

/* The arguments (NULL-ended, without the program's name) of a process that
 * knows what was changed; setup_free_arguments(). */
char **setup_arguments(void);
void setup_free_arguments(char **);
/* Before a test: local workers that know what was changed. */
void setup_renew_workers(void);

#endif
