/* What the client makes of answers, good and bad, whole and in pieces. */
#include "client_kit.h"

#include <zlib.h>

/* ---- answers ---- */

static void many_shapes(struct swarm_user *u)
{
	struct http_response *r;

	r = http_get(u, "/chunked");
	assert_string_equal(r->body, "hello world");
	assert_string_equal(http_trailer(r, "t"), "1");
	assert_string_equal(http_trailer(r, "Long"), "two words");
	assert_null(http_trailer(r, "Transfer-Encoding"));
	assert_null(http_header(r, "t"));
	r = http_get(u, "/interim");
	assert_string_equal(r->body, "ok");
	assert_null(http_trailer(r, "t"));
	r = http_get(u, "/close");
	assert_string_equal(r->body, "to the end");
	assert_int_equal(r->len, 10);
	r = http_get(u, "/after");
	assert_false(r->reused);
	r = http_get(u, "/discard", .discard = true);
	assert_string_equal(r->body, "");
	assert_int_equal(r->len, 5);
	r = http_get(u, "/says-close");
	assert_int_equal(r->len, 1);
	r = http_get(u, "/not-modified");
	assert_int_equal(r->status, 304);
}

/* Every answer comes byte by byte. */
static void test_many_shapes(void **state)
{
	(void)state;
	kit_run(many_shapes, STEPS(
	    { .want = "/chunked", .piece = 1, .reply = "HTTP/1.1 200 OK\r\n"
	      "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n"
	      "5;x=y\r\nworld\r\n0\r\nT: 1\r\nLong: two words \r\n"
	      "\r\n" },
	    { .want = "/interim", .piece = 1, .reply =
	      "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" OK("2", "ok") },
	    { .want = "/close", .piece = 1, .close = true,
	      .reply = "HTTP/1.1 200 OK\r\n\r\nto the end" },
	    { .want = "/after", .piece = 1, .reply = OK("1", "x") },
	    { .want = "/discard", .reply = OK("5", "12345") },
	    { .want = "/says-close", .close = true, .reply =
	      "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	      "Content-Length: 1\r\n\r\nx" },
	    { .want = "/not-modified", .piece = 1,
	      .reply = "HTTP/1.1 304 Not Modified\r\n"
	      "Content-Length: 99\r\n\r\n" }));
	assert_int_equal(kit.connections, 3);
}

static void failures(struct swarm_user *u)
{
	static const char *const want[] = {
		"not an answer in HTTP/1.x",
		"the answer ended early",
		"the body is larger than the option max_body",
		"the body is larger than the option max_body",
		"the server closed the connection",
		"Content-Length given twice, differently",
		"HTTP 404 Not Found",
		"HTTP 599",
	};
	size_t i;

	settings.max_body = 10;
	own.retry = false;
	for (i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct http_response *r = http_get(u, "/f");

		assert_string_equal(r->error, want[i]);
	}
	settings.max_body = 1 << 20;
	assert_null(http_get(u, "/f", .expect = "404")->error);
	assert_string_equal(http_get(u, "/f", .expect = "201")->error,
	    "HTTP 200");
}

static void test_failures(void **state)
{
	(void)state;
	kit_run(failures, STEPS(
	    { .want = "/f", .reply = "SSH-2.0-x\r\n", .close = true },
	    { .want = "/f", .reply = OK("5", "abc"), .close = true },
	    { .want = "/f", .reply = OK("11", "abc"), .close = true },
	    { .want = "/f", .close = true, .reply = "HTTP/1.1 200 OK\r\n"
	      "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n"
	      "6\r\n123456\r\n" },
	    { .want = "/f", .close = true },
	    { .want = "/f", .close = true, .reply = "HTTP/1.1 200 OK\r\n"
	      "Content-Length: 1\r\nContent-Length: 2\r\n\r\n" },
	    { .want = "/f", .reply = "HTTP/1.1 404 x\r\n"
	      "Content-Length: 0\r\n\r\n" },
	    { .want = "/f", .reply = "HTTP/1.1 599 x\r\n"
	      "Content-Length: 0\r\n\r\n" },
	    { .want = "/f", .reply = "HTTP/1.1 404 x\r\n"
	      "Content-Length: 0\r\n\r\n" },
	    { .want = "/f", .reply = OK("0", "") }));
	kit_counts("GET", "/f", 10, 9);
}

static void time_outs(struct swarm_user *u)
{
	struct http_response *r = http_get(u, "/slow", .timeout = 0.03);

	assert_string_equal(r->error, "timed out");
	assert_int_equal(r->status, 0);
	assert_true(r->times.total >= 30000000);
	/* The late answer is nobody's: the connection is gone. */
	r = http_get(u, "http://127.0.0.1:1/refused");
	assert_string_equal(r->error, "connect: Connection refused");
	r = http_get(u, "https://no.such.host.invalid/");
	assert_int_equal(strncmp(r->error, "resolve: ", 9), 0);
}

static void test_time_outs(void **state)
{
	(void)state;
	kit_run(time_outs, STEPS(
	    { .want = "/slow", .hang = true, .close = true }));
	kit_counts("GET", "/slow", 1, 1);
	kit_counts("GET", "http://127.0.0.1:1/refused", 1, 1);
}

/* ---- compression ---- */

static char packed[3][4096];
static size_t packed_len[3];

/* window: 31 gzip, 15 zlib, -15 bare. */
static void pack(int i, int window, const char *data, size_t len)
{
	z_stream z = { 0 };
	unsigned char out[2048];
	int head;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, 0), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = sizeof out;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	head = snprintf(packed[i], sizeof packed[i], "HTTP/1.1 200 OK\r\n"
	    "Content-Encoding: %s\r\nContent-Length: %lu\r\n\r\n",
	    window == 31 ? "gzip" : "deflate", z.total_out);
	memcpy(packed[i] + head, out, z.total_out);
	packed_len[i] = (size_t)head + z.total_out;
	deflateEnd(&z);
}

static void compressed(struct swarm_user *u)
{
	struct http_response *r;
	const char *data;
	int i;

	settings.max_body = 100000;
	for (i = 0; i < 6; i++) {
		r = http_get(u, "/z");
		assert_null(r->error);
		assert_int_equal(r->len, 50000);
		assert_int_equal(r->body[49999], 'y');
	}
	r = http_get(u, "/z", .discard = true);
	assert_null(r->error);
	settings.max_body = 49999;
	assert_string_equal(http_get(u, "/z")->error,
	    "the body is larger than the option max_body");
	assert_string_equal(http_get(u, "/z")->error,
	    "the compressed body is broken");
	assert_null(http_get(u, "/z")->error);
	/* Broken off, and whole as an answer. */
	r = http_open(u, .path = "/z");
	while (http_read(r, &data) > 0)
		continue;
	assert_string_equal(r->error, "the compressed body is broken");
}

static void test_compressed(void **state)
{
	char *data = malloc(50000);
	int i, windows[] = { 31, 15, -15 };

	(void)state;
	memset(data, 'y', 50000);
	for (i = 0; i < 3; i++)
		pack(i, windows[i], data, 50000);
#define Z(i, ...) { .want = "/z", .reply = packed[i], .len = packed_len[i], \
	__VA_ARGS__ }
	kit_run(compressed, STEPS(Z(0), Z(1), Z(2), Z(0, .piece = 1),
	    Z(1, .piece = 1), Z(2, .piece = 1), Z(0),
	    Z(0, .close = true),
	    { .want = "/z", .close = true, .reply = "HTTP/1.1 200 OK\r\n"
	      "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd" },
	    { .want = "/z", .close = true, .reply = "HTTP/1.1 200 OK\r\n"
	      "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n" },
	    { .want = "/z", .reply = "HTTP/1.1 200 OK\r\n"
	      "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n"
	      "\x1f\x8b\x08\0\0\0\0\0\0\3", .len = 17 + 24 + 20 + 2 + 10 }));
	free(data);
}

/* ---- verdicts ---- */

static void verdicts(struct swarm_user *u)
{
	struct http_response *r;

	r = http_get(u, "/v", .catch_response = true);
	assert_int_equal(http_fail(r, "no %s", "luck"), -1);
	r = http_get(u, "/v", .catch_response = true);
	assert_int_equal(r->status, 500);
	http_ok(r);
	/* Neither said: the usual rule, when the task ends. */
	http_get(u, "/v", .catch_response = true);
}

static void test_verdicts(void **state)
{
	(void)state;
	kit_run(verdicts, STEPS(
	    { .want = "/v", .reply = OK("0", "") },
	    { .want = "/v", .reply = "HTTP/1.1 500 x\r\n"
	      "Content-Length: 0\r\n\r\n" },
	    { .want = "/v", .reply = "HTTP/1.1 503 x\r\n"
	      "Content-Length: 0\r\n\r\n" }));
	kit_counts("GET", "/v", 3, 2);
	assert_int_equal(kit.stats->error_count, 2);
	assert_string_equal(kit.stats->errors[0]->text, "no luck");
	assert_string_equal(kit.stats->errors[1]->text,
	    "HTTP 503 Service Unavailable");
}

/* ---- open responses ---- */

static void streams(struct swarm_user *u)
{
	struct http_response *r = http_open(u, .path = "/events");
	struct http_event e;
	const char *data;

	assert_int_equal(r->status, 200);
	assert_int_equal(http_next_event(r, &e), 1);
	assert_string_equal(e.data, "one");
	assert_int_equal(http_next_event(r, &e), 1);
	assert_string_equal(e.event, "two");
	assert_string_equal(e.data, "2\n2");
	assert_string_equal(e.id, "7");
	assert_true(e.at > 0);
	assert_int_equal(http_next_event(r, &e), 0);
	assert_null(r->error);
	/* The connection is whole again. */
	r = http_open(u, .path = "/read");
	assert_true(r->reused);
	assert_int_equal(http_read(r, &data), 5);
	assert_memory_equal(data, "piece", 5);
	assert_int_equal(http_read(r, &data), 0);
	assert_int_equal(http_read(r, &data), 0);
	r = http_open(u, .path = "/cut");
	while (http_read(r, &data) > 0)
		continue;
	assert_string_equal(r->error, "the answer ended early");
	r = http_open(u, .path = "/early");
	assert_int_equal(http_read(r, &data), 1);
	assert_int_equal(http_finish(r), 0);
	/* Left open: the task's end closes it. */
	http_open(u, .path = "/forgotten");
}

static void test_streams(void **state)
{
	(void)state;
	kit_run(streams, STEPS(
	    { .want = "/events", .piece = 3, .reply = "HTTP/1.1 200 OK\r\n"
	      "Transfer-Encoding: chunked\r\n\r\n"
	      "11\r\ndata: one\n\nevent:\r\n"
	      "19\r\n two\nid: 7\ndata: 2\ndata: \r\n3\r\n2\n\n\r\n"
	      "0\r\n\r\n" },
	    { .want = "/read", .reply = OK("5", "piece") },
	    { .want = "/cut", .reply = OK("5", "pie"), .close = true },
	    { .want = "/early", .reply = OK("5", "p"), .close = true },
	    { .want = "/forgotten", .reply = OK("5", "p"), .close = true }));
	kit_counts("GET", "/events", 1, 0);
	kit_counts("GET", "/cut", 1, 1);
	kit_counts("GET", "/early", 1, 0);
	kit_counts("GET", "/forgotten", 1, 0);
}

static int collect(void *arg, const void *data, size_t len)
{
	char *out = arg;

	strncat(out, data, len);
	return strlen(out) > 8 ? -1 : 0;
}

static void consumed(struct swarm_user *u)
{
	char out[64] = "";
	struct http_response *r;

	r = http_get(u, "/c", .consume = collect, .consume_arg = out);
	assert_null(r->error);
	assert_string_equal(out, "12345678");
	assert_string_equal(r->body, "");
	r = http_get(u, "/c", .consume = collect, .consume_arg = out);
	assert_string_equal(r->error, "the scenario gave up on the body");
	out[0] = '\0';
	r = http_get(u, "/away", .consume = collect, .consume_arg = out);
	assert_string_equal(out, "there");
	assert_int_equal(r->len, 5);
}

static void test_consumed(void **state)
{
	(void)state;
	kit_run(consumed, STEPS(
	    { .want = "/c", .piece = 3, .reply = OK("8", "12345678") },
	    { .want = "/c", .reply = OK("8", "12345678"), .close = true },
	    { .want = "/away", .reply = "HTTP/1.1 302 x\r\nLocation: /c\r\n"
	      "Content-Length: 4\r\n\r\nhere" },
	    { .want = "/c", .reply = OK("5", "there") }));
}

/* ---- answers that come before the request has gone ---- */

#define LARGE ((size_t)12 << 20)        /* more than a socket holds */

/* Pieces without an end. */
static int64_t endless(void *arg, void *buf, size_t size)
{
	(void)arg;
	memset(buf, 'x', size);
	return (int64_t)size;
}

static void refused_body(struct swarm_user *u)
{
	char *data = calloc(1, LARGE);
	struct http_response *r;

	r = http_post(u, "/413", .body = data, .body_len = LARGE);
	assert_int_equal(r->status, 413);
	assert_string_equal(r->error, "HTTP 413 Content Too Large");
	/* What was not sent must not become the next request. */
	r = http_post(u, "/enough", .produce = endless);
	assert_false(r->reused);
	assert_string_equal(r->body, "enough");
	r = http_open(u, .path = "/open", .produce = endless);
	assert_int_equal(r->status, 401);
	http_finish(r);
	r = http_put(u, "/garbage", .body = data, .body_len = LARGE);
	assert_string_equal(r->error, "not an answer in HTTP/1.x");
	free(data);
}

static void test_refused_body(void **state)
{
	(void)state;
	kit_run(refused_body, STEPS(
	    { .want = "/413", .hang = true, .early = "HTTP/1.1 413 x\r\n"
	      "Content-Length: 3\r\n\r\nbig", .second = true, .close = true },
	    { .want = "/enough", .hang = true, .early = OK("6", "enough"),
	      .second = true, .close = true },
	    { .want = "/open", .hang = true, .early = "HTTP/1.1 401 x\r\n"
	      "Content-Length: 9\r\n\r\n", .second = true, .close = true },
	    { .want = "/garbage", .hang = true, .early = "SSH-2.0-x\r\n",
	      .close = true }));
	assert_int_equal(kit.connections, 4);
}

/* Made so slowly that the beginning of the answer is there before its end. */
static int64_t slow_pieces(void *arg, void *buf, size_t size)
{
	int *n = arg;

	assert_true(size >= 16);
	if (swarm_sleep(0.01) == -1 || ++*n > 5)
		return 0;
	memset(buf, 'a' + *n, 5);
	return 5;
}

/* One that has begun and may depend on the rest of the request. */
static void consented_body(struct swarm_user *u)
{
	struct http_response *r;
	char text[64] = "";
	const char *data;
	int64_t n;
	int pieces = 0;

	r = http_open(u, .path = "/up", .produce = slow_pieces,
	    .produce_arg = &pieces);
	assert_int_equal(r->status, 200);
	while ((n = http_read(r, &data)) > 0)
		strncat(text, data, (size_t)n);
	assert_string_equal(text, "first last");
	assert_int_equal(pieces, 6);
	pieces = 0;
	r = http_post(u, "/again", .produce = slow_pieces,
	    .produce_arg = &pieces);
	assert_true(r->reused);
	assert_string_equal(r->body, "first last");
	assert_true(http_get(u, "/next")->reused);
}

static void test_consented_body(void **state)
{
	static const char early[] = "HTTP/1.1 100 Continue\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "6\r\nfirst \r\n";
	static const char reply[] = "4\r\nlast\r\n0\r\n\r\n";

	(void)state;
	kit_run(consented_body, STEPS(
	    { .want = "/up", .early = early, .reply = reply },
	    { .want = "/again", .early = early, .reply = reply },
	    { .want = "/next", .reply = OK("0", "") }));
	assert_int_equal(kit.connections, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_many_shapes),
		T(test_failures),
		T(test_time_outs),
		T(test_compressed),
		T(test_verdicts),
		T(test_streams),
		T(test_consumed),
		T(test_refused_body),
		T(test_consented_body),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
