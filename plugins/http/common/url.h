/*
 * URLs: taken apart, put together, and made fit for a request line.  No
 * function here waits or allocates.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_HOST_MAX 255
#define URL_MAX 8192                    /* longest path with its query */

/* The parts of an absolute http:// or https:// URL; slices of the text. */
struct url {
	bool https;
	bool literal6;                  /* an IPv6 address, without [] */
	uint16_t port;                  /* the scheme's when not given */
	const char *host;
	size_t host_len;
	const char *user;               /* "user:password", or NULL */
	size_t user_len;
	const char *path;               /* with query and fragment, or "" */
};

/* 0, or -1 with *why a static text. */
int url_parse(const char *text, struct url *, const char **why);
bool url_is_absolute(const char *text);

/* The authority as a Host header has it: no default port, [] around IPv6.
 * Its length, or 0 when it does not fit. */
size_t url_host_header(const struct url *, char *out, size_t size);

/*
 * Writes `path` as it goes on a request line: without the fragment, spaces,
 * controls and bytes outside ASCII percent-encoded.  Its length, or 0 when it
 * does not fit.  A prefix (a target's own path) may go before it.
 */
size_t url_put_path(const char *prefix, size_t prefix_len, const char *path,
    char *out, size_t size);

/* Percent-encodes all but letters, digits and "-._~"; with `plus`, a space as
 * "+" (forms).  Its length; nothing is written beyond `size`, which may be 0
 * to measure. */
size_t url_escape(const char *text, bool plus, char *out, size_t size);

/* Two absolute URLs lead to the same scheme, host and port. */
bool url_same_server(const char *a, const char *b);

/*
 * The URL that a Location header means, seen from `base` (absolute): RFC 3986,
 * 5.2.  0, or -1 when it does not fit or leads to no http URL.
 */
int url_join(const char *base, const char *location, char *out, size_t size);

#endif
