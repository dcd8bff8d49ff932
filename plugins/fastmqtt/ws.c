/* WebSocket frames and handshake; see ws.h. */
#include "ws.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* ---- frames from the server (RFC 6455, 5.2) ---- */

/* Bytes of the header, as far as its first two tell. */
static size_t head_size(const struct ws_reader *r)
{
	unsigned len;

	if (r->have < 2)
		return 2;
	len = r->head[1] & 127;
	return len == 126 ? 4 : len == 127 ? 10 : 2;
}

static const char *take_head(struct ws_reader *r)
{
	unsigned opcode = r->head[0] & 15, len = r->head[1] & 127;
	bool control = opcode >= 8, fin = r->head[0] & 128;

	if (r->head[0] & 0x70)
		return "WebSocket frame with reserved bits";
	if (r->head[1] & 128)
		return "WebSocket frame with a mask";
	if (control && (len > 125 || !fin))
		return "WebSocket control frame too long";
	if (opcode != 0 && opcode != 2 && opcode != 8 && opcode != 9 &&
	    opcode != 10)
		return "WebSocket frame that is not binary";
	if (!control && (opcode == 0) != r->in_message)
		return "WebSocket continuation out of turn";
	r->left = len;
	if (len >= 126) {
		r->left = 0;
		for (size_t i = 2; i < r->have; i++)
			r->left = r->left << 8 | r->head[i];
	}
	if (!control)
		r->in_message = !fin;
	r->opcode = (uint8_t)opcode;
	r->control_len = 0;
	r->in_payload = true;
	r->have = 0;
	return NULL;
}

static size_t least(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* The end of a control frame. */
static enum ws_event control_event(struct ws_reader *r,
    struct codec_span *out)
{
	r->in_payload = false;
	*out = (struct codec_span){ r->control, r->control_len };
	if (r->opcode == 8)
		return WS_CLOSE;
	return r->opcode == 9 ? WS_PING : WS_MORE;
}

static enum ws_event take_payload(struct ws_reader *r, const uint8_t **data,
    size_t *len, struct codec_span *out)
{
	size_t n = least(r->left, *len);

	if (r->opcode >= 8) {
		memcpy(r->control + r->control_len, *data, n);
		r->control_len += n;
	}
	*out = (struct codec_span){ *data, n };
	*data += n;
	*len -= n;
	r->left -= n;
	if (r->opcode < 8) {
		r->in_payload = r->left > 0;
		return n > 0 ? WS_DATA : WS_MORE;
	}
	return r->left == 0 ? control_event(r, out) : WS_MORE;
}

enum ws_event ws_read(struct ws_reader *r, const uint8_t **data, size_t *len,
    struct codec_span *out, const char **why)
{
	for (;;) {
		enum ws_event event;

		while (!r->in_payload && r->have < head_size(r)) {
			if (*len == 0)
				return WS_MORE;
			r->head[r->have++] = *(*data)++;
			--*len;
		}
		if (!r->in_payload) {
			*why = take_head(r);
			if (*why)
				return WS_BAD;
		}
		if (r->left > 0 && *len == 0)
			return WS_MORE;
		event = take_payload(r, data, len, out);
		if (event != WS_MORE)
			return event;
	}
}

/* ---- frames to the server ---- */

int ws_put_frame(struct codec_buf *b, unsigned opcode, const void *data,
    size_t len, uint32_t mask)
{
	const uint8_t *from = data;
	const uint8_t key[4] = { (uint8_t)(mask >> 24), (uint8_t)(mask >> 16),
		(uint8_t)(mask >> 8), (uint8_t)mask };
	uint8_t *at;

	if (codec_reserve(b, len + 14) == -1)
		return -1;
	at = b->data + b->len;
	*at++ = (uint8_t)(0x80 | opcode);
	if (len < 126) {
		*at++ = (uint8_t)(0x80 | len);
	} else if (len < 65536) {
		*at++ = 0x80 | 126;
		*at++ = (uint8_t)(len >> 8);
		*at++ = (uint8_t)len;
	} else {
		*at++ = 0x80 | 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			*at++ = (uint8_t)((uint64_t)len >> shift);
	}
	memcpy(at, key, 4);
	at += 4;
	for (size_t i = 0; i < len; i++)
		at[i] = from[i] ^ key[i & 3];
	b->len = (size_t)(at - b->data) + len;
	return 0;
}

/* ---- handshake (RFC 6455, 4.1) ---- */

int ws_put_request(struct codec_buf *b, const char *host, unsigned port,
    const char *path, const uint8_t random[16], char key[WS_KEY_BYTES])
{
	bool is_ipv6 = strchr(host, ':') != NULL;
	char text[1024];
	int n;

	EVP_EncodeBlock((unsigned char *)key, random, 16);
	n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Protocol: mqtt\r\n\r\n", path, is_ipv6 ? "[" : "",
	    host, is_ipv6 ? "]" : "", port, key);
	if (n < 0 || (size_t)n >= sizeof text ||
	    codec_reserve(b, (size_t)n) == -1)
		return -1;
	memcpy(b->data + b->len, text, (size_t)n);
	b->len += (size_t)n;
	return 0;
}

/* The value of a header's field, and its length; NULL when absent. */
static const char *field(const char *header, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *p = strstr(header, "\r\n"); p;
	    p = strstr(p + 2, "\r\n")) {
		const char *value = p + 2 + n;

		if (strncasecmp(p + 2, name, n) != 0 || *value != ':')
			continue;
		value += 1 + strspn(value + 1, " \t");
		*len = strcspn(value, "\r\n");
		while (*len > 0 && (value[*len - 1] == ' ' ||
		    value[*len - 1] == '\t'))
			--*len;
		return value;
	}
	return NULL;
}

static bool is(const char *header, const char *name, const char *value)
{
	size_t len;
	const char *found = field(header, name, &len);

	return found && len == strlen(value) &&
	    strncmp(found, value, len) == 0;
}

int ws_check_answer(const char *header, const char *key, const char **why)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char joined[WS_KEY_BYTES + sizeof GUID], accept[64];
	unsigned n;

	*why = "no WebSocket: the answer is not HTTP/1.1 101";
	if (strncmp(header, "HTTP/1.1 101", 12) != 0)
		return -1;
	n = (unsigned)snprintf(joined, sizeof joined, "%s%s", key, GUID);
	*why = "no WebSocket: SHA-1 is not available";
	if (EVP_Digest(joined, n, hash, &n, EVP_sha1(), NULL) != 1)
		return -1;
	EVP_EncodeBlock((unsigned char *)accept, hash, (int)n);
	*why = "no WebSocket: Sec-WebSocket-Accept is wrong";
	if (!is(header, "Sec-WebSocket-Accept", accept))
		return -1;
	*why = "no WebSocket: the server does not speak mqtt";
	if (!is(header, "Sec-WebSocket-Protocol", "mqtt"))
		return -1;
	return 0;
}
