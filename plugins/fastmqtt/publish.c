/*
 * Publishing, subscribing, unsubscribing, pinging.
 */
#include "fast.h"

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

/* ---- publish ---- */

/* Whether the broker knows the alias; else it is about to. */
static bool alias_known(struct mqtt *m, uint16_t alias, const char *topic)
{
	struct extras *x = conn_extras(m);
	char **slot;

	if (!x)
		return false;
	if (!x->sent_aliases) {
		x->sent_aliases = calloc(m->c.limits.alias_maximum, sizeof(char *));
		x->sent_count = x->sent_aliases ? m->c.limits.alias_maximum : 0;
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
		.version = m->c.settings->version,
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
	return m->c.limits.max_packet && wire_out.len > m->c.limits.max_packet;
}

/* What is not sent after all has not told the broker its alias either. */
static void take_back(struct mqtt *m, const struct mqtt_publish_args *a)
{
	struct extras *x = m->extras;

	wire_out.len = 0;
	if (!x || a->topic_alias == 0 || a->topic_alias > x->sent_count)
		return;
	free(x->sent_aliases[a->topic_alias - 1]);
	x->sent_aliases[a->topic_alias - 1] = NULL;
}

static void give_way(struct mqtt *m)
{
	if (++m->unwaited < TURNS || !swarm_self())
		return;
	m->unwaited = 0;
	swarm_sleep(0);
}

/* It may be written later, which nobody would tell. */
static int not_written(struct mqtt *m, struct swarm_timer *t, int error)
{
	if (error == ECANCELED) {
		swarm_drop(t);
		errno = error;
		return -1;
	}
	rows_count(ROWS_PUB_FAIL);
	return client_refuse(m, t, error, error == ETIMEDOUT ?
	    "no write in time" : "connection lost");
}

static int send_qos0(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_publish_args *a, int64_t deadline)
{
	if (put(m, a, 0, true) == -1 || too_large(m)) {
		take_back(m, a);
		return client_refuse(m, t, EINVAL, "larger than the broker allows");
	}
	wire_send(m, t->start);
	m->c.published++;
	rows_count(ROWS_PUB);
	if (!m->stream || (!a->async && wire_drain(m, 0, deadline) == -1))
		return not_written(m, t, m->stream ? errno : ENOTCONN);
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
		return client_refuse(m, t, ENOMEM, "no packet id is free");
	m->c.inflight++;
	p->qos = (uint8_t)a->qos;
	p->len = a->len;
	if ((m->c.settings->args.keep_session && keep_packet(m, p, a) == -1) ||
	    put(m, a, p->id, true) == -1 || too_large(m)) {
		take_back(m, a);
		pending_failed(m, p, EINVAL, 0,
		    "larger than the broker allows", false);
		pending_unref(p);
		errno = EINVAL;
		return -1;
	}
	m->c.published++;
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

bool publish_full(const struct mqtt *m, int qos)
{
	return (qos > 0 && m->c.inflight >= m->c.window) ||
	    wire_waiting(m) >= TX_BYTES;
}

bool publish_busy(const struct mqtt *m)
{
	return m->c.inflight > 0 || wire_waiting(m) > 0;
}

int publish_send(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_publish_args *a, int64_t deadline)
{
	if (a->qos == 0)
		return send_qos0(m, t, a, deadline);
	return send_pending(m, t, a, deadline);
}

/* ---- subscribe, unsubscribe, ping ---- */

static int finish(struct mqtt *m, struct pending *p, int64_t deadline)
{
	int rc, reason;

	if (too_large(m)) {
		wire_out.len = 0;
		pending_failed(m, p, EINVAL, 0,
		    "larger than the broker allows", false);
	}
	wire_send(m, p->timer.start);
	p->refs++;
	rc = pending_wait(m, p, deadline);
	reason = p->reason;
	pending_unref(p);
	return rc == -1 ? -1 : reason;
}

static uint8_t options_of(const struct mqtt_subscribe_args *a)
{
	return (uint8_t)((unsigned)a->qos | (a->no_local ? 4u : 0) |
	    (a->retain_as_published ? 8u : 0) |
	    (unsigned)a->retain_handling << 4);
}

int publish_subscribe(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_subscribe_args *a, int64_t deadline)
{
	struct codec_props props = {
		.user = a->properties,
		.user_count = (uint32_t)a->property_count,
	};
	struct pending *p = pending_new(m, PENDING_SUBSCRIBE, t);

	if (!p)
		return client_refuse(m, t, ENOMEM, "no packet id is free");
	if (a->subscription_id)
		codec_set_number(&props, CODEC_SUBSCRIPTION_ID,
		    a->subscription_id);
	codec_put_subscribe(&wire_out, m->c.settings->version, p->id,
	    a->filter, options_of(a), &props);
	return finish(m, p, deadline);
}

int publish_unsubscribe(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_unsubscribe_args *a, int64_t deadline)
{
	struct codec_props props = {
		.user = a->properties,
		.user_count = (uint32_t)a->property_count,
	};
	struct pending *p = pending_new(m, PENDING_UNSUBSCRIBE, t);

	if (!p)
		return client_refuse(m, t, ENOMEM, "no packet id is free");
	codec_put_unsubscribe(&wire_out, m->c.settings->version, p->id,
	    a->filter, &props);
	return finish(m, p, deadline);
}

int publish_ping(struct mqtt *m, struct swarm_timer *t, int64_t deadline)
{
	if (m->ping_sent == 0) {
		m->ping_sent = t->start;
		codec_put_ping(&wire_out);
		wire_send(m, t->start);
	}
	while (m->ping_sent) {
		if (swarm_waiters_wait(&m->c.changed, deadline) == 0)
			continue;
		if (errno == ECANCELED) {
			swarm_drop(t);
			return -1;
		}
		return client_refuse(m, t, ETIMEDOUT, "no PINGRESP in time");
	}
	if (!m->c.connected)
		return client_refuse(m, t, ENOTCONN, "connection lost");
	return swarm_done_at(t, m->c.last_event, 0);
}
