/* STOMP frames: what is written is read again, and what is none is refused. */
#include "frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool reads(struct stomp_frame *f, const char *text, size_t len)
{
	static struct stomp_header room[FRAME_HEADERS];
	static char copy[8192];

	assert_true(len < sizeof copy);
	memcpy(copy, text, len);
	copy[len] = 0;
	return frame_read(f, room, copy, len);
}

#define READS(f, text) reads((f), (text), sizeof(text) - 1)

static void put(struct frame_out *o)
{
	frame_line(o, "SEND");
	frame_header(o, "a:b", "line\nand\r\\more");
	frame_header(o, "left out", NULL);
	frame_header(o, "empty", "");
	frame_body(o, "b\0dy", 4);
}

static void test_round_trip(void **state)
{
	struct frame_out count = { 0 }, out = { 0 };
	struct stomp_frame f;
	char text[200];

	(void)state;
	put(&count);
	out.to = text;
	put(&out);
	assert_int_equal(count.len, out.len);
	assert_true(frame_is(text, out.len, "SEND", "empty", ""));
	assert_false(frame_is(text, out.len, "SEND", "empty", "x"));
	assert_false(frame_is(text, out.len, "SEN", NULL, NULL));
	assert_true(reads(&f, text, out.len));
	assert_string_equal(f.command, "SEND");
	assert_int_equal(f.header_count, 3);
	assert_string_equal(stomp_header(&f, "a:b"), "line\nand\r\\more");
	assert_string_equal(stomp_header(&f, "content-length"), "4");
	assert_null(stomp_header(&f, "left out"));
	assert_int_equal(f.len, 4);
	assert_memory_equal(f.body, "b\0dy", 4);
	/* Cut short it is none. */
	for (size_t n = 0; n < out.len; n++)
		assert_false(reads(&f, text, n));
}

static void test_read(void **state)
{
	struct stomp_frame f;

	(void)state;
	assert_true(READS(&f, "\n\r\nMESSAGE\r\nx:1\r\nx:2\r\n\r\nhi\0\n\r\n"));
	assert_string_equal(f.command, "MESSAGE");
	assert_string_equal(stomp_header(&f, "x"), "1");
	assert_string_equal(f.body, "hi");
	/* CONNECTED escapes nothing. */
	assert_true(READS(&f, "CONNECTED\nserver:a\\tb\n\n\0"));
	assert_string_equal(stomp_header(&f, "server"), "a\\tb");
	assert_false(READS(&f, "MESSAGE\nx:a\\tb\n\n\0"));
	assert_false(READS(&f, "MESSAGE\nx\n\n\0"));
	assert_false(READS(&f, "MESSAGE\n\nno end"));
	assert_false(READS(&f, "MESSAGE\n\ntwo\0bodies\0"));
	assert_false(READS(&f, "MESSAGE\ncontent-length:9\n\nshort\0"));
	assert_false(READS(&f, "MESSAGE\ncontent-length:x\n\nshort\0"));
	assert_false(READS(&f, "MESSAGE\ncontent-length:-1\n\nshort\0"));
	assert_false(READS(&f, "MESS\0AGE\n\n\0"));
	assert_false(READS(&f, ""));
}

static void test_many_headers(void **state)
{
	static char text[8000] = "MESSAGE\n";
	struct stomp_frame f;
	size_t n = 8;

	(void)state;
	for (int i = 0; i <= FRAME_HEADERS; i++, n += 4)
		memcpy(text + n, "a:b\n", 4);
	text[n++] = '\n';
	assert_false(reads(&f, text, n + 1));
}

static void test_heartbeats(void **state)
{
	(void)state;
	assert_true(frame_is_heartbeat("\n", 1));
	assert_true(frame_is_heartbeat("\r\n\n", 3));
	assert_false(frame_is_heartbeat("\nx", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_many_headers),
		cmocka_unit_test(test_heartbeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
