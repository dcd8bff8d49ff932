/* A request's way to its server: a fresh stream, as the options ask for it. */
#ifndef FASTHTTP_CONNECT_H
#define FASTHTTP_CONNECT_H

#include "exchange.h"

/*
 * [fiber] Connects for the exchange, within its deadline: NULL with *error (a
 * text that lives as long as the task) and errno.  `two`: TLS
 * offers HTTP/2 too.  `session` is where TLS sessions are kept, or NULL.
 */
struct swarm_stream *connect_stream(struct exchange *, struct origin *,
    bool two, struct swarm_tls_session **session, const char **error);
/* How long the phases of connecting took becomes part of the answer's times. */
void connect_note(struct exchange *, struct swarm_stream *);

#endif
