/*
 * Writing JSON into a buf: no tree is built, so that documents of thousands
 * of rows cost their bytes only.  Reading is jansson's, which owns the json_
 * names.
 *
 * Everything comes out as ASCII: other characters are escaped, bytes that are
 * not UTF-8 become U+FFFD, and so do '<', '>' and '&' as \u escapes, so that
 * a document may stand inside HTML whatever names a target has.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define JSONW_DEPTH 64

struct jsonw {
	struct buf *out;
	int indent;                     /* blanks a level; 0: one line */
	int depth;
	bool comma[JSONW_DEPTH];         /* the level has a value already */
	bool keyed;                     /* a key was written, its value not */
};

void jsonw_init(struct jsonw *, struct buf *out, int indent);
void jsonw_object(struct jsonw *);
void jsonw_array(struct jsonw *);
/* Close the innermost level. */
void jsonw_end(struct jsonw *);           /* an object */
void jsonw_end_array(struct jsonw *);
void jsonw_key(struct jsonw *, const char *key);
/* NULL is written as null. */
void jsonw_string(struct jsonw *, const char *s);
void jsonw_int(struct jsonw *, int64_t);
/* The shortest text that reads back as the same number; not finite: null. */
void jsonw_double(struct jsonw *, double);
/* Whole numbers keep a ".0", as Python writes floats. */
void jsonw_float(struct jsonw *, double);
/* At most `digits` significant ones. */
void jsonw_short(struct jsonw *, double, int digits);
void jsonw_bool(struct jsonw *, bool);
void jsonw_null(struct jsonw *);

/* key and value at once */
void jsonw_put_string(struct jsonw *, const char *key, const char *s);
void jsonw_put_int(struct jsonw *, const char *key, int64_t);
void jsonw_put_double(struct jsonw *, const char *key, double);
void jsonw_put_float(struct jsonw *, const char *key, double);
void jsonw_put_bool(struct jsonw *, const char *key, bool);
void jsonw_put_null(struct jsonw *, const char *key);

#endif
