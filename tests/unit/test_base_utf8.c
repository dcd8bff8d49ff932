/* UTF-8: what is a character, and where a text may be cut. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_characters(void **state)
{
	static const struct {
		const char *text;
		uint32_t code;
	} good[] = { { "a", 'a' }, { "\xc2\x80", 0x80 },
		{ "\xdf\xbf", 0x7ff }, { "\xe0\xa0\x80", 0x800 },
		{ "\xed\x9f\xbf", 0xd7ff }, { "\xef\xbf\xbf", 0xffff },
		{ "\xf0\x90\x80\x80", 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff } };
	uint32_t code;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		size_t len = strlen(good[i].text);

		assert_int_equal(utf8_decode(good[i].text, SIZE_MAX, &code),
		    len);
		assert_int_equal(code, good[i].code);
		assert_int_equal(utf8_decode(good[i].text, len, &code), len);
		if (len > 1)
			assert_int_equal(utf8_decode(good[i].text, len - 1,
			    &code), 0);
	}
}

static void test_what_is_none(void **state)
{
	/* Alone, cut, overlong, a surrogate, beyond Unicode, no such byte. */
	static const char *const bad[] = { "\x80", "\xc3", "\xe2\x82",
		"\xc3(", "\xc0\xaf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff" };
	uint32_t code;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(utf8_decode(bad[i], SIZE_MAX, &code), 0);
}

static void test_cut(void **state)
{
	(void)state;
	assert_int_equal(utf8_cut("abc", 3), 3);
	assert_int_equal(utf8_cut("abcd", 3), 3);
	assert_int_equal(utf8_cut("", 3), 0);
	assert_int_equal(utf8_cut("ab\xe2\x82\xac" "d", 5), 5);
	assert_int_equal(utf8_cut("ab\xe2\x82\xac" "d", 4), 2);
	assert_int_equal(utf8_cut("ab\xe2\x82\xac" "d", 3), 2);
	assert_int_equal(utf8_cut("\xe2\x82\xac", 2), 0);
	/* Not UTF-8: no more than a character's bytes are given up. */
	assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80\x80\x80\x80", 8),
	    4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
