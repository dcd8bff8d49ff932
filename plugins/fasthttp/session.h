/*
 * What a user of this client owns between its tasks: connections that are
 * kept, cookies, default headers, TLS sessions; and what the worker knows of
 * servers.  A user that has made one plain request costs one connection, one
 * stream and this struct.
 */
#ifndef FASTHTTP_SESSION_H
#define FASTHTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/net.h>
#include <swarm/user.h>

#include "cookies.h"

#define ORIGINS_MAX 4096                /* servers a worker remembers */

/* Where requests go; interned, so equal pointers are equal servers. */
struct origin {
	struct origin *next;
	bool https;
	uint16_t port;
	char *host;
	char *header;                   /* for Host: */
};

/* What paths are relative to: --host, taken apart. */
struct base {
	struct base *next;
	struct origin *origin;
	char *text;                     /* as given */
	const char *prefix;             /* its path, within text */
	size_t prefix_len;
	const char *user;               /* "user:password", or NULL */
	size_t user_len;
};

struct connection {
	struct connection *next;        /* idle ones of the same user */
	struct swarm_stream *stream;
	struct origin *origin;
	uint32_t requests;              /* sent on it so far */
};

struct kept_session {
	struct kept_session *next;
	struct origin *origin;
	struct swarm_tls_session *session;
};

struct header {
	struct header *next;
	char *name;
	char *value;
};

struct session {
	struct base *base;              /* of host */
	const char *host;               /* swarm_host() when base was made */
	struct connection *idle;
	struct kept_session *kept;
	struct header *headers;
	struct jar jar;
};

/* load(): reserves the slot. */
void session_load(void);
/* worker_stop(): forgets servers. */
void session_release(void);
/* [fiber] */
struct session *session_of(struct swarm_user *);

/* [fiber] The base of a URL, or NULL with *why; interned. */
struct base *session_base(const char *url, const char **why);
/* [fiber] The user's target: NULL with *why (static) when there is none. */
struct base *session_target(struct swarm_user *, struct session *,
    const char **why);
/* The server of an absolute URL; NULL with *why. */
struct url;
struct origin *session_origin(const struct url *, const char **why);

/* An idle connection to `origin` that is still good, out of the session; NULL
 * when there is none. */
struct connection *session_take(struct session *, struct origin *);
/* Gives it back, open. */
void session_keep(struct session *, struct connection *);
void session_drop(struct connection *);
void session_close_idle(struct session *);
/* Where TLS sessions with `origin` are kept. */
struct swarm_tls_session **session_tls(struct session *, struct origin *);

void session_set_header(struct session *, const char *name,
    const char *value);

#endif
