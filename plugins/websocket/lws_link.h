/* What libwebsockets calls for a socket. */
#ifndef WEBSOCKET_LWS_LINK_H
#define WEBSOCKET_LWS_LINK_H

struct lws_protocols;

extern const struct lws_protocols *const lws_link_protocols;

#endif
