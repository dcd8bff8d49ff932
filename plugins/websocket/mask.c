/*
 * A server must not mask, and a client must end the connection when it does
 * (RFC 6455, section 5.1).  libwebsockets unmasks and says nothing, so the head
 * of a connection's first frame is looked at before the library reads it: who
 * masks does so from the first on, and it costs two calls a session, not one a
 * message.
 */
#include "mask.h"

#include "client.h"

#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string.h>
#include <sys/socket.h>

/* An answer to the upgrade that is longer is looked behind later. */
#define ANSWER_BYTES 4096

static ssize_t peek(struct ws *w, void *to, size_t room)
{
	SSL *ssl = lws_get_ssl(w->wsi);
	int n;

	if (!ssl)
		return recv(lws_get_socket_fd(w->wsi), to, room,
		    MSG_PEEK | MSG_DONTWAIT);
	n = SSL_peek(ssl, to, (int)room);
	/* The library asks for errors of its own calls. */
	if (n <= 0)
		ERR_clear_error();
	return n;
}

void mask_look(struct ws *w)
{
	unsigned char text[ANSWER_BYTES];
	const unsigned char *at = text;
	bool answer = w->state == CLIENT_UPGRADE;
	ssize_t n;

	if (w->mask_seen || (!answer && w->state != CLIENT_OPEN))
		return;
	n = peek(w, text, answer ? sizeof text : 2);
	if (n <= 0)
		return;
	if (answer) {
		at = memmem(text, (size_t)n, "\r\n\r\n", 4);
		if (!at)
			return;
		at += 4;
	}
	if (text + n - at < 2)
		return;
	w->mask_seen = true;
	w->masked = at[1] & 0x80;
}
