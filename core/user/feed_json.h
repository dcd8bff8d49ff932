/* Rows of NDJSON: one JSON object a line; for feed_file.c. */
#ifndef USER_FEED_JSON_H
#define USER_FEED_JSON_H

#include "user/feed_file.h"

/* Fills in rows.  0, or -1 after log_error(). */
int feed_json_read(struct feed_file *);
/* A member by name.  null has data NULL and a length of 4. */
void feed_json_field(const struct feed_file *, uint64_t row, const char *name,
    struct feed_field *);
size_t feed_json_unescape(const struct feed_field *, char *out);

#endif
