/* A file line by line, gzip'ed or not, with a limit to the length of one. */
#ifndef HTTP_TRACE_LINES_H
#define HTTP_TRACE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define LINES_MAX ((size_t)1 << 20)     /* bytes of a line */

struct lines;

/* NULL with errno. */
struct lines *lines_open(const char *path);
void lines_close(struct lines *);
/* 1 with the next line, without its end, until the next call; 0 at the end of
 * the file, -1 when it can't be read.  A line that is too long has *too_long
 * set, and nothing in it. */
int lines_next(struct lines *, struct span *line, bool *too_long);
/* The number of the last line, from 1. */
uint64_t lines_number(const struct lines *);
/* A character at a time instead, -1 at the end or for an error. */
int lines_char(struct lines *);
/* Why it can't be read; NULL: it could. */
const char *lines_error(struct lines *);

#endif
