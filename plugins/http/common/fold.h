/*
 * Names of samples from paths: "/items/42?x=1" is counted as "/items/[id]".
 */
#ifndef HTTP_FOLD_H
#define HTTP_FOLD_H

#include <stddef.h>

enum fold_mode {
	FOLD_IDS,                       /* no query, ids as [id] */
	FOLD_PATH,                      /* no query */
	FOLD_NOTHING,                   /* as given, without the fragment */
};

/* "fold", "path" or "full" to *mode: 0, or -1. */
int fold_mode_parse(const char *text, enum fold_mode *mode);

/*
 * Writes the name of `path` ("" becomes "/") to `out`, always terminated and
 * cut to `size` (at least 8).  Returns its length.
 */
size_t fold_name(const char *path, enum fold_mode, char *out, size_t size);

#endif
