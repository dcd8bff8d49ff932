/* What is found by looking at a script without running it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void scan_requires(const char *text, size_t len,
    void (*fn)(const char *name, size_t len, void *arg), void *arg);

static void note(const char *name, size_t len, void *arg)
{
	char *list = arg;
	size_t at = strlen(list);

	snprintf(list + at, 256 - at, "%.*s,", (int)len, name);
}

/* On an exact copy, so that a byte too far is seen by the sanitizer. */
static void finds(const char *text, const char *want)
{
	char list[256] = "";
	size_t len = strlen(text);
	char *copy = malloc(len + (len == 0));

	memcpy(copy, text, len);
	scan_requires(copy, len, note, list);
	free(copy);
	assert_string_equal(list, want);
}

static void test_forms(void **state)
{
	(void)state;
	finds("local h = require \"http\"", "http,");
	finds("require'http'", "http,");
	finds("require(\"http\").get('/')", "http,");
	finds("require ( --[[ the client ]] 'a.b' )", "a.b,");
	finds("require [[http]] require[==[mqtt]==]", "http,mqtt,");
	finds("x=require\n\n\"http\"\nreturn require 'grpc'", "http,grpc,");
}

static void test_not_code(void **state)
{
	(void)state;
	finds("-- require \"http\"", "");
	finds("--[[ require \"http\"\n ]] require 'b'", "b,");
	finds("--[==[ ]] require \"http\" ]==] require 'b'", "b,");
	finds("s = 'require \"http\"'", "");
	finds("s = \"\\\" require 'x'\" require 'b'", "b,");
	finds("s = [[ require 'x' ]]", "");
	finds("requires 'x' my_require 'y' require_it('z')", "");
	finds("require(name) require .. 'x'", "");
	finds("a[b[1]] = require 'c'", "c,");
}

static void test_cut_off(void **state)
{
	static const char whole[] = "--[==[ c ]==] s = [[ t ]] "
	    "h = require(\"http\") x = 'it\\'s' require [[y]]";
	char list[256];

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *copy = malloc(len + (len == 0));

		memcpy(copy, whole, len);
		list[0] = '\0';
		scan_requires(copy, len, note, list);
		free(copy);
	}
	assert_string_equal(list, "http,y,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_not_code),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
