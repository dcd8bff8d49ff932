/*
 * Variables of scripts.  Every name that a script mentions is known before
 * the run, so it gets a number once, and each client holds a flat array: no
 * look-up by name while transactions run.
 */
#ifndef PGS_VARS_H
#define PGS_VARS_H

#include <stdbool.h>
#include <stddef.h>

#include "pgs_value.h"

#define PGS_NAMES_MAX 4096
/* Longest text a variable takes, from -D or from a result. */
#define PGS_TEXT_MAX ((size_t)1 << 20)

/* Names in the order of their numbers.  Zero-initialised is empty. */
struct pgs_names {
	char **names;
	size_t count;
	size_t cap;
};

/* The length of the name that `text` begins with: letters, digits,
 * underscores and bytes above 127, not a digit first.  0: none. */
size_t pgs_names_span(const char *text);
/* Whether the whole text is a name. */
bool pgs_names_valid(const char *name);
/* The number of the name, added when new; -1 when there are too many or
 * memory ran out. */
int pgs_names_add(struct pgs_names *, const char *name, size_t len);
/* The number, or -1. */
int pgs_names_find(const struct pgs_names *, const char *name, size_t len);
void pgs_names_release(struct pgs_names *);

struct pgs_var {
	struct pgs_value value;         /* PGS_NONE: only the text is known */
	bool defined;
	bool has_text;
	char *heap;                     /* a long text; kept for the next one */
	size_t heap_size;
	size_t text_len;
	char small[32];
	const char *text;               /* one of the two above */
};

/* One client's variables. */
struct pgs_vars {
	struct pgs_var *slots;
	size_t count;
};

/* 0, or -1 when memory ran out. */
int pgs_vars_init(struct pgs_vars *, size_t count);
void pgs_vars_release(struct pgs_vars *);
void pgs_vars_set(struct pgs_vars *, int slot, const struct pgs_value *);
/* Copies the text: 0, or -1 when it is too long or memory ran out. */
int pgs_vars_set_text(struct pgs_vars *, int slot, const char *text,
    size_t len);
/* The text, owned by the variable and valid until it is set; NULL when the
 * variable is not defined. */
const char *pgs_vars_text(struct pgs_vars *, int slot, size_t *len);
/* The value; -1 with *err set when it is undefined or malformed.  `name` is
 * for the message. */
int pgs_vars_get(struct pgs_vars *, int slot, const char *name,
    struct pgs_value *out, struct pgs_error *err);

#endif
