/*
 * The writer of JSON, judged by jansson: whatever bytes go in, what comes out
 * parses, is ASCII, and reads back as the same value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/jsonw.h"
#include "base/rng.h"

static void test_shape(void **state)
{
	struct buf out = BUF_INIT(1000);
	struct jsonw j;

	(void)state;
	jsonw_init(&j, &out, 0);
	jsonw_object(&j);
	jsonw_put_int(&j, "a", -1);
	jsonw_key(&j, "b");
	jsonw_array(&j);
	jsonw_double(&j, 0.1);
	jsonw_bool(&j, true);
	jsonw_null(&j);
	jsonw_array(&j);
	jsonw_end_array(&j);
	jsonw_end_array(&j);
	jsonw_put_float(&j, "c", 3);
	jsonw_put_string(&j, "d", NULL);
	jsonw_end(&j);
	assert_string_equal(buf_str(&out),
	    "{\"a\":-1,\"b\":[0.1,true,null,[]],\"c\":3.0,\"d\":null}");
	buf_release(&out);
}

static void test_indent(void **state)
{
	struct buf out = BUF_INIT(1000);
	struct jsonw j;

	(void)state;
	jsonw_init(&j, &out, 2);
	jsonw_object(&j);
	jsonw_key(&j, "a");
	jsonw_array(&j);
	jsonw_int(&j, 1);
	jsonw_int(&j, 2);
	jsonw_end_array(&j);
	jsonw_key(&j, "b");
	jsonw_object(&j);
	jsonw_end(&j);
	jsonw_end(&j);
	assert_string_equal(buf_str(&out),
	    "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
	buf_release(&out);
}

static json_t *round_trip(const char *text, struct buf *out)
{
	struct jsonw j;
	json_t *value;

	buf_clear(out);
	jsonw_init(&j, out, 0);
	jsonw_string(&j, text);
	for (size_t i = 0; i < out->len; i++)
		assert_in_range((unsigned char)out->data[i], 0x20, 0x7e);
	assert_null(strpbrk(out->data, "<>&"));
	value = json_loads(out->data, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	return value;
}

static void test_strings(void **state)
{
	static const char *const same[] = {
		"", "plain", "quote \" back \\ slash /", "<script>&amp;",
		"line\nend\ttab\x01\x1f\x7f", "gr\xc3\xbc\xc3\x9f" "e",
		"\xe2\x82\xac", "\xf0\x9f\x90\x9d bee", "\xef\xbf\xbd",
	};
	struct buf out = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		json_t *value = round_trip(same[i], &out);

		assert_string_equal(json_string_value(value), same[i]);
		json_decref(value);
	}
	buf_release(&out);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a\xff" "b", "a\xef\xbf\xbd" "b" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x82x", "\xef\xbf\xbd\xef\xbf\xbdx" },
	};
	struct buf out = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = round_trip(cases[i].in, &out);

		assert_string_equal(json_string_value(value), cases[i].out);
		json_decref(value);
	}
	buf_release(&out);
}

static void test_random_bytes(void **state)
{
	struct buf out = BUF_INIT(1000);
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1, 1);
	for (int round = 0; round < 2000; round++) {
		char text[17];

		for (size_t i = 0; i < 16; i++)
			text[i] = (char)(1 + rng_below(&rng, 255));
		text[16] = '\0';
		json_decref(round_trip(text, &out));
	}
	buf_release(&out);
}

static void test_numbers(void **state)
{
	static const double values[] = { 0, 0.1, -1.5, 1e300, 5e-324, DBL_MAX,
		1.0 / 3, 123456789.123456789, 2.420287166652694 };
	struct buf out = BUF_INIT(1000);
	struct jsonw j;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		buf_clear(&out);
		jsonw_init(&j, &out, 0);
		jsonw_float(&j, values[i]);
		assert_true(strtod(out.data, NULL) == values[i]);
	}
	buf_clear(&out);
	jsonw_init(&j, &out, 0);
	jsonw_array(&j);
	jsonw_double(&j, NAN);
	jsonw_double(&j, INFINITY);
	jsonw_short(&j, 1234.5678, 6);
	jsonw_double(&j, 0.2);
	jsonw_end_array(&j);
	assert_string_equal(out.data, "[null,null,1234.57,0.2]");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_indent),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
