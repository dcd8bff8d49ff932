/*
 * An exchange holds copies of what the request said, because libwebsockets
 * drops headers when it pleases, and outlives its connection when the answer
 * is late.  Bodies are sent in pieces as the socket takes them.
 */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS 16

struct web_exchange {
	struct lws *wsi;                /* NULL: the peer has gone */
	struct web_exchange **at;       /* where its connection has it */
	const struct web_hooks *hooks;
	struct web_request request;
	char *field[FIELDS];            /* what `request` points into */
	size_t field_count;
	char *body;
	size_t body_len;
	bool ended;                     /* the body has */
	bool dispatched;                /* the hook has it, or had it */
	bool close;                     /* no second request on this one */
	bool replied;
	struct web_reply reply;
	size_t sent;
};

static const char *keep(struct web_exchange *x, char *text)
{
	if (!text || x->field_count == FIELDS) {
		free(text);
		return "";
	}
	x->field[x->field_count++] = text;
	return text;
}

static const char *header(struct web_exchange *x, struct lws *wsi,
    enum lws_token_indexes token)
{
	int len = lws_hdr_total_length(wsi, token);
	char *text;

	if (len <= 0 || len > (int)WEB_MAX_HEADER)
		return "";
	text = malloc((size_t)len + 1);
	if (text && lws_hdr_copy(wsi, text, len + 1, token) < 0)
		text[0] = '\0';
	return keep(x, text);
}

static const char *unknown_header(struct web_exchange *x, struct lws *wsi,
    const char *name)
{
	int len = lws_hdr_custom_length(wsi, name, (int)strlen(name));
	char *text;

	if (len <= 0 || len > (int)WEB_MAX_HEADER)
		return "";
	text = malloc((size_t)len + 1);
	if (text && lws_hdr_custom_copy(wsi, text, len + 1, name,
	    (int)strlen(name)) < 0)
		text[0] = '\0';
	return keep(x, text);
}

/* The arguments come in fragments that lost their '&'. */
static const char *query(struct web_exchange *x, struct lws *wsi)
{
	int total = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
	size_t size = WEB_MAX_HEADER, used = 0;
	char *text;

	if (total <= 0 || !(text = malloc(size)))
		return "";
	text[0] = '\0';
	for (int i = 0; used + 2 < size; i++) {
		int n = lws_hdr_copy_fragment(wsi, text + used + (i > 0),
		    (int)(size - used - 1), WSI_TOKEN_HTTP_URI_ARGS, i);

		if (n < 0)
			break;
		if (i > 0)
			text[used] = '&';
		used += (size_t)n + (i > 0);
	}
	text[used] = '\0';
	return keep(x, text);
}

static enum web_method method_of(struct lws *wsi)
{
	char *uri;
	int len;

	switch (lws_http_get_uri_and_method(wsi, &uri, &len)) {
	case LWSHUMETH_GET:
		return WEB_GET;
	case LWSHUMETH_HEAD:
		return WEB_HEAD;
	case LWSHUMETH_POST:
		return WEB_POST;
	case LWSHUMETH_OPTIONS:
		return WEB_OPTIONS;
	default:
		return WEB_OTHER;
	}
}

static struct web_exchange *exchange_new(struct lws *wsi, const char *path)
{
	struct web_exchange *x = calloc(1, sizeof(*x));
	char peer[64] = "";

	if (!x)
		return NULL;
	lws_get_peer_simple(wsi, peer, sizeof(peer));
	x->wsi = wsi;
	x->request = (struct web_request){
		.method = method_of(wsi),
		.path = keep(x, strdup(path)),
		.query = query(x, wsi),
		.host = header(x, wsi, WSI_TOKEN_HOST),
		.origin = header(x, wsi, WSI_TOKEN_ORIGIN),
		.fetch_site = unknown_header(x, wsi, "sec-fetch-site:"),
		.cookie = header(x, wsi, WSI_TOKEN_HTTP_COOKIE),
		.authorization = header(x, wsi, WSI_TOKEN_HTTP_AUTHORIZATION),
		.content_type = header(x, wsi, WSI_TOKEN_HTTP_CONTENT_TYPE),
		.if_none_match = header(x, wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH),
		.accept_encoding = header(x, wsi,
		    WSI_TOKEN_HTTP_ACCEPT_ENCODING),
		.peer = keep(x, strdup(peer)),
		.secure = lws_is_ssl(wsi),
		.body = "",
	};
	return x;
}

static void exchange_free(struct web_exchange *x)
{
	if (!x)
		return;
	if (x->reply.done)
		x->reply.done(x->reply.done_arg);
	for (size_t i = 0; i < x->field_count; i++)
		free(x->field[i]);
	free(x->body);
	free(x);
}

static int add(struct lws *wsi, const char *name, const char *value,
    unsigned char **p, unsigned char *end)
{
	return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
	    (const unsigned char *)value, (int)strlen(value), p, end);
}

/* 0, or -1: close the connection. */
static int send_headers(struct web_exchange *x)
{
	unsigned char memory[LWS_PRE + 4096];
	unsigned char *start = memory + LWS_PRE, *p = start;
	unsigned char *end = memory + sizeof(memory) - 1;
	const struct web_reply *r = &x->reply;

	if (lws_add_http_header_status(x->wsi, (unsigned)r->status, &p, end))
		return -1;
	if (r->content_type &&
	    add(x->wsi, "content-type:", r->content_type, &p, end))
		return -1;
	for (size_t i = 0; i < r->header_count; i++)
		if (add(x->wsi, r->header[i].name, r->header[i].value, &p, end))
			return -1;
	if (x->close && add(x->wsi, "connection:", "close", &p, end))
		return -1;
	/* 304 speaks of a body that it does not carry. */
	if (r->status != 304 && lws_add_http_header_content_length(x->wsi,
	    r->body_len, &p, end))
		return -1;
	return lws_finalize_write_http_header(x->wsi, start, &p, end) ? -1 : 0;
}

/* The answer is out: ready for the next request, or -1 to close. */
static int finish(struct web_exchange *x)
{
	struct lws *wsi = x->wsi;
	bool close = x->close;

	*x->at = NULL;
	exchange_free(x);
	if (close)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

void exchange_reply(struct web_exchange *x, const struct web_reply *reply)
{
	x->reply = *reply;
	x->replied = true;
	if (!x->wsi) {
		exchange_free(x);
		return;
	}
	lws_set_timeout(x->wsi, PENDING_TIMEOUT_HTTP_CONTENT, 60);
	lws_callback_on_writable(x->wsi);
}

int exchange_write(struct web_exchange *x)
{
	unsigned char memory[LWS_PRE + EXCHANGE_PIECE];
	size_t left, n;
	bool last;

	if (!x || !x->replied)
		return 0;
	if (x->sent == 0) {
		if (send_headers(x))
			return -1;
		if (x->reply.body_len == 0 || x->request.method == WEB_HEAD)
			return finish(x);
	}
	left = x->reply.body_len - x->sent;
	n = left < EXCHANGE_PIECE ? left : EXCHANGE_PIECE;
	last = n == left;
	memcpy(memory + LWS_PRE, (const char *)x->reply.body + x->sent, n);
	if (lws_write(x->wsi, memory + LWS_PRE, n,
	    last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
		return -1;
	x->sent += n;
	if (last)
		return finish(x);
	lws_callback_on_writable(x->wsi);
	return 0;
}

static void short_reply(struct web_exchange *x, int status, const char *text)
{
	struct web_reply reply = {
		.status = status,
		.content_type = "text/plain; charset=utf-8",
		.body = text,
		.body_len = strlen(text),
	};

	x->close = true;
	exchange_reply(x, &reply);
}

/* A request without a body is complete twice for libwebsockets. */
static void dispatch(struct web_exchange *x)
{
	if (x->dispatched)
		return;
	x->dispatched = true;
	if (x->body) {
		x->request.body = x->body;
		x->request.body_len = x->body_len;
	}
	/* /stop waits for the users to end, which takes what it takes. */
	lws_set_timeout(x->wsi, NO_PENDING_TIMEOUT, 0);
	x->hooks->request(x, &x->request, x->hooks->arg);
}

int exchange_begin(struct web_exchange **at, struct lws *wsi,
    const char *path, const struct web_hooks *hooks)
{
	char length[32] = "";
	struct web_exchange *x = exchange_new(wsi, path);

	if (!x)
		return -1;
	exchange_free(*at);
	*at = x;
	x->at = at;
	x->hooks = hooks;
	if (x->request.method != WEB_POST && x->request.method != WEB_OTHER) {
		dispatch(x);
		return 0;
	}
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) {
		short_reply(x, 411, "A body needs a Content-Length.\n");
		return 0;
	}
	lws_hdr_copy(wsi, length, sizeof(length),
	    WSI_TOKEN_HTTP_CONTENT_LENGTH);
	if (strtoull(length, NULL, 10) > WEB_MAX_BODY) {
		short_reply(x, 413, "The body is larger than 64 KiB.\n");
		return 0;
	}
	if (strtoull(length, NULL, 10) == 0) {
		/* Without a length there is no body, but the library would
		 * take the next request for one. */
		x->close = length[0] == '\0';
		dispatch(x);
	}
	return 0;
}

int exchange_body(struct web_exchange *x, const void *data, size_t len)
{
	char *grown;

	if (!x || x->replied || x->dispatched)
		return 0;
	if (x->body_len + len > WEB_MAX_BODY)
		return -1;
	grown = realloc(x->body, x->body_len + len + 1);
	if (!grown)
		return -1;
	x->body = grown;
	memcpy(x->body + x->body_len, data, len);
	x->body_len += len;
	x->body[x->body_len] = '\0';
	return 0;
}

int exchange_body_ends(struct web_exchange *x)
{
	if (!x)
		return 0;
	if (x->ended)
		return -1;
	x->ended = true;
	if (!x->replied)
		dispatch(x);
	return 0;
}

void exchange_gone(struct web_exchange *x)
{
	if (!x)
		return;
	*x->at = NULL;
	/* Whoever owes the answer still holds it; exchange_reply() frees it. */
	x->wsi = NULL;
	if (x->replied)
		exchange_free(x);
}

int exchange_upgrade(struct lws *wsi, const char *ws_path,
    const struct web_hooks *hooks)
{
	char path[256] = "";
	struct web_exchange *x;
	int status;

	lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI);
	x = exchange_new(wsi, path);
	if (!x)
		return -1;
	status = strcmp(path, ws_path) != 0 ? 404 :
	    hooks->viewer_check(&x->request, hooks->arg);
	exchange_free(x);
	if (status == 0)
		return 0;
	lws_return_http_status(wsi, (unsigned)status, NULL);
	return 1;
}
