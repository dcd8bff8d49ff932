/*
 * HTTP/1.1 and WebSocket for the web room, on libwebsockets with the poll
 * loop and the thread of its own: the master's loop is never held up by a
 * slow browser.  Listening, that thread and the viewers are here; requests
 * and their answers are in exchange.c.
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

#include "exchange.h"

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

static int http_callback(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct session *s = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return exchange_begin(&s->exchange, wsi, in, &web.hooks);
	case LWS_CALLBACK_HTTP_BODY:
		return exchange_body(s->exchange, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return exchange_body_ends(s->exchange);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return s ? exchange_write(s->exchange) : 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return exchange_upgrade(wsi, web.ws_path, &web.hooks);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		exchange_gone(s ? s->exchange : NULL);
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
		.pt_serv_buf_size = EXCHANGE_PIECE,
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
	.reply = exchange_reply,
	.push = do_push,
	.stop = do_stop,
};

__attribute__((visibility("default")))
const struct web_transport *swarm_web_transport(void);

const struct web_transport *swarm_web_transport(void)
{
	return &transport;
}
