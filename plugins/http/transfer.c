/*
 * The course of a call.  libcurl's callbacks run on the loop, or on the fiber
 * that starts a transfer; they put what arrives where the fiber finds it and
 * never wait.  Redirects are followed here and not by libcurl, so that both
 * providers follow them alike and count them as one sample.
 */
#include "transfer.h"

#include "settings.h"
#include "url.h"

#include <swarm/fiber.h>
#include <swarm/log.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char too_large[] =
    "the body is larger than the option max_body";

/* ---- callbacks ---- */

/* Room for `len` bytes more and a NUL; what is there moves along. */
static void room(struct swarm_user *u, char **data, size_t *cap, size_t used,
    size_t len)
{
	size_t want = *cap ? *cap : 1024;
	char *grown;

	while (want < used + len + 1)
		want *= 2;
	if (want == *cap)
		return;
	grown = swarm_alloc(u, want);
	if (used > 0)
		memcpy(grown, *data, used);
	*data = grown;
	*cap = want;
}

/* One line of a head, with its CRLF.  A new status line begins a new head:
 * of the final answer after interim ones. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *x = arg;
	size_t len = size * n;
	long status = 0;

	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
		x->head_len = 0;
		x->has_head = false;
		return len;
	}
	if (len <= 2) {
		curl_easy_getinfo(x->job.easy, CURLINFO_RESPONSE_CODE,
		    &status);
		x->has_head = status >= 200;
		if (x->opened && x->has_head)
			swarm_wake(x->job.waker);
		return len;
	}
	if (x->head_len + len > TRANSFER_HEAD_MAX) {
		x->give_up = "the head is larger than 256 KiB";
		return 0;
	}
	room(x->a.pub.user, &x->head, &x->head_cap, x->head_len, len);
	memcpy(x->head + x->head_len, line, len);
	x->head_len += len;
	return len;
}

/* For an open response: libcurl keeps what does not fit until it is read. */
static size_t enqueue(struct transfer *x, const char *data, size_t len)
{
	if (x->queue_len + len > TRANSFER_QUEUE_MAX) {
		x->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	memcpy(x->queue + x->queue_len, data, len);
	x->queue_len += len;
	swarm_wake(x->job.waker);
	return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *x = arg;
	struct http_response *r = &x->a.pub;
	size_t len = size * n;

	if (x->opened)
		return enqueue(x, data, len);
	if (r->len + len > (uint64_t)settings.max_body) {
		x->give_up = too_large;
		return 0;
	}
	if (x->args.consume) {
		if (x->args.consume(x->args.consume_arg, data, len) != 0) {
			x->give_up = "the scenario gave up on the body";
			return 0;
		}
	} else if (!x->args.discard) {
		room(r->user, &x->kept, &x->kept_cap, r->len, len);
		memcpy(x->kept + r->len, data, len);
		x->kept[r->len + len] = '\0';
		r->body = x->kept;
	}
	r->len += len;
	return len;
}

/* ---- one request and its answer ---- */

/* Ends the transfer at libcurl and gives the handle back. */
static void let_go(struct transfer *x)
{
	if (!x->handle)
		return;
	if (x->added)
		multi_remove(&x->job);
	x->added = false;
	setup_clear(x);
	session_give(x->session, x->handle);
	x->handle = NULL;
	swarm_waker_free(x->job.waker);
	x->job.waker = NULL;
}

/* Waits until it is done, or (open) there is something to look at; NULL, or
 * why it was given up. */
static const char *await(struct transfer *x, bool (*enough)(struct transfer *))
{
	while (!x->job.ended && !enough(x)) {
		x->parked = true;
		if (swarm_park(SWARM_FOREVER) == -1)
			return "cancelled";
	}
	return NULL;
}

static bool never(struct transfer *x)
{
	(void)x;
	return false;
}

static bool has_head(struct transfer *x)
{
	return x->has_head;
}

static bool has_bytes(struct transfer *x)
{
	return x->queue_len > 0;
}

static const char *begin(struct transfer *x)
{
	CURL *e;
	const char *why;

	x->handle = session_take(x->a.pub.user, x->session);
	if (!x->handle)
		return "out of memory";
	e = x->job.easy = x->handle->easy;
	x->job.waker = swarm_waker();
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
	    x->opened ? (curl_off_t)0 : (curl_off_t)settings.max_body);
	why = setup_request(x);
	if (why)
		return why;
	x->head_len = 0;
	x->has_head = false;
	x->give_up = NULL;
	if (multi_add(&x->job) == -1)
		return "libcurl cannot start the transfer";
	x->added = true;
	return NULL;
}

/* NULL, or what failed. */
static const char *transact(struct transfer *x)
{
	const char *error = begin(x);

	if (!error)
		error = await(x, x->opened ? has_head : never);
	if (!error && !x->parked)
		/* A server that answers at once must not keep this worker
		 * from its other users. */
		swarm_sleep(0);
	if (!error && x->job.ended)
		error = setup_error(x);
	if (x->handle)
		setup_collect(x);
	return error;
}

/* ---- redirects ---- */

static bool is_redirect(const struct transfer *x)
{
	return !x->args.no_redirects &&
	    answer_redirects(x->a.pub.status, x->method);
}

/* Turns to where the answer points; NULL, or what is wrong with it. */
static const char *follow(struct transfer *x, const char *location)
{
	struct http_response *r = &x->a.pub;
	char url[URL_MAX];

	if ((int)r->redirects >= settings.max_redirects)
		return "too many redirects";
	if (url_join(x->url, location, url, sizeof url) == -1)
		return "a redirect to no http URL";
	if (answer_drops_body(r->status, x->method)) {
		x->body = (struct body){ 0 };
		x->method = "GET";
	}
	if (x->args.produce && x->body.present)
		return "a redirect of a body that cannot be sent again";
	/* Credentials are for the server they were given for. */
	if (!url_same_server(x->url, url)) {
		x->authorization = NULL;
		x->args.auth = NULL;
	}
	let_go(x);
	x->url = swarm_strdup(r->user, url);
	r->redirects++;
	r->len = 0;
	r->body = "";
	x->kept = NULL;
	x->kept_cap = 0;
	x->queue_len = 0;
	x->paused = false;
	return NULL;
}

/* ---- the call ---- */

static const char *sample_name(const struct transfer *x, char *folded,
    size_t size)
{
	if (x->args.name)
		return x->args.name;
	fold_name(x->args.path ? x->args.path : "", settings.fold, folded,
	    size);
	return folded;
}

static void end(struct transfer *x, const char *error)
{
	int64_t now = x->job.ended ? x->job.ended : swarm_now();
	char folded[256];

	if (x->a.ended)
		return;
	if (x->handle && x->job.ended)
		setup_collect(x);
	let_go(x);
	free(x->queue);
	free(x->piece);
	x->queue = x->piece = NULL;
	answer_end(&x->a, now, error);
	if (settings.phases)
		answer_observe(&x->a, sample_name(x, folded, sizeof folded));
}

static void run(struct transfer *x)
{
	const char *error, *location;

	for (;;) {
		error = transact(x);
		if (error || !is_redirect(x))
			break;
		location = answer_header(&x->a.pub, "Location", 0);
		if (!location || !*location)
			break;
		error = follow(x, location);
		if (error)
			break;
	}
	x->a.pub.url = x->url;
	if (error || !x->opened)
		end(x, error);
}

/* What does not need the network; NULL, or why the call cannot be made. */
static const char *prepare(struct transfer *x)
{
	struct swarm_user *u = x->a.pub.user;
	const char *why = body_check(&x->args), *base, *path;
	char out[URL_MAX];
	struct url b;
	size_t len;

	if (why)
		return why;
	if (!body_is_token(x->method))
		return body_bad_method;
	if (x->args.auth && strcmp(x->args.auth, "basic") != 0 &&
	    strcmp(x->args.auth, "digest") != 0 &&
	    strncmp(x->args.auth, "aws:", 4) != 0)
		return ".auth is none of \"basic\", \"digest\" and "
		    "\"aws:amz:REGION:SERVICE\"";
	if (body_build(u, &x->args, &x->body) == -1)
		return x->body.error;
	path = body_path(u, x->args.path ? x->args.path : "/", x->args.query);
	if (!x->args.auth || strcmp(x->args.auth, "basic") == 0)
		x->authorization = body_authorization(u, &x->args);
	base = url_is_absolute(path) ? path
	    : session_target(u, x->session, &why);
	if (!base) {
		answer_no_target(u, why);
		return why;
	}
	if (url_parse(base, &b, &why) == -1)
		return why;
	if (b.user && !x->authorization && !x->args.user)
		x->authorization = body_basic(u, b.user, b.user_len);
	if (base == path)
		len = url_put_path("", 0, b.path, out, sizeof out);
	else
		len = url_put_path(b.path, strcspn(b.path, "?#"), path, out,
		    sizeof out);
	if (len == 0)
		return "the path is longer than 8 KiB";
	x->url = swarm_printf(u, "http%s://%s%.*s%s:%u%.*s", b.https ? "s" : "",
	    b.literal6 ? "[" : "", (int)b.host_len, b.host,
	    b.literal6 ? "]" : "", b.port, (int)len, out);
	return NULL;
}

static struct transfer *start(struct swarm_user *u,
    const struct http_args *args)
{
	struct transfer *x = swarm_alloc(u, sizeof *x);
	int64_t now = swarm_now();
	char folded[256];
	const char *why;
	double timeout;

	memset(x, 0, sizeof *x);
	memcpy(&x->args, args,
	    args->size < sizeof *args ? args->size : sizeof *args);
	if (settings.discard && !x->args.consume)
		x->args.discard = true;
	x->a.pub.user = u;
	x->session = session_of(u);
	x->method = body_method(&x->args);
	x->url = "";
	why = prepare(x);
	answer_init(&x->a, u, swarm_series(x->method,
	    sample_name(x, folded, sizeof folded)), now, &x->args);
	if (why) {
		x->a.expect = NULL;
		answer_end(&x->a, swarm_now(), why);
		return x;
	}
	timeout = x->args.timeout > 0 ? x->args.timeout : settings.timeout;
	x->deadline = timeout > 0 ? now + (int64_t)(timeout * 1e9)
	    : SWARM_FOREVER;
	return x;
}

struct http_response *transfer_request(struct swarm_user *u,
    const struct http_args *args)
{
	struct transfer *x = start(u, args);

	if (!x->a.ended)
		run(x);
	return &x->a.pub;
}

/* ---- open responses ---- */

static void finish_open(void *arg)
{
	transfer_finish(arg);
}

struct http_response *transfer_open(struct swarm_user *u,
    const struct http_args *args)
{
	struct transfer *x = start(u, args);

	if (x->a.ended)
		return &x->a.pub;
	x->opened = true;
	x->queue = malloc(TRANSFER_QUEUE_MAX);
	x->piece = malloc(TRANSFER_QUEUE_MAX);
	if (!x->queue || !x->piece) {
		end(x, "out of memory");
		return &x->a.pub;
	}
	run(x);
	/* The sample ends with the task at the latest. */
	if (!x->a.ended)
		swarm_defer(u, finish_open, &x->a.pub);
	return &x->a.pub;
}

int64_t transfer_read(struct http_response *r, const char **data)
{
	struct transfer *x = (struct transfer *)r;
	const char *error;
	char *full;
	size_t len;

	*data = "";
	if (x->a.ended || !x->opened)
		return r->error ? -1 : 0;
	error = await(x, has_bytes);
	if (!error && x->queue_len == 0)
		error = setup_error(x);
	if (error || x->queue_len == 0) {
		end(x, error);
		return error ? -1 : 0;
	}
	/* The scenario looks at one buffer while the other fills. */
	full = x->queue;
	len = x->queue_len;
	x->queue = x->piece;
	x->piece = full;
	x->queue_len = 0;
	r->len += len;
	if (x->paused && !x->job.ended) {
		x->paused = false;
		multi_unpause(&x->job);
	}
	*data = full;
	return (int64_t)len;
}

int transfer_event(struct http_response *r, struct http_event *event)
{
	struct transfer *x = (struct transfer *)r;
	int rc = answer_event(&x->a, event, transfer_read);

	if (rc == -2)
		end(x, answer_event_too_large);
	return rc < 0 ? -1 : rc;
}

int transfer_finish(struct http_response *r)
{
	struct transfer *x = (struct transfer *)r;

	end(x, NULL);
	return r->error ? -1 : 0;
}
