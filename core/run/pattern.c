/*
 * Which rows a pattern means.  Tags of split rows are part of their names,
 * "NAME [key=value,key=value]", as every output has them.
 */
#include "run/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* '*' matches any text; no backtracking beyond the last star is needed. */
static bool glob(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool matches_name(const char *pattern, const char *type,
    const char *name)
{
	char *both;
	bool matches;

	if (glob(pattern, name))
		return true;
	both = xasprintf("%s %s", type, name);
	matches = glob(pattern, both);
	free(both);
	return matches;
}

/* Where the tags of a split row begin, "[key=value,key=value]"; NULL: none. */
static const char *tags_of(const char *name)
{
	const char *at = strrchr(name, '[');
	size_t len = strlen(name);

	if (at == NULL || at == name || at[-1] != ' ' ||
	    name[len - 1] != ']' || strchr(at, '=') == NULL)
		return NULL;
	return at;
}

/* Whether "key=value" of a criterion is among the row's. */
static bool has_tag(const char *row, const char *wanted)
{
	char *all = xstrndup(row + 1, strlen(row) - 2), *save = NULL;
	bool found = false;

	for (char *tag = strtok_r(all, ",", &save); tag != NULL && !found;
	    tag = strtok_r(NULL, ",", &save))
		found = glob(wanted, tag);
	free(all);
	return found;
}

static bool has_tags(const char *row, const char *wanted)
{
	char *all = xstrdup(wanted), *save = NULL;
	bool has = row != NULL;

	for (char *tag = strtok_r(all, ", ", &save); tag != NULL && has;
	    tag = strtok_r(NULL, ", ", &save))
		has = has_tag(row, tag);
	free(all);
	return has;
}

bool pattern_matches(const char *pattern, const char *tags,
    const char *type, const char *name)
{
	const char *own = tags_of(name);
	char *plain;
	bool matches;

	if (tags != NULL && !has_tags(own, tags))
		return false;
	if (pattern == NULL || matches_name(pattern, type, name))
		return true;
	if (own == NULL)
		return false;
	plain = xstrndup(name, (size_t)(own - 1 - name));
	matches = matches_name(pattern, type, plain);
	free(plain);
	return matches;
}
