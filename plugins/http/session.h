/*
 * What a user of this client owns between its tasks beside cookies and
 * headers: a share that holds its connections and TLS sessions.  Easy handles
 * are the worker's and go from one to the next.
 *
 * The share is what makes many users possible: libcurl looks through all
 * connections of a cache to find one, so with one cache for all users each
 * request would cost more the more users there are.  It is also what a user is:
 * nobody else's connections.
 */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "multi.h"
#include "person.h"

struct transfer;

struct session {
	struct person person;           /* first */
	CURLSH *share;                  /* NULL: none needed yet */
	bool speaks_h2c;                /* its last answer was HTTP/2 */
	bool large;                     /* its last answer was */
};

/*
 * An easy handle, and what is set on it: setting an option costs libcurl a
 * look through a long switch and often an allocation, so only what differs
 * between two requests is set for each.
 */
struct handle {
	struct multi_job job;           /* first: CURLOPT_PRIVATE */
	struct handle *next;            /* idle ones */
	struct transfer *transfer;      /* whose it is now */
	bool plain;                     /* GET without body or credentials */
	bool has_headers;
	bool has_resolve;
	bool unlimited;                 /* no MAXFILESIZE */
	bool large;                     /* BUFFERSIZE */
	char detail[CURL_ERROR_SIZE];
};

/* For person_load(). */
void session_forget(void *session);

/* [fiber] An easy handle with everything set that is the same for all
 * requests, attached to the user's share; NULL when out of memory. */
struct handle *session_take(struct session *, struct swarm_user *);
void session_give(struct handle *);
/* Closes its connections. */
void session_close(struct session *);
/* worker_stop() */
void session_release(void);

#endif
