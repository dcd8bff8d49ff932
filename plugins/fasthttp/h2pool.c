/*
 * Places are promised in the order in which they are asked for: who waits is
 * handed one, and nobody who comes later gets it first.  A promise is taken
 * back when its connection ends before the fiber has run.
 *
 * Only one fiber connects for a pool at a time as long as those who wait will
 * find room on that connection; what becomes of its attempt they all learn.
 */
#include "h2pool.h"

#include "connect.h"
#include "h2conn.h"
#include "own.h"
#include "session.h"
#include "settings.h"

#include <swarm/fiber.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a server is taken to speak HTTP/1.1 only. */
#define OTHER_NS (INT64_C(60) * 1000000000)

/* Of connections with places, when a request chooses one. */
#define LOOKED_AT 8

enum turn { WAITS, HAS_PLACE, LOOKS_AGAIN, HAS_FAILED, GOES_ELSEWHERE };

/* On the stack of a fiber that waits; in one of its pool's two lists. */
struct h2place {
	struct h2place *next;
	struct h2place **prev;
	struct swarm_waker *waker;
	enum turn turn;
	struct h2conn *conn;            /* of HAS_PLACE */
	char error[128];                /* of HAS_FAILED */
};

static struct h2pool *shared;

/* ---- pools ---- */

static struct h2pool *pool_new(struct origin *origin)
{
	struct h2pool *pool = calloc(1, sizeof *pool);

	if (!pool)
		return NULL;
	pool->origin = origin;
	pool->last = &pool->first;
	pool->conns_last = &pool->conns;
	return pool;
}

static struct h2pool *pool_of(struct exchange *x, struct origin *origin)
{
	struct h2pool **list = settings.multiplex ? &shared : &x->session->pools;
	struct h2pool *pool;

	for (pool = *list; pool; pool = pool->next) {
		if (pool->origin == origin)
			return pool;
	}
	pool = pool_new(origin);
	if (!pool)
		return NULL;
	pool->next = *list;
	*list = pool;
	return pool;
}

static void put_conn_first(struct h2conn *c)
{
	struct h2pool *pool = c->pool;

	c->next = pool->conns;
	c->prev = &pool->conns;
	if (c->next)
		c->next->prev = &c->next;
	else
		pool->conns_last = &c->next;
	pool->conns = c;
}

static void put_conn_last(struct h2conn *c)
{
	struct h2pool *pool = c->pool;

	c->next = NULL;
	c->prev = pool->conns_last;
	*pool->conns_last = c;
	pool->conns_last = &c->next;
}

static void take_conn_off(struct h2conn *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		c->pool->conns_last = c->prev;
}

static bool has_room(const struct h2conn *c)
{
	return c->stream && !c->closing && c->places < h2conn_limit(c);
}

/* It has come to have room, or to have none. */
static void place_conn(struct h2conn *c)
{
	take_conn_off(c);
	if (has_room(c))
		put_conn_first(c);
	else
		put_conn_last(c);
}

void h2pool_limited(struct h2conn *c)
{
	place_conn(c);
	h2pool_serve(c->pool);
}

/* A connection with places to spare: of the first few, the one with most. */
static struct h2conn *roomiest(const struct h2pool *pool)
{
	struct h2conn *c, *best = NULL;
	unsigned seen = 0;

	for (c = pool->conns; c && has_room(c) && seen < LOOKED_AT;
	    c = c->next, seen++) {
		if (!best || c->places < best->places)
			best = c;
	}
	return best;
}

static void take_place(struct h2conn *c)
{
	c->places++;
	if (!has_room(c))
		place_conn(c);
}

/* Whether one more connection is allowed, and of use. */
static bool may_open(const struct h2pool *pool)
{
	/* Places that those who wait will find. */
	unsigned expected = pool->connecting * ((unsigned)settings.streams - 1);

	if (!settings.multiplex)
		return pool->alive == 0;
	return (own.shared == 0 || pool->alive < (unsigned)own.shared) &&
	    (pool->alive == 0 || pool->waiting >= expected);
}

void h2pool_retire(struct h2conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->pool->alive--;
	h2pool_limited(c);
}

/* ---- who waits ---- */

static void take_off(struct h2pool *pool, struct h2place *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	if (pool->last == &w->next)
		pool->last = w->prev;
	if (w->turn == WAITS)
		pool->waiting--;
}

static void put_last(struct h2pool *pool, struct h2place *w)
{
	w->turn = WAITS;
	w->next = NULL;
	w->prev = pool->last;
	*pool->last = w;
	pool->last = &w->next;
	pool->waiting++;
}

static void put_first(struct h2pool *pool, struct h2place *w)
{
	w->turn = WAITS;
	w->next = pool->first;
	w->prev = &pool->first;
	if (w->next)
		w->next->prev = &w->next;
	else
		pool->last = &w->next;
	pool->first = w;
	pool->waiting++;
}

/* It does not wait any more. */
static void call_up(struct h2pool *pool, struct h2place *w, enum turn turn)
{
	take_off(pool, w);
	w->turn = turn;
	w->next = pool->called;
	w->prev = &pool->called;
	if (w->next)
		w->next->prev = &w->next;
	pool->called = w;
	swarm_wake(w->waker);
}

void h2pool_serve(struct h2pool *pool)
{
	struct h2place *w;
	struct h2conn *c;

	while ((w = pool->first) != NULL) {
		c = roomiest(pool);
		if (!c)
			break;
		take_place(c);
		w->conn = c;
		call_up(pool, w, HAS_PLACE);
	}
	/* It will connect, and what comes of that the others will learn. */
	if (w && may_open(pool))
		call_up(pool, w, LOOKS_AGAIN);
}

void h2pool_give(struct h2conn *c)
{
	bool had_room = has_room(c);

	c->places--;
	if (!had_room)
		place_conn(c);
	if (c->pool->first)
		h2pool_serve(c->pool);
}

void h2pool_drop(struct h2conn *c)
{
	struct h2pool *pool = c->pool;
	struct h2place *w, *next;

	take_conn_off(c);
	pool->alive -= !c->closing;
	pool->connecting -= !c->stream;
	c->closing = true;
	for (w = pool->called; w; w = next) {
		next = w->next;
		if (w->turn != HAS_PLACE || w->conn != c)
			continue;
		take_off(pool, w);
		put_first(pool, w);
	}
}

/* Waits for a turn, and says what it is; *cause is an errno while it is none. */
static enum turn await_turn(struct exchange *x, struct h2pool *pool,
    struct h2place *w, int *cause)
{
	int64_t before = swarm_now();

	x->template = NULL;
	w->waker = swarm_waker();
	put_last(pool, w);
	*cause = 0;
	while (w->turn == WAITS && *cause == 0) {
		if (swarm_park(x->c.deadline) == -1)
			*cause = errno;
	}
	take_off(pool, w);
	swarm_waker_free(w->waker);
	x->c.a.queued += swarm_now() - before;
	return w->turn;
}

/* ---- connecting ---- */

/* Everybody who waits learns of it, unless there are other connections that
 * may still serve them. */
static void tell_all(struct h2pool *pool, enum turn turn, const char *error)
{
	struct h2place *w;

	while (!pool->conns && (w = pool->first) != NULL) {
		snprintf(w->error, sizeof w->error, "%s", error);
		call_up(pool, w, turn);
	}
	h2pool_serve(pool);
}

/* The server speaks HTTP/1.1: the stream is the exchange's. */
static void go_elsewhere(struct exchange *x, struct h2conn *c,
    struct swarm_stream *stream, const char **error)
{
	struct h2pool *pool = c->pool;

	h2pool_drop(c);
	free(c);
	pool->origin->known_until = swarm_now() + OTHER_NS;
	x->conn = session_connection(stream, pool->origin);
	*error = x->conn ? NULL : "out of memory";
	tell_all(pool, GOES_ELSEWHERE, "");
}

/* A patient one is not to fail because an impatient one connected. */
static void fail(struct h2conn *c, int cause, const char *error)
{
	struct h2pool *pool = c->pool;

	h2pool_drop(c);
	free(c);
	if (cause != ETIMEDOUT && cause != ECANCELED)
		tell_all(pool, HAS_FAILED, error);
	else
		h2pool_serve(pool);
}

static struct h2conn *open_one(struct exchange *x, struct h2pool *pool,
    const char **error)
{
	struct swarm_tls_session **session = settings.multiplex ? &pool->tls
	    : session_tls(x->session, pool->origin);
	struct h2conn *c = h2conn_new(pool);
	struct swarm_stream *stream;

	*error = "out of memory";
	if (!c)
		return NULL;
	put_conn_last(c);
	pool->alive++;
	pool->connecting++;
	x->template = NULL;
	stream = connect_stream(x, pool->origin, true, session, error);
	if (!stream) {
		fail(c, errno, *error);
		return NULL;
	}
	connect_note(x, stream);
	if (pool->origin->https &&
	    strcmp(swarm_stream_alpn(stream), "h2") != 0) {
		go_elsewhere(x, c, stream, error);
		return NULL;
	}
	if (h2conn_start(c, stream) == -1) {
		*error = "out of memory";
		fail(c, ENOMEM, *error);
		return NULL;
	}
	pool->connecting--;
	h2pool_limited(c);
	x->sent = swarm_now();
	return c;
}

struct h2conn *h2pool_take(struct exchange *x, struct origin *origin,
    const char **error)
{
	struct h2pool *pool = pool_of(x, origin);
	struct h2conn *c;
	struct h2place w;
	int cause;

	*error = "out of memory";
	if (!pool)
		return NULL;
	for (;;) {
		c = pool->first ? NULL : roomiest(pool);
		if (c) {
			take_place(c);
			return c;
		}
		if (may_open(pool))
			return open_one(x, pool, error);
		switch (await_turn(x, pool, &w, &cause)) {
		case HAS_PLACE:
			x->sent = swarm_now();
			return w.conn;
		case HAS_FAILED:
			*error = swarm_strdup(x->c.a.pub.user, w.error);
			return NULL;
		case GOES_ELSEWHERE:
			*error = NULL;
			return NULL;
		case LOOKS_AGAIN:
			break;
		case WAITS:
			*error = receive_error(x, cause);
			return NULL;
		}
	}
}

/* ---- ends ---- */

void h2pool_close(struct h2pool *pool)
{
	struct h2conn *c, *next;

	for (; pool; pool = pool->next) {
		for (c = pool->conns; c; c = next) {
			next = c->next;
			if (!c->stream)
				continue;
			h2pool_retire(c);
			if (c->places == 0)
				h2conn_end(c, H2_CLOSED, 0);
		}
	}
}

void h2pool_free(struct h2pool **pools)
{
	struct h2pool *pool;

	while ((pool = *pools) != NULL) {
		while (pool->conns)
			h2conn_end(pool->conns, H2_CLOSED, 0);
		*pools = pool->next;
		swarm_tls_session_free(pool->tls);
		free(pool);
	}
}

void h2pool_release(void)
{
	h2pool_free(&shared);
}
