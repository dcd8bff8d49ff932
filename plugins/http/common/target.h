/*
 * Where requests go: servers, and targets (--host) taken apart.  Interned for
 * the worker, so that equal pointers are equal servers.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_ORIGINS_MAX 4096         /* servers a worker remembers */

struct url;

struct origin {
	struct origin *next;
	bool https;
	uint16_t port;
	char *host;
	char *url;                      /* "https://host:port", as short as may be */
	const char *header;             /* for Host:, the end of url */
	size_t url_len;
	int64_t known_until;            /* a provider's own note */
};

/* What paths are relative to. */
struct base {
	struct base *next;
	struct origin *origin;
	char *text;                     /* as given */
	const char *prefix;             /* its path, within text */
	size_t prefix_len;
	const char *user;               /* "user:password", or NULL */
	size_t user_len;
};

/* [fiber] The base of a URL, or NULL with *why (static). */
struct base *target_base(const char *url, const char **why);
/* [fiber] The server of an absolute URL; NULL with *why. */
struct origin *target_origin(const struct url *, const char **why);
/* worker_stop(): forgets them all. */
void target_release(void);

#endif
