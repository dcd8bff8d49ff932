/* The library's texts, fit to be counted. */
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void becomes(const char *from, const char *to)
{
	char text[200];

	text_reason(text, sizeof text, from, strlen(from));
	assert_string_equal(text, to);
}

static void causes(void **state)
{
	(void)state;
	becomes("failed to connect to all addresses; last error: UNAVAILABLE: "
	    "ipv4:127.0.0.1:4711: Failed to connect to remote host: "
	    "Connection refused", "Connection refused");
	becomes("failed to connect to all addresses; last error: UNKNOWN: "
	    "unix:/tmp/x: No such file", "No such file");
	becomes("Received RST_STREAM with error code 8",
	    "Received RST_STREAM with error code 8");
	becomes("no user 12345 (session a1b2c3)",
	    "no user ##### (session a#b#c#)");
	becomes("line\none", "line one");
	becomes("", "no reason given");
}

static void long_ones(void **state)
{
	char from[5000], text[200];

	(void)state;
	memset(from, '7', sizeof from);
	text_reason(text, sizeof text, from, sizeof from);
	assert_true(strlen(text) <= 120);
	assert_int_equal(strspn(text, "#"), strlen(text));
	text_reason(text, 10, from, sizeof from);
	assert_int_equal(strlen(text), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes),
		cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
