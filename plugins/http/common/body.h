/*
 * Bodies and queries of requests, from what a scenario gives.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include <swarm/http.h>

/* Largest file of a multipart body. */
#define BODY_FILE_MAX ((size_t)256 * 1024 * 1024)

struct body {
	bool present;                   /* even when it is empty */
	const void *data;
	size_t len;
	const char *type;               /* NULL: none to be told */
	const char *error;              /* when body_build() failed */
};

/* Whether what a scenario gave can be sent: NULL, or why not.  The method and
 * the headers are left to the caller, who may know them already. */
extern const char body_bad_method[];
const char *body_check(const struct http_args *);
const char *body_check_headers(const struct http_field *);

/* [fiber] The body `args` asks for, in the task's memory or the caller's.
 * 0, or -1 with body.error. */
int body_build(struct swarm_user *, const struct http_args *, struct body *);

/* [fiber] `path` with `query` appended; `path` itself when there is none. */
const char *body_path(struct swarm_user *, const char *path,
    const struct http_field *query);

/* GET, or POST when there is something to send. */
const char *body_method(const struct http_args *);

/* An RFC 9110 token: what a method and a header name must be. */
bool body_is_token(const char *);
/* A header value without CR, LF or NUL. */
bool body_is_value(const char *);

/* [fiber] "Basic …" or "Bearer …" for the arguments, or NULL. */
const char *body_authorization(struct swarm_user *, const struct http_args *);
/* The same for "user:password" as it stands in a URL (percent-decoded). */
const char *body_basic(struct swarm_user *, const char *user, size_t len);

#endif
