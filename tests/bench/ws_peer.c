/*
 * The bare peer of bench_ws: libwebsockets on libevent and nothing else, by
 * the same event operations as the plugin's.  Every connection sends 64 bytes
 * again as soon as they have come back, until it is ended from outside.
 *
 *	ws_peer PORT CONNECTIONS [idle]
 *
 * With "idle" it sends nothing.
 */
#include <evlib.h>

#include <event2/event.h>
#include <libwebsockets.h>

#include <stdio.h>
#include <stdlib.h>

#define BYTES 64

struct socket {
	struct lws *wsi;
	struct event *read;
	struct event *write;
	bool open;
	bool pending;                   /* wants to write, asked lazily */
};

static struct lws_context *context;
static struct event_base *base;
static struct socket *sockets, **queue;
static size_t queued;
static bool idle;
static unsigned char out[LWS_PRE + BYTES];

static void service(struct socket *s, int events)
{
	struct lws_pollfd p = { .fd = lws_get_socket_fd(s->wsi),
		.events = LWS_POLLIN | LWS_POLLOUT, .revents = (short)events };

	lws_service_fd(context, &p);
}

/* Writability is taken for granted, and asked of the kernel only when it
 * turns out to be wrong. */
static void write_all(void)
{
	while (queued > 0) {
		struct socket *s = queue[--queued];

		s->pending = false;
		service(s, LWS_POLLOUT);
	}
}

static void on_ready(int fd, short events, void *arg)
{
	struct socket *s = arg;

	(void)fd;
	service(s, (events & EV_READ ? LWS_POLLIN : 0) |
	    (events & EV_WRITE ? LWS_POLLOUT : 0));
	write_all();
}

static int op_accept(struct lws *wsi)
{
	struct socket *s = lws_get_opaque_user_data(wsi);
	int fd = lws_get_socket_fd(wsi);

	if (!s)
		return 0;
	s->wsi = wsi;
	s->read = event_new(base, fd, EV_READ | EV_PERSIST,
	    on_ready, s);
	s->write = event_new(base, fd, EV_WRITE | EV_PERSIST,
	    on_ready, s);
	return 0;
}

static void op_io(struct lws *wsi, int flags)
{
	struct socket *s = lws_get_opaque_user_data(wsi);

	if (!s || !s->read)
		return;
	if ((flags & EVLIB_START) && (flags & EVLIB_WRITE) && s->open &&
	    !s->pending) {
		s->pending = true;
		queue[queued++] = s;
		return;
	}
	if (flags & EVLIB_START) {
		if (flags & EVLIB_READ)
			event_add(s->read, NULL);
		if (flags & EVLIB_WRITE)
			event_add(s->write, NULL);
		return;
	}
	if (flags & EVLIB_READ)
		event_del(s->read);
	if ((flags & EVLIB_WRITE) && event_pending(s->write, EV_WRITE, NULL))
		event_del(s->write);
}

static const struct lws_event_loop_ops ops = {
	.name = "peer",
	.sock_accept = op_accept,
	.io = op_io,
};

static const lws_plugin_evlib_t evlib = {
	.hdr = { "peer", "lws_evlib_plugin", LWS_PLUGIN_API_MAGIC },
	.ops = &ops,
};

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct socket *s = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)in;
	(void)len;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		s->open = true;
		if (idle)
			return 0;
		/* Fall through. */
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return lws_callback_on_writable(wsi) < 0 ? -1 : 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return lws_write(wsi, out + LWS_PRE, BYTES,
		    LWS_WRITE_BINARY) < BYTES ? -1 : 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_CLIENT_CLOSED:
		fputs("a connection failed\n", stderr);
		exit(1);
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "echo", .callback = callback, .rx_buffer_size = 2048 },
	{ .name = NULL },
};

static void start(size_t count)
{
	static void *loops[1] = { &context };
	static const lws_retry_bo_t no_policy;
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBEVENT,
		.foreign_loops = loops,
		.http_proxy_address = "",
		.retry_and_idle_policy = &no_policy,
	};

	lws_set_log_level(0, NULL);
	evlib_offer(&evlib);
	context = lws_create_context(&info);
	sockets = calloc(count, sizeof *sockets);
	queue = calloc(count, sizeof *queue);
	if (!context || !evlib_taken() || !sockets || !queue) {
		fputs("libwebsockets does not start\n", stderr);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	size_t count;

	if (argc < 3)
		return 2;
	idle = argc > 3;
	count = strtoul(argv[2], NULL, 10);
	base = event_base_new();
	start(count);
	for (size_t i = 0; i < count; i++) {
		struct lws_client_connect_info info = {
			.context = context, .address = "127.0.0.1",
			.port = (int)strtol(argv[1], NULL, 10), .path = "/",
			.host = "127.0.0.1", .ietf_version_or_minus_one = -1,
			.local_protocol_name = "echo",
			.opaque_user_data = &sockets[i],
		};

		if (!lws_client_connect_via_info(&info))
			return 1;
	}
	event_base_dispatch(base);
	return 1;
}
