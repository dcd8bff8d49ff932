/* Forms in their four spellings, and what is no form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "web/form.h"

#define URLENCODED "application/x-www-form-urlencoded"

static struct form form;

static int parse(const char *type, const char *body)
{
	return form_parse(&form, type, body, strlen(body));
}

static int release(void **state)
{
	(void)state;
	form_release(&form);
	return 0;
}

static void test_urlencoded(void **state)
{
	(void)state;
	assert_int_equal(parse(URLENCODED,
	    "a=1&b=x+y%20z&c=&d&a=2&e=%C3%BC%3d"), 0);
	assert_int_equal(form.count, 6);
	assert_string_equal(form_get(&form, "a"), "1");
	assert_string_equal(form_get(&form, "b"), "x y z");
	assert_string_equal(form_get(&form, "c"), "");
	assert_string_equal(form_get(&form, "d"), "");
	assert_string_equal(form_get(&form, "e"), "\xc3\xbc=");
	assert_null(form_get(&form, "f"));
}

static void test_urlencoded_refused(void **state)
{
	static const char *const bad[] = { "a=%", "a=%4", "a=%g0", "a=%00",
		"%zz=1", "a=b&c=%" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(URLENCODED, bad[i]), -1);
		form_release(&form);
	}
	assert_int_equal(form_parse(&form, URLENCODED, "a=b\0c", 5), -1);
}

static void test_too_many(void **state)
{
	char body[4 * (FORM_MAX_FIELDS + 1) + 1] = "";
	size_t used = 0;

	(void)state;
	for (int i = 0; i < FORM_MAX_FIELDS; i++)
		used += (size_t)snprintf(body + used, sizeof(body) - used,
		    "a=b&");
	assert_int_equal(parse("", body), 0);
	assert_int_equal(form.count, FORM_MAX_FIELDS);
	form_release(&form);
	snprintf(body + used, sizeof(body) - used, "a=b");
	assert_int_equal(parse("", body), -1);
}

static void test_json(void **state)
{
	(void)state;
	assert_int_equal(parse("application/json; charset=utf-8",
	    "{\"n\": 12, \"r\": 0.5, \"t\": true, \"f\": false, "
	    "\"s\": \"\\u00fc\", \"z\": null}"), 0);
	assert_int_equal(form.count, 5);
	assert_string_equal(form_get(&form, "n"), "12");
	assert_string_equal(form_get(&form, "r"), "0.5");
	assert_string_equal(form_get(&form, "t"), "true");
	assert_string_equal(form_get(&form, "f"), "false");
	assert_string_equal(form_get(&form, "s"), "\xc3\xbc");
	form_release(&form);
	/* A name several times. */
	assert_int_equal(parse("application/json",
	    "{\"a\": [1, \"x\"], \"b\": []}"), 0);
	assert_int_equal(form.count, 2);
	assert_string_equal(form.field[1].name, "a");
	assert_string_equal(form.field[1].value, "x");
	form_release(&form);
	assert_int_equal(parse("application/json", ""), 0);
	assert_int_equal(form.count, 0);
}

static void test_json_refused(void **state)
{
	static const char *const bad[] = { "{", "[]", "3", "{\"a\": {}}",
		"{\"a\": [[1]]}", "{\"a\": 1, \"a\": 2}", "{\"a\": 1} x",
		"{\"a\": \"\\u0000\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse("application/json", bad[i]), -1);
		form_release(&form);
	}
}

#define PART(name, value) "--x\r\nContent-Disposition: form-data; name=\"" \
	name "\"\r\n\r\n" value "\r\n"

static void test_multipart(void **state)
{
	const char *type = "multipart/form-data; boundary=x";

	(void)state;
	assert_int_equal(parse(type, PART("a", "1") PART("b", "two\r\nlines")
	    "--x--\r\n"), 0);
	assert_int_equal(form.count, 2);
	assert_string_equal(form_get(&form, "b"), "two\r\nlines");
	form_release(&form);
	assert_int_equal(parse("multipart/form-data; boundary=\"x\"",
	    PART("a", "1") "--x--"), 0);
	form_release(&form);
	assert_int_equal(parse("multipart/form-data", PART("a", "1") "--x--"),
	    -1);
	form_release(&form);
	assert_int_equal(parse(type, ""), -1);
	form_release(&form);
	assert_int_equal(parse(type, "--x\r\n\r\nno name\r\n--x--"), -1);
}

/* Cut at every byte, it is refused and never half taken for whole. */
static void test_multipart_cut(void **state)
{
	const char *body = PART("a", "1") PART("b", "2") "--x--";

	(void)state;
	for (size_t len = 0; len < strlen(body); len++) {
		assert_int_equal(form_parse(&form,
		    "multipart/form-data; boundary=x", body, len), -1);
		form_release(&form);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_urlencoded, release),
		cmocka_unit_test_teardown(test_urlencoded_refused, release),
		cmocka_unit_test_teardown(test_too_many, release),
		cmocka_unit_test_teardown(test_json, release),
		cmocka_unit_test_teardown(test_json_refused, release),
		cmocka_unit_test_teardown(test_multipart, release),
		cmocka_unit_test_teardown(test_multipart_cut, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
