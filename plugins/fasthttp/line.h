/* Lines of an answer's head: what they say, or why they cannot be (a static
 * text).  Without their CRLF. */
#ifndef FASTHTTP_LINE_H
#define FASTHTTP_LINE_H

#include "parse.h"

const char *line_status(struct parse_facts *, const char *line, size_t len);
/* `at` is where the line starts in the head. */
const char *line_header(struct parse_facts *, const char *line, size_t len,
    size_t at);
/* A header that has been taken apart (its name is not empty); `at` is where
 * the value starts in the head. */
const char *line_field(struct parse_facts *, const char *name,
    size_t name_len, const char *value, size_t len, size_t at);

#endif
