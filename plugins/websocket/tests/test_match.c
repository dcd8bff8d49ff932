/* Which messages are the ones waited for. */
#include "match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool holds(struct ws_match m, const char *text)
{
	struct ws_message message = { .size = sizeof message, .data = text,
		.len = strlen(text) };

	assert_null(match_check(&m));
	return match_holds(&m, &message);
}

#define HOLDS(text_, ...) holds((struct ws_match){ __VA_ARGS__ }, text_)

static void test_text(void **state)
{
	(void)state;
	assert_true(HOLDS("abc", .text = NULL));
	assert_true(HOLDS("abc", .text = "abc"));
	assert_false(HOLDS("abcd", .text = "abc"));
	assert_false(HOLDS("ab", .text = "abc"));
	assert_true(HOLDS("xabcx", .contains = "abc"));
	assert_false(HOLDS("xabx", .contains = "abc"));
	assert_true(HOLDS("", .text = ""));
}

static void test_regex(void **state)
{
	char many[40];
	struct ws_match bad = { .regex = "(" };

	(void)state;
	assert_true(HOLDS("id=17;", .regex = "id=[0-9]+;"));
	assert_false(HOLDS("id=x;", .regex = "id=[0-9]+;"));
	assert_non_null(match_check(&bad));
	for (int i = 0; i < 100; i++) {
		snprintf(many, sizeof many, "^n%d$", i);
		assert_false(HOLDS("m", .regex = many));
	}
	match_release();
}

static void test_json(void **state)
{
	static const char text[] = "{\"id\":7,\"a\":{\"b\":[{\"c\":\"x\"},"
	    "true,null]},\"s\":\"7\"}";
	struct ws_match lone = { .equals = "x" };
	struct ws_match empty = { .json = "" };

	(void)state;
	assert_true(HOLDS(text, .json = "id"));
	assert_true(HOLDS(text, .json = "id", .equals = "7"));
	assert_true(HOLDS(text, .json = "s", .equals = "7"));
	assert_false(HOLDS(text, .json = "id", .equals = "8"));
	assert_true(HOLDS(text, .json = "a.b.0.c", .equals = "x"));
	assert_true(HOLDS(text, .json = "a.b.1", .equals = "true"));
	assert_true(HOLDS(text, .json = "a.b.2", .equals = "null"));
	assert_false(HOLDS(text, .json = "a.b.3"));
	assert_false(HOLDS(text, .json = "a.b.x"));
	assert_false(HOLDS(text, .json = "id.x"));
	assert_false(HOLDS("{", .json = "id"));
	assert_false(HOLDS("", .json = "id"));
	assert_non_null(match_check(&lone));
	assert_non_null(match_check(&empty));
}

static bool is_short(const struct ws_message *m, void *arg)
{
	return m->len < *(size_t *)arg;
}

static void test_function(void **state)
{
	size_t limit = 3;

	(void)state;
	assert_true(HOLDS("ab", .fn = is_short, .arg = &limit));
	assert_false(HOLDS("abc", .fn = is_short, .arg = &limit));
	assert_false(HOLDS("ab", .fn = is_short, .arg = &limit,
	    .text = "ac"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_regex),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
