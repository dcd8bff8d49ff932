/*
 * From libwebsockets' callbacks to the state of a socket: phases of the
 * connect, messages, and how it ended.
 */
#include "lws_link.h"

#include "client.h"
#include "engine.h"
#include "inbox.h"
#include "rows.h"
#include "tls.h"

#include <libwebsockets.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A socket's own buffer, and so the largest piece it reads at a time. */
#define RX_BYTES 2048

/* RFC 6455, section 7.4.1. */
enum { NO_CODE = 1005, ABNORMAL = 1006, PROTOCOL_ERROR = 1002,
	BAD_UTF8 = 1007, TOO_BIG = 1009 };

static void put_headers(struct ws *w, unsigned char **to, size_t room)
{
	size_t n = strlen(w->args->extra);

	w->secured = swarm_now();
	w->state = CLIENT_UPGRADE;
	if (n > room)
		return;
	memcpy(*to, w->args->extra, n);
	*to += n;
}

static char *header(struct lws *wsi, enum lws_token_indexes token)
{
	int n = lws_hdr_total_length(wsi, token);
	char *text = n > 0 ? malloc((size_t)n + 1) : NULL;

	if (text && lws_hdr_copy(wsi, text, n + 1, token) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void read_upgrade(struct ws *w, struct lws *wsi)
{
	w->status = 101;
	free(w->protocol);
	w->protocol = header(wsi, WSI_TOKEN_PROTOCOL);
}

static void established(struct ws *w)
{
	w->opened = swarm_now();
	w->state = CLIENT_OPEN;
	w->closer = WS_OPEN;
	w->refused = 0;
	w->code = 0;
	w->first = 0;
	rows_add(ROWS_OPENED, 1);
	rows_add(ROWS_OPEN, 1);
	swarm_waiters_wake(&w->changed);
	client_opened(w);
}

/* Why there is no connection; `hint` is the library's own text. */
static void not_established(struct ws *w, struct lws *wsi, const char *hint)
{
	if (w->state == CLIENT_TCP) {
		client_fail(w, w->error_number ? w->error_number : ENOTCONN,
		    "connect: %s", w->error_number ?
		    strerror(w->error_number) : "failed");
	} else if (w->state == CLIENT_TLS) {
		client_fail(w, EPROTO, "TLS: %s", tls_why(wsi));
	} else {
		w->status = (int)lws_http_client_http_response(wsi);
		if (strncmp(hint, "HS: ", 4) == 0)
			hint += 4;
		if (w->status && w->status != 101)
			client_fail(w, EPROTO, "upgrade: answered with status "
			    "%d", w->status);
		else if (strncasecmp(hint, "closed", 6) == 0 ||
		    strcmp(hint, "read failed") == 0)
			client_fail(w, EPROTO, "upgrade: the server closed "
			    "the connection");
		else
			client_fail(w, EPROTO, "upgrade: %s", hint);
	}
}

static int take_pong(struct ws *w, const void *data, size_t len)
{
	client_ponged(w, data, len);
	return 0;
}

/*
 * Not closed from within the callback: libwebsockets would go on to read what
 * the server still sends of this message, behind the end of its buffer.
 */
static int refuse(struct ws *w, int code, const char *why)
{
	client_fail(w, EPROTO, "%s", why);
	w->refused = code;
	engine_defer(w);
	return 0;
}

void lws_link_refuse_mask(struct ws *w)
{
	if (w->state == CLIENT_OPEN && !w->refused)
		refuse(w, PROTOCOL_ERROR, "the server masks its frames");
}

static int take_piece(struct ws *w, struct lws *wsi, const void *data,
    size_t len)
{
	bool final = lws_is_final_fragment(wsi);
	bool binary = lws_frame_is_binary(wsi);

	if (w->masked)
		lws_link_refuse_mask(w);
	if (w->state != CLIENT_OPEN || w->refused)
		return 0;
	if (w->first == 0) {
		w->first = swarm_now();
		rows_phase(ROWS_FIRST_MESSAGE, w->first - w->opened);
	}
	if (inbox_add(w, data, len, binary, final) == 0)
		return 0;
	if (errno == EILSEQ)
		return refuse(w, BAD_UTF8, "the server sent text that is no "
		    "UTF-8");
	return refuse(w, TOO_BIG, errno == ENOMEM ? "out of memory" :
	    "a message is longer than max_message");
}

static int server_closes(struct ws *w, const unsigned char *data, size_t len)
{
	w->server_said = true;
	w->code = len >= 2 ? data[0] << 8 | data[1] : NO_CODE;
	free(w->reason);
	w->reason = len > 2 ? strndup((const char *)data + 2, len - 2) : NULL;
	w->state = CLIENT_CLOSING;
	client_closing(w);
	return 0;
}

/* Whether the peer has closed its side, or reset the connection: that may have
 * come before what it had sent was read. */
static bool peer_gone(struct lws *wsi)
{
	struct pollfd p = { .fd = lws_get_socket_fd(wsi), .events = POLLIN };
	char byte;
	ssize_t n;

	if (poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)))
		return true;
	n = recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n == -1 && errno != EAGAIN);
}

static void judge_end(struct ws *w, struct lws *wsi)
{
	if (w->asked) {
		w->closer = WS_CLOSED_BY_US;
		rows_end("closed_by_us", w->code);
	} else if (w->server_said) {
		w->closer = WS_CLOSED_BY_SERVER;
		client_fail(w, ENOTCONN, "closed by the server with code %d",
		    w->code);
		rows_end("closed_by_server", w->code);
	} else if (peer_gone(wsi)) {
		w->closer = WS_LOST;
		w->code = ABNORMAL;
		client_fail(w, ENOTCONN, "connection lost (1006)");
		rows_end("lost", 0);
	} else {
		w->closer = WS_CLOSED_BY_US;
		w->code = PROTOCOL_ERROR;
		client_fail(w, EPROTO, "the server broke the protocol");
		rows_end("closed_by_us", w->code);
	}
}

static void closed(struct ws *w, struct lws *wsi)
{
	if (w->state < CLIENT_OPEN) {
		not_established(w, wsi, "closed");
	} else {
		judge_end(w, wsi);
		rows_phase(ROWS_SESSION, swarm_now() - w->opened);
		rows_add(ROWS_OPEN, -1);
		rows_add(ROWS_CLOSED, 1);
	}
	client_ended(w);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct ws *w = lws_get_opaque_user_data(wsi);

	(void)user;
	if (!w)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_WSI_CREATE:
		w->connected = swarm_now();
		w->state = CLIENT_TLS;
		return 0;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		put_headers(w, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
		read_upgrade(w, wsi);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		established(w);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return take_piece(w, wsi, in, len);
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		return take_pong(w, in, len);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return server_closes(w, in, len);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		not_established(w, wsi, in ? in : "failed");
		client_ended(w);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		closed(w, wsi);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{
		.name = "swarm",
		.callback = callback,
		.rx_buffer_size = RX_BYTES,
		/* A message is one frame, however long. */
		.tx_packet_size = INT32_MAX / 2,
	},
	{ .name = NULL },
};

const struct lws_protocols *const lws_link_protocols = protocols;
