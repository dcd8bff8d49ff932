/* Addresses of WebSocket servers. */
#include "url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	struct url u;
	const char *why;

	(void)state;
	assert_int_equal(url_parse(&u, "ws://host:8080/a/b?c=d", &why), 0);
	assert_string_equal(u.host, "host");
	assert_string_equal(u.authority, "host:8080");
	assert_string_equal(u.path, "/a/b?c=d");
	assert_int_equal(u.port, 8080);
	assert_false(u.tls);
	assert_int_equal(url_parse(&u, "wss://host", &why), 0);
	assert_int_equal(u.port, 443);
	assert_string_equal(u.authority, "host");
	assert_string_equal(u.path, "/");
	assert_true(u.tls);
	assert_int_equal(url_parse(&u, "HTTPS://[::1]:9/x", &why), 0);
	assert_string_equal(u.host, "::1");
	assert_string_equal(u.authority, "[::1]:9");
	assert_true(u.numeric6);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "host", "ftp://host", "ws://", "ws:///x", "ws://:80",
		"ws://h:0", "ws://h:65536", "ws://h:x", "ws://h:", "ws://[::1",
		"ws://[]/", "ws://h/a b", "ws://h/a\r\nX: y", "ws://h/#f",
		"ws://u@h/", "ws://h?x=1", "ws://[::1]x/",
	};
	struct url u;
	char text[4096];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		assert_int_equal(url_parse(&u, bad[i], &why), -1);
		assert_non_null(why);
	}
	memset(text, 'a', sizeof text);
	memcpy(text, "ws://", 5);
	text[sizeof text - 1] = 0;
	assert_int_equal(url_parse(&u, text, &why), -1);
	memcpy(text, "ws://h/", 7);
	assert_int_equal(url_parse(&u, text, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
