/*
 * The parts both providers share, without a host: the few swarm_*() calls
 * they make are answered here by plain memory.
 */
#include "tests/fake_host.h"

#include "answer.h"
#include "body.h"
#include "cookies.h"
#include "fold.h"
#include "pulse.h"
#include "sse.h"
#include "url.h"

#include <swarm/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- names ---- */

static void check_fold(const char *path, const char *want)
{
	char out[256];

	assert_int_equal(fold_name(path, FOLD_IDS, out, sizeof out),
	    strlen(want));
	assert_string_equal(out, want);
}

static void test_fold(void **state)
{
	enum fold_mode mode;
	char out[16];

	(void)state;
	check_fold("/items/42", "/items/[id]");
	check_fold("/items/42/", "/items/[id]/");
	check_fold("/items/42?page=7", "/items/[id]");
	check_fold("/u/7/o/9#x", "/u/[id]/o/[id]");
	check_fold("/a/123e4567-e89b-12d3-a456-426614174000/b", "/a/[id]/b");
	check_fold("/c/deadbee4", "/c/[id]");
	check_fold("/c/deadbeef", "/c/deadbeef");
	check_fold("/c/abc123", "/c/abc123");
	check_fold("/img/42.png", "/img/[id].png");
	check_fold("/img/deadbee4.mp4", "/img/[id].mp4");
	check_fold("/v1.2/x", "/v1.2/x");
	check_fold("/2.5", "/2.5");
	check_fold("", "/");
	check_fold("?q=1", "/");
	check_fold("//", "//");
	assert_int_equal(fold_name("/a/42?q=1#f", FOLD_PATH, out, 16), 5);
	assert_string_equal(out, "/a/42");
	fold_name("/a/42?q=1#f", FOLD_NOTHING, out, 16);
	assert_string_equal(out, "/a/42?q=1");
	assert_int_equal(fold_name("/long/long/long/42", FOLD_IDS, out, 12),
	    11);
	assert_string_equal(out, "/long/long/");
	assert_int_equal(fold_mode_parse("full", &mode), 0);
	assert_int_equal(mode, FOLD_NOTHING);
	assert_int_equal(fold_mode_parse("x", &mode), -1);
}

/* ---- URLs ---- */

static void check_url(const char *text, bool https, const char *host,
    unsigned port, const char *path)
{
	struct url u;
	const char *why;

	assert_int_equal(url_parse(text, &u, &why), 0);
	assert_int_equal(u.https, https);
	assert_int_equal(u.host_len, strlen(host));
	assert_memory_equal(u.host, host, u.host_len);
	assert_int_equal(u.port, port);
	assert_string_equal(u.path, path);
}

static void check_bad_url(const char *text, const char *want)
{
	struct url u;
	const char *why;

	assert_int_equal(url_parse(text, &u, &why), -1);
	assert_string_equal(why, want);
}

static void test_url(void **state)
{
	char out[64];
	struct url u;
	const char *why;

	(void)state;
	check_url("http://a", false, "a", 80, "");
	check_url("HTTPS://a.b:8443/x?y#z", true, "a.b", 8443, "/x?y#z");
	check_url("http://[::1]:81/", false, "::1", 81, "/");
	check_url("http://[fe80::1%eth0]", false, "fe80::1%eth0", 80, "");
	check_url("http://u:p@h:/x", false, "h", 80, "/x");
	check_url("http://u@x@h?q", false, "h", 80, "?q");
	check_bad_url("ftp://x", "it does not start with http:// or https://");
	check_bad_url("http://", "it has no host");
	check_bad_url("http://a b/", "its host has a character that no host "
	    "name has");
	check_bad_url("http://a\r\nX: y/", "its host has a character that no "
	    "host name has");
	check_bad_url("http://a:0/", "its port is not a number from 1 to 65535");
	check_bad_url("http://a:65536", "its port is not a number from 1 to "
	    "65535");
	check_bad_url("http://[::1", "the address in it has no closing bracket");
	check_bad_url("http://[xyz]", "the address in it is not IPv6");
	assert_int_equal(url_parse("http://[::1]:80/", &u, &why), 0);
	assert_int_equal(url_host_header(&u, out, sizeof out), 5);
	assert_string_equal(out, "[::1]");
	assert_int_equal(url_parse("https://h:80/", &u, &why), 0);
	url_host_header(&u, out, sizeof out);
	assert_string_equal(out, "h:80");
	assert_int_equal(url_host_header(&u, out, 4), 0);
}

static void check_path(const char *prefix, const char *path, const char *want)
{
	char out[64];

	assert_int_equal(url_put_path(prefix, strlen(prefix), path, out,
	    sizeof out), strlen(want));
	assert_memory_equal(out, want, strlen(want));
}

static void check_join(const char *base, const char *location,
    const char *want)
{
	char out[64];

	if (!want) {
		assert_int_equal(url_join(base, location, out, sizeof out), -1);
		return;
	}
	assert_int_equal(url_join(base, location, out, sizeof out), 0);
	assert_string_equal(out, want);
}

static void test_paths(void **state)
{
	char out[16];

	(void)state;
	check_path("", "/x y#frag", "/x%20y");
	check_path("", "x", "/x");
	check_path("", "", "/");
	check_path("", "?q=\r\n", "/?q=%0D%0A");
	check_path("/base/", "/x", "/base/x");
	check_path("/base", "/x", "/base/x");
	check_path("", "/\xc3\xa9?a=%20", "/%C3%A9?a=%20");
	assert_int_equal(url_put_path("", 0, "/0123456789", out, 8), 0);
	assert_int_equal(url_escape("a b&c=d/é", true, NULL, 0), 20);
	assert_int_equal(url_escape("a b", false, out, sizeof out), 5);
	assert_memory_equal(out, "a%20b", 5);
}

static void test_join(void **state)
{
	const char *base = "http://h:81/a/b/c?q#f";

	(void)state;
	check_join(base, "d", "http://h:81/a/b/d");
	check_join(base, "../d?x", "http://h:81/a/d?x");
	check_join(base, "../../../d", "http://h:81/d");
	check_join(base, "/x/./y/../z", "http://h:81/x/z");
	check_join(base, "/x/..", "http://h:81/");
	check_join(base, "?new", "http://h:81/a/b/c?new");
	check_join(base, "//other/x", "http://other/x");
	check_join(base, "https://o:1/p#f", "https://o:1/p");
	check_join(base, "https://o", "https://o/");
	check_join(base, "", "http://h:81/a/b/c");
	check_join(base, "mailto:x", NULL);
	check_join(base, "javascript:alert(1)", NULL);
	check_join("http://h", "x", "http://h/x");
	check_join("http://h?q", "x", "http://h/x");
	check_join(base, "/0123456789012345678901234567890123456789012345678901",
	    NULL);
}

/* ---- server-sent events ---- */

static void events_of(const char *data, size_t len, size_t step, char *out)
{
	struct sse s = { 0 };
	size_t at = 0, n, put = 0;

	out[0] = '\0';
	while (at < len) {
		const char *from = data + at, *end;
		int rc;

		end = from + (len - at < step ? len - at : step);
		at = (size_t)(end - data);
		while ((rc = sse_feed(&s, &from, end)) == 1)
			put += (size_t)sprintf(out + put, "[%s|%s|%s]",
			    sse_event(&s), sse_data(&s, &n), sse_id(&s));
		assert_int_equal(rc, 0);
	}
	sse_release(&s);
}

static void test_events(void **state)
{
	static const struct {
		const char *data, *want;
	} cases[] = {
		{ "data: a\n\n", "[message|a|]" },
		{ "data: a\r\n\r\ndata:b\r\rdata:  c\n\n",
		  "[message|a|][message|b|][message| c|]" },
		{ ": comment\nevent: token\ndata: 1\ndata: 2\nid: 7\n\n"
		  "data\n\n", "[token|1\n2|7][message||7]" },
		{ "\xef\xbb\xbf" "data: x\n\n", "[message|x|]" },
		{ "event: only\n\nretry: 5\ndata: x\n\n", "[message|x|]" },
		{ "data: unfinished", "" },
		{ "unknown: x\ndata: y: z\n\n", "[message|y: z|]" },
	};
	char out[512];
	size_t i, step;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len = strlen(cases[i].data);

		for (step = 1; step <= len; step++) {
			events_of(cases[i].data, len, step, out);
			assert_string_equal(out, cases[i].want);
		}
	}
}

static void test_event_too_large(void **state)
{
	struct sse s = { 0 };
	char *line = malloc(1 << 20);
	const char *at;
	int i, rc = 0;

	(void)state;
	memset(line, 'x', 1 << 20);
	for (i = 0; i < 6 && rc == 0; i++) {
		at = line;
		rc = sse_feed(&s, &at, line + (1 << 20));
	}
	assert_int_equal(rc, -1);
	assert_int_equal(i, 5);
	sse_release(&s);
	free(line);
}

/* ---- bodies ---- */

static void test_bodies(void **state)
{
	struct http_args form = { .form = HTTP_FIELDS({ "a b", "c&d" },
	    { "e", "" }, { "f", NULL }) };
	struct http_args json = { .json = "{}" };
	struct http_args text = { .body = "text" };
	struct http_args both = { .body = "x", .json = "y" };
	struct body b;

	(void)state;
	assert_int_equal(body_build(NULL, &form, &b), 0);
	assert_int_equal(b.len, strlen("a+b=c%26d&e=&f"));
	assert_memory_equal(b.data, "a+b=c%26d&e=&f", b.len);
	assert_string_equal(b.type, "application/x-www-form-urlencoded");
	assert_string_equal(body_method(&form), "POST");
	assert_int_equal(body_build(NULL, &json, &b), 0);
	assert_string_equal(b.type, "application/json");
	assert_int_equal(body_build(NULL, &text, &b), 0);
	assert_int_equal(b.len, 4);
	assert_null(b.type);
	assert_int_equal(body_build(NULL, &both, &b), -1);
	assert_non_null(strstr(b.error, "one body"));
	assert_string_equal(body_path(NULL, "/p?x=1#f",
	    HTTP_FIELDS({ "a", "b c" })), "/p?x=1&a=b%20c");
	assert_string_equal(body_path(NULL, "/p", HTTP_FIELDS({ "a", "1" })),
	    "/p?a=1");
	assert_true(body_is_token("X-Header"));
	assert_false(body_is_token("X Header"));
	assert_false(body_is_token(""));
	assert_false(body_is_value("a\r\nb"));
}

static void test_multipart(void **state)
{
	char name[] = "/tmp/swarm-part-XXXXXX";
	int fd = mkstemp(name);
	struct http_args args = { .parts = HTTP_PARTS(
	    { .name = "a\"b", .data = "one" },
	    { .name = "f", .file = name, .filename = "x.bin" }) };
	struct http_args missing = { .parts = HTTP_PARTS(
	    { .name = "f", .file = "/nonexistent/file" }) };
	const char *want =
	    "--swarm-0000000000000abc0000000000000abc\r\n"
	    "Content-Disposition: form-data; name=\"a%22b\"\r\n\r\none\r\n"
	    "--swarm-0000000000000abc0000000000000abc\r\n"
	    "Content-Disposition: form-data; name=\"f\"; "
	    "filename=\"x.bin\"\r\n"
	    "Content-Type: application/octet-stream\r\n\r\nfile\r\n"
	    "--swarm-0000000000000abc0000000000000abc--\r\n";
	struct body b;

	(void)state;
	assert_int_equal(write(fd, "file", 4), 4);
	close(fd);
	assert_int_equal(body_build(NULL, &args, &b), 0);
	assert_int_equal(b.len, strlen(want));
	assert_memory_equal(b.data, want, b.len);
	assert_int_equal(body_build(NULL, &missing, &b), -1);
	assert_string_equal(b.error, "cannot send /nonexistent/file: "
	    "No such file or directory");
	unlink(name);
}

static void test_authorization(void **state)
{
	struct http_args basic = { .user = "Aladdin",
		.password = "open sesame" };
	struct http_args bearer = { .bearer = "t" };

	(void)state;
	assert_string_equal(body_authorization(NULL, &basic),
	    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	assert_string_equal(body_authorization(NULL, &bearer), "Bearer t");
	assert_string_equal(body_basic(NULL, "a%3Ab:c", 7),
	    "Basic YTpiOmM=");
	assert_string_equal(body_basic(NULL, "a%4", 3), "Basic YSU0Og==");
}

/* ---- answers ---- */

static void test_expected(void **state)
{
	(void)state;
	assert_true(answer_expected(NULL, 399));
	assert_false(answer_expected(NULL, 400));
	assert_true(answer_expected("404", 404));
	assert_false(answer_expected("404", 200));
	assert_true(answer_expected("200-299,404", 404));
	assert_true(answer_expected("200-299,404", 204));
	assert_false(answer_expected("200-299,404", 300));
	assert_int_equal(answer_expect_check("200-299,404"), 0);
	assert_int_equal(answer_expect_check("200-"), -1);
	assert_int_equal(answer_expect_check("20"), -1);
	assert_int_equal(answer_expect_check("300-200"), -1);
	assert_int_equal(answer_expect_check(""), -1);
	assert_int_equal(answer_expect_check("200,"), -1);
}

static void start(struct answer *a, bool catch_response, int status)
{
	struct http_args args = { .catch_response = catch_response };

	memset(a, 0, sizeof *a);
	answer_init(a, NULL, 1, 400, &args);
	a->pub.status = status;
	a->pub.len = 5;
}

static void test_verdicts(void **state)
{
	struct answer a;

	(void)state;
	start(&a, false, 200);
	answer_end(&a, 900, NULL);
	assert_string_equal(recorded, "done 500 5");
	assert_null(a.pub.error);
	start(&a, false, 404);
	answer_end(&a, 900, NULL);
	assert_string_equal(recorded, "fail 500 HTTP 404 Not Found");
	start(&a, false, 0);
	answer_end(&a, 900, "timed out");
	assert_string_equal(recorded, "fail 500 timed out");
	/* The scenario decides, and the time is still the exchange's. */
	start(&a, true, 404);
	answer_end(&a, 900, NULL);
	assert_string_equal(recorded, "");
	assert_int_equal(answer_ok(&a.pub), 0);
	assert_string_equal(recorded, "done 500 5");
	start(&a, true, 200);
	answer_end(&a, 900, NULL);
	assert_int_equal(answer_fail(&a.pub, "no %s", "id"), -1);
	assert_string_equal(recorded, "fail 500 no id");
	end_of_task();
	assert_string_equal(recorded, "fail 500 no id");
	/* It never says: the usual rule. */
	start(&a, true, 500);
	answer_end(&a, 900, NULL);
	end_of_task();
	assert_string_equal(recorded, "fail 500 HTTP 500 Internal Server "
	    "Error");
	/* Too late. */
	start(&a, false, 200);
	answer_end(&a, 900, NULL);
	answer_fail(&a.pub, "late");
	assert_string_equal(recorded, "done 500 5");
	assert_non_null(strstr(said, "catch_response"));
}

static void test_phases(void **state)
{
	struct answer a;

	(void)state;
	start(&a, false, 200);
	a.pub.times.wait = 5;
	a.pub.times.connect = 0;
	answer_observe(&a, "/");
	assert_string_equal(observed, "0 5 ");
}

static void test_look_ups(void **state)
{
	const char *head = "Content-Type: text/plain\r\nX:1\r\n"
	    "Set-Cookie:  a=b \r\nset-cookie: c=d\r\n";
	struct answer a;
	struct http_response *r = &a.pub;

	(void)state;
	start(&a, false, 200);
	a.head = head;
	a.head_len = strlen(head);
	assert_string_equal(answer_header(r, "content-type", 0), "text/plain");
	assert_string_equal(answer_header(r, "x", 0), "1");
	assert_string_equal(answer_header(r, "Set-Cookie", 0), "a=b");
	assert_string_equal(answer_header(r, "Set-Cookie", 1), "c=d");
	assert_null(answer_header(r, "Set-Cookie", 2));
	assert_null(answer_header(r, "Content", 0));
	r->body = "{\"a\":{\"b\":[1,\"two\",null]},\"n\":2.5,\"t\":true}";
	r->len = r->kept_len = strlen(r->body);
	assert_string_equal(answer_json(r, "a.b[1]"), "two");
	assert_string_equal(answer_json(r, "a.b[0]"), "1");
	assert_string_equal(answer_json(r, "a.b[2]"), "null");
	assert_string_equal(answer_json(r, "a.b"), "[1,\"two\",null]");
	assert_string_equal(answer_json(r, "a.b.length"), "3");
	assert_string_equal(answer_json(r, "t"), "true");
	assert_null(answer_json(r, "a.b[3]"));
	assert_null(answer_json(r, "a.b[x]"));
	assert_null(answer_json(r, "a..b"));
	assert_null(answer_json(r, "x"));
	assert_true(answer_json_number(r, "n", -1) == 2.5);
	assert_true(answer_json_number(r, "a.b[1]", -1) == -1);
	start(&a, false, 200);
	r->body = "<a href=\"/x/17\">";
	r->len = r->kept_len = strlen(r->body);
	assert_null(answer_json(r, "a"));
	assert_string_equal(answer_match(r, "/x/([0-9]+)", 1), "17");
	assert_string_equal(answer_match(r, "/x/([0-9]+)", 0), "/x/17");
	assert_null(answer_match(r, "/x/([0-9]+)", 2));
	assert_null(answer_match(r, "nothing", 0));
	assert_null(answer_match(r, "(", 0));
	assert_non_null(strstr(said, "not valid"));
	assert_string_equal(answer_between(r, "href=\"", "\""), "/x/17");
	assert_null(answer_between(r, "href='", "'"));
	answer_release();
}

static void test_cookies(void **state)
{
	const struct cookie_place at = { "a.test", "/x", true, 1000 };
	static const char *const refused[] = { "a=b\rX: y", "a=b\nX: y",
		"a=\x01", "\x7f=b", "=b", "a" };
	struct jar jar = { 0 };
	char out[100];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof refused / sizeof refused[0]; i++)
		jar_set(&jar, &at, refused[i], strlen(refused[i]));
	assert_int_equal(jar.count, 0);
	jar_set(&jar, &at, "a=b\tc; Path=/", 13);
	assert_int_equal(jar_header(&jar, &at, out, sizeof out), 5);
	jar_clear(&jar);
}

static void test_pulse(void **state)
{
	struct answer a = { .pub.times = answer_no_times };
	struct pulse p;

	(void)state;
	observed[0] = '\0';
	value_recorded = 0;
	pulse_start(&p, &pulse_tokens, "/x", 100, 130);
	pulse_beat(&p, 200);
	pulse_beat(&p, 1000000200);
	pulse_beat(&p, 2000000200);
	pulse_end(&p, &pulse_tokens, "/x", 21);
	assert_string_equal(observed, "30 1000000000 1000000000 100 ");
	/* Twenty tokens after the first, in two seconds. */
	assert_true(value_recorded > 9.99 && value_recorded < 10.01);
	assert_string_equal(counted, "/x tokens/s");
	/* Nothing came, or all at once: no rate. */
	observed[0] = '\0';
	value_recorded = -1;
	pulse_start(&p, &pulse_pieces, "/x", 100, 130);
	pulse_end(&p, &pulse_pieces, "/x", 0);
	pulse_beat(&p, 200);
	pulse_beat(&p, 200);
	pulse_end(&p, &pulse_pieces, "/x", 2);
	assert_string_equal(observed, "30 0 100 ");
	assert_true(value_recorded < 0);
	/* A resumption is a phase of its own, and is counted. */
	answer_secured(&a, true);
	assert_true(a.pub.resumed);
	assert_string_equal(counted, "http_tls_resumed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_event_too_large),
		cmocka_unit_test_teardown(test_bodies, clean_up),
		cmocka_unit_test_teardown(test_multipart, clean_up),
		cmocka_unit_test_teardown(test_authorization, clean_up),
		cmocka_unit_test(test_expected),
		cmocka_unit_test_teardown(test_verdicts, clean_up),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_pulse),
		cmocka_unit_test_teardown(test_look_ups, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
