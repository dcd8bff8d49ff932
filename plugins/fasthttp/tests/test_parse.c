/*
 * The answer parser on bytes: every case is fed whole, then cut in two at
 * every byte, then byte by byte, and must tell the same each time.
 */
#include "parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the parser told, as text: "200 k|Name: value|body|done". */
struct told {
	char text[8192];
	size_t len;
	bool ended;
	bool body_seen;
};

static void tell(struct told *t, const char *data, size_t len)
{
	assert_true(t->len + len < sizeof t->text);
	memcpy(t->text + t->len, data, len);
	t->len += len;
	t->text[t->len] = '\0';
}

static void tell_head(struct told *t, const struct parse *p)
{
	char line[128];
	size_t i;

	snprintf(line, sizeof line, "%d %s%s%s%d|", p->facts.status,
	    p->keep_alive ? "k" : "c", p->facts.has_cookies ? "s" : "",
	    p->to_the_end ? "e" : "", (int)p->facts.coding);
	tell(t, line, strlen(line));
	for (i = 0; i < p->head_len; i++) {
		if (p->head[i] != '\r')
			tell(t, p->head[i] == '\n' ? ";" : &p->head[i], 1);
	}
	tell(t, "|", 1);
	if (p->location)
		tell(t, p->location, p->facts.location_len);
	tell(t, "|", 1);
}

/* Feeds data[0..len); returns what is left. */
static size_t feed(struct parse *p, struct told *t, const char *data,
    size_t len)
{
	const char *at = data;
	enum parse_event e;

	while (!t->ended) {
		e = parse_next(p, &at, data + len);
		if (e == PARSE_MORE)
			break;
		if (e == PARSE_HEAD)
			tell_head(t, p);
		else if (e == PARSE_DATA)
			tell(t, p->data, p->data_len);
		else if (e == PARSE_DONE)
			tell(t, "|done", 5);
		else
			tell(t, p->error, strlen(p->error));
		t->ended = e == PARSE_DONE || e == PARSE_ERROR;
	}
	return (size_t)(data + len - at);
}

static void end(struct parse *p, struct told *t)
{
	if (t->ended)
		return;
	if (parse_end(p) == PARSE_DONE)
		tell(t, "|eof", 4);
	else
		tell(t, p->error, strlen(p->error));
	t->ended = true;
}

/* A copy of exactly the bytes, so that reading beyond them is caught. */
static void feed_copy(struct parse *p, struct told *t, const char *data,
    size_t len, size_t *left)
{
	char *copy = malloc(len ? len : 1);

	memcpy(copy, data, len);
	*left += feed(p, t, copy, len);
	free(copy);
}

static void run(const char *data, size_t len, bool to_head, size_t cut,
    size_t step, struct told *t, size_t *left)
{
	static struct parse_memo memo;
	struct parse p;
	size_t at;

	memset(t, 0, sizeof *t);
	*left = 0;
	/* Half the time with what was seen before. */
	parse_init(&p, cut % 2 ? &memo : NULL);
	parse_start(&p, to_head);
	if (step == 0) {
		feed_copy(&p, t, data, cut, left);
		if (!t->ended)
			feed_copy(&p, t, data + cut, len - cut, left);
		else
			*left += len - cut;
	}
	for (at = 0; step > 0 && at < len; at += step) {
		size_t n = len - at < step ? len - at : step;

		if (t->ended)
			*left += n;
		else
			feed_copy(&p, t, data + at, n, left);
	}
	end(&p, t);
	parse_release(&p);
}

static void check_bytes(const char *data, size_t len, bool to_head,
    const char *want, size_t want_left)
{
	struct told t;
	size_t cut, left;

	for (cut = 0; cut <= len; cut++) {
		run(data, len, to_head, cut, 0, &t, &left);
		assert_string_equal(t.text, want);
		if (want_left != SIZE_MAX)
			assert_int_equal(left, want_left);
	}
	for (cut = 1; cut <= 3; cut++) {
		run(data, len, to_head, 0, cut, &t, &left);
		assert_string_equal(t.text, want);
	}
}

static void check(const char *data, const char *want)
{
	check_bytes(data, strlen(data), false, want, 0);
}

/* An error: whatever was told before it does not matter here. */
static void check_error(const char *data, size_t len, const char *error)
{
	struct told t;
	size_t cut, left, n = strlen(error);

	for (cut = 0; cut <= len; cut++) {
		run(data, len, false, cut, 0, &t, &left);
		assert_true(t.len >= n);
		assert_string_equal(t.text + t.len - n, error);
	}
	run(data, len, false, 0, 1, &t, &left);
	assert_string_equal(t.text + t.len - n, error);
}

#define ERROR(data, error) check_error(data, sizeof(data) - 1, error)

static void test_lengths(void **state)
{
	(void)state;
	check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
	    "200 k0|Content-Length: 3;||abc|done");
	check("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
	    "200 k0|content-length:0;|||done");
	check("HTTP/1.1 200 \r\nContent-Length: 3\r\nContent-Length: 3\r\n"
	    "\r\nabc", "200 k0|Content-Length: 3;Content-Length: 3;||abc|done");
	check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
	    "200 c0|Content-Length: 1;||x|done");
	check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n"
	    "Connection: Keep-Alive\r\n\r\nx",
	    "200 k0|Content-Length: 1;Connection: Keep-Alive;||x|done");
	check("HTTP/1.1 200 OK\r\nConnection: foo , close\r\n"
	    "Content-Length: 1\r\n\r\nx",
	    "200 c0|Connection: foo , close;Content-Length: 1;||x|done");
	check("HTTP/1.1 999 \xc3\xa9t\xc3\xa9\r\nContent-Length: 1\r\n\r\nx",
	    "999 k0|Content-Length: 1;||x|done");
}

static void test_to_the_end(void **state)
{
	(void)state;
	check("HTTP/1.1 200 OK\r\n\r\n", "200 ce0||||eof");
	check("HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it",
	    "200 ce0|X: y;||all of it|eof");
}

static void test_no_body(void **state)
{
	const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";

	(void)state;
	check_bytes(head, strlen(head), true,
	    "200 k0|Content-Length: 3;|||done", 0);
	check("HTTP/1.1 204 No Content\r\n\r\n", "204 k0||||done");
	check("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
	    "304 k0|Content-Length: 9;|||done");
}

static void test_chunks(void **state)
{
	const char *two = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\nHTTP/1.1 ";

	(void)state;
	check_bytes(two, strlen(two), false,
	    "200 k0|Transfer-Encoding: chunked;||abc0123456789|done", 9);
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
	    "000\r\nTrailer: x\r\nOther: y\r\n\r\n",
	    "200 k0|Transfer-Encoding: Chunked;|||done");
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1 \r\nz\r\n0\r\n\r\n",
	    "200 k0|Transfer-Encoding: chunked;||z|done");
}

static void test_interim(void **state)
{
	(void)state;
	check("HTTP/1.1 100 Continue\r\n\r\n"
	    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	    "200 k0|Content-Length: 1;||x|done");
	ERROR("HTTP/1.1 101 Switching Protocols\r\n\r\n",
	    "101 Switching Protocols, which was not asked for");
}

static void test_known_headers(void **state)
{
	(void)state;
	check("HTTP/1.1 302 Found\r\nLocation:   /there?x=1 \t\r\n"
	    "SET-COOKIE: a=b\r\nContent-Encoding: gzip\r\n"
	    "Content-Length: 0\r\n\r\n",
	    "302 ks1|Location:   /there?x=1 \t;SET-COOKIE: a=b;"
	    "Content-Encoding: gzip;Content-Length: 0;|/there?x=1||done");
	check("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n"
	    "Content-Length: 0\r\n\r\n",
	    "200 k2|Content-Encoding: deflate;Content-Length: 0;|||done");
	check("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n"
	    "Content-Length: 0\r\n\r\n",
	    "200 k3|Content-Encoding: br;Content-Length: 0;|||done");
}

static void test_next_answer_is_left(void **state)
{
	const char *two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/";

	(void)state;
	check_bytes(two, strlen(two), false,
	    "200 k0|Content-Length: 2;||ok|done", 5);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static void test_malformed_heads(void **state)
{
	(void)state;
	ERROR("", "the server closed the connection");
	ERROR("HTTP/1.1 2", "the answer ended early");
	ERROR("SSH-2.0-OpenSSH_9.2\r\n", "not an answer in HTTP/1.x");
	ERROR("HTTP/2.0 200 OK\r\n\r\n", "not an answer in HTTP/1.x");
	ERROR("HTTP/1.1\r\n\r\n", "not an HTTP answer");
	ERROR("HTTP/1.1 20 OK\r\n\r\n", "malformed status line");
	ERROR("HTTP/1.1 2000 OK\r\n\r\n", "malformed status line");
	ERROR("HTTP/1.1 099 OK\r\n\r\n", "malformed status line");
	ERROR("HTTP/1.1 200 O\1K\r\n\r\n",
	    "control character in the status line");
	ERROR("HTTP/1.1 200 OK\n\n", "a line of the head does not end with "
	    "CRLF");
	ERROR(OK "A: b\n\r\n", "a line of the head does not end with CRLF");
	ERROR(OK "A b\r\n\r\n", "malformed header");
	ERROR(OK ": b\r\n\r\n", "malformed header");
	ERROR(OK "A : b\r\n\r\n", "malformed header");
	ERROR(OK "A: b\r\n folded\r\n\r\n", "malformed header");
	ERROR(OK "A: b\rc\r\n\r\n", "control character in a header");
	ERROR(OK "A: long enough for two words \0c\r\n\r\n",
	    "control character in a header");
	ERROR(OK "Content-Length: -1\r\n\r\n", "malformed Content-Length");
	ERROR(OK "Content-Length: 1, 1\r\n\r\n", "malformed Content-Length");
	ERROR(OK "Content-Length: \r\n\r\n", "malformed Content-Length");
	ERROR(OK "Content-Length: 9999999999999999999\r\n\r\n",
	    "malformed Content-Length");
	ERROR(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
	    "Content-Length given twice, differently");
	ERROR(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "both Content-Length and Transfer-Encoding");
	ERROR(OK "Transfer-Encoding: gzip, chunked\r\n\r\n",
	    "a Transfer-Encoding other than chunked");
	ERROR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "Transfer-Encoding in HTTP/1.0");
}

static void test_malformed_bodies(void **state)
{
	(void)state;
	ERROR(OK "Content-Length: 4\r\n\r\nabc", "the answer ended early");
	ERROR(CHUNKED, "the answer ended early");
	ERROR(CHUNKED "3\r\nabc", "the answer ended early");
	ERROR(CHUNKED "3\r\nabc\r\n0\r\n", "the answer ended early");
	ERROR(CHUNKED "\r\n", "malformed chunk size");
	ERROR(CHUNKED "x\r\n", "malformed chunk size");
	ERROR(CHUNKED "-1\r\n", "malformed chunk size");
	ERROR(CHUNKED "0x3\r\nabc\r\n", "malformed chunk size");
	ERROR(CHUNKED "1000000000000000\r\n", "a chunk is too large");
	ERROR(CHUNKED "3\nabc", "malformed chunk size");
	ERROR(CHUNKED "3\r\r", "a chunk does not end with CRLF");
	ERROR(CHUNKED "3\r\nabcd\r\n", "a chunk does not end with CRLF");
	ERROR(CHUNKED "3\r\nabc\rx", "a chunk does not end with CRLF");
	ERROR(CHUNKED "3;a\nb", "control character in a chunk extension or "
	    "trailer");
	ERROR(CHUNKED "0\r\nA: b\n", "control character in a chunk extension or "
	    "trailer");
}

static void repeat(const char *before, const char *piece, size_t times,
    const char *after, const char *error)
{
	size_t head = strlen(before), n = strlen(piece), tail = strlen(after);
	char *data = malloc(head + n * times + tail + 1);
	struct told t;
	size_t i, left;

	memcpy(data, before, head);
	for (i = 0; i < times; i++)
		memcpy(data + head + i * n, piece, n);
	memcpy(data + head + n * times, after, tail + 1);
	for (i = 0; i < 3; i++) {
		static const size_t steps[] = { 0, 1000, 65536 };

		run(data, head + n * times + tail, false,
		    head + n * times + tail, steps[i], &t, &left);
		assert_true(t.len >= strlen(error));
		assert_string_equal(t.text + t.len - strlen(error), error);
	}
	free(data);
}

static void test_limits(void **state)
{
	(void)state;
	repeat(OK, "A: b\r\n", 257, "\r\n", "too many headers");
	repeat(OK "A: ", "xxxxxxxxxxxxxxxx", 5000, "\r\n\r\n",
	    "the head is larger than 64 KiB");
	repeat("HTTP/1.1 200 ", "xxxxxxxxxxxxxxxx", 5000, "",
	    "the head is larger than 64 KiB");
	repeat("", "HTTP/1.1 100 Continue\r\n\r\n", 17, OK,
	    "too many interim answers");
	repeat(CHUNKED "0\r\n", "A: b\r\n", 20000, "\r\n",
	    "too many chunk extensions or trailers");
	repeat(CHUNKED "1;", "xxxxxxxx", 10000, "\r\n",
	    "too many chunk extensions or trailers");
}

static void read_with(struct parse_memo *memo, const char *answer,
    bool to_head, const char *want)
{
	struct parse p;
	struct told t = { .len = 0 };

	parse_init(&p, memo);
	parse_start(&p, to_head);
	feed(&p, &t, answer, strlen(answer));
	end(&p, &t);
	assert_string_equal(t.text, want);
	parse_release(&p);
}

/* What is remembered is told again as it was, and nothing else is. */
static void test_memo(void **state)
{
	static struct parse_memo memo;
	char answer[128], want[128];
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(answer, sizeof answer, OK "X: %d\r\nLocation: /%d\r\n"
		    "Content-Length: 2\r\n\r\nok", i % 7, i % 7);
		snprintf(want, sizeof want, "200 k0|X: %d;Location: /%d;"
		    "Content-Length: 2;|/%d|ok|done", i % 7, i % 7, i % 7);
		read_with(&memo, answer, false, want);
		read_with(&memo, answer, false, want);
		memcpy(strstr(want, "|ok"), "||done", 7);
		read_with(&memo, answer, true, want);
	}
	/* The same head, another body. */
	read_with(&memo, OK "Content-Length: 2\r\n\r\nab", false,
	    "200 k0|Content-Length: 2;||ab|done");
	read_with(&memo, OK "Content-Length: 2\r\n\r\ncd", false,
	    "200 k0|Content-Length: 2;||cd|done");
	/* A head that begins like a known one. */
	read_with(&memo, OK "Content-Length: 2\r\n\r", false,
	    "the answer ended early");
	read_with(&memo, OK "Content-Length: 2\r\nA: b\r\n\r\nef", false,
	    "200 k0|Content-Length: 2;A: b;||ef|done");
}

static void test_parser_is_used_again(void **state)
{
	const char *answer = OK "Content-Length: 2\r\n\r\nok";
	struct parse p;
	struct told t;
	int i;

	(void)state;
	parse_init(&p, NULL);
	for (i = 0; i < 3; i++) {
		memset(&t, 0, sizeof t);
		parse_start(&p, false);
		feed(&p, &t, answer, (size_t)(10 + i));
		feed(&p, &t, answer + 10 + i, strlen(answer) - 10 -
		    (size_t)i);
		assert_string_equal(t.text,
		    "200 k0|Content-Length: 2;||ok|done");
	}
	parse_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_to_the_end),
		cmocka_unit_test(test_no_body),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_interim),
		cmocka_unit_test(test_known_headers),
		cmocka_unit_test(test_next_answer_is_left),
		cmocka_unit_test(test_malformed_heads),
		cmocka_unit_test(test_malformed_bodies),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memo),
		cmocka_unit_test(test_parser_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
