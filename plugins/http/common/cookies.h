/*
 * The cookies of one user: RFC 6265, without a list of public suffixes (a
 * test's target sets its own).  Bounded: a server cannot make it grow.
 */
#ifndef HTTP_COOKIES_H
#define HTTP_COOKIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIES_MAX     64              /* of one user: the oldest goes */
#define COOKIE_SIZE_MAX 4096            /* name and value */

struct cookie;

/* Zero-initialised is empty. */
struct jar {
	struct cookie *first;           /* oldest first */
	unsigned count;
};

/* What a cookie is set by or sent to. */
struct cookie_place {
	const char *host;
	const char *path;               /* with its query: that is left out */
	bool https;
	int64_t now;                    /* unix time, seconds */
};

void jar_clear(struct jar *);
/* Takes in one Set-Cookie value; what is malformed is ignored, as browsers
 * do. */
void jar_set(struct jar *, const struct cookie_place *, const char *value,
    size_t len);
/* Sets or (value NULL) removes a cookie of the host itself, for all paths. */
void jar_put(struct jar *, const char *host, const char *name,
    const char *value);
/*
 * Writes "a=b; c=d" for a request, those of longer paths first.  Its length;
 * nothing when there is none or it does not fit.
 */
size_t jar_header(struct jar *, const struct cookie_place *, char *out,
    size_t size);
/* The value that jar_header() would send, or NULL. */
const char *jar_value(struct jar *, const struct cookie_place *,
    const char *name);

#endif
