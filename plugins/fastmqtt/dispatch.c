/*
 * What each received packet means for a client (MQTT 5, section 4.3 for the
 * flows of QoS 1 and 2).
 *
 * A QoS 2 message is handed over when it first arrives; its id is remembered
 * until the PUBREL, so that a second copy is only acknowledged.
 */
#include "fast.h"

#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROPERTIES 64

static void reply(struct mqtt *m, enum codec_type type, uint16_t id,
    uint8_t reason)
{
	codec_put_ack(&wire_replies, m->c.settings->version, type, id, reason);
}

/* ---- PUBLISH ---- */

/* The topic behind an alias, or as it came; empty for an unknown one. */
static struct codec_span topic_of(struct mqtt *m, const struct codec_packet *p)
{
	uint32_t alias = codec_number(&p->props, CODEC_TOPIC_ALIAS, 0);
	struct codec_span none = { NULL, 0 };
	struct extras *x;
	char **slot;

	if (alias == 0)
		return p->topic;
	x = conn_extras(m);
	if (!x || alias > m->c.settings->args.topic_alias_maximum)
		return none;
	if (!x->received_aliases) {
		x->received_count = m->c.settings->args.topic_alias_maximum;
		x->received_aliases = calloc(x->received_count,
		    sizeof *x->received_aliases);
		if (!x->received_aliases)
			return none;
	}
	slot = &x->received_aliases[alias - 1];
	if (p->topic.len > 0) {
		free(*slot);
		*slot = strndup((const char *)p->topic.data, p->topic.len);
		return p->topic;
	}
	if (!*slot)
		return none;
	return (struct codec_span){ (uint8_t *)*slot, strlen(*slot) };
}

/* Strings of a message's properties, NUL-terminated, in one place. */
struct texts {
	char *memory;
	char *at;
	struct mqtt_property user[MAX_PROPERTIES];
	uint32_t ids[MAX_PROPERTIES];
};

static const char *text(struct texts *t, struct codec_span s)
{
	char *to = t->at;

	if (!s.data)
		return NULL;
	memcpy(to, s.data, s.len);
	to[s.len] = 0;
	t->at += s.len + 1;
	return to;
}

/* More user properties than MAX_PROPERTIES are left out. */
static void take_lists(struct texts *t, struct mqtt_message *m,
    const struct codec_props *p)
{
	struct codec_span name, value;
	uint32_t number;
	size_t at = 0;
	int id;

	while ((id = codec_next(p, &at, &name, &value, &number)) != 0) {
		if (id == CODEC_SUBSCRIPTION_ID &&
		    m->subscription_id_count < MAX_PROPERTIES)
			t->ids[m->subscription_id_count++] = number;
		if (id == CODEC_USER_PROPERTY &&
		    m->property_count < MAX_PROPERTIES) {
			t->user[m->property_count].name = text(t, name);
			t->user[m->property_count++].value = text(t, value);
		}
	}
	m->properties = t->user;
	m->subscription_ids = t->ids;
}

static int take_props(struct texts *t, struct mqtt_message *m,
    const struct codec_props *p)
{
	struct codec_span s = codec_text(p, CODEC_CORRELATION);

	/* Each text loses at least its two bytes of length to one NUL. */
	t->memory = malloc(p->block.len + 1);
	if (!t->memory)
		return -1;
	t->at = t->memory;
	m->message_expiry = codec_number(p, CODEC_MESSAGE_EXPIRY, 0);
	m->payload_is_utf8 = codec_number(p, CODEC_PAYLOAD_FORMAT, 0);
	m->content_type = text(t, codec_text(p, CODEC_CONTENT_TYPE));
	m->response_topic = text(t, codec_text(p, CODEC_RESPONSE_TOPIC));
	m->correlation = s.data;
	m->correlation_len = s.len;
	take_lists(t, m, p);
	return 0;
}

static void deliver(struct mqtt *m, const struct codec_packet *p,
    struct codec_span topic)
{
	struct mqtt_message message = {
		.size = sizeof message,
		.topic = (const char *)topic.data,
		.data = p->payload.data,
		.len = p->payload.len,
		.qos = p->qos,
		.retain = p->retain,
		.dup = p->dup,
		.received = m->c.last_event,
	};
	struct texts *t = NULL;

	if (p->props.has) {
		t = malloc(sizeof *t);
		if (!t || take_props(t, &message, &p->props) == -1) {
			free(t);
			return;
		}
	}
	inbox_put(&m->c.inbox, m, &message, topic.len, (size_t)client_queue);
	if (t)
		free(t->memory);
	free(t);
}

static bool take_publish(struct mqtt *m, const struct codec_packet *p)
{
	struct codec_span topic = topic_of(m, p);

	if (topic.len == 0) {
		wire_broken(m, 0x94, "unknown topic alias");
		return false;
	}
	if (memchr(topic.data, '+', topic.len) ||
	    memchr(topic.data, '#', topic.len)) {
		wire_broken(m, 0x90, "PUBLISH to a wildcard");
		return false;
	}
	if (p->qos == 2 && !idset_has(&m->incoming, p->id)) {
		if (m->incoming.count >= m->c.settings->args.receive_maximum) {
			wire_broken(m, 0x93, "receive maximum exceeded");
			return false;
		}
		if (idset_add(&m->incoming, p->id) == -1)
			return true;
	} else if (p->qos == 2) {
		reply(m, CODEC_PUBREC, p->id, 0);
		return true;
	}
	/* The reply first: the handler may take its time. */
	if (p->qos > 0)
		reply(m, p->qos == 1 ? CODEC_PUBACK : CODEC_PUBREC, p->id, 0);
	deliver(m, p, topic);
	return m->stream != NULL;
}

static bool take_pubrel(struct mqtt *m, const struct codec_packet *p)
{
	bool known = idset_remove(&m->incoming, p->id);

	reply(m, CODEC_PUBCOMP, p->id, known ? 0 : 0x92);
	return true;
}

/* ---- acknowledgements ---- */

static bool is_publish(const struct pending *a, int qos)
{
	return a && a->kind == PENDING_PUBLISH && a->qos == qos;
}

static bool odd(struct mqtt *m, const char *what)
{
	wire_broken(m, 0x82, what);
	return false;
}

static void publish_end(struct mqtt *m, struct pending *a,
    const struct codec_packet *p, enum rows_packet packet)
{
	if (p->reason)
		rows_reason(packet, p->reason);
	if (p->reason == 0x10)
		rows_count(ROWS_PUB_NO_SUBSCRIBERS);
	if (p->reason >= 0x80)
		pending_failed(m, a, EPROTO, p->reason, "", false);
	else
		pending_done(m, a, p->reason);
}

static bool take_puback(struct mqtt *m, const struct codec_packet *p)
{
	struct pending *a = pending_find(m, p->id);

	if (!is_publish(a, 1))
		return odd(m, "PUBACK of what was not sent");
	rows_phase(ROWS_PUBACK, m->c.last_event - a->timer.start);
	publish_end(m, a, p, ROWS_IN_PUBACK);
	return true;
}

static bool take_pubrec(struct mqtt *m, const struct codec_packet *p)
{
	struct pending *a = pending_find(m, p->id);

	if (!is_publish(a, 2))
		return odd(m, "PUBREC of what was not sent");
	if (p->reason >= 0x80) {
		publish_end(m, a, p, ROWS_IN_PUBREC);
		return true;
	}
	if (!a->released) {
		rows_phase(ROWS_PUBREC, m->c.last_event - a->timer.start);
		if (p->reason)
			rows_reason(ROWS_IN_PUBREC, p->reason);
		if (p->reason == 0x10)
			rows_count(ROWS_PUB_NO_SUBSCRIBERS);
	}
	a->released = true;
	reply(m, CODEC_PUBREL, p->id, 0);
	return true;
}

static bool take_pubcomp(struct mqtt *m, const struct codec_packet *p)
{
	struct pending *a = pending_find(m, p->id);

	if (!is_publish(a, 2) || !a->released)
		return odd(m, "PUBCOMP of what was not released");
	rows_phase(ROWS_PUBCOMP, m->c.last_event - a->timer.start);
	publish_end(m, a, p, ROWS_IN_PUBCOMP);
	return true;
}

static bool take_suback(struct mqtt *m, const struct codec_packet *p)
{
	struct pending *a = pending_find(m, p->id);
	bool sub = p->type == CODEC_SUBACK;

	if (!a || a->kind != (sub ? PENDING_SUBSCRIBE : PENDING_UNSUBSCRIBE))
		return odd(m, "SUBACK or UNSUBACK of what was not asked");
	if (p->payload.len > 1)
		return odd(m, "more reason codes than filters");
	rows_phase(sub ? ROWS_SUBACK : ROWS_UNSUBACK,
	    m->c.last_event - a->timer.start);
	if (p->reason >= 0x80) {
		rows_reason(sub ? ROWS_IN_SUBACK : ROWS_IN_UNSUBACK, p->reason);
		pending_failed(m, a, EPROTO, p->reason, "", false);
	} else {
		pending_done(m, a, p->reason);
	}
	return true;
}

/* ---- the connection ---- */

static bool take_pingresp(struct mqtt *m)
{
	if (m->ping_sent == 0)
		return true;
	rows_phase(ROWS_PINGRESP, m->c.last_event - m->ping_sent);
	m->ping_sent = 0;
	swarm_waiters_wake(&m->c.changed);
	return true;
}

static bool take_disconnect(struct mqtt *m, const struct codec_packet *p)
{
	rows_reason(ROWS_IN_DISCONNECT, p->reason);
	conn_lost(m, p->reason, "disconnected by the broker");
	return false;
}

int dispatch_auth(struct mqtt *m, const struct codec_packet *p)
{
	const struct mqtt_connect_args *a = &m->c.settings->args;
	struct codec_span method = codec_text(&p->props, CODEC_AUTH_METHOD);
	struct codec_span s = codec_text(&p->props, CODEC_AUTH_DATA);
	struct mqtt_auth_data in = { p->reason, s.data, s.len };
	struct mqtt_auth_data out = { 0x18, NULL, 0 };
	struct codec_props props = { .has = 0 };

	if (!a->auth_method)
		return 0;
	/* MQTT 5, 4.12: the same in all packets. */
	if (method.data && (method.len != strlen(a->auth_method) ||
	    memcmp(method.data, a->auth_method, method.len) != 0)) {
		wire_broken(m, 0x82, "another authentication method");
		return -1;
	}
	if (a->auth_step(a->auth_arg, &in, &out) == -1) {
		conn_lost(m, 0, "the scenario gave up authentication");
		return -1;
	}
	if (p->type != CODEC_AUTH || p->reason == 0)
		return 0;
	codec_set_text(&props, CODEC_AUTH_METHOD, a->auth_method,
	    strlen(a->auth_method));
	if (out.data)
		codec_set_text(&props, CODEC_AUTH_DATA, out.data, out.len);
	codec_put_reason(&wire_replies, 5, CODEC_AUTH, 0x18, &props);
	return 0;
}

static bool take_auth(struct mqtt *m, const struct codec_packet *p)
{
	if (!m->c.settings->args.auth_method)
		return odd(m, "AUTH without a method");
	return dispatch_auth(m, p) == 0;
}

static bool take_early(struct mqtt *m, struct codec_packet *p)
{
	if (p->type == CODEC_AUTH && m->c.settings->version == 5)
		return take_auth(m, p);
	if (p->type == CODEC_CONNACK)
		return connack_take(m, p) == 0;
	if (p->type == CODEC_DISCONNECT)
		return take_disconnect(m, p);
	return odd(m, "no CONNACK first");
}

bool dispatch_packet(struct mqtt *m, struct codec_packet *p)
{
	if (m->shaking)
		return take_early(m, p);
	switch (p->type) {
	case CODEC_PUBLISH:
		return take_publish(m, p);
	case CODEC_PUBACK:
		return take_puback(m, p);
	case CODEC_PUBREC:
		return take_pubrec(m, p);
	case CODEC_PUBREL:
		return take_pubrel(m, p);
	case CODEC_PUBCOMP:
		return take_pubcomp(m, p);
	case CODEC_SUBACK:
	case CODEC_UNSUBACK:
		return take_suback(m, p);
	case CODEC_PINGRESP:
		return take_pingresp(m);
	case CODEC_DISCONNECT:
		return take_disconnect(m, p);
	case CODEC_AUTH:
		return take_auth(m, p);
	default:
		return odd(m, "a second CONNACK");
	}
}
