/* The users behind the command: one socket each. */
#include "fanout.h"
#include "load.h"

#include <swarm/swarm.h>
#include <swarm/websocket.h>

#include <string.h>

struct socket {
	struct ws *ws;
	uint64_t sent;
	int64_t until;                  /* end of the session; 0: none */
	bool sends;
	bool counted;                   /* among the receivers */
};

/* Of this worker. */
static uint32_t delay_series;
static uint32_t spread_series;
static uint32_t delivered;
static uint32_t incomplete;
static unsigned receivers;

static void note_broadcast(struct ws *ws, const struct ws_message *m,
    void *arg)
{
	struct fanout_result r;
	struct fanout_stamp s;
	int64_t now, error;

	(void)ws;
	(void)arg;
	if (!fanout_get(m->data, m->len, &s))
		return;
	swarm_count(delivered, 1);
	now = swarm_shared_now(&error);
	if (s.sent != 0 && error >= 0)
		swarm_observe(delay_series, now - s.sent -
		    (swarm_now() - m->received), m->len);
	if (!fanout_note(&s, m->received, receivers, &r))
		return;
	swarm_observe(spread_series, r.spread, 0);
	if (r.reached < receivers)
		swarm_count(incomplete, 1);
}

static void start_receiver(struct socket *s)
{
	if (!ws_connected(s->ws))
		return;
	s->counted = true;
	receivers++;
	ws_on_message(s->ws, note_broadcast, s);
}

static void drop_message(struct ws *ws, const struct ws_message *m, void *arg)
{
	(void)ws;
	(void)m;
	(void)arg;
}

static void start(struct swarm_user *u)
{
	const struct load_plan *p = &load_plan;
	struct socket *s = swarm_data(u);
	const char *source = p->source_count ?
	    p->sources[swarm_user_id(u) % p->source_count] : NULL;

	s->sends = p->mode == LOAD_ECHO || (p->mode == LOAD_BROADCAST &&
	    swarm_user_id(u) < (unsigned)p->senders);
	s->ws = ws_connect(u, .url = p->url, .protocols = p->protocols,
	    .headers = p->headers, .header_count = p->header_count,
	    .cookies = p->cookies, .origin = p->origin,
	    .tls = &WS_TLS(.ca_file = p->cafile, .insecure = p->insecure),
	    .source = source, .timeout = p->timeout, .ping_interval = p->ping,
	    .reconnect_min = p->reconnect / 8,
	    .reconnect_max = p->reconnect);
	s->until = p->session > 0 ? swarm_in(p->session) : 0;
	if (p->mode == LOAD_BROADCAST && !s->sends)
		start_receiver(s);
	else if (p->mode != LOAD_ECHO)
		ws_on_message(s->ws, drop_message, NULL);
}

static void echo(struct swarm_user *u, struct socket *s)
{
	const struct load_plan *p = &load_plan;

	(void)u;
	if (!p->expect)
		while (ws_info(s->ws)->queued)
			ws_receive(s->ws, swarm_in(0));
	ws_request(s->ws, .text = p->binary ? NULL : p->payload,
	    .data = p->payload, .len = p->size, .binary = p->binary,
	    .match = { .regex = p->expect }, .timeout = p->timeout,
	    .fragment = p->fragment, .name = "echo");
}

static void broadcast(struct swarm_user *u, struct socket *s)
{
	const struct load_plan *p = &load_plan;
	struct fanout_stamp stamp = { swarm_user_id(u), s->sent, 0 };
	size_t len = FANOUT_STAMP_BYTES + p->size;
	/* Its own: it may have to wait, in the middle of it too. */
	char *text = swarm_alloc(u, len);
	int64_t error;

	memcpy(text + FANOUT_STAMP_BYTES, p->payload, p->size);
	stamp.sent = swarm_shared_now(&error);
	/* The clocks of the workers do not agree in the first second. */
	if (error < 0)
		stamp.sent = 0;
	fanout_put(text, &stamp);
	ws_send(s->ws, .data = text, .len = len,
	    .text = p->binary ? NULL : text, .binary = p->binary,
	    .fragment = p->fragment, .timeout = p->timeout);
}

static void renew(struct socket *s)
{
	s->until = swarm_in(load_plan.session);
	if (ws_close(s->ws) == 0)
		ws_reconnect(s->ws);
}

static void act(struct swarm_user *u)
{
	const struct load_plan *p = &load_plan;
	struct socket *s = swarm_data(u);

	if (s->until && swarm_now() >= s->until && ws_connected(s->ws))
		renew(s);
	/* The rate of tries must not become that of a busy loop. */
	if (!ws_connected(s->ws) && p->mode != LOAD_IDLE) {
		if (p->reconnect <= 0 || swarm_sleep(1) == -1) {
			swarm_stop_user(u);
			return;
		}
	}
	if (!s->sends) {
		if (!ws_connected(s->ws) && p->reconnect <= 0)
			swarm_stop_user(u);
		return;
	}
	if (p->limit && s->sent >= (uint64_t)p->limit) {
		swarm_stop_user(u);
		return;
	}
	if (p->mode == LOAD_ECHO)
		echo(u, s);
	else
		broadcast(u, s);
	s->sent++;
}

static void stop(struct swarm_user *u)
{
	struct socket *s = swarm_data(u);

	if (s->counted)
		receivers--;
	if (ws_connected(s->ws))
		ws_close(s->ws);
}

int load_users_start(void)
{
	const struct load_plan *p = &load_plan;

	if (p->mode != LOAD_BROADCAST)
		return 0;
	delay_series = swarm_series("WS broadcast", "delay");
	spread_series = swarm_series("WS broadcast", "spread");
	delivered = swarm_counter("ws_broadcast_delivered");
	incomplete = swarm_counter("ws_broadcast_incomplete");
	return 0;
}

int load_users_add(void)
{
	static const char *const names[] = { "echo", "idle", "broadcast" };
	const struct load_plan *p = &load_plan;
	/* A socket that only receives is looked after now and then. */
	double look = p->session > 0 && p->session < 5 ? p->session : 5;
	double pause = p->mode == LOAD_IDLE ? look :
	    p->rate > 0 ? 1 / p->rate : 0;
	struct swarm_user_class class = {
		.name = names[p->mode],
		.data_size = sizeof(struct socket),
		.start = start,
		.stop = stop,
	};
	const struct swarm_task task = { .name = "act", .run = act };
	int index;

	if (pause > 0)
		class.wait = (struct swarm_wait)SWARM_PACING(pause);
	index = swarm_class_add(&class);
	return index == -1 ? -1 : swarm_task_add(index, &task);
}
