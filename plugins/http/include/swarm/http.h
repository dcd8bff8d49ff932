/*
 * HTTP for scenarios: the interface "swarm.http/1".
 *
 * Two plugins provide it: `fasthttp`, HTTP/1.1 and HTTP/2 on swarm's own
 * streams, and `http` on libcurl (HTTP/3, proxies, digest and more).  A
 * scenario is bound to the interface, so the same .so runs on either; --plugin
 * chooses.  What only one of them can do is said below; asking the other for
 * it fails the sample with a text that says so.
 *
 *	static void order(struct swarm_user *u)
 *	{
 *		struct http_response *r = http_post(u, "/orders",
 *		    .json = "{\"sku\": 7}", .catch_response = true);
 *
 *		if (r->status == 201 && http_json(r, "order.id"))
 *			http_ok(r);
 *		else
 *			http_fail(r, "no order number");
 *		http_get(u, swarm_printf(u, "/orders/%s",
 *		    http_json(r, "order.id")));     // counted as /orders/[id]
 *	}
 *
 * Every call is one sample: its type is the method, its name the path with
 * ids folded, its time from the call to the last byte of the body, redirects
 * included.  It fails when there is no whole response or the status is not
 * expected (default: 400 and more).  Failures are results: nothing is
 * logged, and the returned response is never NULL.
 *
 * A user has its own cookies and connections, as one person with one
 * browser.  Connections stay open between its tasks.
 *
 * Responses and all strings got from them live until the task returns.  All
 * functions are [fiber]; those with `u` act for the user of the running
 * fiber.
 */
#ifndef SWARM_HTTP_H
#define SWARM_HTTP_H

#include <swarm/fiber.h>
#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A name and its value; lists of them end with name == NULL.  Frozen. */
struct http_field {
	const char *name;
	const char *value;
};

#define HTTP_FIELDS(...) \
	((const struct http_field[]){ __VA_ARGS__, { NULL, NULL } })

/* One part of a multipart/form-data body; lists end with name == NULL. */
struct http_part {
	const char *name;
	const void *data;               /* or `file` */
	size_t len;                     /* of data; 0: it is a string */
	const char *file;               /* path; read for each request */
	const char *filename;           /* as told to the server */
	const char *type;               /* NULL: text/plain, or octets */
};

#define HTTP_PARTS(...) \
	((const struct http_part[]){ __VA_ARGS__, { .name = NULL } })

/*
 * A request.  Everything may be left out.  What is given must stay until the
 * call returns.
 */
struct http_args {
	uint32_t size;
	/* Any token.  NULL: GET, or POST when there is a body.  `http` has no
	 * HEAD with a body. */
	const char *method;
	/* "/path?query" below the target (--host), or a whole URL. */
	const char *path;
	/* The sample's name instead of the folded path. */
	const char *name;
	/* Sent besides the defaults, or instead of those of the same name;
	 * a value of NULL sends no such header at all. */
	const struct http_field *headers;
	/* Appended to the path as a query, percent-encoded. */
	const struct http_field *query;

	/* The body: one of these five.  The type of `json`, `form` and
	 * `parts` is set unless `headers` does. */
	const void *body;
	size_t body_len;                /* 0: body is a string */
	const char *json;               /* a JSON text */
	const struct http_field *form;  /* application/x-www-form-urlencoded */
	const struct http_part *parts;  /* multipart/form-data */
	/* Called for each piece of a body of unknown length: writes
	 * up to `size` bytes to `buf` and returns their number, 0 at the end,
	 * -1 to give up.  Such a request is never repeated.  `http`: must not
	 * wait. */
	int64_t (*produce)(void *arg, void *buf, size_t size);
	void *produce_arg;

	/* Seconds for the whole exchange; 0: the plugin's option. */
	double timeout;
	/* The statuses that pass, as "200-299,404"; NULL: below 400. */
	const char *expect;
	/* The verdict is the scenario's: http_ok() or http_fail() decide
	 * before the task ends, else the usual rule does.  The time is the
	 * same. */
	bool catch_response;
	/* Do not keep the body; `len` still counts it. */
	bool discard;
	/* Redirections are answers like others. */
	bool no_redirects;
	/* Basic authentication, or a bearer token. */
	const char *user;
	const char *password;
	const char *bearer;
	/* `http` only: how user and password are used: "basic" (default),
	 * "digest", or "aws-sigv4" with the rest as curl takes it
	 * ("aws:amz:eu-west-1:s3"). */
	const char *auth;
	/* Called for each piece of the (decoded) body as it arrives, but of a
	 * redirect that is followed; the body is not kept.  Not 0 gives up.
	 * Must not wait. */
	int (*consume)(void *arg, const void *data, size_t len);
	void *consume_arg;
	/* Of http_open(): distributions of the stream.  Series with the
	 * sample's name and the types "first byte" (call to head), "first
	 * piece" (call to the first event or piece read) and "piece gap"
	 * (each to the next), and the metric "NAME pieces/s" (after the
	 * first). */
	bool measure;
};

/*
 * How long the parts of an exchange took, ns; -1 for what did not happen (a
 * connection that was kept is not resolved, connected or secured).  With
 * redirects: of the last request; total is of all.
 */
struct http_times {
	int64_t resolve;
	int64_t connect;
	int64_t tls;
	int64_t wait;                   /* sent, until the first byte, be it
	                                 * of an interim answer */
	int64_t receive;                /* first byte to last */
	int64_t total;
};

/* An answer; grows at its end only. */
struct http_response {
	uint32_t size;
	int status;                     /* 0: there was none */
	/* Why there is none, or why it counts as failed; NULL: passed. */
	const char *error;
	/* Decoded (gzip) and followed by a NUL; "" when there is none or it
	 * was not kept. */
	const char *body;
	size_t len;                     /* of the body, also when not kept */
	/* What answered: the path as asked for; after redirects a URL. */
	const char *url;
	unsigned redirects;
	const char *version;            /* "1.1", "2", "3" */
	bool reused;                    /* on a connection that was kept */
	struct http_times times;
	struct swarm_user *user;
	bool resumed;                   /* times.tls is of a resumption */
	size_t kept_len;                /* bytes at .body: len, or 0 when it
	                                 * was not kept */
};

/*
 * One server-sent event.  `data` has the lines of the event joined by
 * newlines; `event` is "message" unless named; `id` and all strings are ""
 * when absent.  Valid until the next call on the same response.
 */
struct http_event {
	const char *event;
	const char *data;
	size_t len;                     /* of data */
	const char *id;
	int64_t at;                     /* swarm_now() of its arrival */
};

struct llm_answer;
struct llm_args;

/* The table behind the functions below.  Append only. */
struct http_api {
	struct swarm_iface head;
	struct http_response *(*request)(struct swarm_user *,
	    const struct http_args *);
	void (*batch)(struct swarm_user *, const struct http_args *const *,
	    struct http_response **, size_t);
	struct http_response *(*open)(struct swarm_user *,
	    const struct http_args *);
	int64_t (*read)(struct http_response *, const char **);
	int (*event)(struct http_response *, struct http_event *);
	int (*finish)(struct http_response *);
	int (*mark_ok)(struct http_response *);
	int (*mark_failed)(struct http_response *, const char *, ...)
	    SWARM_PRINTF(2, 3);
	const char *(*header)(struct http_response *, const char *, unsigned);
	const char *(*json)(struct http_response *, const char *);
	double (*json_number)(struct http_response *, const char *, double);
	const char *(*match)(struct http_response *, const char *, unsigned);
	const char *(*between)(struct http_response *, const char *,
	    const char *);
	void (*set_header)(struct swarm_user *, const char *, const char *);
	void (*set_base)(struct swarm_user *, const char *);
	const char *(*cookie)(struct swarm_user *, const char *);
	void (*set_cookie)(struct swarm_user *, const char *, const char *);
	void (*close)(struct swarm_user *);
	/* Since minor 1; see <swarm/llm.h>. */
	struct llm_answer *(*chat)(struct swarm_user *,
	    const struct llm_args *);
	/* Since minor 2. */
	const char *(*trailer)(struct http_response *, const char *);
};

SWARM_IMPORT(http_api, http_api_, "swarm.http/1", 2)

#ifndef __cplusplus
#define HTTP_ARGS_(...) \
	&(const struct http_args){ .size = (uint32_t)sizeof(struct http_args), \
		__VA_ARGS__ }

/* http_request(u, .method = "PATCH", .path = "/x", ...) */
#define http_request(u, ...) \
	http_api_->request((u), HTTP_ARGS_(__VA_ARGS__))
#define http_get(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "GET", \
		.path = (path_), __VA_ARGS__))
#define http_head(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "HEAD", \
		.path = (path_), __VA_ARGS__))
#define http_post(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "POST", \
		.path = (path_), __VA_ARGS__))
#define http_put(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "PUT", \
		.path = (path_), __VA_ARGS__))
#define http_patch(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "PATCH", \
		.path = (path_), __VA_ARGS__))
#define http_delete(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "DELETE", \
		.path = (path_), __VA_ARGS__))
#define http_options(u, path_, ...) \
	http_api_->request((u), HTTP_ARGS_(.method = "OPTIONS", \
		.path = (path_), __VA_ARGS__))

/* As http_request(), but returns when the headers are there: the body is then
 * read with http_read() or http_next_event().  The sample ends with the body,
 * or with http_finish().  With .measure the stream's pieces are measured. */
#define http_open(u, ...) \
	http_api_->open((u), HTTP_ARGS_(__VA_ARGS__))

/* One request of a http_batch(). */
#define HTTP_REQUEST(...)  HTTP_ARGS_(__VA_ARGS__)
#else
static inline struct http_response *http_get(struct swarm_user *u,
    const char *path)
{
	struct http_args args = {};

	args.size = (uint32_t)sizeof args;
	args.method = "GET";
	args.path = path;
	return http_api_->request(u, &args);
}

/* `args` needs no size. */
static inline struct http_response *http_request(struct swarm_user *u,
    struct http_args args)
{
	args.size = (uint32_t)sizeof args;
	return http_api_->request(u, &args);
}

static inline struct http_response *http_open(struct swarm_user *u,
    struct http_args args)
{
	args.size = (uint32_t)sizeof args;
	return http_api_->open(u, &args);
}
#endif

/*
 * Several requests at once, as a browser fetches what a page needs, on up to
 * as many connections as the plugin's option `connections` says.  Returns
 * when all have ended; responses[i] answers requests[i].
 */
static inline void http_batch(struct swarm_user *u,
    const struct http_args *const *requests,
    struct http_response **responses, size_t count)
{
	http_api_->batch(u, requests, responses, count);
}

/* The next piece of the body of an open response: its length (*data is valid
 * until the next call), 0 at the end, -1 when it failed. */
static inline int64_t http_read(struct http_response *r, const char **data)
{
	return http_api_->read(r, data);
}

/* The next server-sent event of an open response: 1, 0 at the end of the
 * stream, -1 when it failed. */
static inline int http_next_event(struct http_response *r,
    struct http_event *event)
{
	return http_api_->event(r, event);
}

/* Ends an open response early: its connection (over HTTP/2 its stream only) is
 * closed and the sample ends as it stands.  0 when it passed, else -1. */
static inline int http_finish(struct http_response *r)
{
	return http_api_->finish(r);
}

/* The verdict, for requests with .catch_response: it passed (returns 0). */
static inline int http_ok(struct http_response *r)
{
	return http_api_->mark_ok(r);
}

/* The verdict: it failed, for this reason (returns -1).  Equal reasons are
 * counted together. */
#define http_fail(r, ...)  http_api_->mark_failed((r), __VA_ARGS__)

/* A header of the answer by name (case does not count), or NULL; `nth` (from
 * 0) where there are several of that name. */
static inline const char *http_header(struct http_response *r,
    const char *name)
{
	return http_api_->header(r, name, 0);
}

static inline const char *http_header_nth(struct http_response *r,
    const char *name, unsigned nth)
{
	return http_api_->header(r, name, nth);
}

/* A field behind the body (a checksum, a status) by name, or NULL; known when the
 * body has been read to its end, and no header: cookies there are not taken.
 * `http`: over HTTP/2 only of answers without a Content-Length. */
static inline const char *http_trailer(struct http_response *r,
    const char *name)
{
	return http_api_->trailer(r, name);
}

/*
 * A value of a JSON body: "user.name", "items[0].id", "[2]", "items.length"
 * (of an array that has no such key, its size); "" is the whole.  A string as
 * it is, anything else as JSON text; NULL when there is none or the body is
 * not JSON.
 */
static inline const char *http_json(struct http_response *r,
    const char *path)
{
	return http_api_->json(r, path);
}

/* The same as a number; `otherwise` when it is not one. */
static inline double http_json_number(struct http_response *r,
    const char *path, double otherwise)
{
	return http_api_->json_number(r, path, otherwise);
}

/* What an extended POSIX regular expression finds in the body: the whole
 * match (group 0) or a parenthesised group 1 to 9; NULL when nothing. */
static inline const char *http_match(struct http_response *r,
    const char *pattern, unsigned group)
{
	return http_api_->match(r, pattern, group);
}

/* The text of the body between the first `left` and the next `right`; NULL
 * when they are not there. */
static inline const char *http_between(struct http_response *r,
    const char *left, const char *right)
{
	return http_api_->between(r, left, right);
}

/* From now on every request of this user has this header; NULL takes it
 * back.  Copied. */
static inline void http_set_header(struct swarm_user *u, const char *name,
    const char *value)
{
	http_api_->set_header(u, name, value);
}

/* What paths are below of, for this user, instead of --host.  Copied. */
static inline void http_set_base(struct swarm_user *u, const char *url)
{
	http_api_->set_base(u, url);
}

/* The value of a cookie that would be sent to the target's "/", or NULL. */
static inline const char *http_cookie(struct swarm_user *u,
    const char *name)
{
	return http_api_->cookie(u, name);
}

/* Sets a cookie for the target; a value of NULL removes it.  With name ==
 * NULL all cookies of the user are forgotten. */
static inline void http_set_cookie(struct swarm_user *u, const char *name,
    const char *value)
{
	http_api_->set_cookie(u, name, value);
}

/* Closes the user's idle connections, unless users share them: the next
 * request connects anew. */
static inline void http_close(struct swarm_user *u)
{
	http_api_->close(u);
}

#ifdef __cplusplus
}
#endif
#endif
