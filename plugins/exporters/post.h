/*
 * POST to one URL, again and again over one connection, on a sink's thread.
 */
#ifndef EXPORTERS_POST_H
#define EXPORTERS_POST_H

#include <stddef.h>

#include "text.h"

struct post;

/*
 * [main] `headers` ends with NULL.  NULL after swarm_error(): not a URL of
 * HTTP.  `path` is taken for a URL that has none, or NULL.
 */
struct post *post_new(const char *url, const char *path,
    const char *const *headers);
/* "Name: value" lines, separated by newlines or "|", as more headers. */
void post_add_headers(struct post *, const char *lines);
/* "Authorization: SCHEME SECRET", if there is a secret. */
void post_authorize(struct post *, const char *scheme, const char *secret);
/* 0 for a status of 2xx, or -1 after swarm_sink_fail().  The answer's body,
 * its first 4 KiB, is in *answer until the next call; NULL: not wanted. */
int post_send(struct post *, const void *data, size_t len,
    const char **answer);
void post_free(struct post *);

#endif
