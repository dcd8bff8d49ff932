/*
 * What a user of this client owns between its tasks: easy handles, and a share
 * that holds its connections, cookies and TLS sessions.
 *
 * The share is what makes many users possible: libcurl looks through all
 * connections of a cache to find one, so with one cache for all users each
 * request would cost more the more users there are.  It is also what a user is:
 * nobody else's connections, nobody else's cookies.
 */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <swarm/user.h>

#include <curl/curl.h>

struct handle {
	struct handle *next;            /* idle ones of the same user */
	CURL *easy;
};

struct header {
	struct header *next;
	char *name;
	char *value;
};

struct session {
	CURLSH *share;
	struct handle *idle;
	struct header *headers;
	char *base;                     /* http_set_base(), or NULL */
	bool speaks_h2c;                /* its last answer was HTTP/2 */
};

void session_load(void);
/* [fiber] Never NULL. */
struct session *session_of(struct swarm_user *);

/* An easy handle of the user with everything set that is the same for all its
 * requests; NULL when out of memory. */
struct handle *session_take(struct swarm_user *, struct session *);
void session_give(struct session *, struct handle *);
/* Closes its connections. */
void session_close(struct session *);

/* The target, or NULL with *why. */
const char *session_target(struct swarm_user *, const struct session *,
    const char **why);
void session_set_header(struct session *, const char *name,
    const char *value);

#endif
