/*
 * Answers.  A whole answer is parsed in the worker's read buffer and only what
 * the scenario may look at is copied: the header lines and, unless discarded,
 * the body.
 */
#include "exchange.h"

#include "h2.h"
#include "room.h"
#include "settings.h"

#include <swarm/fiber.h>
#include <swarm/net.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_FIRST ((size_t)4096)
/* A length is a promise: more memory than this only for what has come. */
#define SCRATCH_PROMISED ((uint64_t)1024 * 1024)

static const char too_large[] =
    "the body is larger than the option max_body";
static const char broken_coding[] = "the compressed body is broken";

/* ---- the head ---- */

/* A decoder where there is something to decode; NULL, or what is wrong. */
static const char *prepare_body(struct exchange *x)
{
	struct parse *p = &x->parse;

	/* Of an open response only a piece is ever in memory. */
	if (p->facts.has_length && p->facts.length > (uint64_t)settings.max_body &&
	    !p->no_body && !x->c.opened)
		return too_large;
	if (p->facts.coding != PARSE_GZIP && p->facts.coding != PARSE_DEFLATE)
		return NULL;
	if (p->no_body || (x->c.discard && !x->c.opened))
		return NULL;
	x->inflate = inflate_take(p->facts.coding == PARSE_GZIP);
	return x->inflate ? NULL : "out of memory";
}

const char *receive_head(struct exchange *x, const char *head, size_t len)
{
	const struct parse_facts *f = &x->parse.facts;
	struct http_response *r = &x->c.a.pub;

	x->location_len = f->location_at ? f->location_len : 0;
	if (f->location_at)
		x->location = head + (f->location_at - f->first_line);
	x->c.a.head = head;
	x->c.a.head_len = len;
	r->status = f->status;
	r->version = x->h2 ? "2" : f->minor ? "1.1" : "1.0";
	return prepare_body(x);
}

static const char *take_head(struct exchange *x)
{
	struct parse *p = &x->parse;
	char *head = swarm_alloc(x->c.a.pub.user, p->head_len + 1);

	memcpy(head, p->head, p->head_len);
	head[p->head_len] = '\0';
	return receive_head(x, head, p->head_len);
}

/* ---- the body ---- */

static void keep(struct exchange *x, const char *data, size_t len)
{
	struct http_response *r = &x->c.a.pub;
	size_t first = SCRATCH_FIRST;

	if (!x->inflate && x->parse.facts.has_length)
		first = (size_t)(x->parse.facts.length < SCRATCH_PROMISED
		    ? x->parse.facts.length : SCRATCH_PROMISED) + 1;
	room_for(r->user, &x->kept, &x->kept_cap, r->len, len, first);
	r->body = x->kept;
	memcpy(x->kept + r->len, data, len);
	x->kept[r->len + len] = '\0';
}

/* Plain bytes of the body; NULL, or why to give up. */
static const char *deliver(struct exchange *x, const char *data, size_t len)
{
	struct http_response *r = &x->c.a.pub;

	if (r->len + len > (uint64_t)settings.max_body)
		return too_large;
	if (x->c.args->consume) {
		if (!course_redirected(&x->c, x->location_len) &&
		    x->c.args->consume(x->c.args->consume_arg, data, len) != 0)
			return "the scenario gave up on the body";
	} else if (!x->c.discard) {
		keep(x, data, len);
	}
	r->len += len;
	return NULL;
}

const char *receive_body(struct exchange *x, const char *data, size_t len)
{
	const char *plain, *why = NULL;
	long n;

	if (!x->inflate)
		return deliver(x, data, len);
	inflate_feed(x->inflate, data, len);
	while (!why && (n = inflate_next(x->inflate, &plain)) != 0) {
		if (n < 0)
			return broken_coding;
		why = deliver(x, plain, (size_t)n);
	}
	return why;
}

static void take_trailers(struct exchange *x)
{
	const struct parse *p = &x->parse;
	char *lines = swarm_alloc(x->c.a.pub.user, p->trailers_len);

	memcpy(lines, p->trailers, p->trailers_len);
	x->c.a.trailers = lines;
	x->c.a.trailers_len = p->trailers_len;
}

const char *receive_whole(struct exchange *x)
{
	if (x->parse.trailers_len > 0)
		take_trailers(x);
	return x->inflate && !inflate_ended(x->inflate) ? broken_coding : NULL;
}

/* ---- reading ---- */

/* What a failed read is called.  The causes are few, so the texts are too. */
const char *receive_error(struct exchange *x, int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "timed out";
	case ECANCELED:
		return "cancelled";
	case ECONNRESET:
		return "read: Connection reset by peer";
	default:
		return swarm_printf(x->c.a.pub.user, "read: %s",
		    strerror(error));
	}
}

/*
 * Eats data[..]: 1 when the answer is whole (or, with `head`, has its head),
 * 0 for more, -1 with *error.
 */
static int eat(struct exchange *x, bool head, const char **at,
    const char *end, const char **error)
{
	for (;;) {
		switch (parse_next(&x->parse, at, end)) {
		case PARSE_MORE:
			return 0;
		case PARSE_HEAD:
			*error = take_head(x);
			if (!*error && head)
				return 1;
			break;
		case PARSE_DATA:
			*error = receive_body(x, x->parse.data,
			    x->parse.data_len);
			break;
		case PARSE_DONE:
			*error = receive_whole(x);
			if (!*error)
				return 1;
			break;
		case PARSE_ERROR:
			*error = x->parse.error;
			break;
		}
		if (*error) {
			errno = EPROTO;
			return -1;
		}
	}
}

/* The connection is at its end: the body may be too. */
static int at_the_end(struct exchange *x, const char **error)
{
	bool started = x->parse.started;

	if (parse_end(&x->parse) == PARSE_DONE && !receive_whole(x))
		return 0;
	*error = x->parse.error ? x->parse.error : broken_coding;
	errno = started ? EPROTO : ECONNRESET;
	return -1;
}

/* Bytes behind the answer: the next one's, or nobody has asked for them. */
static void note_rest(struct exchange *x, const char *at, const char *end)
{
	if (at == end)
		return;
	if (x->conn->owed > 0) {
		x->conn->ahead = at;
		x->conn->ahead_len = (size_t)(end - at);
	} else {
		x->parse.keep_alive = false;
	}
}

/* An open response has a small buffer of its own, since its scenario may wait
 * between two pieces; any other borrows the worker's. */
static int64_t read_some(struct exchange *x, const char **at)
{
	struct swarm_stream *s = x->conn->stream;
	int64_t n = (int64_t)x->conn->ahead_len;

	if (n > 0) {
		*at = x->conn->ahead;
		x->conn->ahead_len = 0;
		return n;
	}
	*at = x->piece;
	if (!x->piece)
		n = swarm_recv(s, at, x->c.deadline);
	else
		n = swarm_read(s, x->piece, EXCHANGE_PIECE, x->c.deadline);
	/* Many servers end a body with the connection and leave out TLS's
	 * goodbye; whether the answer is whole, its framing says. */
	return n == -1 && errno == ECONNABORTED ? 0 : n;
}

/* What a read has brought: 1 when that was all (or the head), 0 for more, -1
 * with *error and errno. */
static int take(struct exchange *x, bool head, const char *at, int64_t n,
    const char **error)
{
	const char *end = at + n;
	int rc;

	if (n == 0)
		return at_the_end(x, error) == 0 ? 1 : -1;
	rc = eat(x, head, &at, end, error);
	if (rc == 1 && head) {
		x->at = at;
		x->end = end;
	} else if (rc == 1) {
		note_rest(x, at, end);
	} else if (rc == 0 && x->first_byte == 0) {
		x->first_byte = swarm_now();
	}
	return rc;
}

int receive_answer(struct exchange *x, bool head, const char **error)
{
	const char *at;
	int64_t n;
	int rc = x->early;

	*error = rc == -1 ? x->early_error : NULL;
	if (rc == -1)
		errno = x->early_errno;
	x->early = 0;
	while (rc == 0) {
		n = read_some(x, &at);
		if (n == -1) {
			*error = receive_error(x, errno);
			return -1;
		}
		rc = take(x, head, at, n, error);
	}
	return rc == 1 ? 0 : -1;
}

/* What the server does not want it must not be sent (RFC 9112, 9.5); of one
 * that consents, more of the answer may depend on the rest. */
static bool refuses(const struct exchange *x)
{
	return x->c.a.pub.status >= 300;
}

bool receive_early(struct exchange *x)
{
	struct swarm_stream *s = x->conn->stream;
	const char *at = x->piece;
	int64_t n;

	n = x->piece ? swarm_read(s, x->piece, EXCHANGE_PIECE, 0)
	    : swarm_try_recv(s, &at);
	if (n == -1 && errno == ECONNABORTED)
		n = 0;
	if (n == -1)
		/* Whatever it is, writing fails of it too. */
		return false;
	x->early = take(x, x->c.opened, at, n, &x->early_error);
	x->early_errno = errno;
	x->cut = x->early == -1 || (x->early == 1 && !x->c.opened) ||
	    refuses(x);
	return x->cut;
}

/* ---- open responses ---- */

/* The next plain piece among the bytes at hand: its length, 0 for none, -1
 * with *error; *done when the answer is whole. */
static int64_t next_at_hand(struct exchange *x, const char **data, bool *done,
    const char **error)
{
	const char *plain;
	long n;

	for (;;) {
		if (x->inflate) {
			n = inflate_next(x->inflate, &plain);
			if (n < 0)
				*error = broken_coding;
			if (n > 0) {
				memcpy(x->kept, plain, (size_t)n);
				*data = x->kept;
			}
			if (n != 0)
				return n;
		}
		switch (x->h2 ? h2_next(x) : parse_next(&x->parse, &x->at,
		    x->end)) {
		case PARSE_DATA:
			if (!x->inflate) {
				*data = x->parse.data;
				return (int64_t)x->parse.data_len;
			}
			inflate_feed(x->inflate, x->parse.data,
			    x->parse.data_len);
			break;
		case PARSE_DONE:
			*done = true;
			return 0;
		case PARSE_ERROR:
			*error = x->parse.error;
			return -1;
		case PARSE_MORE:
		case PARSE_HEAD:
			return 0;
		}
	}
}

int64_t receive_read(struct http_response *r, const char **data)
{
	struct exchange *x = (struct exchange *)r;
	const char *error = NULL;
	bool done = false;
	int64_t n;

	*data = "";
	if (x->c.a.ended || !x->c.opened)
		return r->error ? -1 : 0;
	if (x->inflate && !x->kept)
		x->kept = swarm_alloc(r->user, INFLATE_PIECE);
	for (;;) {
		n = next_at_hand(x, data, &done, &error);
		if (n > 0) {
			r->len += (size_t)n;
			course_piece(&x->c);
			return n;
		}
		if (n == -1 || done)
			break;
		if (x->h2) {
			error = h2_await_body(x);
			if (error)
				break;
			continue;
		}
		n = read_some(x, &x->at);
		if (n == -1) {
			error = receive_error(x, errno);
			break;
		}
		if (n == 0) {
			at_the_end(x, &error);
			break;
		}
		x->end = x->at + n;
	}
	if (done)
		note_rest(x, x->at, x->end);
	if (done)
		error = receive_whole(x);
	exchange_end(x, error);
	return error ? -1 : 0;
}

int receive_event(struct http_response *r, struct http_event *event)
{
	struct exchange *x = (struct exchange *)r;
	int rc = answer_event(&x->c.a, event, receive_read);

	if (rc == -2)
		exchange_end(x, answer_event_too_large);
	return rc < 0 ? -1 : rc;
}

int receive_finish(struct http_response *r)
{
	struct exchange *x = (struct exchange *)r;

	if (!x->c.a.ended) {
		/* In the middle of an answer. */
		x->parse.keep_alive = false;
		exchange_end(x, NULL);
	}
	return r->error ? -1 : 0;
}
