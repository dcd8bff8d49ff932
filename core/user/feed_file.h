/*
 * A file of rows, mapped and checked: CSV as of RFC 4180, or one JSON object a
 * line.  Opening reads it through once, refuses it as a whole when anything is
 * wrong, and keeps where each row begins, eight bytes a row; a field is found
 * when it is asked for, by a walk over its row that cannot fail any more.
 */
#ifndef USER_FEED_FILE_H
#define USER_FEED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_COLUMNS_MAX 1000
#define FEED_NAME_MAX    256            /* bytes of a column's name */

struct feed_file {
	char *path;                     /* as opened */
	const char *data;
	size_t len;
	bool json;
	char separator;
	char **columns;                 /* of JSON: those asked for */
	size_t column_count;
	uint64_t *rows;                 /* where each begins */
	size_t row_count;
	uint64_t check;                 /* differs when the files do */
};

/* A found field.  `escaped`: it needs feed_file_unescape(). */
struct feed_field {
	const char *data;               /* NULL: none */
	size_t len;
	bool escaped;
};

/* `columns`: names of a CSV file without a first line of them, or NULL.  0,
 * or -1 after one log_error(), and nothing to be released. */
int feed_file_open(struct feed_file *, const char *path, char separator,
    const char *columns);
struct swarm_rows;
/* The same of text, which is copied; `name` is for messages. */
int feed_file_copy(struct feed_file *, const char *name,
    const struct swarm_rows *, char separator, const char *columns);
void feed_file_release(struct feed_file *);
/* Its number, or -1 after log_error(). */
int feed_file_column(struct feed_file *, const char *name);
void feed_file_field(const struct feed_file *, uint64_t row, int column,
    struct feed_field *);
/* Writes the value of an escaped field, never longer than the field, and
 * returns its length. */
size_t feed_file_unescape(const struct feed_file *, const struct feed_field *,
    char *out);

#endif
