/*
 * Lines of access logs: the common and the combined format, which are the
 * defaults of nginx and Apache, with or without Apache's name of the virtual
 * host before them and anything behind them.
 */
#ifndef HTTP_TRACE_ACCESS_H
#define HTTP_TRACE_ACCESS_H

#include "request.h"

enum access_user { ACCESS_ADDR, ACCESS_USER, ACCESS_AGENT, ACCESS_NONE };

/* "addr", "user", "agent", "none"; 0, or -1. */
int access_user_parse(const char *, enum access_user *);
/* Texts lie in the line or in `scratch`, which is replaced.  NULL, or why it
 * can't be read: a constant. */
const char *access_read(struct span line, enum access_user, struct request *,
    struct bytes *scratch);

#endif
