/*
 * STOMP on the interface swarm.websocket/1, as any stranger's plugin would use
 * it.  No state of its own: a frame is written into the task's memory, what it
 * waits for is a condition on the socket's messages, and heart-beats, of which
 * none are asked for but some brokers send all the same, are kept from the
 * user by a filter.
 */
#include "frame.h"
#include "sized.h"

#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/stats.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct wanted {
	const char *command;
	const char *header;             /* NULL: any */
	const char *value;              /* escaped */
};

static bool holds(const struct ws_message *m, void *arg)
{
	const struct wanted *w = arg;

	return frame_is(m->data, m->len, w->command, w->header, w->value) ||
	    frame_is(m->data, m->len, "ERROR", NULL, NULL);
}

static bool skip_heartbeat(struct ws *w, const struct ws_message *m,
    void *arg)
{
	(void)w;
	(void)arg;
	return frame_is_heartbeat(m->data, m->len);
}

static const char *escaped(struct swarm_user *u, const char *value)
{
	size_t n = frame_escape(NULL, value);
	char *to = swarm_alloc(u, n + 1);

	frame_escape(to, value);
	to[n] = 0;
	return to;
}

static const struct stomp_frame *read_frame(struct swarm_user *u,
    const struct ws_message *m)
{
	struct stomp_frame *f = swarm_alloc(u, sizeof *f);
	struct stomp_header *room = swarm_alloc(u,
	    FRAME_HEADERS * sizeof *room);
	char *text = swarm_alloc(u, m->len + 1);

	memcpy(text, m->data, m->len + 1);
	return frame_read(f, room, text, m->len) ? f : NULL;
}

/* The frame, or NULL with errno; the sample ends with it. */
static const struct stomp_frame *await_frame(struct swarm_user *u,
    struct ws *w, struct wanted *wanted, double timeout,
    struct swarm_timer *t)
{
	const struct ws_message *m = ws_await(w, .match = { .fn = holds,
		.arg = wanted }, .timeout = timeout);
	int error = errno;
	const struct stomp_frame *f = m ? read_frame(u, m) : NULL;
	const char *why;

	if (f && strcmp(f->command, "ERROR") != 0) {
		if (t)
			swarm_done_at(t, m->received, m->len);
		return f;
	}
	if (m)
		error = EPROTO;
	why = f ? stomp_header(f, "message") : NULL;
	if (t && error == ECANCELED)
		swarm_drop(t);
	else if (t && m)
		swarm_fail_at(t, m->received, "ERROR: %s", why ? why :
		    f ? "" : "a frame that is none");
	else if (t)
		swarm_fail(t, "%s", *ws_error(w) ? ws_error(w) :
		    "not connected");
	errno = error;
	return NULL;
}

static int send_frame(struct swarm_user *u, struct ws *w,
    void (*put)(struct frame_out *, const void *), const void *from,
    double timeout)
{
	struct frame_out count = { 0 }, out = { 0 };

	put(&count, from);
	out.to = swarm_alloc(u, count.len);
	put(&out, from);
	return ws_send(w, .text = out.to, .len = out.len, .timeout = timeout);
}

/* ---- commands ---- */

struct command {
	const struct stomp_command_args *a;
	const char *receipt;
};

static void put_command(struct frame_out *o, const void *from)
{
	const struct command *c = from;
	const struct stomp_command_args *a = c->a;
	size_t len = a->body && a->len == 0 ? strlen(a->body) : a->len;

	frame_line(o, a->command);
	frame_header(o, "destination", a->destination);
	frame_header(o, "id", a->id);
	frame_header(o, "ack", a->ack);
	frame_header(o, "transaction", a->transaction);
	frame_header(o, "content-type", a->type);
	frame_header(o, "receipt", c->receipt);
	for (size_t i = 0; i < a->header_count; i++)
		frame_header(o, a->headers[i].name, a->headers[i].value);
	frame_body(o, a->body, len);
}

static int command(struct swarm_user *u, struct ws *w,
    const struct stomp_command_args *from)
{
	static unsigned long long next;
	struct stomp_command_args a;
	struct command c = { .a = &a };
	struct wanted wanted = { "RECEIPT", "receipt-id", NULL };
	struct swarm_timer t;
	const char *name;

	sized_copy(&a, sizeof a, from, from->size);
	if (!a.command || (a.len && !a.body)) {
		errno = EINVAL;
		return -1;
	}
	if (!a.receipt)
		return send_frame(u, w, put_command, &c, a.timeout);
	c.receipt = swarm_printf(u, "%llu", ++next);
	wanted.value = c.receipt;
	name = a.name ? a.name : a.command;
	t = swarm_begin(u, "STOMP", name);
	if (send_frame(u, w, put_command, &c, a.timeout) == -1)
		return swarm_fail(&t, "%s", *ws_error(w) ? ws_error(w) :
		    "not connected");
	return await_frame(u, w, &wanted, a.timeout, &t) ? 0 : -1;
}

static const struct stomp_frame *receive(struct swarm_user *u, struct ws *w,
    const struct stomp_receive_args *from)
{
	struct stomp_receive_args a;
	struct wanted wanted = { "MESSAGE", NULL, NULL };
	struct swarm_timer t;

	sized_copy(&a, sizeof a, from, from->size);
	if (a.subscription) {
		wanted.header = "subscription";
		wanted.value = escaped(u, a.subscription);
	}
	if (a.name)
		t = swarm_begin(u, "STOMP", a.name);
	return await_frame(u, w, &wanted, a.timeout, a.name ? &t : NULL);
}

/* ---- the session ---- */

static void put_connect(struct frame_out *o, const void *from)
{
	const struct stomp_connect_args *a = from;

	o->plain = true;
	frame_line(o, "CONNECT");
	frame_header(o, "accept-version", "1.2");
	frame_header(o, "host", a->vhost ? a->vhost : "/");
	frame_header(o, "heart-beat", "0,0");
	frame_header(o, "login", a->login);
	frame_header(o, "passcode", a->passcode);
	frame_body(o, NULL, 0);
}

static struct ws *stomp_open(struct swarm_user *u,
    const struct stomp_connect_args *from)
{
	struct stomp_connect_args a;
	struct wanted wanted = { "CONNECTED", NULL, NULL };
	struct swarm_timer t;
	struct ws *w;

	sized_copy(&a, sizeof a, from, from->size);
	w = ws_connect(u, .url = a.url, .path = a.path, .tls = a.tls,
	    .protocols = "v12.stomp", .timeout = a.timeout);
	if (!ws_connected(w))
		return w;
	ws_filter(w, skip_heartbeat, NULL);
	t = swarm_begin(u, "STOMP", "connect");
	if (send_frame(u, w, put_connect, &a, a.timeout) == -1)
		swarm_fail(&t, "%s", ws_error(w));
	else if (await_frame(u, w, &wanted, a.timeout, &t))
		return w;
	/* A socket without a session is of no use. */
	if (ws_connected(w))
		ws_close(w);
	return w;
}

static const struct stomp_api api = {
	SWARM_IFACE(struct stomp_api, 0),
	.connect = stomp_open,
	.command = command,
	.receive = receive,
};

SWARM_MODULE(
	.name = "stomp",
	.version = SWARM_VERSION,
	.summary = "STOMP 1.2 over WebSocket",
	.exports = SWARM_EXPORTS({ "swarm.stomp/1", &api.head }),
);
