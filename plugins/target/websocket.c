/* WebSocket echo (RFC 6455): every data frame comes back after --delay. */
#include "target.h"

#include <swarm/swarm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define FRAME_MAX (UINT64_C(16) << 20)

enum { OP_CONTINUE, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };

struct frame {
	unsigned char first;            /* FIN, reserved bits, opcode */
	uint64_t len;
	unsigned char mask[4];
	char *payload;
};

static int need(struct conn *c, size_t n)
{
	while (c->len < n) {
		if (conn_fill(c) <= 0)
			return -1;
	}
	return 0;
}

/* Section 5.2; a client's frames are masked. */
static int read_frame(struct conn *c, struct frame *f)
{
	const unsigned char *p = (const unsigned char *)c->data;
	size_t head = 6;
	size_t have = 0;

	if (need(c, 2) == -1 || (p[1] & 0x80) == 0)
		return -1;
	f->first = p[0];
	f->len = p[1] & 0x7f;
	if (f->len >= 126)
		head += f->len == 126 ? 2 : 8;
	if (need(c, head) == -1)
		return -1;
	if (f->len >= 126) {
		f->len = 0;
		for (size_t i = 2; i < head - 4; i++)
			f->len = f->len << 8 | p[i];
	}
	if (f->len > FRAME_MAX)
		return -1;
	memcpy(f->mask, p + head - 4, 4);
	conn_consume(c, head);
	f->payload = malloc(f->len + 1);
	while (f->payload != NULL && have < f->len) {
		size_t n = f->len - have;

		if (c->len == 0 && conn_fill(c) <= 0) {
			free(f->payload);
			return -1;
		}
		n = n < c->len ? n : c->len;
		for (size_t i = 0; i < n; i++)
			f->payload[have + i] = (char)(c->data[i] ^
			    f->mask[(have + i) & 3]);
		conn_consume(c, n);
		have += n;
	}
	return f->payload != NULL ? 0 : -1;
}

static int write_frame(struct conn *c, unsigned char first, const char *data,
    uint64_t len)
{
	unsigned char together[4096];
	unsigned char head[10];
	size_t n = 2;

	head[0] = first;
	if (len < 126) {
		head[1] = (unsigned char)len;
	} else {
		size_t bytes = len < 65536 ? 2 : 8;

		head[1] = bytes == 2 ? 126 : 127;
		for (size_t i = 0; i < bytes; i++)
			head[n++] = (unsigned char)(len >>
			    (8 * (bytes - 1 - i)));
	}
	/* In one piece: the second of two would wait for the client's delayed
	 * acknowledgement of the first, 40 ms. */
	if (len <= sizeof together - n) {
		memcpy(together, head, n);
		memcpy(together + n, data, len);
		return conn_write(c, together, n + len);
	}
	if (conn_write(c, head, n) == -1)
		return -1;
	return conn_write(c, data, len);
}

/* Section 4.2.2: the key with the protocol's own GUID, hashed. */
static int accept_upgrade(struct conn *c, const char *key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[SHA_DIGEST_LENGTH];
	unsigned char text[64];
	char joined[128];
	char head[256];
	int n = snprintf(joined, sizeof joined, "%.64s%s", key, guid);

	SHA1((unsigned char *)joined, (size_t)n, digest);
	EVP_EncodeBlock(text, digest, sizeof digest);
	n = snprintf(head, sizeof head, "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n", (char *)text);
	return conn_write(c, head, (size_t)n);
}

void websocket_serve(struct conn *c, const char *key)
{
	struct frame f;
	int rc = accept_upgrade(c, key);

	while (rc == 0 && read_frame(c, &f) == 0) {
		unsigned op = f.first & 0x0f;

		if (op == OP_PING) {
			rc = write_frame(c, 0x80 | OP_PONG, f.payload, f.len);
		} else if (op == OP_CLOSE) {
			write_frame(c, 0x80 | OP_CLOSE, f.payload, f.len);
			rc = -1;
		} else if (op != OP_PONG) {
			target.messages++;
			rc = delay_work(c->user, &target.delay);
			if (rc == 0)
				rc = write_frame(c, f.first, f.payload, f.len);
		}
		free(f.payload);
	}
}
