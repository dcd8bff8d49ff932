/*
 * Streams.  A read is always under way while there is room to keep what comes,
 * so that a message is stamped when it came and not when somebody asked.  Once
 * the queue is full reading stops, and HTTP/2's flow control lets the server
 * feel it: a message may then be stamped late, which is counted.
 *
 * A send waits for the one before, not for itself: the next message can be made
 * while this one is written, and a server that does not read is still felt.
 */
#include "stream.h"

#include "answer.h"
#include "inbox.h"
#include "types.h"

#include <swarm/log.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE       256u                /* messages read ahead */
#define QUEUE_BYTES (8u << 20)

#define STREAM_OF(e, field) \
	((struct stream *)((char *)(e) - offsetof(struct stream, field)))

/* ---- receiving ---- */

static bool is_full(const struct stream *s)
{
	return !s->discard && !s->handler &&
	    (s->queued >= QUEUE || s->queued_bytes >= QUEUE_BYTES);
}

static void read_on(struct stream *s)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	if (s->reading || s->over)
		return;
	if (is_full(s)) {
		if (!s->paused)
			rows_add(ROWS_READ_PAUSED, 1);
		s->paused = true;
		return;
	}
	s->paused = false;
	op.data.recv_message.recv_message = &s->incoming;
	s->reading = ask_start(s->call, &op, 1, &s->read) == 0;
	s->over = !s->reading;
}

static void push(struct stream *s, struct message *m)
{
	*s->last = m;
	s->last = &m->next;
	s->queued++;
	s->queued_bytes += m->m.len;
	swarm_waiters_wake(&s->call->waiters);
}

static struct message *pop(struct stream *s)
{
	struct message *m = s->first;

	if (!m)
		return NULL;
	s->first = m->next;
	if (!s->first)
		s->last = &s->first;
	s->queued--;
	s->queued_bytes -= m->m.len;
	return m;
}

static void drop_queue(struct stream *s)
{
	struct message *m;

	while ((m = pop(s)))
		inbox_free(m);
}

static bool key_of(struct stream *s, bool sent, const void *data, size_t len,
    uint64_t *key)
{
	*key = 0;
	if (s->match.rule != RPC_MATCH_KEY)
		return true;
	if (s->key)
		return s->key(data, len, key, s->arg);
	return types_key(s->method, sent, data, len, s->key_field, key);
}

/* The reply to one that was sent: a sample that began with the sending. */
static void match_reply(struct stream *s, struct message *m)
{
	struct rpc_call *c = s->call;
	struct swarm_timer t;
	int64_t sent = 0;
	uint64_t key;

	if (key_of(s, false, m->m.data, m->m.len, &key))
		sent = match_take(&s->match, key);
	if (!sent) {
		rows_add(ROWS_UNMATCHED, 1);
		return;
	}
	m->m.latency = m->m.received - sent;
	t = swarm_begin_at(c->rpc->user, rows_messages(c->rows), sent);
	swarm_done_at(&t, m->m.received, m->m.len);
}

static void note(struct stream *s, struct message *m)
{
	struct rpc_call *c = s->call;

	c->received += m->m.len;
	rows_add(ROWS_RECEIVED, 1);
	rows_add(ROWS_RECEIVED_BYTES, (int64_t)m->m.len);
	if (!c->first_at)
		c->first_at = m->m.received;
	if (s->match.rule != RPC_MATCH_NONE)
		match_reply(s, m);
	else if (s->last_at)
		rows_phase(c->rows, ROWS_GAP, m->m.received - s->last_at);
	s->last_at = m->m.received;
}

static void arrived(struct stream *s, int64_t when)
{
	struct message *m = inbox_take(s->call, s->incoming, when);

	grpc_byte_buffer_destroy(s->incoming);
	s->incoming = NULL;
	if (!m) {
		/* Compressed bytes that are none: as if it were the end. */
		grpc_call_cancel_with_status(s->call->grpc,
		    GRPC_STATUS_INTERNAL, "a message cannot be decompressed",
		    NULL);
		return;
	}
	if (s->call->timed)
		note(s, m);
	if (s->discard) {
		inbox_free(m);
	} else if (s->handler) {
		s->handler(s->call, &m->m, s->handler_arg);
		inbox_free(m);
	} else {
		push(s, m);
	}
}

static void on_read(struct cq_event *e)
{
	struct stream *s = STREAM_OF(e, read);
	struct rpc_call *c = s->call;

	s->reading = false;
	if (!s->incoming)
		s->over = true;
	else if (c->rpc)
		arrived(s, e->when);
	grpc_byte_buffer_destroy(s->incoming);
	s->incoming = NULL;
	if (c->rpc)
		read_on(s);
	if (s->over) {
		swarm_waiters_wake(&c->waiters);
		if (s->handler && c->rpc)
			s->handler(c, NULL, s->handler_arg);
		call_settle(c);
	}
	call_unref(c);
}

const struct rpc_message *stream_receive(struct rpc_call *c, int64_t deadline)
{
	const struct rpc_message *m = NULL;
	struct stream *s = c->stream;
	bool waited = false;
	int rc = 0, error;

	inbox_free(s->current);
	s->current = NULL;
	call_ref(c);
	while (!s->first && !s->over && rc == 0) {
		waited = true;
		rc = swarm_waiters_wait(&c->waiters, deadline);
		if (rc == 0 && !c->rpc) {
			errno = ECANCELED;
			rc = -1;
		}
	}
	if (rc == 0) {
		s->current = pop(s);
		if (!s->current)
			errno = ENODATA;
		else if (waited)
			rows_observe(ROWS_LAG, swarm_now() -
			    s->current->m.received);
		m = s->current ? &s->current->m : NULL;
		error = errno;
		if (c->grpc && !c->finished)
			read_on(s);
		errno = error;
	}
	error = errno;
	call_unref(c);
	errno = error;
	return m;
}

struct rpc_call *stream_of_message(const struct rpc_message *m)
{
	const struct message *whole = (const struct message *)((const char *)m
	    - offsetof(struct message, m));

	return whole->call;
}

const char *stream_message_json(const struct rpc_message *m)
{
	struct rpc_call *c = stream_of_message(m);

	return types_decode(c->rpc, c->method, false, m->data, m->len);
}

void stream_on_message(struct rpc_call *c, rpc_handler *fn, void *arg)
{
	struct stream *s = c->stream;
	struct message *m;

	s->handler = fn;
	s->handler_arg = arg;
	if (!fn)
		return;
	/* It may free the channel, or give way to another handler. */
	call_ref(c);
	while (s->handler == fn && (m = pop(s))) {
		fn(c, &m->m, arg);
		inbox_free(m);
	}
	if (s->over && s->handler == fn)
		fn(c, NULL, arg);
	else if (!s->over && c->rpc)
		read_on(s);
	call_unref(c);
}

/* ---- sending ---- */

static void on_write(struct cq_event *e)
{
	struct stream *s = STREAM_OF(e, write);
	struct rpc_call *c = s->call;

	s->writing = false;
	if (!e->ok)
		s->broken = true;
	swarm_waiters_wake(&c->waiters);
	call_unref(c);
}

static int await_turn(struct rpc_call *c)
{
	struct stream *s = c->stream;
	int rc = 0, error;

	call_ref(c);
	while (s->writing && rc == 0)
		rc = swarm_waiters_wait(&c->waiters, SWARM_FOREVER);
	if (rc == 0 && (s->broken || s->half_closed || c->finished ||
	    !c->rpc)) {
		errno = EPIPE;
		rc = -1;
	}
	error = errno;
	call_unref(c);
	errno = error;
	return rc;
}

static void note_sent(struct stream *s, int64_t when, const void *data,
    size_t len)
{
	uint64_t key;

	if (!s->call->timed)
		return;
	rows_add(ROWS_SENT, 1);
	rows_add(ROWS_SENT_BYTES, (int64_t)len);
	if (s->match.rule != RPC_MATCH_NONE &&
	    key_of(s, true, data, len, &key) &&
	    match_add(&s->match, key, when))
		rows_add(ROWS_UNANSWERED, 1);
}

static int write_out(struct stream *s, const struct rpc_send_args *a,
    bool message)
{
	grpc_op ops[2];
	size_t n = 0;
	int rc;

	memset(ops, 0, sizeof ops);
	if (message) {
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n].flags = a->raw ? GRPC_WRITE_NO_COMPRESS : 0;
		ops[n++].data.send_message.send_message =
		    ask_buffer(a->data, a->len);
	}
	if (a->last)
		ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	rc = ask_start(s->call, ops, n, &s->write);
	if (message)
		grpc_byte_buffer_destroy(
		    ops[0].data.send_message.send_message);
	if (rc == -1) {
		s->broken = true;
		errno = EPIPE;
		return -1;
	}
	s->writing = true;
	s->half_closed = a->last;
	return 0;
}

int stream_send(struct rpc_call *c, const struct rpc_send_args *from)
{
	int64_t when = swarm_now();
	struct rpc_send_args a;

	sized_copy(&a, sizeof a, from, from->size);
	if (await_turn(c) == -1)
		return -1;
	if (a.json && types_encode(c->rpc, c->method, a.json, &a.data,
	    &a.len) == -1)
		return -1;
	/* Turning JSON into bytes may wait. */
	if (await_turn(c) == -1)
		return -1;
	/* Before it is out: the answer may be there at once. */
	note_sent(c->stream, when, a.data, a.len);
	return write_out(c->stream, &a, true);
}

int stream_end(struct rpc_call *c)
{
	static const struct rpc_send_args last = { .last = true };

	if (c->stream->half_closed)
		return 0;
	if (await_turn(c) == -1)
		return -1;
	return write_out(c->stream, &last, false);
}

/* ---- opening, and the end ---- */

static void set_match(struct stream *s, const struct rpc_call_args *a)
{
	s->match.rule = a->match;
	s->key = a->key;
	s->arg = a->arg;
	if (a->key_field && !a->key)
		s->key_field = strdup(a->key_field);
}

static struct stream *stream_new(struct rpc_call *c)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->call = c;
	s->read.run = on_read;
	s->write.run = on_write;
	s->last = &s->first;
	c->stream = s;
	return s;
}

/* Something to be finished: what could not be begun. */
static struct rpc_call *dead(struct rpc *r, enum rpc_code code)
{
	struct rpc_call *c = call_new(r, NULL);
	struct stream *s = stream_new(c);

	c->code = (grpc_status_code)code;
	c->finished = true;
	s->over = true;
	s->broken = true;
	return c;
}

static int prepare(struct rpc *r, struct rpc_call_args *a,
    const struct method **method)
{
	*method = NULL;
	if (call_check(r, a) == -1)
		return -1;
	if (a->match == RPC_MATCH_KEY && !a->key && !a->key_field)
		return client_fail(r, EINVAL, "a match by key needs .key or "
		    ".key_field");
	if (a->key_field && !(*method = types_method(r, a->method)))
		return -1;
	return 0;
}

static struct rpc_call *begin(struct rpc *r, const struct rpc_call_args *a,
    const struct method *method, bool quiet)
{
	struct rpc_call *c = call_new(r, a);
	struct stream *s = stream_new(c);

	set_match(s, a);
	s->method = method;
	if (quiet) {
		swarm_drop(&c->timer);
		c->timed = false;
	}
	if (a->data)
		note_sent(s, c->began, a->data, a->len);
	s->writing = s->writing_first = a->data != NULL;
	if (ask_prepare(c, a, a->data, a->len, false) == -1 ||
	    ask_now(c) == -1) {
		call_refuse(c);
		s->over = s->broken = true;
		s->writing = false;
		return c;
	}
	if (!quiet) {
		rows_add(ROWS_STREAMS, 1);
		rows_add(ROWS_STREAMS_OPEN, 1);
		s->counted = true;
	}
	read_on(s);
	return c;
}

struct rpc_call *stream_open(struct rpc *r, const struct rpc_call_args *from)
{
	const struct method *method;
	struct rpc_call_args a;

	sized_copy(&a, sizeof a, from, from->size);
	if (prepare(r, &a, &method) == -1)
		return dead(r, call_not_made(r, &a)->code);
	return begin(r, &a, method, false);
}

struct rpc_call *stream_open_quiet(struct rpc *r,
    const struct rpc_call_args *a)
{
	return begin(r, a, NULL, true);
}

void stream_cancel(struct rpc_call *c)
{
	if (c->finished || !c->grpc)
		return;
	c->canceled = true;
	grpc_call_cancel(c->grpc, NULL);
}

static void discard(struct rpc_call *c)
{
	struct stream *s = c->stream;

	s->discard = true;
	s->handler = NULL;
	drop_queue(s);
	read_on(s);
}

static const struct rpc_reply *finish(struct rpc_call *c,
    struct swarm_user *u)
{
	if (!c->grpc || c->refused)
		return answer_none(u, (enum rpc_code)c->code, c->rpc->error);
	if (!c->canceled && stream_end(c) == -1 && errno != EPIPE)
		return answer_canceled(c, u);
	discard(c);
	if (call_wait(c) == -1)
		return answer_canceled(c, u);
	rows_observe(ROWS_LAG, swarm_now() - c->ended);
	return answer_of(c, u);
}

const struct rpc_reply *stream_finish(struct rpc_call *c)
{
	const struct rpc_reply *to;

	call_ref(c);
	to = finish(c, c->rpc->user);
	call_drop(c);
	call_unref(c);
	return to;
}

/* ---- for call.c ---- */

bool stream_reading(const struct rpc_call *c)
{
	const struct stream *s = c->stream;

	/* Nobody reads what nobody wants. */
	return s && !s->over && (s->reading || c->rpc);
}

void stream_sent(struct rpc_call *c)
{
	struct stream *s = c->stream;

	if (!s || !s->writing_first)
		return;
	s->writing = s->writing_first = false;
	swarm_waiters_wake(&c->waiters);
}

/* What was sent and never answered has failed with the stream, unless it was
 * this side that ended it. */
void stream_ended(struct rpc_call *c)
{
	struct stream *s = c->stream;
	struct swarm_timer t;
	int64_t sent;

	if (!s || !c->timed)
		return;
	while ((sent = match_next(&s->match))) {
		rows_add(ROWS_UNANSWERED, 1);
		if (c->canceled)
			continue;
		t = swarm_begin_at(c->rpc->user, rows_messages(c->rows), sent);
		swarm_fail_at(&t, c->ended, "no reply: %s",
		    rows_code_name((int)c->code));
	}
}

void stream_abandon(struct rpc_call *c)
{
	struct stream *s = c->stream;

	if (!s)
		return;
	s->handler = NULL;
	s->discard = true;
	drop_queue(s);
	if (s->counted)
		rows_add(ROWS_STREAMS_OPEN, -1);
	s->counted = false;
}

void stream_release(struct rpc_call *c)
{
	struct stream *s = c->stream;

	if (!s)
		return;
	drop_queue(s);
	inbox_free(s->current);
	match_release(&s->match);
	free(s->key_field);
	free(s);
	c->stream = NULL;
}
