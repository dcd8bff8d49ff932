/*
 * What a user of either provider is between its tasks: cookies, default
 * headers and a target.  First in each provider's own struct session.
 */
#ifndef HTTP_PERSON_H
#define HTTP_PERSON_H

#include <stdbool.h>
#include <stddef.h>

#include <swarm/http.h>
#include <swarm/user.h>

#include "cookies.h"

struct answer;
struct base;
struct origin;

struct header {
	struct header *next;
	char *name;
	char *value;
};

struct person {
	struct base *base;              /* of host */
	const char *host;               /* swarm_host() when base was made */
	struct header *headers;
	struct jar jar;
};

/*
 * load(): reserves the slot for a provider's sessions, of `size` bytes.
 * `forget` frees what is the provider's own in one.
 */
void person_load(size_t size, void (*forget)(void *session));
/* [fiber] The user's session, zeroed when new; never NULL. */
void *person_of(struct swarm_user *);

/* [fiber] The user's target: NULL with *why (static) when there is none. */
struct base *person_target(struct swarm_user *, struct person *,
    const char **why);

/* [fiber] Takes in the cookies of an answer to a request for `path`. */
void person_take_cookies(struct person *, const struct origin *,
    const char *path, struct answer *);
/* [fiber] The value of a Cookie header, or "": its length. */
size_t person_cookies(struct person *, const struct origin *,
    const char *path, char *out, size_t size);

/* Whether the request has a header of this name, its own or the user's; also
 * one that says that there is to be none. */
bool person_gives(const struct person *, const struct http_field *own,
    const char *name);
/* The same of the request's own only. */
bool person_own(const struct http_field *own, const char *name);

/* ---- functions of struct http_api ---- */

void person_set_header(struct swarm_user *, const char *name,
    const char *value);
void person_set_base(struct swarm_user *, const char *url);
const char *person_cookie(struct swarm_user *, const char *name);
void person_set_cookie(struct swarm_user *, const char *name,
    const char *value);

#endif
