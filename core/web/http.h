/*
 * Requests and answers above the transport: who may ask, which function
 * answers, and what every answer carries.
 */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "base/buf.h"
#include "web/form.h"
#include "web/snapshot.h"
#include "web/transport.h"

#define HTTP_MAX_ANSWER (256u << 20)

/* One request on its way; the web thread's. */
struct http_call {
	struct web_exchange *exchange;
	const struct web_request *request;
	const char *path;               /* without the base path */
	const char *tail;               /* what a prefix route left over */
	struct snapshot *snapshot;      /* counted */
	const char *user;               /* who is logged in, or NULL */
	int status;
	const char *type;
	struct buf body;
	/* Instead of `body`: constant bytes, already compressed. */
	const void *constant;
	size_t constant_len;
	bool constant_gzip;
	char *policy;                   /* another than the page's; owned */
	char header[4][512];            /* values */
	const char *header_name[4];
	size_t header_count;
	struct web_reply reply;
};

enum http_flags {
	HTTP_READS = 1,                 /* GET and HEAD */
	HTTP_POSTS = 2,
	HTTP_CHANGES = 4,               /* changes the run: no cross-site use */
	HTTP_OPEN = 8,                  /* without a login */
	HTTP_PREFIX = 16,               /* the path only begins so */
};

struct http_route {
	const char *path;
	unsigned flags;
	/* Fills the call and returns true, or returns false and calls
	 * http_send() later. */
	bool (*answer)(struct http_call *);
};

/* The tables end with path == NULL. */
void http_init(const struct http_route *const *tables,
    const struct web_transport *);

/* Hooks of the transport. */
void http_request(struct web_exchange *, const struct web_request *, void *);
int http_viewer_check(const struct web_request *, void *);

/* Sends a filled call and frees it. */
void http_send(struct http_call *);
/* Frees one that nobody answers any more: the transport has stopped. */
void http_drop(struct http_call *);
/* A JSON document follows in call->body. */
void http_json(struct http_call *);
/* Replaces the answer by a status and a line of text. */
void http_text(struct http_call *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for programs: {"success": false, "message": ..., "field": ...};
 * `field` may be NULL. */
void http_error(struct http_call *, int status, const char *field,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void http_header(struct http_call *, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The body's fields: 0, or -1 with a 400 filled in. */
int http_form(struct http_call *, struct form *);
/* A finite number of the query, or `deflt`. */
double http_number(const struct form *, const char *name, double deflt);

#endif
