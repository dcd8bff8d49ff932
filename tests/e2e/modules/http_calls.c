/*
 * Calls of the HTTP interface against a server that tells what it was sent,
 * each checked: one sample of type CHECK for each, whose failure says what
 * was wrong.  Runs on either provider.
 */
#include "check.h"

#include <swarm/http.h>

static const char *provider = "";
static bool h2;                         /* then a body ends no connection */
static bool own;                        /* connections are one user's */

static void basics(struct swarm_user *u)
{
	CHECK("basics");
	struct http_response *r = http_get(u, "/echo?a=1",
	    .headers = HTTP_FIELDS({ "X-One", "1" }, { "User-Agent", NULL }));

	EXPECT(r->status == 200);
	EXPECT(!r->error);
	EXPECT(is(r->version, h2 ? "2" : "1.1"));
	EXPECT(is(http_json(r, "method"), "GET"));
	EXPECT(is(http_json(r, "path"), "/echo?a=1"));
	EXPECT(is(http_json(r, "headers.x-one"), "1"));
	EXPECT(!http_json(r, "headers.user-agent"));
	EXPECT(is(http_json(r, "headers.accept"), "*/*"));
	EXPECT(is(http_header(r, "content-type"), "application/json"));
	EXPECT(r->times.total > 0 && r->times.wait > 0);
	r = http_get(u, "/echo");
	EXPECT(r->reused);
	EXPECT(r->times.connect == -1 && r->times.tls == -1);
	r = http_head(u, "/echo");
	EXPECT(r->status == 200 && r->len == 0 && is(r->body, ""));
	r = http_request(u, .method = "DELETE", .path = "/echo");
	EXPECT(is(http_json(r, "method"), "DELETE"));
	swarm_done(&t, 0);
}

static void bodies(struct swarm_user *u)
{
	CHECK("bodies");
	struct http_response *r = http_post(u, "/echo", .json = "{\"a\":[1]}");

	EXPECT(is(http_json(r, "body"), "{\"a\":[1]}"));
	EXPECT(is(http_json(r, "headers.content-type"), "application/json"));
	r = http_post(u, "/echo", .form = HTTP_FIELDS({ "a b", "1&2" }));
	EXPECT(is(http_json(r, "body"), "a+b=1%262"));
	r = http_put(u, "/echo", .body = "raw");
	EXPECT(is(http_json(r, "method"), "PUT"));
	EXPECT(is(http_json(r, "body"), "raw"));
	EXPECT(!http_json(r, "headers.content-type"));
	EXPECT(!http_json(r, "headers.expect"));
	r = http_post(u, "/echo");
	EXPECT(is(http_json(r, "headers.content-length"), "0"));
	r = http_post(u, "/echo", .parts = HTTP_PARTS(
	    { .name = "p", .data = "part", .filename = "f" }));
	EXPECT(strstr(http_json(r, "body"), "filename=\"f\""));
	EXPECT(strncmp(http_json(r, "headers.content-type"),
	    "multipart/form-data; boundary=", 30) == 0);
	r = http_get(u, "/echo", .query = HTTP_FIELDS({ "q", "1 2" }));
	EXPECT(is(http_json(r, "path"), "/echo?q=1%202"));
	swarm_done(&t, 0);
}

static int64_t pieces(void *arg, void *buf, size_t size)
{
	int *n = arg;

	(void)size;
	if ((*n)++ == 3)
		return 0;
	memcpy(buf, "piece", 5);
	return 5;
}

static void large_bodies(struct swarm_user *u)
{
	CHECK("large bodies");
	const size_t len = 3000000;
	char *data = swarm_alloc(u, len);
	struct http_response *r;
	int n = 0;

	memset(data, 'x', len);
	r = http_post(u, "/size", .body = data, .body_len = len);
	EXPECT(is(r->body, "3000000"));
	r = http_get(u, "/large?n=2000000");
	EXPECT(r->len == 2000000 && r->body[1999999] == 'y');
	r = http_get(u, "/large?n=2000000", .discard = true);
	EXPECT(r->len == 2000000 && is(r->body, ""));
	r = http_post(u, "/echo", .produce = pieces, .produce_arg = &n);
	EXPECT(is(http_json(r, "body"), "piecepiecepiece"));
	swarm_done(&t, 0);
}

/* What a HEAD says of the body it does not bring is no matter. */
static void heads(struct swarm_user *u)
{
	CHECK("heads");
	struct http_response *r = http_head(u, "/large?n=5000000");

	EXPECT(r->status == 200 && !r->error && r->len == 0);
	r = http_head(u, "/echo", .body = "x", .catch_response = true);
	EXPECT(is(provider, "http") ? r->error != NULL : r->status == 200);
	http_ok(r);
	r = http_get(u, "/echo", .headers = HTTP_FIELDS({ "TE", "trailers" }));
	/* nginx hands none on. */
	EXPECT(h2 || is(http_json(r, "headers.te"), "trailers"));
	swarm_done(&t, 0);
}

static void credentials(struct swarm_user *u)
{
	CHECK("credentials");
	struct http_response *r = http_get(u, "/echo", .user = "u",
	    .password = "p");

	EXPECT(is(http_json(r, "headers.authorization"), "Basic dTpw"));
	r = http_get(u, "/echo", .bearer = "tok");
	EXPECT(is(http_json(r, "headers.authorization"), "Bearer tok"));
	r = http_get(u, "/echo");
	EXPECT(!http_json(r, "headers.authorization"));
	http_set_header(u, "X-Mine", "yes");
	r = http_get(u, "/echo");
	EXPECT(is(http_json(r, "headers.x-mine"), "yes"));
	http_set_header(u, "X-Mine", NULL);
	r = http_get(u, "/echo");
	EXPECT(!http_json(r, "headers.x-mine"));
	r = http_get(u, "/digest", .user = "u", .password = "p",
	    .auth = "digest", .catch_response = true);
	if (is(provider, "http"))
		EXPECT(r->status == 200);
	else
		EXPECT(strstr(r->error, "--plugin http"));
	http_ok(r);
	swarm_done(&t, 0);
}

static void cookies(struct swarm_user *u)
{
	CHECK("cookies");
	struct http_response *r = http_get(u, "/cookies/set?a=1&b=2");

	EXPECT(is(http_json(r, "headers.cookie"), "a=1; b=2") ||
	    is(http_json(r, "headers.cookie"), "b=2; a=1"));
	EXPECT(is(http_cookie(u, "a"), "1"));
	http_set_cookie(u, "a", NULL);
	r = http_get(u, "/echo");
	EXPECT(is(http_json(r, "headers.cookie"), "b=2"));
	http_set_cookie(u, "c", "3");
	EXPECT(is(http_cookie(u, "c"), "3"));
	http_close(u);
	r = http_get(u, "/echo");
	EXPECT(r->reused != own);
	EXPECT(http_json(r, "headers.cookie"));
	http_set_cookie(u, NULL, NULL);
	r = http_get(u, "/echo");
	EXPECT(!http_json(r, "headers.cookie"));
	swarm_done(&t, 0);
}

/* What is consumed is the answer's. */
static int no_elsewhere(void *arg, const void *data, size_t len)
{
	size_t *seen = arg;

	*seen += len;
	return memmem(data, len, "elsewhere", 9) ? -1 : 0;
}

static void redirects(struct swarm_user *u)
{
	CHECK("redirects");
	size_t seen = 0;
	struct http_response *r = http_get(u, "/redirect/3", .name = "three");

	EXPECT(r->status == 200 && r->redirects == 3);
	EXPECT(is(http_json(r, "path"), "/echo"));
	EXPECT(strstr(r->url, "/echo"));
	r = http_post(u, "/moved?status=302", .body = "x");
	EXPECT(is(http_json(r, "method"), "GET"));
	r = http_post(u, "/moved?status=307", .body = "x");
	EXPECT(is(http_json(r, "method"), "POST"));
	EXPECT(is(http_json(r, "body"), "x"));
	r = http_get(u, "/moved?status=302", .no_redirects = true);
	EXPECT(r->status == 302 && !r->error);
	/* What a redirect has dropped, no header speaks of. */
	r = http_post(u, "/moved?status=302", .body = "x",
	    .headers = HTTP_FIELDS({ "Content-Type", "text/x" },
	    { "Content-Length", "1" }));
	EXPECT(is(http_json(r, "method"), "GET"));
	EXPECT(!http_json(r, "headers.content-type"));
	EXPECT(!http_json(r, "headers.content-length"));
	r = http_get(u, "/redirect/9999", .catch_response = true,
	    .name = "loop");
	EXPECT(is(r->error, "too many redirects"));
	http_ok(r);
	r = http_get(u, "/redirect/2", .consume = no_elsewhere,
	    .consume_arg = &seen);
	EXPECT(!r->error && seen > 0 && r->len == seen);
	swarm_done(&t, 0);
}

/* Another server's credentials are none of its business. */
static void away(struct swarm_user *u)
{
	CHECK("away");
	struct http_response *r;

	http_set_header(u, "Authorization", "Basic eDp5");
	r = http_get(u, "/away", .headers = HTTP_FIELDS(
	    { "Host", "virtual.test" }, { "Cookie", "a=b" }, { "X-One", "1" }));
	http_set_header(u, "Authorization", NULL);
	EXPECT(r->redirects == 1 && strstr(r->url, "//127.0.0.1:"));
	EXPECT(is(http_json(r, "headers.x-one"), "1"));
	EXPECT(!http_json(r, "headers.authorization"));
	EXPECT(!http_json(r, "headers.cookie"));
	EXPECT(strncmp(http_json(r, "headers.host"), "127.0.0.1:", 10) == 0);
	swarm_done(&t, 0);
}

static void verdicts(struct swarm_user *u)
{
	CHECK("verdicts");
	struct http_response *r = http_get(u, "/status/404",
	    .catch_response = true);

	EXPECT(r->status == 404);
	http_ok(r);
	r = http_get(u, "/status/404", .expect = "404");
	EXPECT(!r->error);
	r = http_get(u, "/status/500", .name = "fails");
	EXPECT(is(r->error, "HTTP 500 Internal Server Error"));
	r = http_get(u, "/echo", .catch_response = true, .name = "fails");
	http_fail(r, "not good enough");
	swarm_done(&t, 0);
}

static void codings(struct swarm_user *u)
{
	CHECK("codings");
	struct http_response *r = http_get(u, "/chunked");

	EXPECT(is(r->body, "one two three"));
	r = http_get(u, "/close");
	EXPECT(is(r->body, "until the end"));
	r = http_get(u, "/echo");
	EXPECT(r->reused == h2);
	r = http_get(u, "/gzip");
	EXPECT(r->len == 10000 && r->body[9999] == 'z');
	EXPECT(http_between(r, "zz", "zz"));
	EXPECT(is(http_match(r, "(z)z", 1), "z"));
	r = http_get(u, "/nothing");
	EXPECT(r->status == 200 && !r->error && r->len == 0);
	/* As deep as the parser goes, and deeper. */
	r = http_get(u, "/deep?n=2000");
	EXPECT(strncmp(http_json(r, ""), "[[[[", 4) == 0);
	r = http_get(u, "/deep?n=1000000");
	EXPECT(!http_json(r, ""));
	swarm_done(&t, 0);
}

static void streams(struct swarm_user *u)
{
	CHECK("streams");
	struct http_response *r = http_open(u, .path = "/events");
	struct http_event e;
	const char *data;
	size_t len = 0;
	int64_t n;

	EXPECT(r->status == 200);
	EXPECT(http_next_event(r, &e) == 1 && is(e.data, "first"));
	EXPECT(http_next_event(r, &e) == 1 && is(e.event, "named"));
	EXPECT(is(e.data, "second\nline") && is(e.id, "2"));
	EXPECT(http_next_event(r, &e) == 0);
	EXPECT(!r->error);
	r = http_open(u, .path = "/large?n=1000000");
	while ((n = http_read(r, &data)) > 0) {
		EXPECT(data[0] == 'y' && data[n - 1] == 'y');
		len += (size_t)n;
	}
	EXPECT(n == 0 && len == 1000000 && r->len == len);
	r = http_open(u, .path = "/large?n=1000000");
	EXPECT(http_read(r, &data) > 0);
	EXPECT(http_finish(r) == 0);
	/* More than max_body: only a piece of it is in memory. */
	r = http_open(u, .path = "/large?n=5000000");
	while ((n = http_read(r, &data)) > 0)
		continue;
	EXPECT(n == 0 && r->len == 5000000 && !r->error);
	r = http_open(u, .path = "/digest", .user = "u", .password = "p",
	    .auth = "digest", .catch_response = true);
	EXPECT(!is(provider, "http") || r->status == 200);
	http_finish(r);
	http_ok(r);
	r = http_open(u, .path = "/redirect/1");
	EXPECT(r->status == 200 && http_read(r, &data) > 0);
	swarm_done(&t, 0);
}

/* nginx does not hand them on. */
static void trailers(struct swarm_user *u)
{
	CHECK("trailers");
	struct http_response *r = http_get(u, "/trailers");
	const char *data;

	EXPECT(r->status == 200 && is(r->body, "ok"));
	EXPECT(h2 || is(http_trailer(r, "x-sum"), "7"));
	EXPECT(!http_header(r, "x-sum") && !http_cookie(u, "late"));
	r = http_open(u, .path = "/trailers");
	EXPECT(!http_trailer(r, "x-sum"));
	while (http_read(r, &data) > 0)
		continue;
	EXPECT(h2 || is(http_trailer(r, "X-Sum"), "7"));
	r = http_get(u, "/echo");
	EXPECT(!http_trailer(r, "x-sum"));
	swarm_done(&t, 0);
}

static void batches(struct swarm_user *u)
{
	CHECK("batches");
	const struct http_args *requests[] = {
		HTTP_REQUEST(.path = "/slow?s=0.3", .name = "batch"),
		HTTP_REQUEST(.path = "/slow?s=0.3", .name = "batch"),
		HTTP_REQUEST(.path = "/slow?s=0.3", .name = "batch"),
	};
	struct http_response *r[3];
	int64_t before = swarm_now();

	http_batch(u, requests, r, 3);
	EXPECT(r[0]->status == 200 && r[1]->status == 200 &&
	    r[2]->status == 200);
	/* One after another they take 0.9 s. */
	EXPECT(swarm_now() - before < INT64_C(850000000));
	swarm_done(&t, 0);
}

static void limits(struct swarm_user *u)
{
	CHECK("limits");
	struct http_response *r = http_get(u, "/slow?s=30", .timeout = 0.2,
	    .catch_response = true);

	EXPECT(is(r->error, "timed out"));
	EXPECT(r->times.total > 190000000);
	http_ok(r);
	r = http_get(u, "/large?n=5000000", .catch_response = true);
	EXPECT(is(r->error, "the body is larger than the option max_body"));
	http_ok(r);
	/* An interim answer is none; nginx hands none on. */
	r = http_get(u, "/hints", .catch_response = true);
	EXPECT(h2 || (r->status == 0 && r->error && !http_header(r, "A")));
	http_ok(r);
	r = http_get(u, "http://127.0.0.1:1/", .catch_response = true);
	EXPECT(is(r->error, "connect: Connection refused"));
	http_ok(r);
	r = http_get(u, "http://no.such.name.invalid/",
	    .catch_response = true);
	EXPECT(strncmp(r->error, "resolve: ", 9) == 0);
	http_ok(r);
	swarm_done(&t, 0);
}

static void all(struct swarm_user *u)
{
	basics(u);
	bodies(u);
	large_bodies(u);
	heads(u);
	credentials(u);
	cookies(u);
	redirects(u);
	away(u);
	verdicts(u);
	codings(u);
	streams(u);
	trailers(u);
	batches(u);
	limits(u);
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "http_calls",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(provider, "", "whose features to expect"),
		SWARM_OPTION(h2, "no", "HTTP/2 is to be spoken"),
		SWARM_OPTION(own, "yes", "a user has its own connections")),
	.users = SWARM_USERS({ .name = "calls",
		.tasks = SWARM_TASKS(SWARM_TASK(all)) }),
);
