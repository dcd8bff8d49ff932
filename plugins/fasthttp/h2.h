/*
 * One request and its answer over HTTP/2 (RFC 9113): what exchange.c and
 * receive.c do over HTTP/1.1, with the same beginning and end.
 */
#ifndef FASTHTTP_H2_H
#define FASTHTTP_H2_H

#include "exchange.h"

/* Whether a request to this server may go over HTTP/2. */
bool h2_possible(const struct origin *);

/*
 * [fiber] Sends the request and waits for the answer, or (`head`) its head:
 * NULL, or what failed.  *other: the server wants HTTP/1.1; then nothing has
 * been sent, and x->conn is a fresh connection or NULL.
 */
const char *h2_transact(struct exchange *, struct origin *, bool head,
    bool *other);

/* Of an open response: as parse_next(), and waits until there is more for it:
 * NULL, or why there will not be. */
enum parse_event h2_next(struct exchange *);
const char *h2_await_body(struct exchange *);

/* When the answer had come, or was given up; 0: not yet, or not over HTTP/2. */
int64_t h2_ended(const struct exchange *);
/* Gives the stream up, whole or not; x->h2 is NULL then. */
void h2_leave(struct exchange *);

#endif
