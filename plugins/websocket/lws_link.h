/* What libwebsockets calls for a socket. */
#ifndef WEBSOCKET_LWS_LINK_H
#define WEBSOCKET_LWS_LINK_H

struct lws_protocols;
struct ws;

extern const struct lws_protocols *const lws_link_protocols;

/* [worker] Ends a connection whose server masks. */
void lws_link_refuse_mask(struct ws *);

#endif
