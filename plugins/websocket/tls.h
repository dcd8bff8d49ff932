/* Virtual hosts of libwebsockets: one for plain sockets and one for each set
 * of TLS settings. */
#ifndef WEBSOCKET_TLS_H
#define WEBSOCKET_TLS_H

#include "args.h"

struct lws;
struct lws_context;
struct lws_protocols;
struct lws_vhost;

/* [worker] 0, or -1 after swarm_error(). */
int tls_start(struct lws_context *, const struct lws_protocols *);
/* After the context has gone. */
void tls_stop(void);

/* [worker] Adds the library's TLS flags.  NULL after swarm_error(), once for
 * the same settings. */
struct lws_vhost *tls_vhost(const struct args *, int *flags);
/* [worker] Gives back the buffers of a socket that has nothing under way; they
 * are made again when needed. */
void tls_release(struct lws *);
/* [worker] Why the handshake of this socket failed. */
const char *tls_why(struct lws *);

#endif
