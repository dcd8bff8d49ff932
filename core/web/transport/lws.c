/*
 * HTTP/1.1 and WebSocket for the web room, on libwebsockets with the poll
 * loop and the thread of its own: the master's loop is never held up by a
 * slow browser.
 *
 * An exchange holds copies of what the request said, because libwebsockets
 * drops headers when it pleases, and outlives its connection when the answer
 * is late.  Bodies are sent in pieces as the socket takes them.
 */
#include "../transport.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>

#define PIECE 16384u                    /* bytes a write takes at most */
#define FIELDS 16

struct web_exchange {
	struct lws *wsi;                /* NULL: the peer has gone */
	struct web_request request;
	char *field[FIELDS];            /* what `request` points into */
	size_t field_count;
	char *body;
	size_t body_len;
	bool dispatched;                /* the hook has it, or had it */
	bool close;                     /* no second request on this one */
	bool replied;
	struct web_reply reply;
	size_t sent;
};

struct web_viewer {
	struct lws *wsi;
	void *above;
};

/* libwebsockets' per-connection memory. */
struct session {
	struct web_exchange *exchange;
	struct web_viewer *viewer;
};

static struct {
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct web_hooks hooks;
	char *ws_path;
	pthread_t thread;
	int stopping;                   /* atomic */
	int woken;                      /* atomic */
} web;

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
	struct session *s = lws_wsi_user(wsi);
	bool close = x->close;

	s->exchange = NULL;
	exchange_free(x);
	if (close)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static void do_reply(struct web_exchange *x, const struct web_reply *reply)
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

static int write_some(struct web_exchange *x)
{
	unsigned char memory[LWS_PRE + PIECE];
	size_t left, n;
	bool last;

	if (x->sent == 0) {
		if (send_headers(x))
			return -1;
		if (x->reply.body_len == 0 || x->request.method == WEB_HEAD)
			return finish(x);
	}
	left = x->reply.body_len - x->sent;
	n = left < PIECE ? left : PIECE;
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
	do_reply(x, &reply);
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
	web.hooks.request(x, &x->request, web.hooks.arg);
}

static int on_request(struct lws *wsi, struct session *s, const char *path)
{
	char length[32] = "";
	struct web_exchange *x = exchange_new(wsi, path);

	if (!x)
		return -1;
	exchange_free(s->exchange);
	s->exchange = x;
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

static int on_body(struct session *s, const void *data, size_t len)
{
	struct web_exchange *x = s->exchange;
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

static void on_gone(struct session *s)
{
	struct web_exchange *x = s ? s->exchange : NULL;

	if (!x)
		return;
	s->exchange = NULL;
	/* Whoever owes the answer still holds it; do_reply() frees it. */
	x->wsi = NULL;
	if (x->replied)
		exchange_free(x);
}

/* Before a WebSocket opens, while its headers are there. */
static int on_upgrade(struct lws *wsi)
{
	char path[256] = "";
	struct web_exchange *x;
	int status;

	lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI);
	x = exchange_new(wsi, path);
	if (!x)
		return -1;
	status = strcmp(path, web.ws_path) != 0 ? 404 :
	    web.hooks.viewer_check(&x->request, web.hooks.arg);
	exchange_free(x);
	if (status == 0)
		return 0;
	lws_return_http_status(wsi, (unsigned)status, NULL);
	return 1;
}

static int http_callback(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct session *s = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(wsi, s, in);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(s, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		if (s->exchange && !s->exchange->replied)
			dispatch(s->exchange);
		return 0;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return s && s->exchange && s->exchange->replied ?
		    write_some(s->exchange) : 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_upgrade(wsi);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		on_gone(s);
		return 0;
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		if (__atomic_exchange_n(&web.woken, 0, __ATOMIC_ACQ_REL))
			web.hooks.woken(web.hooks.arg);
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

static int viewer_write(struct web_viewer *v)
{
	size_t len;
	const char *text = web.hooks.viewer_next(v->above, &len,
	    web.hooks.arg);
	unsigned char *memory;
	int n;

	if (!text)
		return 0;
	memory = malloc(LWS_PRE + len);
	if (!memory)
		return -1;
	memcpy(memory + LWS_PRE, text, len);
	n = lws_write(v->wsi, memory + LWS_PRE, len, LWS_WRITE_TEXT);
	free(memory);
	if (n < (int)len)
		return -1;
	lws_callback_on_writable(v->wsi);
	return 0;
}

static int viewer_callback(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct session *s = user;

	(void)in;
	(void)len;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		s->viewer = calloc(1, sizeof(*s->viewer));
		if (!s->viewer)
			return -1;
		s->viewer->wsi = wsi;
		s->viewer->above = web.hooks.viewer_open(s->viewer,
		    web.hooks.arg);
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return s->viewer ? viewer_write(s->viewer) : 0;
	case LWS_CALLBACK_CLOSED:
		if (s->viewer) {
			web.hooks.viewer_closed(s->viewer->above,
			    web.hooks.arg);
			free(s->viewer);
			s->viewer = NULL;
		}
		return 0;
	default:
		/* What a viewer sends is read and dropped. */
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "http", .callback = http_callback,
	  .per_session_data_size = sizeof(struct session) },
	{ .name = "swarm", .callback = viewer_callback,
	  .per_session_data_size = sizeof(struct session),
	  .rx_buffer_size = 1024 },
	{ .name = NULL },
};

static void log_line(int level, const char *line)
{
	size_t len = strcspn(line, "\n");
	char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (web.hooks.log)
		web.hooks.log(level == LLL_ERR, text, web.hooks.arg);
}

static void *serve(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&web.stopping, __ATOMIC_ACQUIRE))
		if (lws_service(web.context, 0) < 0)
			break;
	lws_context_destroy(web.context);
	return NULL;
}

/*
 * libwebsockets keeps trying when a port is taken and tells the log only; so
 * the port is tried first, for the sake of the message.
 */
static int try_port(const struct web_listen *l, char *error, size_t size)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list;
	char port[16];
	int one = 1, fd, rc;

	snprintf(port, sizeof(port), "%d", l->port);
	rc = getaddrinfo(l->host, port, &hints, &list);
	if (rc != 0) {
		snprintf(error, size, "%s: %s", l->host ? l->host : "*",
		    gai_strerror(rc));
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		rc = bind(fd, list->ai_addr, list->ai_addrlen);
		if (rc == 0)
			rc = listen(fd, 1);
	}
	if (fd == -1 || rc == -1)
		snprintf(error, size, "port %d of %s: %m", l->port,
		    l->host ? l->host : "*");
	rc = fd == -1 || rc == -1 ? -1 : 0;
	if (fd != -1)
		close(fd);
	freeaddrinfo(list);
	return rc;
}

static int open_context(const struct web_listen *l, char *error, size_t size)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		    (l->tls_cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.gid = -1,
		.uid = -1,
		.fd_limit_per_thread = WEB_MAX_CONNECTIONS,
		.max_http_header_data = WEB_MAX_HEADER,
		.max_http_header_pool = WEB_MAX_CONNECTIONS,
		.pt_serv_buf_size = PIECE,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
	web.context = lws_create_context(&info);
	if (!web.context) {
		snprintf(error, size, "libwebsockets does not start");
		return -1;
	}
	info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
	    LWS_SERVER_OPTION_DISABLE_IPV6 * !(l->host &&
	    strchr(l->host, ':')) |
	    (l->tls_cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0);
	info.port = l->port;
	info.iface = l->host;
	info.protocols = protocols;
	info.vhost_name = "swarm";
	info.keepalive_timeout = 30;
	info.timeout_secs = 30;
	info.ssl_cert_filepath = l->tls_cert;
	info.ssl_private_key_filepath = l->tls_key;
	info.alpn = "http/1.1";
	web.vhost = lws_create_vhost(web.context, &info);
	if (!web.vhost) {
		snprintf(error, size, l->tls_cert ?
		    "cannot listen on port %d: check the certificate and key" :
		    "cannot listen on port %d", l->port);
		lws_context_destroy(web.context);
		return -1;
	}
	return 0;
}

static int do_start(const struct web_listen *l, const struct web_hooks *hooks,
    char *error, size_t size)
{
	sigset_t all, before;
	int port, rc;

	web.hooks = *hooks;
	web.stopping = 0;
	web.woken = 0;
	if (try_port(l, error, size) == -1 || open_context(l, error, size) == -1)
		return -1;
	port = lws_get_vhost_listen_port(web.vhost);
	web.ws_path = strdup(l->ws_path);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = web.ws_path ? pthread_create(&web.thread, NULL, serve, NULL) :
	    ENOMEM;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		snprintf(error, size, "cannot start a thread: %s",
		    rc == EAGAIN ? "too many" : "out of memory");
		lws_context_destroy(web.context);
		free(web.ws_path);
		return -1;
	}
	return port;
}

static void do_wake(void)
{
	__atomic_store_n(&web.woken, 1, __ATOMIC_RELEASE);
	lws_cancel_service(web.context);
}

static void do_push(void)
{
	lws_callback_on_writable_all_protocol(web.context, &protocols[1]);
}

static void do_stop(void)
{
	__atomic_store_n(&web.stopping, 1, __ATOMIC_RELEASE);
	lws_cancel_service(web.context);
	pthread_join(web.thread, NULL);
	free(web.ws_path);
	web.ws_path = NULL;
}

static const struct web_transport transport = {
	.version = WEB_TRANSPORT_VERSION,
	.start = do_start,
	.wake = do_wake,
	.reply = do_reply,
	.push = do_push,
	.stop = do_stop,
};

__attribute__((visibility("default")))
const struct web_transport *swarm_web_transport(void);

const struct web_transport *swarm_web_transport(void)
{
	return &transport;
}
