/*
 * One HTTP request and its answer, as libwebsockets hands over the first and
 * takes the second: piece by piece.  The web thread's.
 */
#ifndef WEB_TRANSPORT_EXCHANGE_H
#define WEB_TRANSPORT_EXCHANGE_H

#include <libwebsockets.h>

#include "../transport.h"

#define EXCHANGE_PIECE 16384u           /* bytes a write takes at most */

/*
 * A request's headers are there: `*at` becomes its exchange, until that has
 * ended; the request is handed to hooks.request once its body is there, too.
 * Like all below that return an int: 0, or what libwebsockets is to be told
 * so that it closes the connection.
 */
int exchange_begin(struct web_exchange **at, struct lws *, const char *path,
    const struct web_hooks *);
/* NULL is none, here and below. */
int exchange_body(struct web_exchange *, const void *data, size_t len);
/*
 * Comes again, at once and for ever, where a peer sends more behind a body
 * before it has the answer: the library looks at nothing else then, so that
 * the connection has to go.
 */
int exchange_body_ends(struct web_exchange *);
/* The connection takes more: sends what there is of the answer. */
int exchange_write(struct web_exchange *);
/* The peer has gone; whoever owes the answer may still give it. */
void exchange_gone(struct web_exchange *);
/* web_transport.reply */
void exchange_reply(struct web_exchange *, const struct web_reply *);

/* May a WebSocket open?  Answers itself when not. */
int exchange_upgrade(struct lws *, const char *ws_path,
    const struct web_hooks *);

#endif
