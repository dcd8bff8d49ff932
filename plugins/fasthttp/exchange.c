/*
 * The course of a call: target, connection, request, answer, and again when a
 * kept connection turned out dead or the answer sends us elsewhere.
 *
 * A server may close a connection that has been idle at any moment, also the
 * one in which the next request is on its way.  When nothing has come back on
 * a connection that had been used before, and the request may be repeated
 * without harm (RFC 9110, 9.2.2), it is sent once more on another connection;
 * both count as one sample.
 */
#include "exchange.h"

#include "batch.h"
#include "connect.h"
#include "h2.h"
#include "heads.h"
#include "own.h"
#include "settings.h"
#include "template.h"

#include <swarm/fiber.h>
#include <swarm/net.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct template *exchange_template(struct exchange *x, const char **why)
{
	if (x->template)
		return x->template;
	x->head = NULL;
	x->template = template_get(x->c.base, x->c.method, x->c.path,
	    x->c.args->name, why);
	return x->template;
}

static struct parse_memo memo;

/* ---- connections ---- */

/* A fresh connection; NULL with *error. */
static struct connection *connect_new(struct exchange *x,
    struct origin *origin, const char **error)
{
	struct swarm_stream *stream = connect_stream(x, origin, false,
	    origin->https ? session_tls(x->session, origin) : NULL, error);
	struct connection *c;

	if (!stream)
		return NULL;
	c = session_connection(stream, origin);
	if (!c)
		*error = "out of memory";
	return c;
}

/* ---- one request and its answer ---- */

bool exchange_may_repeat(const struct exchange *x)
{
	static const char *const safe[] = { "GET", "HEAD", "OPTIONS", "PUT",
		"DELETE", "TRACE", NULL };
	int i;

	if (!own.retry || x->c.args->produce)
		return false;
	for (i = 0; safe[i]; i++) {
		if (strcmp(x->c.method, safe[i]) == 0)
			return true;
	}
	return false;
}

static const char *write_error(struct exchange *x, int error)
{
	if (error == ETIMEDOUT)
		return "timed out";
	if (error == ECANCELED)
		return "cancelled";
	return swarm_printf(x->c.a.pub.user, "write: %s", strerror(error));
}

static bool asks_head(const struct exchange *x)
{
	return x->c.method[0] == 'H' && strcmp(x->c.method, "HEAD") == 0;
}

/* Sends and receives on x->conn; NULL, or what failed.  *lost: the connection
 * ended before any byte of an answer. */
static const char *try_once(struct exchange *x, bool head, bool *lost)
{
	const char *why = NULL, *error;
	bool gone;

	*lost = false;
	x->cut = false;
	x->early = 0;
	parse_start(&x->parse, asks_head(x));
	if (send_request(x, &why) == -1) {
		if (why)
			return why;
		x->cut = true;
		gone = errno == EPIPE || errno == ECONNRESET;
		why = write_error(x, errno);
		/* A server that has gone may have said why. */
		if (gone && receive_answer(x, head, &error) == 0)
			return NULL;
		*lost = gone && !x->parse.started;
		return why;
	}
	x->conn->requests++;
	if (receive_answer(x, head, &error) == 0)
		return NULL;
	*lost = !x->parse.started && errno == ECONNRESET;
	return error;
}

static const char *transact(struct exchange *x, bool head)
{
	const struct template *t;
	const char *error = NULL;
	struct origin *origin;
	bool lost, other;

	t = exchange_template(x, &error);
	if (!t)
		return error;
	origin = t->origin;
	if (h2_possible(origin)) {
		error = h2_transact(x, origin, head, &other);
		if (!other)
			return error;
		/* It wants HTTP/1.1, on a connection that has been made. */
		if (x->conn)
			return try_once(x, head, &lost);
	}
	x->sent = x->first_byte = 0;
	x->c.a.pub.reused = false;
	x->conn = session_take(x->session, origin);
	if (x->conn) {
		x->c.a.pub.reused = true;
		error = try_once(x, head, &lost);
		if (!error || !lost || !exchange_may_repeat(x))
			return error;
		session_drop(x->conn);
		x->c.a.pub.reused = false;
	}
	x->template = NULL;
	x->conn = connect_new(x, origin, &error);
	if (!x->conn)
		return error;
	connect_note(x, x->conn->stream);
	x->sent = swarm_now();
	return try_once(x, head, &lost);
}

/* ---- what the answer changes ---- */

static void take_cookies(struct exchange *x)
{
	const struct template *t;
	const char *why;
	char path[1024];

	t = exchange_template(x, &why);
	if (t)
		person_take_cookies(x->c.person, t->origin,
		    template_path(t, x->c.method, path, sizeof path), &x->c.a);
}

/* Gives the connection back, or closes it. */
static void let_go(struct exchange *x)
{
	struct connection *c = x->conn;

	if (x->h2)
		h2_leave(x);
	if (!c)
		return;
	x->conn = NULL;
	if (x->parse.keep_alive && settings.keepalive && !x->cut)
		session_keep(x->session, c);
	else
		session_drop(c);
}

/* Turns to where the answer points; NULL, or what is wrong with it. */
static const char *follow(struct exchange *x)
{
	const char *error = course_follow(&x->c, x->location,
	    x->location_len);

	if (error)
		return error;
	let_go(x);
	inflate_give(x->inflate);
	x->inflate = NULL;
	x->template = NULL;
	x->kept = NULL;
	x->kept_cap = 0;
	return NULL;
}

/* ---- the call ---- */

/* Most have none of it. */
static void release(struct exchange *x)
{
	if (x->inflate)
		inflate_give(x->inflate);
	if (x->piece)
		free(x->piece);
	if (x->parse.buf)
		parse_release(&x->parse);
	x->inflate = NULL;
	x->piece = NULL;
}

void exchange_end(struct exchange *x, const char *error)
{
	int64_t ended = h2_ended(x), now = ended ? ended : swarm_now();
	struct http_times *t = &x->c.a.pub.times;
	int64_t sent = x->sent ? x->sent : x->c.a.timer.start;
	int64_t first = x->first_byte ? x->first_byte : now;

	if (x->c.a.ended)
		return;
	if (!error || x->parse.started) {
		t->wait = first - sent;
		t->receive = now - first;
	}
	if (error)
		x->parse.keep_alive = false;
	let_go(x);
	release(x);
	course_end(&x->c, now, error);
}

/* What follows from an answer (or `error`): true when the call goes on, to
 * where the answer points; else it has ended, or (open) has its headers. */
static bool goes_on(struct exchange *x, const char *error)
{
	if (!error && x->parse.facts.has_cookies && settings.cookies)
		take_cookies(x);
	if (!error && course_redirected(&x->c, x->location_len)) {
		/* Its body is not worth reading. */
		if (x->c.opened)
			x->parse.keep_alive = false;
		error = follow(x);
		if (!error)
			return true;
	}
	x->c.a.pub.url = x->c.path;
	if (error || !x->c.opened)
		exchange_end(x, error);
	else
		x->first_byte = swarm_now();
	return false;
}

static void run(struct exchange *x)
{
	while (goes_on(x, transact(x, x->c.opened)))
		continue;
}

/* Headers that were sent before have been checked before. */
static const char *check_headers(struct exchange *x, const struct template *t)
{
	const struct http_field *headers = x->c.args->headers;

	if (!headers)
		return NULL;
	x->head = heads_find(t, headers);
	return x->head ? NULL : body_check_headers(headers);
}

static struct exchange *start(struct swarm_user *u,
    const struct http_args *args, bool keep)
{
	struct exchange *x = swarm_alloc(u, sizeof *x);
	int64_t now = swarm_now();
	const struct template *t;
	const char *why;

	memset(x, 0, offsetof(struct exchange, parse));
	parse_init(&x->parse, &memo);
	x->parse.keep_alive = x->parse.started = false;
	why = course_begin(&x->c, u, args, keep);
	x->session = (struct session *)x->c.person;
	if (!why && x->c.args->auth && strcmp(x->c.args->auth, "basic") != 0)
		why = "only basic authentication is possible here: run with "
		    "--plugin http";
	t = why ? NULL : exchange_template(x, &why);
	if (t)
		why = check_headers(x, t);
	if (!why)
		course_start(&x->c, t->series, now);
	else
		course_refuse(&x->c, now, why);
	return x;
}

struct http_response *exchange_request(struct swarm_user *u,
    const struct http_args *args)
{
	struct exchange *x = start(u, args, false);

	if (!x->c.a.ended)
		run(x);
	return &x->c.a.pub;
}

/* ---- requests sent ahead ---- */

/* Requests for one connection, in order. */
struct group {
	struct exchange *x[BATCH_MAX];
	size_t count;
	size_t sent;
	struct origin *origin;
	struct connection *conn;
};

/* Takes it in behind the others; false when it is not to be sent ahead.  A
 * large body is not: server and client would wait for each other to read. */
static bool join(struct group *g, struct exchange *x)
{
	const struct template *t;
	const char *why;

	if (x->c.args->produce || x->c.body.len > SESSION_GATHER ||
	    g->count == (size_t)own.pipeline)
		return false;
	t = exchange_template(x, &why);
	if (!t || (g->count > 0 && t->origin != g->origin))
		return false;
	g->origin = t->origin;
	x->template = NULL;
	g->x[g->count++] = x;
	return true;
}

/* NULL, or why there is no connection. */
static const char *connect_group(struct group *g)
{
	struct exchange *x = g->x[0];
	const char *error = NULL;
	size_t i;

	g->conn = session_take(x->session, g->origin);
	for (i = g->conn ? 0 : 1; i < g->count; i++)
		g->x[i]->c.a.pub.reused = true;
	if (!g->conn) {
		g->conn = connect_new(x, g->origin, &error);
		x->conn = g->conn;
		if (g->conn)
			connect_note(x, g->conn->stream);
	}
	if (g->conn)
		g->conn->gather = swarm_alloc(x->c.a.pub.user,
		    SESSION_GATHER);
	return error;
}

static void send_group(struct group *g)
{
	struct exchange *x = NULL;
	const char *why = NULL;

	for (g->sent = 0; g->sent < g->count; g->sent++) {
		x = g->x[g->sent];
		x->conn = g->conn;
		x->sent = swarm_now();
		parse_start(&x->parse, asks_head(x));
		if (send_request(x, &why) == -1)
			break;
		g->conn->requests++;
	}
	/* What could not be sent shows when the answers are read. */
	if (x)
		send_gathered(x);
	g->conn->gather = NULL;
}

/* Answers come in the order of the requests.  Returns how many there were;
 * the connection is the last one's, or gone. */
static size_t receive_group(struct group *g)
{
	const char *error;
	size_t i;

	for (i = 0; i < g->sent; i++) {
		g->conn->owed = (unsigned)(g->sent - 1 - i);
		if (receive_answer(g->x[i], false, &error) == -1) {
			/* It may be asked for again, unless it was wrong. */
			if (!g->x[i]->parse.started && errno == ECONNRESET)
				break;
			g->x[i]->conn = NULL;
			exchange_end(g->x[i], error);
			break;
		}
		if (!g->x[i]->parse.keep_alive) {
			i++;
			break;
		}
	}
	g->conn->owed = 0;
	g->conn->ahead_len = 0;
	return i;
}

/* Where an answer leads elsewhere, that is asked for by itself. */
static void finish_group(struct group *g, size_t answered)
{
	struct exchange *x;
	bool keep = answered == g->count && settings.keepalive &&
	    g->x[answered - 1]->parse.keep_alive;
	size_t i;

	for (i = 0; i < answered; i++)
		g->x[i]->conn = NULL;
	if (keep)
		session_keep(g->x[0]->session, g->conn);
	else
		session_drop(g->conn);
	for (i = 0; i < g->count; i++) {
		x = g->x[i];
		if (x->c.a.ended)
			continue;
		x->conn = NULL;
		if (i < answered ? goes_on(x, NULL) : exchange_may_repeat(x))
			run(x);
		else if (i >= answered)
			exchange_end(x, "the server closed the connection");
	}
}

static void run_group(struct group *g)
{
	const char *error;
	size_t i;

	if (g->count == 1) {
		run(g->x[0]);
		return;
	}
	error = connect_group(g);
	for (i = 0; error && i < g->count; i++)
		exchange_end(g->x[i], error);
	if (error)
		return;
	send_group(g);
	finish_group(g, receive_group(g));
}

void exchange_batch(struct swarm_user *u, const struct http_args *const *args,
    struct http_response **responses, size_t count)
{
	struct group g = { .count = 0 };
	struct exchange *x;
	size_t i;

	for (i = 0; i < count; i++) {
		x = start(u, args[i], false);
		responses[i] = &x->c.a.pub;
		if (x->c.a.ended || join(&g, x))
			continue;
		if (g.count > 0)
			run_group(&g);
		g.count = 0;
		x->template = NULL;
		if (!join(&g, x))
			run(x);
	}
	if (g.count > 0)
		run_group(&g);
}

/* ---- open responses ---- */

struct http_response *exchange_open(struct swarm_user *u,
    const struct http_args *args)
{
	struct exchange *x = start(u, args, true);

	if (x->c.a.ended)
		return &x->c.a.pub;
	x->c.opened = true;
	x->piece = malloc(EXCHANGE_PIECE);
	if (!x->piece) {
		exchange_end(x, "out of memory");
		return &x->c.a.pub;
	}
	run(x);
	if (!x->c.a.ended)
		course_opened(&x->c, receive_finish);
	return &x->c.a.pub;
}
