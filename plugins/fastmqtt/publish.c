/*
 * Publishing, subscribing, unsubscribing, pinging.
 */
#include "client.h"

#include "rows.h"

#include <swarm/fiber.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More unsent bytes than this, and a publish waits for the socket. */
#define TX_BYTES (256u << 10)
/* QoS 0 never waits by itself: now and then the others get a turn. */
#define TURNS 64

static int refuse(struct mqtt *m, struct swarm_timer *t, int error,
    const char *why)
{
	swarm_fail(t, "%s", why);
	return client_fail(m, error, 0, "%s", why);
}

static int not_ready(struct mqtt *m, uint32_t series)
{
	struct swarm_timer t = swarm_begin_at(m->user, series, swarm_now());

	return refuse(m, &t, ENOTCONN, "not connected");
}

static int64_t deadline_from(int64_t start, double timeout)
{
	if (timeout <= 0)
		timeout = client_defaults.timeout;
	return timeout > 1e9 ? SWARM_FOREVER : start + (int64_t)(timeout * 1e9);
}

/* ---- publish ---- */

static const char *check(struct mqtt *m, const struct mqtt_publish_args *a)
{
	const char *why = settings_check_publish(a, m->settings->version);

	if (why)
		return why;
	if (a->qos > m->maximum_qos)
		return "the broker does not allow this QoS";
	if (a->retain && !m->retain_available)
		return "the broker does not allow retained messages";
	if (m->settings->version == 5 && a->topic_alias > m->alias_maximum)
		return "topic alias above the broker's maximum";
	return NULL;
}

/* Whether the broker knows the alias; else it is about to. */
static bool alias_known(struct mqtt *m, uint16_t alias, const char *topic)
{
	struct extras *x = client_extras(m);
	char **slot;

	if (!x)
		return false;
	if (!x->sent_aliases) {
		x->sent_aliases = calloc(m->alias_maximum, sizeof(char *));
		x->sent_count = x->sent_aliases ? m->alias_maximum : 0;
	}
	if (alias > x->sent_count)
		return false;
	slot = &x->sent_aliases[alias - 1];
	if (*slot && strcmp(*slot, topic) == 0)
		return true;
	free(*slot);
	*slot = strdup(topic);
	return false;
}

static void put_text(struct codec_props *p, enum codec_property id,
    const char *s)
{
	if (s)
		codec_set_text(p, id, s, strlen(s));
}

static bool fill_props(struct codec_props *p,
    const struct mqtt_publish_args *a)
{
	if (a->message_expiry)
		codec_set_number(p, CODEC_MESSAGE_EXPIRY, a->message_expiry);
	if (a->payload_is_utf8)
		codec_set_number(p, CODEC_PAYLOAD_FORMAT, 1);
	put_text(p, CODEC_CONTENT_TYPE, a->content_type);
	put_text(p, CODEC_RESPONSE_TOPIC, a->response_topic);
	if (a->correlation)
		codec_set_text(p, CODEC_CORRELATION, a->correlation,
		    a->correlation_len);
	p->user = a->properties;
	p->user_count = (uint32_t)a->property_count;
	return p->has || p->user_count;
}

/* Appends the PUBLISH to wire_out; 0 or -1 with errno. */
static int put(struct mqtt *m, const struct mqtt_publish_args *a, uint16_t id,
    bool may_alias)
{
	struct codec_props props = { .has = 0 };
	struct codec_publish p = {
		.version = m->settings->version,
		.topic = a->topic,
		.topic_len = strlen(a->topic),
		.data = a->data,
		.len = a->len,
		.qos = a->qos,
		.retain = a->retain,
		.id = id,
	};

	if (p.version == 5) {
		if (fill_props(&props, a))
			p.props = &props;
		if (a->topic_alias && may_alias) {
			codec_set_number(&props, CODEC_TOPIC_ALIAS,
			    a->topic_alias);
			p.props = &props;
			if (alias_known(m, a->topic_alias, a->topic))
				p.topic_len = 0;
		}
	}
	return codec_put_publish(&wire_out, &p);
}

/* Kept whole, without an alias, for another connection. */
static int keep_packet(struct mqtt *m, struct pending *p,
    const struct mqtt_publish_args *a)
{
	if (put(m, a, p->id, false) == -1)
		return -1;
	p->packet = malloc(wire_out.len);
	if (p->packet) {
		p->packet_len = wire_out.len;
		memcpy(p->packet, wire_out.data, wire_out.len);
	}
	wire_out.len = 0;
	return p->packet ? 0 : -1;
}

static bool too_large(const struct mqtt *m)
{
	return m->max_packet && wire_out.len > m->max_packet;
}

static void give_way(struct mqtt *m)
{
	if (++m->unwaited < TURNS || !swarm_self())
		return;
	m->unwaited = 0;
	swarm_sleep(0);
}

static int send_qos0(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_publish_args *a, int64_t deadline)
{
	if (put(m, a, 0, true) == -1 || too_large(m)) {
		wire_out.len = 0;
		return refuse(m, t, EINVAL, "larger than the broker allows");
	}
	wire_send(m, t->start);
	m->published++;
	rows_count(ROWS_PUB);
	if (m->stream && !a->async)
		wire_drain(m, 0, deadline);
	if (!m->stream) {
		rows_count(ROWS_PUB_FAIL);
		return refuse(m, t, ENOTCONN, "connection lost");
	}
	swarm_done(t, a->len);
	rows_count(ROWS_PUB_SUCC);
	give_way(m);
	return 0;
}

static int send_pending(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_publish_args *a, int64_t deadline)
{
	struct pending *p = pending_new(m, PENDING_PUBLISH, t);

	if (!p)
		return refuse(m, t, ENOMEM, "no packet id is free");
	m->inflight++;
	p->qos = (uint8_t)a->qos;
	p->len = a->len;
	if ((m->settings->args.keep_session && keep_packet(m, p, a) == -1) ||
	    put(m, a, p->id, true) == -1 || too_large(m)) {
		wire_out.len = 0;
		pending_failed(m, p, EINVAL, 0,
		    "larger than the broker allows", false);
		pending_unref(p);
		errno = EINVAL;
		return -1;
	}
	m->published++;
	rows_count(ROWS_PUB);
	wire_send(m, t->start);
	if (!a->async)
		return pending_wait(m, p, deadline);
	p->deadline = deadline;
	pending_unref(p);
	if (deadline < m->expiry_at) {
		m->expiry_at = deadline;
		client_arm(m);
	}
	return 0;
}

/* Waits for room: in the window, and in the socket; 0 or -1 with errno. */
static int wait_room(struct mqtt *m, int qos, int64_t start,
    int64_t deadline)
{
	if ((qos == 0 || m->inflight < m->window) &&
	    wire_waiting(m) < TX_BYTES)
		return 0;
	if (!swarm_self()) {
		errno = EAGAIN;
		return -1;
	}
	while (m->stream && ((qos > 0 && m->inflight >= m->window) ||
	    wire_waiting(m) >= TX_BYTES)) {
		if (waiters_wait(&m->changed, deadline) == -1)
			return -1;
	}
	/* What made room was read from the socket, or else it was written. */
	rows_phase(ROWS_WINDOW, (m->last_event > start ? m->last_event :
	    swarm_now()) - start);
	if (m->state == CLIENT_UP)
		return 0;
	errno = ENOTCONN;
	return -1;
}

int publish_send(struct mqtt *m, const struct mqtt_publish_args *from)
{
	struct mqtt_publish_args a;
	struct swarm_timer t;
	uint32_t series;
	int64_t deadline;
	const char *why;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	a.data = settings_payload(a.text, a.data, &a.len);
	series = rows_series("publish", a.qos, a.topic ? a.topic : "", a.name);
	if (m->state != CLIENT_UP)
		return not_ready(m, series);
	t = swarm_begin_at(m->user, series, swarm_now());
	why = check(m, &a);
	if (why)
		return refuse(m, &t, EINVAL, why);
	deadline = deadline_from(t.start, a.timeout);
	if (wait_room(m, a.qos, t.start, deadline) == -1) {
		if (errno == EAGAIN || errno == ECANCELED) {
			swarm_drop(&t);
			return -1;
		}
		return refuse(m, &t, errno, errno == ETIMEDOUT ?
		    "window full" : "connection lost");
	}
	if (a.qos == 0)
		return send_qos0(m, &t, &a, deadline);
	return send_pending(m, &t, &a, deadline);
}

int publish_wait_room(struct mqtt *m, int qos, int64_t deadline)
{
	if (m && m->state == CLIENT_UP)
		return wait_room(m, qos, swarm_now(), deadline);
	errno = ENOTCONN;
	return -1;
}

int publish_flush(struct mqtt *m, int64_t deadline)
{
	while (m && (m->inflight > 0 || wire_waiting(m) > 0)) {
		if (waiters_wait(&m->changed, deadline) == -1)
			return -1;
	}
	return 0;
}

/* ---- subscribe, unsubscribe, ping ---- */

static struct pending *begin(struct mqtt *m, enum pending_kind kind,
    uint32_t series, const char *why)
{
	struct swarm_timer t;
	struct pending *p;

	if (m->state != CLIENT_UP) {
		not_ready(m, series);
		return NULL;
	}
	t = swarm_begin_at(m->user, series, swarm_now());
	if (why) {
		refuse(m, &t, EINVAL, why);
		return NULL;
	}
	p = pending_new(m, kind, &t);
	if (!p)
		refuse(m, &t, ENOMEM, "no packet id is free");
	return p;
}

static int finish(struct mqtt *m, struct pending *p, double timeout)
{
	int rc, reason;

	if (too_large(m)) {
		wire_out.len = 0;
		pending_failed(m, p, EINVAL, 0,
		    "larger than the broker allows", false);
	}
	wire_send(m, p->timer.start);
	p->refs++;
	rc = pending_wait(m, p, deadline_from(p->timer.start, timeout));
	reason = p->reason;
	pending_unref(p);
	if (rc == 0)
		m->reason = reason;
	return rc == -1 ? -1 : reason;
}

static uint8_t options_of(const struct mqtt_subscribe_args *a)
{
	return (uint8_t)((unsigned)a->qos | (a->no_local ? 4u : 0) |
	    (a->retain_as_published ? 8u : 0) |
	    (unsigned)a->retain_handling << 4);
}

int publish_subscribe(struct mqtt *m, const struct mqtt_subscribe_args *from)
{
	struct mqtt_subscribe_args a;
	struct codec_props props = { .has = 0 };
	struct pending *p;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	p = begin(m, PENDING_SUBSCRIBE, rows_series("subscribe", a.qos,
	    a.filter ? a.filter : "", a.name),
	    settings_check_subscribe(&a, m->settings->version));
	if (!p)
		return -1;
	if (a.subscription_id)
		codec_set_number(&props, CODEC_SUBSCRIPTION_ID,
		    a.subscription_id);
	props.user = a.properties;
	props.user_count = (uint32_t)a.property_count;
	codec_put_subscribe(&wire_out, m->settings->version, p->id, a.filter,
	    options_of(&a), &props);
	return finish(m, p, a.timeout);
}

int publish_unsubscribe(struct mqtt *m,
    const struct mqtt_unsubscribe_args *from)
{
	struct mqtt_unsubscribe_args a;
	struct codec_props props = { .has = 0 };
	struct pending *p;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	p = begin(m, PENDING_UNSUBSCRIBE, rows_series("unsubscribe", -1,
	    a.filter ? a.filter : "", a.name),
	    settings_check_filter(a.filter));
	if (!p)
		return -1;
	props.user = a.properties;
	props.user_count = (uint32_t)a.property_count;
	codec_put_unsubscribe(&wire_out, m->settings->version, p->id,
	    a.filter, &props);
	return finish(m, p, a.timeout) == -1 ? -1 : 0;
}

int publish_ping(struct mqtt *m, double timeout)
{
	int64_t deadline;
	struct swarm_timer t;
	uint32_t series = rows_series("", 0, "", "ping");

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	if (m->state != CLIENT_UP)
		return not_ready(m, series);
	t = swarm_begin_at(m->user, series, swarm_now());
	deadline = deadline_from(t.start, timeout);
	if (m->ping_sent == 0) {
		m->ping_sent = t.start;
		codec_put_ping(&wire_out);
		wire_send(m, t.start);
	}
	while (m->ping_sent) {
		if (waiters_wait(&m->changed, deadline) == 0)
			continue;
		if (errno == ECANCELED) {
			swarm_drop(&t);
			return -1;
		}
		return refuse(m, &t, ETIMEDOUT, "no PINGRESP in time");
	}
	if (m->state != CLIENT_UP)
		return refuse(m, &t, ENOTCONN, "connection lost");
	return swarm_done_at(&t, m->last_event, 0);
}
