/*
 * The callbacks of libnghttp2, which run on the loop or, while something is
 * sent, on a fiber: they never wait and never end a connection.
 *
 * Streams come from a list that keeps as many as were ever under way at once.
 */
#include "h2stream.h"

#include "h2pool.h"
#include "settings.h"

#include <swarm/user.h>

#include <stdlib.h>
#include <string.h>

#define QUEUE_FIRST ((size_t)4096)

static struct h2stream *spare;

static struct h2stream *stream_new(void)
{
	struct h2stream *s = spare;

	if (!s)
		return calloc(1, sizeof *s);
	spare = s->next;
	memset(s, 0, sizeof *s);
	return s;
}

static void stream_free(struct h2stream *s)
{
	free(s->queue);
	free(s->piece);
	s->next = spare;
	spare = s;
}

void h2stream_release(void)
{
	struct h2stream *s;

	while ((s = spare) != NULL) {
		spare = s->next;
		free(s);
	}
}

static struct h2stream *find(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static void wake(struct h2stream *s)
{
	if (s->x)
		swarm_wake(s->waker);
}

static void seal(struct h2stream *s, enum h2fate fate)
{
	if (s->fate != H2_UNDER_WAY)
		return;
	s->fate = fate;
	s->ended = swarm_now();
	wake(s);
}

static void cancel(struct h2stream *s)
{
	if (s->cancelled)
		return;
	s->cancelled = true;
	nghttp2_submit_rst_stream(s->conn->session, NGHTTP2_FLAG_NONE, s->id,
	    NGHTTP2_CANCEL);
}

/* Nothing of the answer is wanted any more. */
static void give_up(struct h2stream *s, const char *why)
{
	s->error = why;
	seal(s, H2_GIVEN_UP);
	cancel(s);
}

/* The fiber still waits for what comes. */
static bool is_wanted(const struct h2stream *s)
{
	return s && s->x && s->fate == H2_UNDER_WAY;
}

/* ---- what comes in ---- */

static int on_begin_frame(nghttp2_session *session,
    const nghttp2_frame_hd *hd, void *arg)
{
	bool useful = (hd->type == NGHTTP2_HEADERS ||
	    (hd->type == NGHTTP2_DATA && hd->length > 0)) &&
	    is_wanted(find(session, hd->stream_id));

	return h2conn_frame(arg, useful) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *session,
    const nghttp2_frame *frame, void *arg)
{
	struct h2conn *c = arg;
	struct h2stream *s = find(session, frame->hd.stream_id);

	c->current = s;
	if (!is_wanted(s))
		return 0;
	s->x->parse.started = true;
	if (s->x->first_byte == 0)
		s->x->first_byte = h2conn_clock(c);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value, size_t len,
    uint8_t flags, void *arg)
{
	struct h2conn *c = arg;
	struct h2stream *s = c->current;
	const char *why;

	(void)session;
	(void)flags;
	if (!is_wanted(s) || s->id != frame->hd.stream_id)
		return 0;
	why = h2head_field(&s->head, s->x, (const char *)name, name_len,
	    (const char *)value, len);
	if (why)
		give_up(s, why);
	return 0;
}

static void end_of_head(struct h2stream *s)
{
	const char *why;
	bool final;

	why = h2head_end(&s->head, s->x, &final);
	if (why)
		give_up(s, why);
	else if (final && s->x->c.opened)
		wake(s);
}

static void end_of_stream(struct h2stream *s)
{
	const char *why = s->x->c.opened ? NULL : receive_whole(s->x);

	if (why)
		give_up(s, why);
	else
		seal(s, H2_WHOLE);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame,
    void *arg)
{
	struct h2conn *c = arg;
	struct h2stream *s;

	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		c->greeted = true;
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
			h2pool_limited(c);
		return 0;
	case NGHTTP2_GOAWAY:
		c->told_off = frame->goaway.error_code;
		h2pool_retire(c);
		return 0;
	case NGHTTP2_RST_STREAM:
		s = find(session, frame->hd.stream_id);
		if (s)
			s->by_server = true;
		return 0;
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		break;
	default:
		return 0;
	}
	s = find(session, frame->hd.stream_id);
	if (is_wanted(s) && frame->hd.type == NGHTTP2_HEADERS)
		end_of_head(s);
	if (is_wanted(s) && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		end_of_stream(s);
	return 0;
}

/* For an open response: false when out of memory. */
static bool enqueue(struct h2stream *s, const char *data, size_t len)
{
	size_t cap = s->queue_cap ? s->queue_cap : QUEUE_FIRST;
	char *grown;

	while (cap < s->queue_len + len)
		cap *= 2;
	if (cap != s->queue_cap) {
		grown = realloc(s->queue, cap);
		if (!grown)
			return false;
		s->queue = grown;
		s->queue_cap = cap;
	}
	memcpy(s->queue + s->queue_len, data, len);
	s->queue_len += len;
	return true;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *data, size_t len, void *arg)
{
	struct h2stream *s = find(session, id);
	const char *why = NULL;

	(void)flags;
	(void)arg;
	if (is_wanted(s) && s->x->c.opened) {
		/* The stream's window opens when the scenario has read. */
		if (!enqueue(s, (const char *)data, len))
			why = "out of memory";
		wake(s);
		nghttp2_session_consume_connection(session, len);
	} else {
		if (is_wanted(s))
			why = receive_body(s->x, (const char *)data, len);
		nghttp2_session_consume(session, id, len);
	}
	if (why)
		give_up(s, why);
	return 0;
}

/* ---- the end of a stream ---- */

static void unlink_stream(struct h2stream *s)
{
	if (s->conn->current == s)
		s->conn->current = NULL;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->conn = NULL;
}

static int on_stream_close(nghttp2_session *session, int32_t id,
    uint32_t code, void *arg)
{
	struct h2conn *c = arg;
	struct h2stream *s = c->over ? NULL : find(session, id);

	if (!s)
		return 0;
	unlink_stream(s);
	s->code = code;
	seal(s, code == NGHTTP2_REFUSED_STREAM ? H2_REFUSED : H2_RESET);
	if (!s->x)
		stream_free(s);
	h2pool_give(c);
	return 0;
}

/* The request has not been sent: mostly because the server said goodbye while
 * it waited to be. */
static int on_frame_not_send(nghttp2_session *session,
    const nghttp2_frame *frame, int error, void *arg)
{
	const struct h2conn *c = arg;
	struct h2stream *s;

	if (c->over || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	s = find(session, frame->hd.stream_id);
	if (!is_wanted(s))
		return 0;
	if (error != NGHTTP2_ERR_START_STREAM_NOT_ALLOWED) {
		s->error = nghttp2_strerror(error);
		s->cancelled = true;
		seal(s, H2_GIVEN_UP);
	}
	seal(s, H2_REFUSED);
	return 0;
}

/* What we tell the server is wrong. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame,
    void *arg)
{
	struct h2conn *c = arg;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->broken = frame->goaway.error_code;
	return 0;
}

void h2stream_end_all(struct h2conn *c, enum h2end how, uint32_t code)
{
	struct h2stream *s;

	while ((s = c->streams) != NULL) {
		unlink_stream(s);
		if (s->fate == H2_UNDER_WAY) {
			s->end = how;
			s->code = code;
			seal(s, H2_LOST);
		}
		if (!s->x)
			stream_free(s);
	}
}

void h2stream_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb,
	    on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb,
	    on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
	    on_stream_close);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb,
	    on_frame_not_send);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb,
	    on_frame_send);
}

/* ---- what goes out ---- */

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf,
    size_t size, uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2stream *s = source->ptr;
	struct h2conn *c = arg;

	(void)session;
	(void)id;
	/* The bytes are gone with their fiber. */
	if (c->over || !s->x)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	h2conn_frame(c, true);
	if (s->out_len == 0 && !s->out_last)
		return NGHTTP2_ERR_DEFERRED;
	if (size > s->out_len)
		size = s->out_len;
	if (size > 0)
		memcpy(buf, s->out, size);
	s->out += size;
	s->out_len -= size;
	if (s->out_len > 0)
		return (ssize_t)size;
	if (s->out_last)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else
		wake(s);
	return (ssize_t)size;
}

static void link_stream(struct h2conn *c, struct h2stream *s)
{
	s->conn = c;
	s->next = c->streams;
	if (s->next)
		s->next->prev = &s->next;
	s->prev = &c->streams;
	c->streams = s;
}

static struct h2stream *prepare(struct exchange *x)
{
	struct h2stream *s = stream_new();

	if (!s)
		return NULL;
	s->x = x;
	s->waker = swarm_waker();
	if (!x->c.args->produce) {
		s->out = x->c.body.data;
		s->out_len = x->c.body.len;
		s->out_last = true;
	}
	return s;
}

/* The request's number, or a negative one with *why. */
static int32_t send_fields(struct h2conn *c, struct h2stream *s,
    const char **why)
{
	nghttp2_data_provider body = { .source.ptr = s,
		.read_callback = read_body };
	bool has_body = s->x->c.body.present && !(s->out_last &&
	    s->out_len == 0);
	nghttp2_nv *fields;
	size_t count = h2head_request(s->x, &fields, why);
	int32_t id;

	if (count == 0)
		return -1;
	id = nghttp2_submit_request(c->session, NULL, fields, count,
	    has_body ? &body : NULL, s);
	if (id >= 0)
		return id;
	*why = id == NGHTTP2_ERR_NOMEM ? "out of memory" : NULL;
	/* It has had its two thousand million streams, say. */
	h2pool_retire(c);
	return -1;
}

int h2stream_submit(struct h2conn *c, struct exchange *x, const char **why)
{
	struct h2stream *s = c->closing ? NULL : prepare(x);

	*why = NULL;
	if (!s) {
		*why = c->closing ? NULL : "out of memory";
		goto give_back;
	}
	s->id = send_fields(c, s, why);
	if (s->id < 0)
		goto free_stream;
	link_stream(c, s);
	h2conn_frame(c, true);
	s->on_used = c->requests++ > 0;
	if (!settings.keepalive)
		h2pool_retire(c);
	x->h2 = s;
	return 0;

free_stream:
	swarm_waker_free(s->waker);
	stream_free(s);
give_back:
	h2pool_give(c);
	h2conn_flush(c);
	return -1;
}

void h2stream_resume(struct h2stream *s)
{
	if (!s->conn)
		return;
	nghttp2_session_resume_data(s->conn->session, s->id);
	h2conn_kick(s->conn);
}

void h2stream_swap(struct h2stream *s)
{
	char *full = s->queue;
	size_t cap = s->queue_cap, len = s->queue_len;

	s->queue = s->piece;
	s->queue_cap = s->piece_cap;
	s->queue_len = 0;
	s->piece = full;
	s->piece_cap = cap;
	s->piece_len = len;
	if (!s->conn || len == 0)
		return;
	nghttp2_session_consume_stream(s->conn->session, s->id, len);
	if (nghttp2_session_want_write(s->conn->session))
		h2conn_flush(s->conn);
}

void h2stream_leave(struct h2stream *s)
{
	struct h2conn *c = s->conn;

	swarm_waker_free(s->waker);
	s->waker = NULL;
	s->x = NULL;
	if (!c) {
		stream_free(s);
		return;
	}
	cancel(s);
	h2conn_flush(c);
}
