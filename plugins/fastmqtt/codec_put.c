/*
 * Encoding what a client sends.  Sizes are summed first, memory is reserved
 * once, and the bytes are written without further checks.
 */
#include "codec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int codec_reserve(struct codec_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *data;

	if (b->cap - b->len >= n)
		return 0;
	if (b->max && n > b->max - b->len) {
		errno = EMSGSIZE;
		return -1;
	}
	while (cap - b->len < n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		errno = ENOMEM;
		return -1;
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

void codec_release(struct codec_buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

void codec_set_number(struct codec_props *p, enum codec_property id,
    uint32_t n)
{
	p->has |= CODEC_BIT(id);
	p->number[codec_info[id].slot] = n;
}

void codec_set_text(struct codec_props *p, enum codec_property id,
    const void *data, size_t len)
{
	p->has |= CODEC_BIT(id);
	p->text[codec_info[id].slot] = (struct codec_span){ data, len };
}

/* ---- sizes ---- */

static size_t varint_size(size_t n)
{
	if (n < 0x80)
		return 1;
	if (n < 0x4000)
		return 2;
	return n < 0x200000 ? 3 : 4;
}

static size_t property_size(const struct codec_props *p, unsigned id)
{
	const struct codec_property_info *info = &codec_info[id];

	switch ((enum codec_kind)info->kind) {
	case CODEC_BYTE:
		return 2;
	case CODEC_U16:
		return 3;
	case CODEC_U32:
		return 5;
	case CODEC_VARINT:
		return 1 + varint_size(p->number[info->slot]);
	case CODEC_BINARY:
	case CODEC_STRING:
		return 3 + p->text[info->slot].len;
	case CODEC_PAIR:
		break;
	}
	return 0;
}

/* Of the block, without its length. */
static size_t props_size(const struct codec_props *p)
{
	size_t n = 0;

	for (uint64_t has = p->has; has; has &= has - 1)
		n += property_size(p, (unsigned)__builtin_ctzll(has));
	for (uint32_t i = 0; i < p->user_count; i++)
		n += 5 + strlen(p->user[i].name) + strlen(p->user[i].value);
	return n;
}

static size_t block_size(int version, const struct codec_props *p)
{
	size_t n;

	if (version < 5)
		return 0;
	if (!p)
		return 1;
	n = props_size(p);
	return varint_size(n) + n;
}

/* ---- bytes ---- */

static uint8_t *put_u16(uint8_t *at, size_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
	return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t n)
{
	return put_u16(put_u16(at, n >> 16), n & 0xffff);
}

static uint8_t *put_varint(uint8_t *at, size_t n)
{
	while (n >= 0x80) {
		*at++ = (uint8_t)(n | 0x80);
		n >>= 7;
	}
	*at++ = (uint8_t)n;
	return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t len)
{
	if (len)
		memcpy(at, data, len);
	return at + len;
}

static uint8_t *put_binary(uint8_t *at, const void *data, size_t len)
{
	return put_bytes(put_u16(at, len), data, len);
}

static uint8_t *put_string(uint8_t *at, const char *s)
{
	return put_binary(at, s, strlen(s));
}

static uint8_t *put_property(uint8_t *at, const struct codec_props *p,
    unsigned id)
{
	const struct codec_property_info *info = &codec_info[id];
	const struct codec_span *text;

	if (info->kind == CODEC_PAIR)
		return at;
	*at++ = (uint8_t)id;
	switch ((enum codec_kind)info->kind) {
	case CODEC_BYTE:
		*at = (uint8_t)p->number[info->slot];
		return at + 1;
	case CODEC_U16:
		return put_u16(at, p->number[info->slot]);
	case CODEC_U32:
		return put_u32(at, p->number[info->slot]);
	case CODEC_VARINT:
		return put_varint(at, p->number[info->slot]);
	default:
		text = &p->text[info->slot];
		return put_binary(at, text->data, text->len);
	}
}

static uint8_t *put_props(uint8_t *at, int version,
    const struct codec_props *p)
{
	if (version < 5)
		return at;
	if (!p) {
		*at = 0;
		return at + 1;
	}
	at = put_varint(at, props_size(p));
	for (uint64_t has = p->has; has; has &= has - 1)
		at = put_property(at, p, (unsigned)__builtin_ctzll(has));
	for (uint32_t i = 0; i < p->user_count; i++) {
		*at++ = CODEC_USER_PROPERTY;
		at = put_string(at, p->user[i].name);
		at = put_string(at, p->user[i].value);
	}
	return at;
}

/* Reserves a packet of `body` bytes, writes its header, returns where the
 * body starts; NULL with errno. */
static uint8_t *put_header(struct codec_buf *b, unsigned first, size_t body)
{
	size_t size = 1 + varint_size(body) + body;
	uint8_t *at;

	if (body > 268435455) {
		errno = EMSGSIZE;
		return NULL;
	}
	if (codec_reserve(b, size) == -1)
		return NULL;
	at = b->data + b->len;
	b->len += size;
	*at++ = (uint8_t)first;
	return put_varint(at, body);
}

/* ---- packets ---- */

static size_t connect_size(const struct codec_connect *c)
{
	size_t n = 10 + block_size(c->version, c->props);

	n += 2 + strlen(c->client_id);
	if (c->will)
		n += block_size(c->version, c->will_props) +
		    4 + strlen(c->will->topic) + c->will_len;
	if (c->username)
		n += 2 + strlen(c->username);
	if (c->password)
		n += 2 + c->password_len;
	return n;
}

static unsigned connect_flags(const struct codec_connect *c)
{
	unsigned flags = c->clean_start ? 2 : 0;

	if (c->will)
		flags |= 4u | (unsigned)c->will->qos << 3 |
		    (c->will->retain ? 32u : 0);
	if (c->password)
		flags |= 64;
	if (c->username)
		flags |= 128;
	return flags;
}

int codec_put_connect(struct codec_buf *b, const struct codec_connect *c)
{
	uint8_t *at = put_header(b, CODEC_CONNECT << 4, connect_size(c));

	if (!at)
		return -1;
	at = put_string(at, "MQTT");
	*at++ = (uint8_t)c->version;
	*at++ = (uint8_t)connect_flags(c);
	at = put_u16(at, c->keepalive);
	at = put_props(at, c->version, c->props);
	at = put_string(at, c->client_id);
	if (c->will) {
		at = put_props(at, c->version, c->will_props);
		at = put_string(at, c->will->topic);
		at = put_binary(at, c->will_data, c->will_len);
	}
	if (c->username)
		at = put_string(at, c->username);
	if (c->password)
		at = put_binary(at, c->password, c->password_len);
	assert(at == b->data + b->len);
	return 0;
}

int codec_put_publish(struct codec_buf *b, const struct codec_publish *p)
{
	size_t size = 2 + p->topic_len + (p->qos ? 2 : 0) +
	    block_size(p->version, p->props) + p->len;
	unsigned first = CODEC_PUBLISH << 4 | (unsigned)p->qos << 1 |
	    (p->retain ? 1 : 0);
	uint8_t *at = put_header(b, first, size);

	if (!at)
		return -1;
	at = put_binary(at, p->topic, p->topic_len);
	if (p->qos)
		at = put_u16(at, p->id);
	at = put_props(at, p->version, p->props);
	at = put_bytes(at, p->data, p->len);
	assert(at == b->data + b->len);
	return 0;
}

int codec_put_ack(struct codec_buf *b, int version, enum codec_type type,
    uint16_t id, uint8_t reason)
{
	bool has_reason = version >= 5 && reason != 0;
	unsigned first = (unsigned)type << 4 | (type == CODEC_PUBREL ? 2 : 0);
	uint8_t *at = put_header(b, first, has_reason ? 3 : 2);

	if (!at)
		return -1;
	at = put_u16(at, id);
	if (has_reason)
		*at = reason;
	return 0;
}

int codec_put_subscribe(struct codec_buf *b, int version, uint16_t id,
    const char *filter, uint8_t options, const struct codec_props *props)
{
	uint8_t *at = put_header(b, CODEC_SUBSCRIBE << 4 | 2,
	    2 + block_size(version, props) + 2 + strlen(filter) + 1);

	if (!at)
		return -1;
	at = put_props(put_u16(at, id), version, props);
	at = put_string(at, filter);
	*at++ = version < 5 ? options & 3 : options;
	assert(at == b->data + b->len);
	return 0;
}

int codec_put_unsubscribe(struct codec_buf *b, int version, uint16_t id,
    const char *filter, const struct codec_props *props)
{
	uint8_t *at = put_header(b, CODEC_UNSUBSCRIBE << 4 | 2,
	    2 + block_size(version, props) + 2 + strlen(filter));

	if (!at)
		return -1;
	at = put_props(put_u16(at, id), version, props);
	at = put_string(at, filter);
	assert(at == b->data + b->len);
	return 0;
}

int codec_put_ping(struct codec_buf *b)
{
	return put_header(b, CODEC_PINGREQ << 4, 0) ? 0 : -1;
}

int codec_put_reason(struct codec_buf *b, int version, enum codec_type type,
    uint8_t reason, const struct codec_props *props)
{
	bool bare = version < 5 || (reason == 0 && !props);
	size_t size = bare ? 0 : 1 + block_size(version, props);
	uint8_t *at = put_header(b, (unsigned)type << 4, size);

	if (!at)
		return -1;
	if (bare)
		return 0;
	*at++ = reason;
	at = put_props(at, version, props);
	assert(at == b->data + b->len);
	return 0;
}

int codec_put_again(struct codec_buf *b, const uint8_t *packet, size_t len)
{
	if (codec_reserve(b, len) == -1)
		return -1;
	memcpy(b->data + b->len, packet, len);
	b->data[b->len] |= 8;
	b->len += len;
	return 0;
}
