/*
 * Socket.IO on the interface swarm.websocket/1, as any stranger's plugin would
 * use it.  No state of its own: pings are answered by a filter on the socket,
 * what is waited for is a condition on its messages, and numbers of
 * acknowledgements go on over all sockets of a worker.
 */
#include "packet.h"
#include "sized.h"

#include <swarm/module.h>
#include <swarm/socketio.h>
#include <swarm/stats.h>
#include <swarm/user.h>

#include <errno.h>
#include <string.h>

struct wanted {
	enum packet_type type;
	const char *space;
	const char *event;              /* of an EVENT */
	unsigned long long id;          /* of an ACK */
};

/* Ends what is waited for in that namespace. */
static bool is_end(const struct packet *p)
{
	return p->type == PACKET_DISCONNECT || p->type == PACKET_ERROR;
}

static bool holds(const struct ws_message *m, void *arg)
{
	const struct wanted *w = arg;
	struct packet p;
	size_t len;

	if (!packet_read(&p, m->data, m->len) || !packet_in(&p, w->space))
		return false;
	if (is_end(&p))
		return true;
	if (p.type != w->type)
		return false;
	if (p.type == PACKET_ACK)
		return p.has_id && p.id == w->id;
	return p.type == PACKET_CONNECT ||
	    packet_event(&p, w->event, &len) != NULL;
}

static bool is_open(const struct ws_message *m, void *arg)
{
	(void)arg;
	return m->len > 0 && m->data[0] == '0';
}

/* Engine.IO's: a ping, which may carry a text, goes back as a pong. */
static bool answer_ping(struct ws *w, const struct ws_message *m, void *arg)
{
	char pong[128];

	(void)arg;
	if (m->binary || m->len == 0 || m->data[0] != '2' ||
	    m->len >= sizeof pong)
		return false;
	memcpy(pong, m->data, m->len + 1);
	pong[0] = '3';
	ws_send_text(w, pong);
	return true;
}

static const char *copy(struct swarm_user *u, const char *text, size_t len)
{
	char *to = swarm_alloc(u, len + 1);

	memcpy(to, text, len);
	to[len] = 0;
	return to;
}

static const char *why_not(struct ws *w)
{
	return *ws_error(w) ? ws_error(w) : "not connected";
}

/* The packet's values, or NULL with errno; the sample ends with it. */
static const char *await_packet(struct swarm_user *u, struct ws *w,
    struct wanted *wanted, double timeout, struct swarm_timer *t)
{
	const struct ws_message *m = ws_await(w, .match = { .fn = holds,
		.arg = wanted }, .timeout = timeout);
	int error = errno;
	const char *values = NULL;
	struct packet p = { 0 };
	size_t len = 0;

	if (m && packet_read(&p, m->data, m->len) && !is_end(&p)) {
		values = wanted->event ?
		    packet_event(&p, wanted->event, &len) :
		    packet_values(&p, &len);
		if (t)
			swarm_done_at(t, m->received, m->len);
		return copy(u, values ? values : "", len);
	}
	if (m)
		error = EPROTO;
	if (t && error == ECANCELED)
		swarm_drop(t);
	else if (t && !m)
		swarm_fail(t, "%s", why_not(w));
	else if (t && p.type == PACKET_ERROR)
		swarm_fail_at(t, m->received, "refused: %.*s", (int)p.len,
		    p.data);
	else if (t)
		swarm_fail_at(t, m->received, "disconnected by the server");
	errno = error;
	return NULL;
}

/* "", or the namespace with its comma. */
static const char *prefix(struct swarm_user *u, const char *space)
{
	return space && strcmp(space, "/") != 0 ?
	    swarm_printf(u, "%s,", space) : "";
}

static bool is_wrong(const struct sio_event_args *a)
{
	if (a->event && packet_is_plain(a->event) &&
	    (!a->space || (a->space[0] == '/' && !strchr(a->space, ','))))
		return false;
	errno = EINVAL;
	return true;
}

static const char *event_text(struct swarm_user *u,
    const struct sio_event_args *a, const char *id)
{
	return swarm_printf(u, "42%s%s[\"%s\"%s%s]", prefix(u, a->space), id,
	    a->event, a->args && *a->args ? "," : "",
	    a->args ? a->args : "");
}

static int emit(struct swarm_user *u, struct ws *w,
    const struct sio_event_args *from)
{
	struct sio_event_args a;

	sized_copy(&a, sizeof a, from, from->size);
	if (is_wrong(&a))
		return -1;
	return ws_send(w, .text = event_text(u, &a, ""),
	    .timeout = a.timeout);
}

static const char *call(struct swarm_user *u, struct ws *w,
    const struct sio_event_args *from)
{
	static unsigned long long next;
	struct wanted wanted = { .type = PACKET_ACK };
	struct sio_event_args a;
	struct swarm_timer t;

	sized_copy(&a, sizeof a, from, from->size);
	if (is_wrong(&a))
		return NULL;
	wanted.space = a.space;
	wanted.id = next++;
	t = swarm_begin(u, "Socket.IO", a.name ? a.name : a.event);
	if (ws_send(w, .timeout = a.timeout, .text = event_text(u, &a,
	    swarm_printf(u, "%llu", wanted.id))) == 0)
		return await_packet(u, w, &wanted, a.timeout, &t);
	swarm_fail(&t, "%s", why_not(w));
	return NULL;
}

static const char *await(struct swarm_user *u, struct ws *w,
    const struct sio_event_args *from)
{
	struct wanted wanted = { .type = PACKET_EVENT };
	struct sio_event_args a;
	struct swarm_timer t;

	sized_copy(&a, sizeof a, from, from->size);
	if (is_wrong(&a))
		return NULL;
	wanted.space = a.space;
	wanted.event = a.event;
	if (a.name)
		t = swarm_begin(u, "Socket.IO", a.name);
	return await_packet(u, w, &wanted, a.timeout, a.name ? &t : NULL);
}

static const char *args(const struct ws_message *m, const char *space,
    const char *event, size_t *len)
{
	struct packet p;

	*len = 0;
	if (m->binary || !packet_read(&p, m->data, m->len) ||
	    !packet_in(&p, space))
		return NULL;
	return packet_event(&p, event, len);
}

/* ---- the session ---- */

static bool enter(struct swarm_user *u, struct ws *w,
    const struct sio_connect_args *a)
{
	struct wanted wanted = { .type = PACKET_CONNECT, .space = a->space };
	struct swarm_timer t = swarm_begin(u, "Socket.IO", "connect");

	if (!ws_await(w, .match.fn = is_open, .timeout = a->timeout) ||
	    ws_send(w, .text = swarm_printf(u, "40%s%s", prefix(u, a->space),
	    a->auth ? a->auth : ""), .timeout = a->timeout) == -1) {
		swarm_fail(&t, "%s", why_not(w));
		return false;
	}
	return await_packet(u, w, &wanted, a->timeout, &t) != NULL;
}

static struct ws *sio_open(struct swarm_user *u,
    const struct sio_connect_args *from)
{
	struct sio_connect_args a;
	struct ws *w;

	sized_copy(&a, sizeof a, from, from->size);
	w = ws_connect(u, .url = a.url, .path = swarm_printf(u,
	    "%s?EIO=4&transport=websocket", a.path ? a.path : "/socket.io/"),
	    .cookies = a.cookies, .origin = a.origin, .tls = a.tls,
	    .timeout = a.timeout);
	if (!ws_connected(w))
		return w;
	ws_filter(w, answer_ping, NULL);
	/* A socket without a namespace is of no use. */
	if (!enter(u, w, &a) && ws_connected(w))
		ws_close(w);
	return w;
}

static const struct sio_api api = {
	SWARM_IFACE(struct sio_api, 0),
	.connect = sio_open,
	.emit = emit,
	.call = call,
	.await = await,
	.args = args,
};

SWARM_MODULE(
	.name = "socketio",
	.version = SWARM_VERSION,
	.summary = "Socket.IO over WebSocket",
	.exports = SWARM_EXPORTS({ "swarm.socketio/1", &api.head }),
);
