/*
 * libcurl's callbacks run on the loop, or on the fiber that starts a transfer;
 * they put what arrives where the fiber finds it and never wait.  The fiber
 * keeps the time itself: libcurl's own limit would be two timers set and
 * cleared for each request.
 */
#include "transfer.h"

#include "limits.h"
#include "room.h"
#include "settings.h"

#include <swarm/fiber.h>
#include <swarm/log.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

/* What fits into libcurl's smaller buffer, about. */
#define SMALL_ANSWER 900
#define ROOM_FIRST ((size_t)1024)

static const char too_large[] =
    "the body is larger than the option max_body";

/* ---- callbacks ---- */

/* Asked while libcurl still has the connection in its hands. */
static void look_at_tls(struct transfer *x)
{
	CURL *e = x->handle->job.easy;
	struct curl_tlssessioninfo *tls = NULL;
	long connects = 0;

	x->looked_at_tls = true;
	curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connects);
	if (connects == 0 || curl_easy_getinfo(e, CURLINFO_TLS_SSL_PTR,
	    &tls) != CURLE_OK || !tls || !tls->internals ||
	    tls->backend != CURLSSLBACKEND_OPENSSL)
		return;
	answer_secured(&x->c.a, SSL_session_reused(tls->internals) == 1);
}

/* "HTTP/1.1 200 OK" and the like, which libcurl has looked at before. */
static void take_status(struct transfer *x, const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);

	x->head_len = 0;
	x->has_head = false;
	x->in_head = true;
	x->status = 0;
	if (!space || line + len - space < 4)
		return;
	x->version = line[5] == '1' ? line[7] == '1' : line[5] - '0';
	x->status = (space[1] - '0') * 100 + (space[2] - '0') * 10 +
	    (space[3] - '0');
}

/* The first 401 of a digest: libcurl answers it by itself, or the transfer is
 * over. */
static bool is_challenge(struct transfer *x)
{
	const char *auth = x->c.args->auth;

	if (x->status != 401 || x->challenged || x->c.foreign || !auth ||
	    strcmp(auth, "digest") != 0)
		return false;
	x->challenged = true;
	return true;
}

static void note_fed(struct transfer *x)
{
	if (x->version == 2)
		multi_fed(&x->handle->job);
}

static void end_head(struct transfer *x)
{
	const char *at = x->head;

	note_fed(x);
	x->in_head = false;
	if (x->status == 101)
		x->give_up = LIMIT_SWITCH_TEXT;
	else if (x->status < 200 && ++x->interim > LIMIT_INTERIM)
		x->give_up = LIMIT_INTERIM_TEXT;
	x->has_head = x->status >= 200 && !is_challenge(x);
	if (!x->has_head)
		return;
	x->c.a.pub.status = x->status;
	if (answer_redirects(x->status, x->c.method))
		x->location = answer_next(&at, at + x->head_len, "Location",
		    &x->location_len);
	if (x->c.opened)
		swarm_wake(x->handle->job.waker);
}

static size_t take_trailer(struct transfer *x, const char *line, size_t len)
{
	if (len <= 2)
		return len;
	if (x->trailers_len + len > LIMIT_TRAILERS) {
		x->give_up = LIMIT_TRAILERS_TEXT;
		return 0;
	}
	room_for(x->c.a.pub.user, &x->trailers, &x->trailers_cap,
	    x->trailers_len, len, ROOM_FIRST);
	memcpy(x->trailers + x->trailers_len, line, len);
	x->trailers_len += len;
	return len;
}

/* One line of a head, with its CRLF.  A new status line begins a new head: of
 * the final answer after interim ones.  What looks like one elsewhere is not:
 * libcurl lets servers have such headers. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *x = ((struct handle *)arg)->transfer;
	size_t len = size * n;

	if (x->has_head)
		return take_trailer(x, line, len);
	if (!x->in_head && len > 8 && memcmp(line, "HTTP/", 5) == 0) {
		if (x->origin->https && !x->looked_at_tls)
			look_at_tls(x);
		take_status(x, line, len);
		return len;
	}
	if (len <= 2) {
		end_head(x);
		return x->give_up ? 0 : len;
	}
	if (x->head_len + len > TRANSFER_HEAD_MAX) {
		x->give_up = "the head is larger than 256 KiB";
		return 0;
	}
	room_for(x->c.a.pub.user, &x->head, &x->head_cap, x->head_len, len,
	    ROOM_FIRST);
	memcpy(x->head + x->head_len, line, len);
	x->head_len += len;
	if (len > 11 && (line[0] | 0x20) == 's' &&
	    strncasecmp(line, "Set-Cookie:", 11) == 0)
		x->has_cookies = true;
	return len;
}

/* For an open response: libcurl keeps what does not fit until it is read. */
static size_t enqueue(struct transfer *x, const char *data, size_t len)
{
	if (x->queue_len + len > TRANSFER_QUEUE_MAX) {
		x->handle->job.paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	memcpy(x->queue + x->queue_len, data, len);
	x->queue_len += len;
	swarm_wake(x->handle->job.waker);
	return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *x = ((struct handle *)arg)->transfer;
	struct http_response *r = &x->c.a.pub;
	size_t len = size * n;

	note_fed(x);
	if (x->c.opened)
		return enqueue(x, data, len);
	if (r->len + len > (uint64_t)settings.max_body) {
		x->give_up = too_large;
		return 0;
	}
	if (x->c.args->consume) {
		if (!course_redirected(&x->c, x->location_len) &&
		    x->c.args->consume(x->c.args->consume_arg, data, len) != 0) {
			x->give_up = "the scenario gave up on the body";
			return 0;
		}
	} else if (!x->c.discard) {
		room_for(r->user, &x->kept, &x->kept_cap, r->len, len,
		    ROOM_FIRST);
		memcpy(x->kept + r->len, data, len);
		x->kept[r->len + len] = '\0';
		r->body = x->kept;
	}
	r->len += len;
	return len;
}

/* ---- one request and its answer ---- */

void transfer_adopt(struct handle *h)
{
	CURL *e = h->job.easy;

	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
}

/* Ends the transfer at libcurl and gives the handle back. */
static void let_go(struct transfer *x)
{
	struct handle *h = x->handle;

	if (!h)
		return;
	x->session->large = x->head_len + x->c.a.pub.len > SMALL_ANSWER;
	if (x->added)
		multi_remove(&h->job);
	x->added = false;
	setup_clear(x);
	swarm_waker_free(h->job.waker);
	h->job.waker = NULL;
	h->transfer = NULL;
	x->handle = NULL;
	session_give(h);
}

/* It is over; notes how, while there is a handle to ask. */
static bool is_done(struct transfer *x)
{
	if (!x->handle || !x->handle->job.ended)
		return !x->handle;
	x->ended = x->handle->job.ended;
	x->result = x->handle->job.result;
	return true;
}

/* Waits until it is done, or (open) there is something to look at; NULL, or
 * why it was given up. */
static const char *await(struct transfer *x, bool (*enough)(struct transfer *))
{
	while (!is_done(x) && !enough(x)) {
		x->parked = true;
		if (swarm_park(x->c.deadline) == 0)
			continue;
		/* What has arrived meanwhile counts. */
		if (is_done(x) || enough(x))
			break;
		return errno == ETIMEDOUT ? "timed out" : "cancelled";
	}
	return NULL;
}

/* The answer is whole, though not all of the request has gone: it need not.
 * Over HTTP/2 the server ends the stream then. */
static bool is_answered(struct transfer *x)
{
	return x->handle->job.only_sends && x->has_head && x->version < 2;
}

static bool has_head(struct transfer *x)
{
	return x->has_head;
}

/* Something to read, or nothing any more. */
static bool has_bytes(struct transfer *x)
{
	return x->queue_len > 0 || (!x->handle->job.paused && is_answered(x));
}

static const char *begin(struct transfer *x)
{
	const char *why;

	x->handle = session_take(x->session, x->c.a.pub.user);
	if (!x->handle)
		return "out of memory";
	x->handle->transfer = x;
	x->handle->job.ended = 0;
	x->handle->job.waker = swarm_waker();
	x->ended = 0;
	x->head_len = 0;
	x->has_head = x->in_head = x->has_cookies = false;
	x->status = 0;
	x->location_len = 0;
	x->interim = 0;
	x->trailers_len = 0;
	x->version = 1;
	x->looked_up = 0;
	x->looked_at_tls = false;
	x->give_up = NULL;
	why = setup_request(x);
	if (why)
		return why;
	if (multi_add(&x->handle->job) == -1)
		return "libcurl cannot start the transfer";
	x->added = true;
	return NULL;
}

/* NULL, or what failed. */
static const char *transact(struct transfer *x)
{
	const char *error = begin(x);

	if (!error)
		error = await(x, x->c.opened ? has_head : is_answered);
	if (!error && !x->parked)
		/* A server that answers at once must not keep this worker
		 * from its other users. */
		swarm_sleep(0);
	if (!error && is_done(x))
		error = setup_error(x);
	if (x->handle)
		setup_collect(x);
	return error;
}

/* ---- the call ---- */

/* Turns to where the answer points; NULL, or what is wrong with it. */
static const char *follow(struct transfer *x)
{
	const char *error = course_follow(&x->c, x->location,
	    x->location_len);

	if (error)
		return error;
	let_go(x);
	x->kept = NULL;
	x->kept_cap = 0;
	x->queue_len = 0;
	return NULL;
}

static void end(struct transfer *x, const char *error)
{
	int64_t now;

	if (x->c.a.ended)
		return;
	if (is_done(x) && x->handle && x->c.opened)
		setup_collect(x);
	x->c.a.trailers = x->trailers;
	x->c.a.trailers_len = x->trailers_len;
	now = x->ended ? x->ended : swarm_now();
	let_go(x);
	free(x->queue);
	free(x->piece);
	x->queue = x->piece = NULL;
	course_end(&x->c, now, error);
}

static void run(struct transfer *x)
{
	const char *error;

	for (;;) {
		error = transact(x);
		if (!error && x->has_cookies && settings.cookies)
			person_take_cookies(x->c.person, x->origin, x->path,
			    &x->c.a);
		if (error || !course_redirected(&x->c, x->location_len))
			break;
		error = follow(x);
		if (error)
			break;
	}
	x->c.a.pub.url = x->c.path;
	if (error || !x->c.opened)
		end(x, error);
}

static const char *check(const struct transfer *x)
{
	const struct http_args *args = x->c.args;
	const char *why = body_check_headers(args->headers);

	if (why)
		return why;
	if (!body_is_token(x->c.method))
		return body_bad_method;
	/* libcurl would wait for one in the answer, too. */
	if (strcmp(x->c.method, "HEAD") == 0 && x->c.body.present)
		return "a HEAD with a body is not possible here: run with "
		    "--plugin fasthttp";
	if (!args->auth || strcmp(args->auth, "basic") == 0 ||
	    strcmp(args->auth, "digest") == 0 ||
	    strncmp(args->auth, "aws:", 4) == 0)
		return NULL;
	return ".auth is none of \"basic\", \"digest\" and "
	    "\"aws:amz:REGION:SERVICE\"";
}

static struct transfer *start(struct swarm_user *u,
    const struct http_args *args, bool keep)
{
	struct transfer *x = swarm_alloc(u, sizeof *x);
	int64_t now = swarm_now();
	char name[256];
	const char *why;

	memset(x, 0, sizeof *x);
	why = course_begin(&x->c, u, args, keep);
	x->session = (struct session *)x->c.person;
	if (!why)
		why = check(x);
	if (why) {
		course_refuse(&x->c, now, why);
		return x;
	}
	course_name_of(x->c.args, name, sizeof name);
	course_start(&x->c, swarm_series(x->c.method, name), now);
	return x;
}

struct http_response *transfer_request(struct swarm_user *u,
    const struct http_args *args)
{
	struct transfer *x = start(u, args, false);

	if (!x->c.a.ended)
		run(x);
	return &x->c.a.pub;
}

/* ---- open responses ---- */

struct http_response *transfer_open(struct swarm_user *u,
    const struct http_args *args)
{
	struct transfer *x = start(u, args, true);

	if (x->c.a.ended)
		return &x->c.a.pub;
	x->c.opened = true;
	x->queue = malloc(TRANSFER_QUEUE_MAX);
	x->piece = malloc(TRANSFER_QUEUE_MAX);
	if (!x->queue || !x->piece) {
		end(x, "out of memory");
		return &x->c.a.pub;
	}
	run(x);
	if (!x->c.a.ended)
		course_opened(&x->c, transfer_finish);
	return &x->c.a.pub;
}

int64_t transfer_read(struct http_response *r, const char **data)
{
	struct transfer *x = (struct transfer *)r;
	const char *error;
	char *full;
	size_t len;

	*data = "";
	if (x->c.a.ended || !x->c.opened)
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
	if (!is_done(x) && x->handle->job.paused)
		multi_unpause(&x->handle->job);
	course_piece(&x->c);
	*data = full;
	return (int64_t)len;
}

int transfer_event(struct http_response *r, struct http_event *event)
{
	struct transfer *x = (struct transfer *)r;
	int rc = answer_event(&x->c.a, event, transfer_read);

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
