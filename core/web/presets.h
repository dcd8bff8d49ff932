/*
 * Loads with names: what a start form was filled in with, kept for whoever
 * comes next.  In a file, when the master has one.  Web thread.
 */
#ifndef WEB_PRESETS_H
#define WEB_PRESETS_H

#include "base/jsonw.h"
#include "web/form.h"

#define PRESETS_MAX  200
#define PRESETS_NAME 100                /* bytes of a name */

/* What the file has, if there is one; one that cannot be read is left alone
 * and nothing is kept.  `file` may be NULL, and is copied. */
void presets_load(const char *file);
void presets_release(void);

/* An array of {"name", "fields": [[name, value], ...]}, by name. */
void presets_write(struct jsonw *);
/* All fields but "name", which hold no secrets, under that name, in place of
 * what it had: 0, or -1 with one sentence. */
int presets_save(const struct form *, char *error, size_t size);
int presets_delete(const char *name, char *error, size_t size);

#endif
