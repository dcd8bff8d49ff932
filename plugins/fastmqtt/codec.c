/*
 * Decoding what a server sends, and the table of properties.
 *
 * Every read is checked against the end of the packet by a cursor that fails
 * once and stays failed, so that parsers read straight on and look at the end
 * whether it all fitted.
 */
#include "codec.h"

#include "utf8.h"

#include <string.h>

#define INFO(k, s) { .kind = (k), .slot = (s), .known = true }

const struct codec_property_info codec_info[CODEC_PROPERTY_END] = {
	[CODEC_PAYLOAD_FORMAT] = INFO(CODEC_BYTE, 0),
	[CODEC_MESSAGE_EXPIRY] = INFO(CODEC_U32, 1),
	[CODEC_CONTENT_TYPE] = INFO(CODEC_STRING, 0),
	[CODEC_RESPONSE_TOPIC] = INFO(CODEC_STRING, 1),
	[CODEC_CORRELATION] = INFO(CODEC_BINARY, 2),
	[CODEC_SUBSCRIPTION_ID] = INFO(CODEC_VARINT, 2),
	[CODEC_SESSION_EXPIRY] = INFO(CODEC_U32, 3),
	[CODEC_ASSIGNED_ID] = INFO(CODEC_STRING, 3),
	[CODEC_SERVER_KEEPALIVE] = INFO(CODEC_U16, 4),
	[CODEC_AUTH_METHOD] = INFO(CODEC_STRING, 4),
	[CODEC_AUTH_DATA] = INFO(CODEC_BINARY, 5),
	[CODEC_REQUEST_PROBLEM] = INFO(CODEC_BYTE, 5),
	[CODEC_WILL_DELAY] = INFO(CODEC_U32, 6),
	[CODEC_REQUEST_RESPONSE] = INFO(CODEC_BYTE, 7),
	[CODEC_RESPONSE_INFO] = INFO(CODEC_STRING, 6),
	[CODEC_SERVER_REFERENCE] = INFO(CODEC_STRING, 7),
	[CODEC_REASON_STRING] = INFO(CODEC_STRING, 8),
	[CODEC_RECEIVE_MAXIMUM] = INFO(CODEC_U16, 8),
	[CODEC_ALIAS_MAXIMUM] = INFO(CODEC_U16, 9),
	[CODEC_TOPIC_ALIAS] = INFO(CODEC_U16, 10),
	[CODEC_MAXIMUM_QOS] = INFO(CODEC_BYTE, 11),
	[CODEC_RETAIN_AVAILABLE] = INFO(CODEC_BYTE, 12),
	[CODEC_USER_PROPERTY] = INFO(CODEC_PAIR, 0),
	[CODEC_MAXIMUM_PACKET] = INFO(CODEC_U32, 13),
	[CODEC_WILDCARD_AVAILABLE] = INFO(CODEC_BYTE, 14),
	[CODEC_SUBSCRIPTION_ID_AVAILABLE] = INFO(CODEC_BYTE, 15),
	[CODEC_SHARED_AVAILABLE] = INFO(CODEC_BYTE, 16),
};

#define REASON_AND_USER \
	(CODEC_BIT(CODEC_REASON_STRING) | CODEC_BIT(CODEC_USER_PROPERTY))

/* What a server may put into each packet (MQTT 5, table 2-4). */
static const uint64_t allowed[16] = {
	[CODEC_CONNACK] = REASON_AND_USER | CODEC_BIT(CODEC_SESSION_EXPIRY) |
	    CODEC_BIT(CODEC_ASSIGNED_ID) | CODEC_BIT(CODEC_SERVER_KEEPALIVE) |
	    CODEC_BIT(CODEC_AUTH_METHOD) | CODEC_BIT(CODEC_AUTH_DATA) |
	    CODEC_BIT(CODEC_RESPONSE_INFO) |
	    CODEC_BIT(CODEC_SERVER_REFERENCE) |
	    CODEC_BIT(CODEC_RECEIVE_MAXIMUM) | CODEC_BIT(CODEC_ALIAS_MAXIMUM) |
	    CODEC_BIT(CODEC_MAXIMUM_QOS) | CODEC_BIT(CODEC_RETAIN_AVAILABLE) |
	    CODEC_BIT(CODEC_MAXIMUM_PACKET) |
	    CODEC_BIT(CODEC_WILDCARD_AVAILABLE) |
	    CODEC_BIT(CODEC_SUBSCRIPTION_ID_AVAILABLE) |
	    CODEC_BIT(CODEC_SHARED_AVAILABLE),
	[CODEC_PUBLISH] = CODEC_BIT(CODEC_PAYLOAD_FORMAT) |
	    CODEC_BIT(CODEC_MESSAGE_EXPIRY) | CODEC_BIT(CODEC_CONTENT_TYPE) |
	    CODEC_BIT(CODEC_RESPONSE_TOPIC) | CODEC_BIT(CODEC_CORRELATION) |
	    CODEC_BIT(CODEC_SUBSCRIPTION_ID) | CODEC_BIT(CODEC_TOPIC_ALIAS) |
	    CODEC_BIT(CODEC_USER_PROPERTY),
	[CODEC_PUBACK] = REASON_AND_USER,
	[CODEC_PUBREC] = REASON_AND_USER,
	[CODEC_PUBREL] = REASON_AND_USER,
	[CODEC_PUBCOMP] = REASON_AND_USER,
	[CODEC_SUBACK] = REASON_AND_USER,
	[CODEC_UNSUBACK] = REASON_AND_USER,
	[CODEC_DISCONNECT] = REASON_AND_USER |
	    CODEC_BIT(CODEC_SESSION_EXPIRY) |
	    CODEC_BIT(CODEC_SERVER_REFERENCE),
	[CODEC_AUTH] = REASON_AND_USER | CODEC_BIT(CODEC_AUTH_METHOD) |
	    CODEC_BIT(CODEC_AUTH_DATA),
};

/* 3.1.1's CONNACK codes as those of MQTT 5. */
static const uint8_t connack_codes[6] = {
	0x00, 0x84, 0x85, 0x88, 0x86, 0x87,
};

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	const char *why;                /* NULL: all well */
};

static void fail(struct cursor *c, const char *why)
{
	if (!c->why)
		c->why = why;
	c->at = c->end;
}

static uint32_t get_number(struct cursor *c, size_t bytes)
{
	uint32_t n = 0;

	if ((size_t)(c->end - c->at) < bytes) {
		fail(c, "packet ends too early");
		return 0;
	}
	while (bytes--)
		n = n << 8 | *c->at++;
	return n;
}

/* MQTT 5, 1.5.5: at most four bytes. */
static uint32_t get_varint(struct cursor *c)
{
	uint32_t n = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint32_t byte = get_number(c, 1);

		n |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return n;
	}
	fail(c, "variable byte integer too long");
	return 0;
}

static struct codec_span get_bytes(struct cursor *c, size_t len)
{
	struct codec_span s = { c->at, len };

	if ((size_t)(c->end - c->at) < len) {
		fail(c, "packet ends too early");
		return (struct codec_span){ c->at, 0 };
	}
	c->at += len;
	return s;
}

static struct codec_span get_binary(struct cursor *c)
{
	return get_bytes(c, get_number(c, 2));
}

bool codec_utf8(const uint8_t *data, size_t len)
{
	return utf8_valid((const char *)data, len) && !memchr(data, 0, len);
}

static struct codec_span get_string(struct cursor *c)
{
	struct codec_span s = get_binary(c);

	if (!codec_utf8(s.data, s.len))
		fail(c, "text is not UTF-8");
	return s;
}

int64_t codec_length(const uint8_t *data, size_t len, size_t max,
    const char **why)
{
	size_t n = 0;

	for (size_t i = 1; i < 5; i++) {
		if (i >= len)
			return 0;
		n |= (size_t)(data[i] & 0x7f) << (7 * (i - 1));
		if (data[i] < 0x80) {
			if (i + 1 + n <= max)
				return (int64_t)(i + 1 + n);
			*why = "packet larger than allowed";
			return -1;
		}
	}
	*why = "packet length is malformed";
	return -1;
}

/* ---- properties ---- */

static uint32_t get_value(struct cursor *c, enum codec_kind kind)
{
	switch (kind) {
	case CODEC_BYTE:
		return get_number(c, 1);
	case CODEC_U16:
		return get_number(c, 2);
	case CODEC_U32:
		return get_number(c, 4);
	default:
		return get_varint(c);
	}
}

static void check_number(struct cursor *c, unsigned id, uint32_t n)
{
	if (codec_info[id].kind == CODEC_BYTE && n > 1)
		fail(c, "property is neither 0 nor 1");
	if (n == 0 && (id == CODEC_RECEIVE_MAXIMUM ||
	    id == CODEC_MAXIMUM_PACKET || id == CODEC_TOPIC_ALIAS ||
	    id == CODEC_SUBSCRIPTION_ID))
		fail(c, "property must not be 0");
}

static void get_property(struct cursor *c, struct codec_props *p,
    uint64_t may)
{
	uint32_t id = get_varint(c);
	const struct codec_property_info *info;

	if (c->why)
		return;
	if (id >= CODEC_PROPERTY_END || !codec_info[id].known) {
		fail(c, "unknown property");
		return;
	}
	info = &codec_info[id];
	if (!(may & CODEC_BIT(id))) {
		fail(c, "property not allowed in this packet");
		return;
	}
	if (id == CODEC_USER_PROPERTY) {
		get_string(c);
		get_string(c);
		p->user_count++;
		p->has |= CODEC_BIT(id);
		return;
	}
	if ((p->has & CODEC_BIT(id)) && id != CODEC_SUBSCRIPTION_ID) {
		fail(c, "property given twice");
		return;
	}
	p->has |= CODEC_BIT(id);
	if (info->kind == CODEC_BINARY) {
		p->text[info->slot] = get_binary(c);
	} else if (info->kind == CODEC_STRING) {
		p->text[info->slot] = get_string(c);
	} else {
		uint32_t n = get_value(c, info->kind);

		if (!c->why)
			check_number(c, id, n);
		p->number[info->slot] = n;
		p->id_count += id == CODEC_SUBSCRIPTION_ID;
	}
}

static void get_props(struct cursor *c, struct codec_props *p, uint64_t may)
{
	struct cursor in = *c;
	uint32_t len = get_varint(c);

	p->block = get_bytes(c, len);
	if (c->why)
		return;
	in.at = p->block.data;
	in.end = in.at + len;
	while (in.at < in.end)
		get_property(&in, p, may);
	if (in.why)
		fail(c, in.why);
}

int codec_next(const struct codec_props *p, size_t *at,
    struct codec_span *name, struct codec_span *value, uint32_t *number)
{
	struct cursor c = { .at = NULL };

	/* Without any, `block` need not be set. */
	if (p->user_count == 0 && p->id_count == 0)
		return 0;
	c.at = p->block.data + *at;
	c.end = p->block.data + p->block.len;
	while (c.at < c.end) {
		uint32_t id = get_varint(&c);
		enum codec_kind kind = codec_info[id].kind;

		if (id == CODEC_USER_PROPERTY) {
			*name = get_binary(&c);
			*value = get_binary(&c);
		} else if (kind == CODEC_BINARY || kind == CODEC_STRING) {
			get_binary(&c);
		} else {
			*number = get_value(&c, kind);
		}
		if (id == CODEC_USER_PROPERTY || id == CODEC_SUBSCRIPTION_ID) {
			*at = (size_t)(c.at - p->block.data);
			return (int)id;
		}
	}
	return 0;
}

uint32_t codec_number(const struct codec_props *p, enum codec_property id,
    uint32_t otherwise)
{
	if (!(p->has & CODEC_BIT(id)))
		return otherwise;
	return p->number[codec_info[id].slot];
}

struct codec_span codec_text(const struct codec_props *p,
    enum codec_property id)
{
	if (!(p->has & CODEC_BIT(id)))
		return (struct codec_span){ NULL, 0 };
	return p->text[codec_info[id].slot];
}

/* ---- packets ---- */

static void get_connack(struct cursor *c, struct codec_packet *p, int version)
{
	uint32_t flags = get_number(c, 1);
	uint32_t code = get_number(c, 1);

	if (flags > 1)
		fail(c, "CONNACK flags are malformed");
	p->session_present = flags & 1;
	if (version < 5) {
		if (code >= sizeof connack_codes)
			fail(c, "CONNACK code is unknown");
		else
			p->reason = connack_codes[code];
	} else {
		p->reason = (uint8_t)code;
		get_props(c, &p->props, allowed[CODEC_CONNACK]);
	}
	if (p->session_present && p->reason != 0)
		fail(c, "CONNACK refuses with a session present");
}

static void get_publish(struct cursor *c, struct codec_packet *p, int version,
    unsigned flags)
{
	p->retain = flags & 1;
	p->qos = flags >> 1 & 3;
	p->dup = flags >> 3 & 1;
	if (p->qos == 3)
		fail(c, "PUBLISH with QoS 3");
	p->topic = get_string(c);
	if (p->qos > 0) {
		p->id = (uint16_t)get_number(c, 2);
		if (p->id == 0)
			fail(c, "PUBLISH with packet id 0");
	}
	if (version >= 5)
		get_props(c, &p->props, allowed[CODEC_PUBLISH]);
	if (p->topic.len == 0 &&
	    !(p->props.has & CODEC_BIT(CODEC_TOPIC_ALIAS)))
		fail(c, "PUBLISH without a topic");
	p->payload = get_bytes(c, (size_t)(c->end - c->at));
}

/* Reason and properties may be cut off in version 5 (3.4.2.1). */
static void get_ack(struct cursor *c, struct codec_packet *p, int version)
{
	p->id = (uint16_t)get_number(c, 2);
	if (p->id == 0)
		fail(c, "acknowledgement of packet id 0");
	if (version < 5 || c->at == c->end)
		return;
	p->reason = (uint8_t)get_number(c, 1);
	if (c->at < c->end)
		get_props(c, &p->props, allowed[p->type]);
}

static void get_suback(struct cursor *c, struct codec_packet *p, int version)
{
	p->id = (uint16_t)get_number(c, 2);
	if (p->id == 0)
		fail(c, "acknowledgement of packet id 0");
	if (version >= 5)
		get_props(c, &p->props, allowed[p->type]);
	p->payload = get_bytes(c, (size_t)(c->end - c->at));
	if (p->payload.len == 0 &&
	    (version >= 5 || p->type == CODEC_SUBACK))
		fail(c, "acknowledgement without a reason code");
	if (p->payload.len)
		p->reason = p->payload.data[0];
	if (version < 5 && p->reason > 2 && p->reason != 0x80)
		fail(c, "SUBACK code is unknown");
}

static void get_reason(struct cursor *c, struct codec_packet *p, int version)
{
	if (version < 5) {
		fail(c, "packet type not for a 3.1.1 client");
		return;
	}
	if (c->at == c->end)
		return;
	p->reason = (uint8_t)get_number(c, 1);
	if (c->at < c->end)
		get_props(c, &p->props, allowed[p->type]);
}

static void get_packet(struct cursor *c, struct codec_packet *p, int version,
    unsigned flags)
{
	switch (p->type) {
	case CODEC_CONNACK:
		get_connack(c, p, version);
		break;
	case CODEC_PUBLISH:
		get_publish(c, p, version, flags);
		break;
	case CODEC_PUBACK:
	case CODEC_PUBREC:
	case CODEC_PUBREL:
	case CODEC_PUBCOMP:
		get_ack(c, p, version);
		break;
	case CODEC_SUBACK:
	case CODEC_UNSUBACK:
		get_suback(c, p, version);
		break;
	case CODEC_PINGRESP:
		break;
	case CODEC_DISCONNECT:
	case CODEC_AUTH:
		get_reason(c, p, version);
		break;
	default:
		fail(c, "packet type not for a client");
	}
}

int codec_decode(struct codec_packet *p, int version, const uint8_t *data,
    size_t len, const char **why)
{
	struct cursor c = { .at = data, .end = data + len };
	unsigned first = get_number(&c, 1);
	unsigned flags = first & 15;

	p->type = (uint8_t)(first >> 4);
	p->reason = 0;
	p->id = 0;
	p->payload.len = 0;
	p->props.has = 0;
	p->props.user_count = 0;
	p->props.id_count = 0;
	if (get_varint(&c) != (size_t)(c.end - c.at))
		fail(&c, "packet length is malformed");
	if (p->type != CODEC_PUBLISH && flags != (p->type == CODEC_PUBREL) * 2u)
		fail(&c, "packet flags are malformed");
	if (!c.why)
		get_packet(&c, p, version, flags);
	if (!c.why && c.at != c.end)
		c.why = "packet longer than its contents";
	*why = c.why;
	return c.why ? -1 : 0;
}
