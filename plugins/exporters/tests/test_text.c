/* Texts of strangers in every format: nothing ends a field or a line. */
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static void check(void (*put)(struct text *, const char *), const char *in,
    const char *want)
{
	struct text t = { 0 };

	put(&t, in);
	assert_false(t.failed);
	assert_string_equal(text_str(&t), want);
	text_release(&t);
}

static void test_json(void **state)
{
	(void)state;
	check(text_json, "", "\"\"");
	check(text_json, "a\"b\\c", "\"a\\\"b\\\\c\"");
	check(text_json, "line\nnext\x01", "\"line next \"");
	check(text_json, "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	/* Cut, overlong, surrogate, beyond Unicode. */
	check(text_json, "\xc3", "\"\xef\xbf\xbd\"");
	check(text_json, "\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	check(text_json, "\xed\xa0\x80",
	    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	check(text_json, "\xf4\x90\x80\x80",
	    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* What is no UTF-8 is seen as such, byte by byte; what is stays. */
static void test_bytes_that_are_no_text(void **state)
{
	static const char *const bad[] = { "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xc0\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct text t = { 0 };

		text_clean(&t, bad[i]);
		assert_int_equal(t.len, 3 * strlen(bad[i]));
		text_release(&t);
	}
	check(text_clean, "\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf",
	    "\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf");
}

static void test_influx(void **state)
{
	(void)state;
	check(text_influx_tag, "/a b,c=d", "/a\\ b\\,c\\=d");
	check(text_influx_tag, "x\ny", "x\\ y");
	/* A last backslash would take the comma behind the value along. */
	check(text_influx_tag, "C:\\", "C:/");
	check(text_influx_tag, "a\\,b", "a/\\,b");
	check(text_influx_tag, "a\\b", "a\\b");
	check(text_influx_tag, "a\\\\", "a//");
	check(text_influx_string, "say \"x\" \\", "\"say \\\"x\\\" \\\\\"");
}

static void test_statsd(void **state)
{
	(void)state;
	check(text_name, "GET /a.b:c|d@e", "GET__a_b_c_d_e");
	check(text_statsd_tag, "/a,b|c#d\n", "/a_b_c_d ");
}

static void test_numbers(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = { { 0, "0" }, { 12.5, "12.5" }, { -3, "-3" },
		{ 0.1, "0.1" }, { INFINITY, "0" }, { NAN, "0" },
		{ 1234567.891, "1234567.8910000001" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text t = { 0 };

		text_number(&t, cases[i].v);
		assert_string_equal(text_str(&t), cases[i].text);
		text_release(&t);
	}
}

static void test_too_large(void **state)
{
	struct text t = { 0 };
	static char block[1 << 20];

	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 127; i++)
		text_add(&t, block, sizeof(block));
	assert_false(t.failed);
	text_add(&t, block, sizeof(block));
	text_add(&t, block, sizeof(block));
	assert_true(t.failed);
	assert_int_equal(t.len, 128 << 20);
	text_clear(&t);
	text_puts(&t, "again");
	assert_false(t.failed);
	assert_string_equal(text_str(&t), "again");
	text_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_influx),
		cmocka_unit_test(test_statsd),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
