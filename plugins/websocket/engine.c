/*
 * Debian's libwebsockets is built without libevent, but takes an event library
 * as a plugin; ours (evlib/evlib.h) is a table of functions in this file that
 * registers sockets with swarm's loop.  Three decisions:
 *
 * Writability is asked of the kernel only when needed.  The library asks for a
 * "writable" callback for each pong and close frame; while the socket's
 * buffer has room it gets one at once, which saves two epoll_ctl() each time.
 *
 * Messages are written directly, not from a writable callback: the library
 * keeps what the socket does not take, asks for writability, and until then
 * nothing more is written to it.
 *
 * The library's timers are not used: they are in one sorted list, walked for
 * every insertion, and their time-outs are fixed.  Deadlines are fibers' and
 * swarm's alarms.  So nothing has to be called while nothing happens.
 *
 * The table's layout is private to this version of the library, so the version
 * is compared first.
 */
#include "engine.h"

#include "client.h"
#include "evlib/evlib.h"
#include "lws_link.h"
#include "mask.h"
#include "tls.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/loop.h>

#include <libwebsockets.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define VERSION "4.1.6-"

/* The request is composed in this buffer: see the limits in args.c. */
#define SERVICE_BYTES 32768u
#define HEADER_BYTES  8192

/* How often in a row held bytes are served before others have their turn. */
#define HELD_ROUNDS 8

static struct lws_context *context;
static unsigned busy;                   /* calls of the library under way */
static struct ws *deferred;             /* until it is back */

static void service(struct ws *w, unsigned ready)
{
	struct lws_pollfd p = {
		.fd = lws_get_socket_fd(w->wsi),
		.events = LWS_POLLIN | LWS_POLLOUT,
		.revents = (short)((ready & SWARM_READ ? LWS_POLLIN : 0) |
		    (ready & SWARM_WRITE ? LWS_POLLOUT : 0)),
	};

	lws_service_fd(context, &p);
}

static void apply(struct ws *w)
{
	unsigned want = (w->wants_read ? SWARM_READ : 0) |
	    (w->wants_write ? SWARM_WRITE : 0);

	if (w->watch && swarm_watch_want(w->watch, want) == -1)
		swarm_error("cannot watch a socket: %m");
}

void engine_enter(struct ws *w)
{
	w->depth++;
	busy++;
}

/* Bytes that TLS has decrypted, or that were held back, make no descriptor
 * ready. */
static void serve_held(void)
{
	static bool serving;

	if (serving)
		return;
	serving = true;
	for (int i = 0; i < HELD_ROUNDS; i++) {
		if (lws_service_adjust_timeout(context, 1, 0) != 0)
			break;
		_lws_plat_service_forced_tsi(context, 0);
	}
	serving = false;
}

bool engine_defer(struct ws *w)
{
	if (busy == 0)
		return false;
	if (w->deferred)
		return true;
	w->deferred = true;
	w->later = deferred;
	deferred = w;
	client_ref(w);
	return true;
}

static void carry_out_refusal(struct ws *w)
{
	int code = w->refused;

	w->refused = 0;
	w->asked = true;
	w->code = code;
	w->state = CLIENT_CLOSING;
	client_closing(w);
	engine_close(w, code, "", 0);
}

static void carry_out(struct ws *w)
{
	bool is_doomed = w->doomed;

	w->deferred = w->doomed = false;
	if (w->freed)
		client_let_go(w);
	else if (is_doomed)
		engine_kill(w);
	else if (w->refused && w->wsi && w->state == CLIENT_OPEN)
		carry_out_refusal(w);
	client_unref(w);
}

void engine_leave(struct ws *w)
{
	if (w->depth == 1 && w->wsi) {
		if (w->wants_write && w->state >= CLIENT_OPEN)
			service(w, SWARM_WRITE);
		serve_held();
		if (w->wsi && w->state == CLIENT_OPEN && !w->wants_write)
			tls_release(w->wsi);
	}
	w->depth--;
	if (w->depth == 0) {
		apply(w);
		/* There is room again. */
		if (!w->wants_write && w->changed.first)
			swarm_waiters_wake(&w->changed);
	}
	busy--;
	while (busy == 0 && (w = deferred)) {
		deferred = w->later;
		carry_out(w);
	}
}

/* libwebsockets asks for the error too, but keeps it to itself. */
static bool connect_failed(struct ws *w, int fd)
{
	socklen_t size = sizeof w->error_number;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &w->error_number,
	    &size) == 0 && w->error_number != 0;
}

static void on_ready(int fd, unsigned ready, void *arg)
{
	struct ws *w = arg;

	if (w->state == CLIENT_TCP && connect_failed(w, fd)) {
		engine_kill(w);
		return;
	}
	engine_enter(w);
	if (w->wsi && (ready & SWARM_READ))
		mask_look(w);
	if (w->wsi)
		service(w, ready);
	if (w->masked)
		lws_link_refuse_mask(w);
	engine_leave(w);
}

/* ---- what libwebsockets calls ---- */

static int op_accept(struct lws *wsi)
{
	static const int yes = 1;
	struct ws *w = lws_get_opaque_user_data(wsi);
	int fd = lws_get_socket_fd(wsi);

	if (!w)
		return 0;
	/* The port is chosen when the server's address is known: otherwise
	 * thousands of sockets search long for one that nobody has. */
	if (w->args->a.source)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes,
		    sizeof yes);
	w->watch = swarm_watch_new(fd, 0, on_ready, w);
	return w->watch ? 0 : -1;
}

static void op_io(struct lws *wsi, int flags)
{
	struct ws *w = lws_get_opaque_user_data(wsi);
	bool start = flags & EVLIB_START;

	/* The library's own wake-up descriptor has none: one thread. */
	if (!w)
		return;
	if (!start && (flags & EVLIB_READ) && (flags & EVLIB_WRITE)) {
		/* The socket is about to be closed; connect() may just have
		 * said why. */
		if (w->state == CLIENT_TCP && w->error_number == 0 &&
		    errno != EINPROGRESS)
			w->error_number = errno;
		swarm_watch_free(w->watch);
		w->watch = NULL;
		w->wants_read = w->wants_write = false;
		return;
	}
	if (flags & EVLIB_READ)
		w->wants_read = start;
	if (flags & EVLIB_WRITE)
		w->wants_write = start;
	if (w->depth == 0)
		apply(w);
}

static void op_destroy(struct lws *wsi)
{
	struct ws *w = lws_get_opaque_user_data(wsi);

	if (w && w->wsi == wsi)
		w->wsi = NULL;
}

static const struct lws_event_loop_ops ops = {
	.name = "swarm",
	.sock_accept = op_accept,
	.io = op_io,
	.destroy_wsi = op_destroy,
};

static const lws_plugin_evlib_t evlib_ours = {
	.hdr = { "swarm", "lws_evlib_plugin", LWS_PLUGIN_API_MAGIC },
	.ops = &ops,
};

static void on_log(int level, const char *text)
{
	(void)level;
	swarm_debug("libwebsockets: %.*s", (int)strcspn(text, "\n"), text);
}

/* ---- the context ---- */

static int check_version(void)
{
	const char *version = lws_get_library_version();

	if (strncmp(version, VERSION, strlen(VERSION)) == 0)
		return 0;
	swarm_error("this plugin drives libwebsockets " VERSION " by an "
	    "interface that is private to that version; the one found is "
	    "%s.  Install Debian 12's libwebsockets17, or build the plugin for "
	    "yours after comparing struct lws_event_loop_ops", version);
	return -1;
}

int engine_start(const struct lws_protocols *protocols)
{
	static void *loops[1] = { &context };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBEVENT |
		    LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		    LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.foreign_loops = loops,
		.pt_serv_buf_size = SERVICE_BYTES,
		.max_http_header_data2 = HEADER_BYTES,
	};

	if (check_version() == -1)
		return -1;
	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	evlib_offer(&evlib_ours);
	context = lws_create_context(&info);
	if (!context || !evlib_taken()) {
		swarm_error(context ? "libwebsockets did not take swarm's "
		    "event loop: something else in this process has loaded "
		    "it before this plugin" :
		    "libwebsockets could not be started");
		engine_stop();
		return -1;
	}
	if (tls_start(context, protocols) == -1) {
		engine_stop();
		return -1;
	}
	return 0;
}

void engine_stop(void)
{
	if (context)
		lws_context_destroy(context);
	context = NULL;
	tls_stop();
}

/* ---- sockets ---- */

int engine_connect(struct ws *w, const char *address)
{
	/* Without pings and hang-ups that nobody asked for. */
	static const lws_retry_bo_t no_policy;
	const struct args *x = w->args;
	struct lws_client_connect_info info = {
		.context = context,
		.address = address,
		.port = x->url.port,
		.path = x->path,
		.host = x->url.authority,
		.protocol = x->a.protocols,
		.local_protocol_name = "swarm",
		.iface = x->a.source,
		.alpn = "http/1.1",
		.userdata = w,
		.opaque_user_data = w,
		.ietf_version_or_minus_one = -1,
		.pwsi = &w->wsi,
		.retry_and_idle_policy = &no_policy,
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
	};
	struct lws *wsi;
	int error;

	info.vhost = tls_vhost(x, &info.ssl_connection);
	if (!info.vhost)
		return client_fail(w, EINVAL, "the TLS files cannot be used");
	w->error_number = 0;
	w->mask_seen = w->masked = false;
	w->state = CLIENT_TCP;
	w->tcp_start = swarm_now();
	engine_enter(w);
	errno = 0;
	wsi = lws_client_connect_via_info(&info);
	if (!wsi)
		w->wsi = NULL;
	engine_leave(w);
	if (wsi)
		return 0;
	error = w->error_number ? w->error_number : ENOTCONN;
	return client_fail(w, error, "connect: %s", strerror(error));
}

void engine_close(struct ws *w, int code, const char *reason, size_t len)
{
	unsigned char copy[128];

	memcpy(copy, reason, len);
	engine_enter(w);
	lws_close_reason(w->wsi, (enum lws_close_status)code, copy, len);
	lws_close_free_wsi(w->wsi, LWS_CLOSE_STATUS_NORMAL, "swarm");
	engine_leave(w);
}

/* With this reason the library does not wait for what it still holds. */
void engine_kill(struct ws *w)
{
	if (!w->wsi)
		return;
	if (engine_defer(w)) {
		w->doomed = true;
		return;
	}
	engine_enter(w);
	lws_close_free_wsi(w->wsi, LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY,
	    "swarm");
	engine_leave(w);
}
