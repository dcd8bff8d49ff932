/*
 * The output of a session is gathered in a buffer of the worker, and only what
 * the socket does not take at once is kept.  The first fiber that has
 * something to send lets those that are ready go before it and then sends for
 * all of them: the same that one write for each loop turn would be.
 *
 * libnghttp2 is not entered again from its own callbacks, and a connection ends
 * only outside of them.
 */
#include "h2conn.h"

#include "h2pool.h"
#include "h2stream.h"
#include "own.h"
#include "parse.h"
#include "pool.h"
#include "settings.h"

#include <swarm/fiber.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* libnghttp2 hands out a frame at a time, of 16 KiB and its head at most. */
#define GATHER ((size_t)64 * 1024)
#define FRAME_ROOM ((size_t)17 * 1024)
/* Reads in a row of one connection, before others have their turn. */
#define READS 16
/* What brings nothing, in a row and within so many seconds. */
#define IDLE_FRAMES 1000
#define IDLE_BYTES (1 << 20)            /* and a connection's window */
#define IDLE_NS (INT64_C(10) * 1000000000)

static char gather[GATHER];             /* the worker's; never across a wait */
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *option;

/* ---- memory ---- */

static void *mem_malloc(size_t size, void *arg)
{
	(void)arg;
	return pool_malloc(size);
}

static void mem_free(void *block, void *arg)
{
	(void)arg;
	pool_free(block);
}

static void *mem_calloc(size_t count, size_t size, void *arg)
{
	(void)arg;
	return pool_calloc(count, size);
}

static void *mem_realloc(void *block, size_t size, void *arg)
{
	(void)arg;
	return pool_realloc(block, size);
}

static nghttp2_mem mem = { NULL, mem_malloc, mem_free, mem_calloc,
	mem_realloc };

int h2conn_load(void)
{
	if (callbacks && option)
		return 0;
	if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
	    nghttp2_option_new(&option) != 0) {
		h2conn_unload();
		return -1;
	}
	h2stream_callbacks(callbacks);
	/* Windows are opened as bodies are taken. */
	nghttp2_option_set_no_auto_window_update(option, 1);
	return 0;
}

void h2conn_unload(void)
{
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	callbacks = NULL;
	option = NULL;
}

/* ---- sending ---- */

/* All of data[..], or as much as the socket takes: its length, or -1. */
static int64_t write_some(struct h2conn *c, const char *data, size_t len)
{
	size_t at = 0;
	int64_t n;

	while (at < len) {
		n = swarm_try_write(c->stream, data + at, len - at);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			return -1;
		at += (size_t)n;
	}
	return (int64_t)at;
}

static void on_ready(struct swarm_stream *s, unsigned ready, void *arg);

/* What is left over waits for the socket: 0, or an errno. */
static int keep_rest(struct h2conn *c, const char *data, size_t len)
{
	c->out = malloc(len);
	if (!c->out)
		return ENOMEM;
	memcpy(c->out, data, len);
	c->out_at = 0;
	c->out_len = len;
	return swarm_stream_watch(c->stream, SWARM_READ | SWARM_WRITE,
	    on_ready, c) == -1 ? errno : 0;
}

/* 0 when there is nothing left over, EAGAIN when there still is, or errno. */
static int send_rest(struct h2conn *c)
{
	int64_t n;

	if (c->out_len == 0)
		return 0;
	n = write_some(c, c->out + c->out_at, c->out_len);
	if (n == -1)
		return errno;
	c->out_at += (size_t)n;
	c->out_len -= (size_t)n;
	if (c->out_len > 0)
		return EAGAIN;
	free(c->out);
	c->out = NULL;
	return swarm_stream_watch(c->stream, SWARM_READ, on_ready, c) == -1
	    ? errno : 0;
}

/* The next frames into the worker's buffer: their length, or -1. */
static int64_t gather_frames(struct h2conn *c)
{
	const uint8_t *data;
	size_t len = 0;
	ssize_t n;

	while (len <= GATHER - FRAME_ROOM) {
		n = nghttp2_session_mem_send(c->session, &data);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		memcpy(gather + len, data, (size_t)n);
		len += (size_t)n;
	}
	return (int64_t)len;
}

/* 0, or an errno; EAGAIN when the socket is full. */
static int send_all(struct h2conn *c)
{
	int64_t len, n;
	int error = send_rest(c);

	while (error == 0) {
		len = gather_frames(c);
		if (len <= 0)
			return len == 0 ? 0 : ENOMEM;
		n = write_some(c, gather, (size_t)len);
		if (n == -1)
			return errno;
		if (n < len) {
			error = keep_rest(c, gather + n, (size_t)(len - n));
			return error ? error : EAGAIN;
		}
	}
	return error;
}

/* Why a session that has nothing to say any more is over. */
static void end_session(struct h2conn *c)
{
	if (c->flooded)
		h2conn_end(c, H2_FLOODED, 0);
	else if (c->broken && !c->greeted)
		h2conn_end(c, H2_FOREIGN, 0);
	else if (c->broken)
		h2conn_end(c, H2_BROKEN, c->broken);
	else if (c->told_off)
		h2conn_end(c, H2_TOLD_OFF, c->told_off);
	else
		h2conn_end(c, H2_CLOSED, 0);
}

bool h2conn_flush(struct h2conn *c)
{
	int error = c->deaf ? 0 : send_all(c);

	if (error == EPIPE || error == ECONNRESET) {
		/* It may have said why, or answered, before it left. */
		c->deaf = true;
		h2pool_retire(c);
		return true;
	}
	if (error && error != EAGAIN) {
		h2conn_end(c, H2_FAILED, (uint32_t)error);
		return false;
	}
	if ((c->closing && c->places == 0) ||
	    (!nghttp2_session_want_read(c->session) && error == 0 &&
	    !nghttp2_session_want_write(c->session))) {
		end_session(c);
		return false;
	}
	return true;
}

void h2conn_kick(struct h2conn *c)
{
	struct h2flush flush = { .gone = false };

	if (c->flush)
		return;
	if (c->places > 1) {
		c->flush = &flush;
		swarm_sleep(0);
		if (flush.gone)
			return;
		c->flush = NULL;
	}
	h2conn_flush(c);
}

/* ---- receiving ---- */

int64_t h2conn_clock(struct h2conn *c)
{
	if (c->read_at == 0)
		c->read_at = swarm_now();
	return c->read_at;
}

/* Whether too much has come in that nobody can use: what a server sends on a
 * stream that has been cancelled is bounded by the window. */
static bool is_flooded(struct h2conn *c)
{
	if (c->idle_since == 0)
		c->idle_since = h2conn_clock(c);
	if (c->idle_frames < IDLE_FRAMES &&
	    c->idle_bytes <= own.connection_window + IDLE_BYTES)
		return false;
	c->flooded = h2conn_clock(c) - c->idle_since < IDLE_NS;
	c->idle_since = 0;
	c->idle_frames = 0;
	c->idle_bytes = 0;
	return c->flooded;
}

bool h2conn_frame(struct h2conn *c, bool useful)
{
	if (useful) {
		c->idle_since = 0;
		c->idle_frames = 0;
		c->idle_bytes = 0;
		return true;
	}
	c->idle_frames++;
	return !is_flooded(c);
}

/* False when that was the connection's end. */
static bool take_in(struct h2conn *c, const char *data, size_t len)
{
	ssize_t n;

	c->read_at = 0;
	n = nghttp2_session_mem_recv(c->session, (const uint8_t *)data, len);
	if (n == NGHTTP2_ERR_FLOODED)
		c->flooded = true;
	/* Frames of unknown kinds are told to nobody. */
	if (n >= 0) {
		c->idle_bytes += n;
		if (!is_flooded(c))
			return true;
	}
	if (c->flooded)
		h2conn_end(c, H2_FLOODED, 0);
	else if (n == NGHTTP2_ERR_NOMEM || n == NGHTTP2_ERR_CALLBACK_FAILURE)
		h2conn_end(c, H2_FAILED, ENOMEM);
	else
		h2conn_end(c, H2_BROKEN, NGHTTP2_PROTOCOL_ERROR);
	return false;
}

/* The peer has closed, or the socket has failed. */
static void end_of_input(struct h2conn *c, int64_t n)
{
	int error = errno;

	/* What is to be said of its last frames says what was wrong. */
	if (!c->deaf)
		send_all(c);
	c->deaf = true;
	if (n == -1 && error != ECONNABORTED)
		h2conn_end(c, H2_FAILED, (uint32_t)error);
	else
		end_session(c);
}

static bool read_all(struct h2conn *c)
{
	const char *data;
	unsigned reads;
	int64_t n;

	for (reads = 0; reads < READS; reads++) {
		n = swarm_try_recv(c->stream, &data);
		if (n == -1 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			end_of_input(c, n);
			return false;
		}
		if (!take_in(c, data, (size_t)n))
			return false;
	}
	return true;
}

static void on_ready(struct swarm_stream *s, unsigned ready, void *arg)
{
	struct h2conn *c = arg;

	(void)s;
	if ((ready & SWARM_READ) && !read_all(c))
		return;
	/* The fiber that is about to flush does it for us. */
	if (!c->flush || (ready & SWARM_WRITE))
		h2conn_flush(c);
}

/* ---- life ---- */

struct h2conn *h2conn_new(struct h2pool *pool)
{
	struct h2conn *c;

	if (h2conn_load() == -1)
		return NULL;
	c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->pool = pool;
	c->places = 1;
	return c;
}

static int greet(struct h2conn *c)
{
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
			(uint32_t)own.window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, PARSE_HEAD_MAX },
	};

	if (nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, entries,
	    sizeof entries / sizeof entries[0]) != 0)
		return -1;
	return nghttp2_session_set_local_window_size(c->session,
	    NGHTTP2_FLAG_NONE, 0, (int32_t)own.connection_window);
}

int h2conn_start(struct h2conn *c, struct swarm_stream *stream)
{
	if (nghttp2_session_client_new3(&c->session, callbacks, c, option,
	    &mem) != 0 || greet(c) != 0 ||
	    swarm_stream_watch(stream, SWARM_READ, on_ready, c) == -1) {
		nghttp2_session_del(c->session);
		c->session = NULL;
		swarm_close(stream);
		return -1;
	}
	c->stream = stream;
	return 0;
}

/* Says goodbye as far as that needs no wait. */
static void take_leave(struct h2conn *c)
{
	if (c->deaf || nghttp2_session_terminate_session(c->session,
	    NGHTTP2_NO_ERROR) != 0)
		return;
	send_all(c);
}

void h2conn_end(struct h2conn *c, enum h2end how, uint32_t code)
{
	struct h2pool *pool = c->pool;

	h2pool_drop(c);
	if (c->flush)
		c->flush->gone = true;
	c->over = true;
	h2stream_end_all(c, how, code);
	if (c->stream && how == H2_CLOSED)
		take_leave(c);
	nghttp2_session_del(c->session);
	swarm_close(c->stream);
	free(c->out);
	free(c);
	h2pool_serve(pool);
}

unsigned h2conn_limit(const struct h2conn *c)
{
	uint32_t theirs;

	/* One that is not kept is there for one request. */
	if (!settings.keepalive)
		return 1;
	theirs = nghttp2_session_get_remote_settings(c->session,
	    NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	return theirs < (uint32_t)settings.streams ? theirs
	    : (unsigned)settings.streams;
}
