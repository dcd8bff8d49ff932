/*
 * The handshake: what a CONNECT says and what its CONNACK changes.
 */
#include "fast.h"

#include "reason.h"
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_text(struct codec_props *p, enum codec_property id,
    const char *s)
{
	if (s)
		codec_set_text(p, id, s, strlen(s));
}

static void fill_connect(struct codec_props *p,
    const struct mqtt_connect_args *a)
{
	if (a->session_expiry)
		codec_set_number(p, CODEC_SESSION_EXPIRY, a->session_expiry);
	if (a->receive_maximum != 65535)
		codec_set_number(p, CODEC_RECEIVE_MAXIMUM, a->receive_maximum);
	codec_set_number(p, CODEC_MAXIMUM_PACKET, a->max_packet_size);
	if (a->topic_alias_maximum)
		codec_set_number(p, CODEC_ALIAS_MAXIMUM,
		    a->topic_alias_maximum);
	if (a->request_response_information)
		codec_set_number(p, CODEC_REQUEST_RESPONSE, 1);
	if (a->no_problem_information)
		codec_set_number(p, CODEC_REQUEST_PROBLEM, 0);
	put_text(p, CODEC_AUTH_METHOD, a->auth_method);
	if (a->auth_method && a->auth)
		codec_set_text(p, CODEC_AUTH_DATA, a->auth, a->auth_len);
	p->user = a->properties;
	p->user_count = (uint32_t)a->property_count;
}

static void fill_will(struct codec_props *p, const struct mqtt_will *w)
{
	if (w->delay)
		codec_set_number(p, CODEC_WILL_DELAY, w->delay);
	if (w->message_expiry)
		codec_set_number(p, CODEC_MESSAGE_EXPIRY, w->message_expiry);
	if (w->payload_is_utf8)
		codec_set_number(p, CODEC_PAYLOAD_FORMAT, 1);
	put_text(p, CODEC_CONTENT_TYPE, w->content_type);
	put_text(p, CODEC_RESPONSE_TOPIC, w->response_topic);
	if (w->correlation)
		codec_set_text(p, CODEC_CORRELATION, w->correlation,
		    w->correlation_len);
	p->user = w->properties;
	p->user_count = (uint32_t)w->property_count;
}

int connack_put_connect(struct codec_buf *b, const struct settings *s)
{
	const struct mqtt_connect_args *a = &s->args;
	struct codec_props props = { .has = 0 }, will_props = { .has = 0 };
	struct codec_connect c = {
		.version = s->version,
		.client_id = a->client_id,
		.clean_start = !a->keep_session,
		.keepalive = (uint16_t)(a->keepalive < 0 ? 0 : a->keepalive),
		.username = a->username,
		.password = a->password,
		.password_len = a->password_len,
		.props = &props,
		.will = a->will,
		.will_props = &will_props,
	};

	fill_connect(&props, a);
	if (a->will) {
		fill_will(&will_props, a->will);
		c.will_data = a->will->data;
		c.will_len = a->will->len;
	}
	return codec_put_connect(b, &c);
}

/* ---- CONNACK ---- */

static char *copy_text(const struct codec_props *p, enum codec_property id)
{
	struct codec_span s = codec_text(p, id);

	return s.data ? strndup((const char *)s.data, s.len) : NULL;
}

static void take_limits(struct mqtt *m, const struct codec_packet *from)
{
	const struct mqtt_connect_args *a = &m->c.settings->args;
	const struct codec_props *p = &from->props;
	struct client_limits *l = &m->c.limits;

	client_limits_release(l);
	*l = (struct client_limits){
		.assigned_id = copy_text(p, CODEC_ASSIGNED_ID),
		.response_information = copy_text(p, CODEC_RESPONSE_INFO),
		.server_reference = copy_text(p, CODEC_SERVER_REFERENCE),
		.max_packet = codec_number(p, CODEC_MAXIMUM_PACKET, 0),
		.receive_maximum = (uint16_t)codec_number(p,
		    CODEC_RECEIVE_MAXIMUM, 65535),
		.alias_maximum = (uint16_t)codec_number(p,
		    CODEC_ALIAS_MAXIMUM, 0),
		.keepalive = (uint16_t)codec_number(p, CODEC_SERVER_KEEPALIVE,
		    a->keepalive < 0 ? 0 : (uint32_t)a->keepalive),
		.maximum_qos = (uint8_t)codec_number(p, CODEC_MAXIMUM_QOS, 2),
		.retain_available = codec_number(p, CODEC_RETAIN_AVAILABLE, 1),
		.session_present = from->session_present,
	};
	m->c.window = a->inflight < l->receive_maximum ? a->inflight :
	    l->receive_maximum;
}

int connack_take(struct mqtt *m, const struct codec_packet *p)
{
	if (p->reason != 0) {
		rows_reason(ROWS_IN_CONNACK, p->reason);
		conn_lost(m, p->reason, "refused by the broker");
		return -1;
	}
	if (dispatch_auth(m, p) == -1)
		return -1;
	take_limits(m, p);
	m->shaking = false;
	m->c.connected = true;
	m->ping_sent = 0;
	if (!m->c.limits.session_present) {
		idset_clear(&m->incoming);
		pending_abandon(m, false, ENOTCONN, "the broker lost the session");
	} else {
		pending_resend(m);
	}
	swarm_waiters_wake(&m->c.changed);
	return m->stream ? 0 : -1;
}
