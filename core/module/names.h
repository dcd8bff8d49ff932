/* A growing list of strings, always ended by NULL, so that it can be handed
 * to parse_suggest() and posix_spawn() as it is. */
#ifndef MODULE_NAMES_H
#define MODULE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct names {
	char **at;                      /* NULL while empty */
	size_t count;
};

/* Copies `name`. */
void names_add(struct names *, const char *name);
/* Takes over `name` (free()). */
void names_take(struct names *, char *name);
/* Adds the words of `text`, split at blanks; '…' and "…" keep blanks. */
void names_add_words(struct names *, const char *text);
bool names_has(const struct names *, const char *name);
void names_sort(struct names *);
/* "a, b, c" (free()); `none` when empty. */
char *names_join(const struct names *, const char *none);
/* The nearest to `word`, as parse_suggest(); NULL when none is near. */
const char *names_suggest(const struct names *, const char *word);
/* For posix_spawn(); never NULL. */
char *const *names_argv(const struct names *);
void names_release(struct names *);

#endif
