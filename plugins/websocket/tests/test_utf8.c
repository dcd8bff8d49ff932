/* UTF-8: every code point there is, and what is none. */
#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static size_t encode(char *to, uint32_t c, int bytes)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	if (bytes == 1) {
		to[0] = (char)c;
		return 1;
	}
	for (int i = bytes - 1; i > 0; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(lead[bytes] | c);
	return (size_t)bytes;
}

static void test_all(void **state)
{
	char text[32] = "0123456789";

	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		int bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		size_t n = encode(text + 9, c, bytes);

		assert_int_equal(utf8_valid(text, 9 + n), good);
		/* Cut short, it is none. */
		for (size_t i = 1; i < n; i++)
			assert_false(utf8_valid(text, 9 + i));
		/* Nor in more bytes than it needs. */
		if (bytes < 4) {
			n = encode(text + 9, c, bytes + 1);
			assert_false(utf8_valid(text, 9 + n));
		}
	}
}

static void test_bytes(void **state)
{
	(void)state;
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
	assert_false(utf8_valid("\x80", 1));
	assert_false(utf8_valid("\xff", 1));
	assert_false(utf8_valid("a\xc3(", 3));
	assert_false(utf8_valid("\xe2\x82(", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
