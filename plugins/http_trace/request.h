/*
 * A request of a trace, of whatever format, and its form on the way to a
 * worker: checked there where it is read, so that who sends it needs not
 * doubt it.
 */
#ifndef HTTP_TRACE_REQUEST_H
#define HTTP_TRACE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define REQUEST_HEADERS  64
#define REQUEST_PATH_MAX 16384
#define REQUEST_BODY_MAX ((size_t)4 << 20)

struct request {
	int64_t time;                   /* ns of the Unix epoch */
	int64_t resolution;
	struct span user;               /* empty: nobody's */
	struct span method;
	struct span target;             /* a path, or a URL whose host is left
	                                 * out */
	int status;                     /* of the answer then; 0: not known */
	struct span names[REQUEST_HEADERS];
	struct span values[REQUEST_HEADERS];
	size_t header_count;
	struct span body;
};

/* Adds a header; those beyond the limit are left out. */
void request_header(struct request *, struct span name, struct span value);
/* Splits "GET /path HTTP/1.1"; false when it is not that. */
bool request_line(struct request *, struct span line);
/* GET, HEAD, OPTIONS, TRACE: nothing changes over there. */
bool request_is_safe(const struct request *);
/* Replaces what is in `out` by the request's packed form.  NULL, or why it
 * can't be sent: a constant. */
const char *request_pack(const struct request *, struct bytes *out);

/* Unpacked in place: strings are ended by NULs. */
struct packed {
	int status;
	const char *method;
	const char *path;
	const char *names[REQUEST_HEADERS + 1];
	const char *values[REQUEST_HEADERS + 1];
	size_t header_count;
	const char *body;
	size_t body_len;
};

/* 0, or -1 when it is no such thing. */
int request_unpack(struct packed *, const void *data, size_t len);

#endif
