/* Formats of traces on bytes: what is read, what is refused, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../access.h"
#include "../date.h"
#include "../har.h"
#include "../lines.h"
#include "../ndjson.h"

#define SECOND INT64_C(1000000000)

static struct bytes scratch;
static struct bytes packed;
static struct ndjson json;

static char *text(struct span s)
{
	static char copies[8][256];
	static unsigned next;
	char *copy = copies[next++ % 8];

	snprintf(copy, sizeof copies[0], "%.*s", (int)s.len, s.at);
	return copy;
}

/* ---- dates ---- */

static void test_dates(void **state)
{
	int64_t ns, resolution;

	(void)state;
	assert_int_equal(date_log(SPAN("10/Oct/2000:13:55:36 -0700"), &ns), 0);
	assert_int_equal(ns / SECOND, 971211336);
	assert_int_equal(date_log(SPAN("29/Feb/2024:00:00:00 +0530"), &ns), 0);
	assert_int_equal(ns / SECOND, 1709145000);
	assert_int_equal(date_log(SPAN("10/Okt/2000:13:55:36 -0700"), &ns),
	    -1);
	assert_int_equal(date_log(SPAN("1/Oct/2000:13:55:36 -0700 "), &ns),
	    -1);
	assert_int_equal(date_log(SPAN("10/Oct/2000:24:55:36 -0700"), &ns),
	    -1);
	assert_int_equal(date_iso(SPAN("2024-01-31T12:00:00.25+01:00"), &ns,
	    &resolution), 0);
	assert_int_equal(ns, 1706698800 * SECOND + SECOND / 4);
	assert_int_equal(resolution, 0);
	assert_int_equal(date_iso(SPAN("2024-01-31 12:00:00"), &ns,
	    &resolution), 0);
	assert_int_equal(ns, 1706702400 * SECOND);
	assert_int_equal(resolution, SECOND);
	assert_int_equal(date_iso(SPAN("2024-01-31T12:00:00Zz"), &ns,
	    &resolution), -1);
	assert_int_equal(date_iso(SPAN("2024-13-31T12:00:00Z"), &ns,
	    &resolution), -1);
	assert_int_equal(date_number(1706702400.5, &ns), 0);
	assert_int_equal(ns, 1706702400 * SECOND + SECOND / 2);
	assert_int_equal(date_number(1706702400500.0, &ns), 0);
	assert_int_equal(ns, 1706702400 * SECOND + SECOND / 2);
	assert_int_equal(date_number(1706702400500000.0, &ns), 0);
	assert_int_equal(ns, 1706702400 * SECOND + SECOND / 2);
	assert_int_equal(date_number(-1, &ns), -1);
}

/* ---- access logs ---- */

static const char *read_log(const char *line, enum access_user user,
    struct request *r)
{
	const char *why = access_read(span_of(line), user, r, &scratch);

	return why ? why : request_pack(r, &packed);
}

static void test_access(void **state)
{
	struct request r;
	struct packed p;

	(void)state;
	assert_null(read_log("127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "
	    "\"GET /a.gif?x=1 HTTP/1.0\" 200 2326", ACCESS_ADDR, &r));
	assert_string_equal(text(r.user), "127.0.0.1");
	assert_int_equal(r.header_count, 0);
	assert_int_equal(request_unpack(&p, packed.at, packed.len), 0);
	assert_string_equal(p.method, "GET");
	assert_string_equal(p.path, "/a.gif?x=1");
	assert_int_equal(p.status, 200);

	assert_null(read_log("::1 - - [10/Oct/2000:13:55:36 -0700] "
	    "\"POST /b HTTP/1.1\" 404 - \"http://x/\" \"A \\\"B\\\" \\x43\" "
	    "\"more\" 0.001", ACCESS_AGENT, &r));
	assert_string_equal(text(r.user), "::1 A \"B\" C");
	assert_int_equal(r.header_count, 2);
	assert_string_equal(text(r.values[0]), "http://x/");
	assert_string_equal(text(r.values[1]), "A \"B\" C");
	assert_int_equal(request_unpack(&p, packed.at, packed.len), 0);
	assert_string_equal(p.names[1], "User-Agent");
	assert_string_equal(p.values[1], "A \"B\" C");
	assert_int_equal(p.status, 404);
	assert_false(request_is_safe(&r));

	assert_null(read_log("shop.test:443 10.1.2.3 - Jo Doe "
	    "[10/Oct/2000:13:55:36 -0700] \"HEAD http://shop.test/c HTTP/1.1\""
	    " 200 1", ACCESS_USER, &r));
	assert_string_equal(text(r.user), "Jo Doe");
	assert_int_equal(request_unpack(&p, packed.at, packed.len), 0);
	assert_string_equal(p.path, "/c");
	assert_null(read_log("10.1.2.3 - - [10/Oct/2000:13:55:36 -0700] "
	    "\"GET /\\xC3\\xA9 HTTP/1.1\" 200 1", ACCESS_NONE, &r));
	assert_int_equal(r.user.len, 0);
	assert_int_equal(request_unpack(&p, packed.at, packed.len), 0);
	assert_string_equal(p.path, "/%C3%A9");
}

static void test_bad_access(void **state)
{
	static const char *const bad[] = {
		"", "no date in brackets",
		"1.2.3.4 - - [32/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" "
		"200 1", "no date in brackets",
		"[10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1",
		"not ADDRESS IDENT USER before the date",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] GET / HTTP/1.1 200",
		"no request in quotes behind the date",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1",
		"no request in quotes behind the date",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"-\" 408 0",
		"the client sent no request then",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"\\x16\\x03\\x01\" "
		"400 0", "the request is not METHOD PATH HTTP/VERSION",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "
		"\"GET /a b HTTP/1.1\" 200 1",
		"a blank or control character in the path",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "
		"\"GET /a\\x00b HTTP/1.1\" 200 1",
		"a blank or control character in the path",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "
		"\"CONNECT h:443 HTTP/1.1\" 200 1", "the target is no path",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "
		"\"GET / HTTP/1.1\" ok 1", "no status behind the request",
		"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" "
		"200 1 \"-\" \"a\\x0d\\x0aX: y\"",
		"a control character in a header's value",
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 2)
		assert_string_equal(read_log(bad[i], ACCESS_ADDR, &r),
		    bad[i + 1]);
}

/* No byte of a line, cut at any place, may be read beyond it. */
static void test_cut_access(void **state)
{
	static const char line[] = "h:1 ::1 - - [10/Oct/2000:13:55:36 -0700] "
	    "\"POST /b\\x20 HTTP/1.1\" 404 - \"http://x/\" \"A \\\"B\\\" \\x43\"";
	struct request r;

	(void)state;
	for (size_t n = 0; n < sizeof line; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, line, n);
		access_read((struct span){ copy, n }, ACCESS_AGENT, &r,
		    &scratch);
		free(copy);
	}
}

/* ---- NDJSON ---- */

static const char *read_json(const char *line, const char *key,
    struct request *r)
{
	const char *why = ndjson_read(&json, span_of(line), key, r);

	return why ? why : request_pack(r, &packed);
}

static void test_ndjson(void **state)
{
	struct request r;

	(void)state;
	assert_null(read_json("{\"time\": 1706702400.5, \"path\": \"/a\", "
	    "\"user\": 17, \"status\": \"204\", \"method\": \"PUT\", "
	    "\"headers\": {\"X-A\": \"b\"}, \"body\": {\"k\": [1]}}", NULL,
	    &r));
	assert_string_equal(text(r.user), "17");
	assert_int_equal(r.status, 204);
	assert_string_equal(text(r.body), "{\"k\":[1]}");
	assert_string_equal(text(r.names[0]), "X-A");
	assert_int_equal(r.time, 1706702400 * SECOND + SECOND / 2);
	assert_null(read_json("{\"@timestamp\": \"2024-01-31T12:00:00+00:00\","
	    " \"request\": \"GET /x?y HTTP/2.0\", \"session\": \"s1\"}",
	    "session", &r));
	assert_string_equal(text(r.target), "/x?y");
	assert_string_equal(text(r.user), "s1");
	assert_null(read_json("{\"ts\": \"1706702400.500\", \"uri\": \"/\"}",
	    NULL, &r));
	assert_int_equal(r.time, 1706702400 * SECOND + SECOND / 2);
	assert_int_equal(r.resolution, 0);
	assert_null(read_json("{\"ts\": \"1706702400\", \"uri\": \"/\"}",
	    NULL, &r));
	assert_int_equal(r.resolution, SECOND);
	assert_string_equal(read_json("{\"ts\": \"1.2.3\", \"uri\": \"/\"}",
	    NULL, &r), "\"time\" is neither ISO 8601 nor a number");
	assert_string_equal(read_json("[]", NULL, &r),
	    "not an object of JSON");
	assert_string_equal(read_json("{\"path\": \"/\"}", NULL, &r),
	    "no \"time\"");
	assert_string_equal(read_json("{\"time\": \"noon\", \"path\": \"/\"}",
	    NULL, &r), "\"time\" is neither ISO 8601 nor a number");
	assert_string_equal(read_json("{\"time\": 1}", NULL, &r),
	    "no \"path\", and no \"request\"");
	assert_string_equal(read_json("{\"time\": 1, \"path\": \"/\", "
	    "\"headers\": {\"a b\": \"c\"}}", NULL, &r),
	    "a header's name is none");
	assert_string_equal(read_json("{\"time\": 1, \"path\": \"/\", "
	    "\"headers\": {\"a\": \"c\\r\\nd: e\"}}", NULL, &r),
	    "a control character in a header's value");
}

/* ---- files ---- */

static char *file_of(const char *data, size_t len)
{
	char *name = strdup("/tmp/swarm-trace-XXXXXX");
	int fd = mkstemp(name);

	assert_true(fd != -1 && write(fd, data, len) == (ssize_t)len);
	close(fd);
	return name;
}

static void remove_file(char *name)
{
	unlink(name);
	free(name);
}

static void test_lines(void **state)
{
	size_t huge = 3 * LINES_MAX;
	char *data = malloc(huge + 16);
	struct lines *l;
	struct span line;
	bool too_long;
	char *name;

	(void)state;
	memcpy(data, "a\r\n\n", 4);
	memset(data + 4, 'x', huge);
	data[100] = '\0';
	memcpy(data + 4 + huge, "\nlast", 5);
	name = file_of(data, huge + 9);
	l = lines_open(name);
	assert_int_equal(lines_next(l, &line, &too_long), 1);
	assert_string_equal(text(line), "a");
	assert_int_equal(lines_next(l, &line, &too_long), 1);
	assert_int_equal(line.len, 0);
	assert_int_equal(lines_next(l, &line, &too_long), 1);
	assert_true(too_long);
	assert_int_equal(lines_next(l, &line, &too_long), 1);
	assert_false(too_long);
	assert_string_equal(text(line), "last");
	assert_int_equal(lines_number(l), 4);
	assert_int_equal(lines_next(l, &line, &too_long), 0);
	lines_close(l);
	remove_file(name);
	free(data);
	assert_null(lines_open("/nonexistent/file"));
	name = file_of("\xef\xbb\xbfone\n\xef\xbb\xbftwo", 13);
	l = lines_open(name);
	assert_int_equal(lines_next(l, &line, &too_long), 1);
	assert_string_equal(text(line), "one");
	assert_int_equal(lines_next(l, &line, &too_long), 1);
	assert_int_equal(line.len, 6);
	lines_close(l);
	remove_file(name);
}

static const char archive[] = "{\"x\": {\"entries\": [1]}, \"log\": "
    "{\"a\": [{\"entries\": []}], \"entries\": [\n"
    "{\"startedDateTime\": \"2024-01-31T12:00:00.000Z\", \"pageref\": \"p\","
    "\"request\": {\"method\": \"GET\", \"url\": \"https://h/a\\\"}\", "
    "\"cookies\": [{\"name\": \"sid\", \"value\": \"7\"}], \"headers\": ["
    "{\"name\": \"Cookie\", \"value\": \"sid=7\"},"
    "{\"name\": \"Accept\", \"value\": \"*/*\"}]},"
    "\"response\": {\"status\": 304}},"
    "{\"request\": {\"method\": }},"
    "{\"request\": {\"url\": \"data:x\"}}]}}";

static void test_har(void **state)
{
	char *name = file_of(archive, sizeof archive - 1);
	struct har *h = har_open(name);
	const json_t *entry;
	const char *why;
	struct request r;

	(void)state;
	assert_int_equal(har_next(h, &entry, &why), 1);
	assert_null(har_request(entry, "cookie:sid", &r));
	assert_string_equal(text(r.user), "7");
	assert_int_equal(r.header_count, 1);
	assert_string_equal(text(r.names[0]), "Accept");
	assert_int_equal(r.status, 304);
	assert_null(har_request(entry, "page", &r));
	assert_string_equal(text(r.user), "p");
	assert_int_equal(har_next(h, &entry, &why), 2);
	assert_string_equal(why, "the entry is no JSON");
	assert_int_equal(har_next(h, &entry, &why), 1);
	assert_string_equal(har_request(entry, NULL, &r),
	    "not a URL of HTTP");
	assert_int_equal(har_next(h, &entry, &why), 0);
	har_close(h);
	remove_file(name);
}

/* Cut anywhere it says so, once, and then it is at its end. */
static void test_cut_har(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof archive - 4; n++) {
		char *name = file_of(archive, n);
		struct har *h = har_open(name);
		const json_t *entry;
		const char *why = NULL;
		int rc;

		while ((rc = har_next(h, &entry, &why)) > 0)
			;
		assert_int_equal(rc, -1);
		assert_non_null(why);
		assert_int_equal(har_next(h, &entry, &why), 0);
		har_close(h);
		remove_file(name);
	}
}

static void test_unpack(void **state)
{
	struct request r = { .method = SPAN("GET"), .target = SPAN("/a") };
	struct packed p;

	(void)state;
	request_header(&r, SPAN("A"), SPAN("b"));
	r.body = (struct span){ "x\0y", 3 };
	assert_null(request_pack(&r, &packed));
	assert_int_equal(request_unpack(&p, packed.at, packed.len), 0);
	assert_int_equal(p.body_len, 3);
	assert_memory_equal(p.body, "x\0y", 3);
	/* Without its body it may be cut nowhere. */
	for (size_t n = 0; n < packed.len - 3; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, packed.at, n);
		assert_int_equal(request_unpack(&p, copy, n), -1);
		free(copy);
	}
}

static int release(void **state)
{
	(void)state;
	bytes_free(&scratch);
	bytes_free(&packed);
	ndjson_release(&json);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_bad_access),
		cmocka_unit_test(test_cut_access),
		cmocka_unit_test(test_ndjson),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_har),
		cmocka_unit_test(test_cut_har),
		cmocka_unit_test(test_unpack),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
