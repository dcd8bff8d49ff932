/*
 * WebSocket on libwebsockets, run by the worker's own loop: the module's
 * table, and the calls that put a receive and a send together.
 */
#include "client.h"
#include "engine.h"
#include "inbox.h"
#include "lws_link.h"
#include "match.h"
#include "rows.h"

#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/stats.h>
#include <swarm/user.h>

#include <errno.h>

static double timeout;
static int queue;
static const char *cafile;
static const char *cert;
static const char *key;
static bool insecure;

static const struct ws_message *receive(struct ws *w, int64_t deadline)
{
	const struct ws_message *m;
	struct receiver r;

	if (!w) {
		errno = ENOTCONN;
		return NULL;
	}
	m = inbox_take(w, NULL);
	if (m)
		return m;
	client_ref(w);
	inbox_expect(w, &r, NULL);
	m = inbox_wait(w, &r, deadline);
	client_unref(w);
	return m;
}

static void note_failure(struct ws *w, struct swarm_timer *t, int error)
{
	if (error == ECANCELED) {
		swarm_drop(t);
		return;
	}
	if (error == ETIMEDOUT)
		client_fail(w, error, "no matching message in time");
	else if (!*w->text)
		client_fail(w, error, "not connected");
	swarm_fail(t, "%s", w->text);
}

static bool is_wrong(struct ws *w, const struct ws_match *match)
{
	const char *why = match_check(match);

	if (why)
		client_fail(w, EINVAL, "%s", why);
	return why != NULL;
}

static const struct ws_message *await_message(struct ws *w,
    const struct ws_await_args *a)
{
	const struct ws_message *m;
	struct receiver r;

	if (is_wrong(w, &a->match))
		return NULL;
	m = inbox_take(w, &a->match);
	if (m)
		return m;
	inbox_expect(w, &r, &a->match);
	return inbox_wait(w, &r, client_deadline(w, a->timeout));
}

static const struct ws_message *await(struct ws *w,
    const struct ws_await_args *from)
{
	const struct ws_message *m;
	struct ws_await_args a;
	struct swarm_timer t;
	int error;

	if (!w) {
		errno = ENOTCONN;
		return NULL;
	}
	sized_copy(&a, sizeof a, from, from->size);
	client_ref(w);
	if (a.name)
		t = swarm_begin_at(w->user, rows_series(a.name),
		    a.since ? a.since : swarm_now());
	m = await_message(w, &a);
	error = errno;
	if (a.name && m)
		swarm_done_at(&t, m->received, m->len);
	else if (a.name)
		note_failure(w, &t, error);
	client_unref(w);
	errno = error;
	return m;
}

static const struct ws_message *exchange(struct ws *w,
    const struct ws_request_args *a)
{
	const struct ws_send_args out = {
		.size = sizeof out, .text = a->text, .data = a->data,
		.len = a->len, .binary = a->binary, .fragment = a->fragment,
		.timeout = a->timeout,
	};
	int64_t deadline = client_deadline(w, a->timeout);
	struct receiver r;

	if (is_wrong(w, &a->match))
		return NULL;
	/* Before it is sent: the answer may come while that waits. */
	inbox_expect(w, &r, &a->match);
	if (send_quietly(w, &out) == -1) {
		int error = errno;

		inbox_unexpect(w, &r);
		errno = error;
		return NULL;
	}
	return inbox_wait(w, &r, deadline);
}

static const struct ws_message *request(struct ws *w,
    const struct ws_request_args *from)
{
	const struct ws_message *m;
	struct ws_request_args a;
	struct swarm_timer t;
	int error;

	if (!w) {
		errno = ENOTCONN;
		return NULL;
	}
	sized_copy(&a, sizeof a, from, from->size);
	client_ref(w);
	t = swarm_begin_at(w->user, rows_series(a.name ? a.name : "request"),
	    swarm_now());
	m = exchange(w, &a);
	error = errno;
	if (m)
		swarm_done_at(&t, m->received, m->len);
	else
		note_failure(w, &t, error);
	client_unref(w);
	errno = error;
	return m;
}

static void on_message(struct ws *w, ws_handler *fn, void *arg)
{
	if (!w)
		return;
	/* The handler may free it. */
	client_ref(w);
	inbox_handle(w, fn, arg);
	client_unref(w);
}

static void filter(struct ws *w, ws_filter_fn *fn, void *arg)
{
	if (!w)
		return;
	w->filter = fn;
	w->filter_arg = arg;
}

static bool is_connected(struct ws *w)
{
	return w && w->state == CLIENT_OPEN;
}

static const char *error_text(struct ws *w)
{
	return w ? w->text : "no socket";
}

static const struct ws_info *info(struct ws *w)
{
	static const struct ws_info none = { .size = sizeof none,
		.protocol = "", .close_reason = "" };
	static struct ws_info i;

	if (!w)
		return &none;
	i = (struct ws_info){
		.size = sizeof i,
		.connected = w->state == CLIENT_OPEN,
		.status = w->status,
		.protocol = w->protocol ? w->protocol : "",
		.closer = w->closer,
		.close_code = w->state == CLIENT_OPEN ? 0 : w->code,
		.close_reason = w->reason ? w->reason : "",
		.sent = w->sent,
		.received = w->received,
		.sent_bytes = w->sent_bytes,
		.received_bytes = w->received_bytes,
		.dropped = w->dropped,
		.reconnects = w->reconnects,
		.queued = w->queued,
		.ping_ns = w->ping_ns,
	};
	return &i;
}

static const char *unless_empty(const char *text)
{
	return *text ? text : NULL;
}

static int load(void)
{
	if (timeout <= 0 || queue < 1) {
		swarm_error("timeout and queue must be more than 0");
		return -1;
	}
	client_defaults = (struct args_defaults){
		.timeout = timeout,
		.tls = {
			.size = sizeof client_defaults.tls,
			.ca_file = unless_empty(cafile),
			.cert_file = unless_empty(cert),
			.key_file = unless_empty(key),
			.insecure = insecure,
		},
	};
	client_queue = queue;
	client_slot = swarm_slot_new(sizeof(struct ws *), client_free_all);
	return 0;
}

static int worker_start(void)
{
	rows_start();
	return engine_start(lws_link_protocols);
}

static void worker_stop(void)
{
	engine_stop();
	match_release();
	send_release();
	inbox_stop();
}

static const struct ws_api api = {
	SWARM_IFACE(struct ws_api, 1),
	.connect = client_connect,
	.reconnect = client_reconnect,
	.send = send_message,
	.receive = receive,
	.await = await,
	.request = request,
	.on_message = on_message,
	.ping = send_ping,
	.close = client_close,
	.free = client_free,
	.connected = is_connected,
	.error = error_text,
	.info = info,
	.filter = filter,
};

SWARM_MODULE(
	.name = "websocket",
	.version = SWARM_VERSION,
	.summary = "WebSocket client on libwebsockets",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "30s",
		    "longest wait for a connect, a message or a pong"),
		SWARM_OPTION(queue, "10000", "received messages kept for each "
		    "socket until asked for"),
		SWARM_OPTION(cafile, "", "PEM file of trusted authorities; "
		    "empty: the system's"),
		SWARM_OPTION(cert, "", "PEM file of the client certificate"),
		SWARM_OPTION(key, "", "PEM file of its key"),
		SWARM_OPTION(insecure, "false", "do not verify the server's "
		    "certificate")),
	.exports = SWARM_EXPORTS({ "swarm.websocket/1", &api.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
