/*
 * The course of one try.  What a server has not looked at (RFC 9113, 8.7: it
 * refused the stream, or said goodbye before it) may be sent again whatever it
 * is; what was lost with a connection only under the rule that holds for
 * HTTP/1.1 too, see exchange.c.
 */
#include "h2.h"

#include "h2conn.h"
#include "h2pool.h"
#include "h2stream.h"
#include "own.h"

#include <swarm/fiber.h>
#include <swarm/user.h>

#include <errno.h>
#include <string.h>

#define TRIES 4                         /* of what the server refuses */
#define PIECE ((size_t)16 * 1024)

bool h2_possible(const struct origin *o)
{
	if (!o->https)
		return own.http == OWN_H2C;
	return own.http != OWN_HTTP_1 && (o->known_until == 0 ||
	    o->known_until < swarm_now());
}

int64_t h2_ended(const struct exchange *x)
{
	return x->h2 ? x->h2->ended : 0;
}

/* ---- what became of it ---- */

static const char *reset(const struct exchange *x, const struct h2stream *s)
{
	return swarm_printf(x->c.a.pub.user, s->by_server
	    ? "the server reset the stream: %s"
	    : "the answer breaks HTTP/2: %s",
	    nghttp2_http2_strerror(s->code));
}

static const char *lost(struct exchange *x, const struct h2stream *s)
{
	struct swarm_user *u = x->c.a.pub.user;

	switch (s->end) {
	case H2_FAILED:
		return receive_error(x, (int)s->code);
	case H2_BROKEN:
		return swarm_printf(u, "the server breaks HTTP/2: %s",
		    nghttp2_http2_strerror(s->code));
	case H2_TOLD_OFF:
		return swarm_printf(u, "the server ended the connection: %s",
		    nghttp2_http2_strerror(s->code));
	case H2_FLOODED:
		return "the server sends floods of frames that bring nothing";
	case H2_FOREIGN:
		return "the server does not speak HTTP/2";
	case H2_CLOSED:
		break;
	}
	return x->parse.started ? "the answer ended early"
	    : "the server closed the connection";
}

/* NULL when all is well, or not yet over; else what is wrong. */
static const char *verdict(struct exchange *x)
{
	const struct h2stream *s = x->h2;

	switch (s->fate) {
	case H2_UNDER_WAY:
	case H2_WHOLE:
		return NULL;
	case H2_GIVEN_UP:
		return s->error;
	case H2_REFUSED:
		return s->by_server ? "the server refused the stream"
		    : "the server went away before the request (GOAWAY)";
	case H2_RESET:
		return reset(x, s);
	case H2_LOST:
		break;
	}
	return lost(x, s);
}

/* A body that is made as it is sent cannot be made again, and of an answer that
 * has begun the scenario may have seen something. */
static bool is_worth_another(const struct exchange *x, unsigned tries)
{
	const struct h2stream *s = x->h2;

	if (!own.retry || x->c.args->produce || x->parse.started)
		return false;
	if (s->fate == H2_REFUSED)
		return tries < TRIES;
	return s->fate == H2_LOST && s->on_used && tries < 2 &&
	    exchange_may_repeat(x) && (s->end == H2_CLOSED ||
	    (s->end == H2_FAILED && s->code == ECONNRESET));
}

/* ---- waiting ---- */

static bool is_over(const struct h2stream *s)
{
	return s->fate != H2_UNDER_WAY;
}

static bool has_head(const struct h2stream *s)
{
	return is_over(s) || s->head.told;
}

static bool has_body(const struct h2stream *s)
{
	return is_over(s) || s->queue_len > 0;
}

/* The last piece of the request is on its way, or need not be. */
static bool has_sent(const struct h2stream *s)
{
	return is_over(s) || s->out_len == 0;
}

static const char *await(struct exchange *x,
    bool (*enough)(const struct h2stream *))
{
	while (!enough(x->h2)) {
		if (swarm_park(x->c.deadline) == -1 && !enough(x->h2))
			return receive_error(x, errno);
	}
	return NULL;
}

/* A body of unknown length: made by this fiber, as it may wait. */
static const char *send_pieces(struct exchange *x)
{
	char *buf = swarm_alloc(x->c.a.pub.user, PIECE);
	struct h2stream *s = x->h2;
	const char *error;
	int64_t n;

	do {
		n = x->c.args->produce(x->c.args->produce_arg, buf, PIECE);
		if (n < 0 || n > (int64_t)PIECE)
			return "the scenario gave up on the body";
		s->out = buf;
		s->out_len = (size_t)n;
		s->out_last = n == 0;
		h2stream_resume(s);
		error = await(x, has_sent);
		if (error)
			return error;
	} while (n > 0 && !is_over(s));
	return NULL;
}

/* ---- the call ---- */

/* The request has been submitted: NULL, or what failed. */
static const char *try_once(struct exchange *x, bool head)
{
	const char *error = NULL;

	h2conn_kick(x->h2->conn);
	if (x->c.args->produce && x->c.body.present)
		error = send_pieces(x);
	if (!error)
		error = await(x, head ? has_head : is_over);
	return error ? error : verdict(x);
}

const char *h2_transact(struct exchange *x, struct origin *origin, bool head,
    bool *other)
{
	const char *error;
	struct h2conn *c;
	unsigned tries = 0;

	*other = false;
	for (;;) {
		x->sent = x->first_byte = 0;
		x->c.a.pub.reused = false;
		c = h2pool_take(x, origin, &error);
		if (!c) {
			*other = !error;
			return error;
		}
		parse_start(&x->parse, strcmp(x->c.method, "HEAD") == 0);
		tries++;
		if (h2stream_submit(c, x, &error) == -1) {
			if (error || tries == TRIES)
				return error ? error
				    : "no connection takes the request";
			continue;
		}
		x->template = NULL;
		x->c.a.pub.reused = x->h2->on_used;
		error = try_once(x, head);
		if (!error || !is_worth_another(x, tries))
			return error;
		h2_leave(x);
	}
}

void h2_leave(struct exchange *x)
{
	struct h2stream *s = x->h2;

	x->h2 = NULL;
	h2stream_leave(s);
}

/* ---- open responses ---- */

enum parse_event h2_next(struct exchange *x)
{
	struct h2stream *s = x->h2;

	if (s->queue_len > 0) {
		h2stream_swap(s);
		x->parse.data = s->piece;
		x->parse.data_len = s->piece_len;
		return PARSE_DATA;
	}
	x->parse.error = verdict(x);
	if (x->parse.error)
		return PARSE_ERROR;
	return is_over(s) ? PARSE_DONE : PARSE_MORE;
}

const char *h2_await_body(struct exchange *x)
{
	return await(x, has_body);
}
