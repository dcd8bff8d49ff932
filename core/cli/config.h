/*
 * Configuration files: INI as Locust has it, and a subset of TOML.
 *
 * INI: "key = value", "key: value" or "key value" a line, "# comment",
 * sections in brackets.  TOML (a name that ends in ".toml"): the same
 * sections as tables, values as TOML writes them: strings of both kinds, whole
 * numbers, floats, booleans, arrays of these.  What else TOML has (nested
 * tables, tables in arrays, dates, strings over several lines) means nothing
 * here and is refused by name.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include <stdbool.h>

/*
 * Takes one setting: 0, or -1 after log_error(), which ends the reading.
 * `where` is "FILE:LINE"; `section` is NULL before the first.  An array of
 * TOML comes as one call for each element, the first with `first`.
 */
struct config_setting {
	const char *where;
	const char *section;
	const char *key;
	const char *value;
	bool element;                   /* of an array */
	bool first;
};
typedef int (*config_set)(const struct config_setting *, void *arg);

/* 0, or -1 after log_error(); a file that is not there is an error only when
 * it is required. */
int config_read(const char *path, bool required, config_set set, void *arg);

#endif
