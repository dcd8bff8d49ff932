/* Targets as people write them, and as the library reads them. */
#include "target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void parses(const char *text, const char *host, unsigned port, bool tls)
{
	const char *why = NULL;
	struct target t;

	assert_int_equal(target_parse(&t, text, &why), 0);
	assert_string_equal(t.host, host);
	assert_int_equal(t.port, port);
	assert_int_equal(t.tls, tls);
}

static void good_ones(void **state)
{
	(void)state;
	parses("host:1234", "host", 1234, false);
	parses("host", "host", 50051, false);
	parses("grpc://host", "host", 50051, false);
	parses("grpcs://host/", "host", 443, true);
	parses("https://host:8443/", "host", 8443, true);
	parses("http://host", "host", 80, false);
	parses("dns:///host:5", "host", 5, false);
	parses("[::1]:7", "::1", 7, false);
	parses("grpcs://[fe80::1]", "fe80::1", 443, true);
	parses("unix:/run/x", "/run/x", 0, false);
	parses("unix:///run/x", "/run/x", 0, false);
}

static void bad_ones(void **state)
{
	static const char *const texts[] = {
		"", ":1", "host:", "host:0", "host:65536", "host:1x",
		"host/path", "ftp://host", "[::1", "[::1]x", "unix:",
		"http://", "host:1/path",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *why = NULL;
		struct target t;

		assert_int_equal(target_parse(&t, texts[i], &why), -1);
		assert_non_null(why);
	}
}

static void long_ones(void **state)
{
	char text[400];
	const char *why = NULL;
	struct target t;

	(void)state;
	memset(text, 'h', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_int_equal(target_parse(&t, text, &why), -1);
}

static void addresses(void **state)
{
	static const char found[][64] = { "1.2.3.4", "::1", "5.6.7.8" };
	static const char six[][64] = { "::1" };
	const char *why;
	struct target t;
	char to[100];

	(void)state;
	assert_int_equal(target_parse(&t, "h:9", &why), 0);
	assert_int_equal(target_addresses(&t, found, 3, to, sizeof to), 0);
	assert_string_equal(to, "ipv4:1.2.3.4:9,5.6.7.8:9");
	assert_int_equal(target_addresses(&t, six, 1, to, sizeof to), 0);
	assert_string_equal(to, "ipv6:%5B::1%5D:9");
	assert_int_equal(target_addresses(&t, found, 3, to, 20), -1);
	target_authority(&t, to, sizeof to);
	assert_string_equal(to, "h:9");
	assert_int_equal(target_parse(&t, "[::1]:9", &why), 0);
	target_authority(&t, to, sizeof to);
	assert_string_equal(to, "[::1]:9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
