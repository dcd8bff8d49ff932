/*
 * HTTP archives (HAR 1.2), entry by entry: one of a gigabyte is a single JSON
 * value, most of it the bodies of answers, and no more than an entry of it is
 * in memory.
 */
#ifndef HTTP_TRACE_HAR_H
#define HTTP_TRACE_HAR_H

#include <stdbool.h>

#include <jansson.h>

#include "request.h"

#define HAR_ENTRY_MAX ((size_t)64 << 20)

struct har;

/* NULL with errno. */
struct har *har_open(const char *path);
void har_close(struct har *);
/*
 * The next of log.entries, until the next call: 1, 0 at the end, -1 when what
 * follows can't be read, 2 when this one can't be; then *why says why: a
 * constant, or until the next call.
 */
int har_next(struct har *, const json_t **entry, const char **why);
/* The number of the last entry, from 1. */
uint64_t har_number(const struct har *);

/* Whether to send a header again: not what a client sets by itself, what
 * belongs to the recorded session, and what a cache adds. */
bool har_keeps_header(const char *name);

/* `user_key`: NULL and "all" (the archive is one user), "page", "connection",
 * "none", "cookie:NAME"; texts lie in the entry, and its time is not among
 * them.  NULL, or why it can't be sent: a constant. */
const char *har_request(const json_t *entry, const char *user_key,
    struct request *);
bool har_user_key_is_known(const char *);
/* When it was: ns of the Unix epoch; 0, or -1 when it does not say. */
int har_time(const json_t *entry, int64_t *ns);

#endif
