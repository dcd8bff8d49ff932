/*
 * What a user of this client owns between its tasks beside cookies and
 * headers: connections that are kept, and TLS sessions.  A user that has made
 * one plain request costs one connection, one stream and this struct.
 */
#ifndef FASTHTTP_SESSION_H
#define FASTHTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/net.h>

#include "person.h"
#include "target.h"

#define SESSION_GATHER ((size_t)16 * 1024)

struct connection {
	struct connection *next;        /* idle ones of the same user */
	struct swarm_stream *stream;
	struct origin *origin;
	uint32_t requests;              /* sent on it so far */
	/* While requests are sent ahead: answers to come after this one,
	 * bytes of them that have been read (in the worker's buffer, until
	 * the next wait), and requests that are gathered to be sent at once. */
	unsigned owed;
	const char *ahead;
	size_t ahead_len;
	char *gather;                   /* SESSION_GATHER bytes, or NULL */
	size_t gathered;
};

struct kept_session {
	struct kept_session *next;
	struct origin *origin;
	struct swarm_tls_session *session;
};

struct session {
	struct person person;           /* first */
	struct connection *idle;
	struct kept_session *kept;
	struct h2pool *pools;           /* its own connections of HTTP/2 */
};

/* For person_load(). */
void session_forget(void *session);

/* A connection on `stream`, which it owns: NULL when out of memory, and then
 * the stream is closed. */
struct connection *session_connection(struct swarm_stream *,
    struct origin *);
/* An idle connection to `origin` that is still good, out of the session; NULL
 * when there is none. */
struct connection *session_take(struct session *, struct origin *);
/* Gives it back, open. */
void session_keep(struct session *, struct connection *);
void session_drop(struct connection *);
void session_close_idle(struct session *);
/* Where TLS sessions with `origin` are kept. */
struct swarm_tls_session **session_tls(struct session *, struct origin *);

#endif
