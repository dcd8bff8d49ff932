/* Rows of CSV, as RFC 4180 has it; for feed_file.c. */
#ifndef USER_FEED_CSV_H
#define USER_FEED_CSV_H

#include "user/feed_file.h"

/* Fills in columns and rows.  0, or -1 after log_error(). */
int feed_csv_read(struct feed_file *, const char *columns);
void feed_csv_field(const struct feed_file *, uint64_t row, size_t column,
    struct feed_field *);
size_t feed_csv_unescape(const struct feed_field *, char *out);

#endif
