/* Patterns of series, as criteria have them. */
#ifndef RUN_PATTERN_H
#define RUN_PATTERN_H

#include <stdbool.h>

/*
 * Whether a pattern ('*' any text; NULL: all) matches a series: its name, or
 * its type, a space and its name.  Rows that tags have split off, "NAME
 * [key=value]", are also known by the name before; with `tags` only those are
 * meant that have each of them, whose values may hold '*' too.
 */
bool pattern_matches(const char *pattern, const char *tags,
    const char *type, const char *name);

#endif
