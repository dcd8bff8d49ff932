/*
 * Bytes: read in a callback, cut into packets and dispatched where they lie;
 * written at once as far as the socket takes them.
 *
 * A packet is copied only when it arrives in pieces.  Replies to everything
 * read in one go leave in one write.
 */
#include "fast.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct codec_buf wire_out;
struct codec_buf wire_replies;

/* A spare buffer that a large message blew up is not kept. */
#define KEEP_BYTES (256u << 10)
/* Replies, pongs too, that wait for a broker which sends and does not read: there
 * are but 65535 identifiers to be acknowledged. */
#define REPLIES_MAX (1u << 20)

size_t wire_waiting(const struct mqtt *m)
{
	return m->tx.len - m->tx_at;
}

/* ---- out ---- */

static void watch(struct mqtt *m)
{
	unsigned want = SWARM_READ;

	if (wire_waiting(m))
		want |= SWARM_WRITE;
	if (swarm_stream_watch(m->stream, want, wire_ready, m) == -1)
		conn_lost(m, 0, "connection lost");
}

static int64_t write_some(struct mqtt *m, const uint8_t *data, size_t len)
{
	int64_t n = swarm_try_write(m->stream, data, len);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		m->written_bytes += (uint64_t)n;
	return n;
}

static void flush(struct mqtt *m)
{
	int64_t n = write_some(m, m->tx.data + m->tx_at, wire_waiting(m));

	if (n == -1) {
		conn_lost(m, 0, "connection lost");
		return;
	}
	m->tx_at += (size_t)n;
	if (m->reply_bytes > wire_waiting(m))
		m->reply_bytes = (uint32_t)wire_waiting(m);
	if (m->tx_at == m->tx.len) {
		codec_release(&m->tx);
		m->tx_at = 0;
		watch(m);
	}
	swarm_waiters_wake(&m->c.changed);
}

static void keep_rest(struct mqtt *m, const uint8_t *data, size_t n)
{
	if (m->tx_at > 0) {
		memmove(m->tx.data, m->tx.data + m->tx_at, wire_waiting(m));
		m->tx.len -= m->tx_at;
		m->tx_at = 0;
	}
	if (codec_reserve(&m->tx, n) == -1) {
		conn_lost(m, 0, "out of memory");
		return;
	}
	memcpy(m->tx.data + m->tx.len, data, n);
	m->tx.len += n;
}

static void empty(struct codec_buf *b)
{
	b->len = 0;
	if (b->cap > KEEP_BYTES)
		codec_release(b);
}

static void send_raw(struct mqtt *m, const uint8_t *data, size_t len)
{
	bool was_waiting = wire_waiting(m) > 0;
	int64_t n = 0;

	m->queued_bytes += len;
	if (!was_waiting)
		n = write_some(m, data, len);
	if (n >= 0 && (size_t)n < len)
		keep_rest(m, data + n, len - (size_t)n);
	if (n == -1)
		conn_lost(m, 0, "connection lost");
	else if (m->stream && !was_waiting && wire_waiting(m))
		watch(m);
}

/* Masks are there to confuse proxies; that they differ is enough. */
static uint32_t next_mask(void)
{
	static uint32_t mask = 0x9e3779b9u;

	mask ^= mask << 13;
	mask ^= mask >> 17;
	return mask ^= mask << 5;
}

static void send_frame(struct mqtt *m, unsigned opcode, const uint8_t *data,
    size_t len)
{
	static struct codec_buf frame;

	if (ws_put_frame(&frame, opcode, data, len, next_mask()) == -1)
		conn_lost(m, 0, "out of memory");
	else
		send_raw(m, frame.data, frame.len);
	empty(&frame);
}

static void send(struct mqtt *m, const uint8_t *data, size_t len,
    int64_t now)
{
	m->last_sent = now;
	if (m->ws)
		send_frame(m, WS_BINARY, data, len);
	else
		send_raw(m, data, len);
}

void wire_send(struct mqtt *m, int64_t now)
{
	if (wire_out.len > 0 && m->stream)
		send(m, wire_out.data, wire_out.len, now);
	empty(&wire_out);
}

int wire_drain(struct mqtt *m, size_t left, int64_t deadline)
{
	uint64_t mark = m->queued_bytes;

	while (m->stream && wire_waiting(m) > left &&
	    m->written_bytes + left < mark) {
		if (swarm_waiters_wait(&m->c.changed, deadline) == -1)
			return -1;
	}
	if (m->stream)
		return 0;
	errno = ENOTCONN;
	return -1;
}

/* ---- in ---- */

void wire_broken(struct mqtt *m, uint8_t reason, const char *why)
{
	char text[96];

	snprintf(text, sizeof text, "broker broke the protocol: %s", why);
	if (m->c.settings->version == 5 && m->c.connected) {
		codec_put_reason(&wire_out, 5, CODEC_DISCONNECT, reason, NULL);
		wire_send(m, m->c.last_event);
	}
	if (m->stream)
		conn_lost(m, 0, text);
}

/* A server of another protocol would be waited for in vain: what it says
 * seldom makes a whole packet. */
static bool may_answer_connect(const struct mqtt *m, uint8_t first)
{
	return !m->shaking || first == CODEC_CONNACK << 4 ||
	    first == CODEC_AUTH << 4 || first == CODEC_DISCONNECT << 4;
}

/* Handles the whole packets in `data`; how many bytes they were. */
static size_t take_packets(struct mqtt *m, const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		struct codec_packet p;
		const char *why;
		int64_t n = codec_length(data + at, len - at,
		    m->c.settings->args.max_packet_size, &why);

		if (!may_answer_connect(m, data[at])) {
			wire_broken(m, 0x82, "no CONNACK first");
			return len;
		}
		if (n == 0 || (n > 0 && (size_t)n > len - at))
			break;
		if (n == -1 || codec_decode(&p, m->c.settings->version,
		    data + at, (size_t)n, &why) == -1) {
			wire_broken(m, n == -1 ? 0x95 : 0x81, why);
			return len;
		}
		at += (size_t)n;
		if (!dispatch_packet(m, &p))
			return len;
	}
	return at;
}

static void keep_part(struct mqtt *m, const uint8_t *data, size_t len)
{
	if (codec_reserve(&m->rx, len) == -1) {
		conn_lost(m, 0, "out of memory");
		return;
	}
	memcpy(m->rx.data + m->rx.len, data, len);
	m->rx.len += len;
}

static void feed(struct mqtt *m, const uint8_t *data, size_t len)
{
	size_t n;

	if (m->rx.len == 0) {
		n = take_packets(m, data, len);
		if (n < len && m->stream)
			keep_part(m, data + n, len - n);
		return;
	}
	keep_part(m, data, len);
	if (!m->stream)
		return;
	n = take_packets(m, m->rx.data, m->rx.len);
	if (!m->stream)
		return;
	m->rx.len -= n;
	if (m->rx.len)
		memmove(m->rx.data, m->rx.data + n, m->rx.len);
	else
		codec_release(&m->rx);
}

/* Whether so many bytes more may wait for a broker that does not read; else the
 * connection has ended. */
static bool may_reply(struct mqtt *m, size_t len)
{
	if (wire_waiting(m))
		m->reply_bytes += (uint32_t)len;
	if (m->reply_bytes <= REPLIES_MAX)
		return true;
	conn_lost(m, 0, "the broker sends and does not read");
	return false;
}

/* Frames hold pieces of one stream. */
static void feed_frames(struct mqtt *m, const uint8_t *data, size_t len)
{
	while (m->stream) {
		struct codec_span piece;
		const char *why;

		switch (ws_read(m->ws, &data, &len, &piece, &why)) {
		case WS_MORE:
			return;
		case WS_DATA:
			feed(m, piece.data, piece.len);
			break;
		case WS_PING:
			if (may_reply(m, piece.len))
				send_frame(m, WS_PONG, piece.data, piece.len);
			break;
		case WS_CLOSE:
			conn_lost(m, 0, "closed by the broker");
			break;
		case WS_BAD:
			wire_broken(m, 0x81, why);
			break;
		}
	}
}

/* With many clients all of this has left the caches since the last packet:
 * it is fetched while the system call runs. */
static void fetch_ahead(const struct mqtt *m)
{
	const char *pending = (const char *)m->pending.first;

	__builtin_prefetch(m->c.changed.first);
	__builtin_prefetch(m->pending.buckets);
	__builtin_prefetch(pending);
	__builtin_prefetch(pending + 64);
	for (size_t at = 0; at < sizeof *m; at += 64)
		__builtin_prefetch((const char *)m + at);
}


static void receive(struct mqtt *m)
{
	const char *data;
	int64_t n;

	fetch_ahead(m);
	n = swarm_try_recv(m->stream, &data);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	m->c.last_event = swarm_now();
	if (n <= 0) {
		conn_lost(m, 0, m->shaking ? settings_no_connack(
		    m->c.settings) : n == 0 ? "closed by the broker" :
		    "connection lost");
		return;
	}
	if (m->ws)
		feed_frames(m, (const uint8_t *)data, (size_t)n);
	else
		feed(m, (const uint8_t *)data, (size_t)n);
	if (wire_replies.len > 0 && m->stream &&
	    may_reply(m, wire_replies.len))
		send(m, wire_replies.data, wire_replies.len, m->c.last_event);
	empty(&wire_replies);
}

void wire_ready(struct swarm_stream *stream, unsigned bits, void *arg)
{
	struct mqtt *m = arg;

	(void)stream;
	/* A handler may free the client it is called for. */
	m->c.refs++;
	if ((bits & SWARM_WRITE) && wire_waiting(m))
		flush(m);
	if ((bits & SWARM_READ) && m->stream)
		receive(m);
	client_unref(m);
}
