/* The address of a WebSocket server, as users write it. */
#ifndef WEBSOCKET_URL_H
#define WEBSOCKET_URL_H

#include <stdbool.h>
#include <stdint.h>

/* libwebsockets composes the request in pieces of fixed size and cuts off
 * what is longer. */
#define URL_PATH_MAX 1900
#define URL_HOST_MAX 100

struct url {
	bool tls;
	bool numeric6;                  /* an IPv6 address, in brackets */
	uint16_t port;
	char host[URL_HOST_MAX + 1];    /* without brackets */
	char authority[URL_HOST_MAX + 12];      /* for the Host header */
	const char *path;               /* into the text parsed, or "/" */
};

/* 0, or -1 with *why, a constant text.  A fragment (#...) is refused, as RFC
 * 6455, section 3, wants it. */
int url_parse(struct url *, const char *text, const char **why);

#endif
