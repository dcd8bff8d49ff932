/* Strict parsers: what they take, what they refuse, and why. */
#include "base/parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define REFUSED(call, error) \
	do { \
		errno = 0; \
		assert_int_equal((call), -1); \
		assert_int_equal(errno, (error)); \
	} while (0)

static void test_int(void **state)
{
	int64_t v = 77;

	(void)state;
	assert_int_equal(parse_int64("0", 0, 10, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(parse_int64("-12", INT64_MIN, 10, &v), 0);
	assert_int_equal(v, -12);
	assert_int_equal(
	    parse_int64("9223372036854775807", 0, INT64_MAX, &v), 0);
	assert_true(v == INT64_MAX);
	v = 77;
	REFUSED(parse_int64("", 0, 10, &v), EINVAL);
	REFUSED(parse_int64(" 1", 0, 10, &v), EINVAL);
	REFUSED(parse_int64("1 ", 0, 10, &v), EINVAL);
	REFUSED(parse_int64("0x10", 0, 100, &v), EINVAL);
	REFUSED(parse_int64("--1", -9, 10, &v), EINVAL);
	REFUSED(parse_int64("1.0", 0, 10, &v), EINVAL);
	REFUSED(parse_int64("11", 0, 10, &v), ERANGE);
	REFUSED(parse_int64("-1", 0, 10, &v), ERANGE);
	REFUSED(parse_int64("9223372036854775808", 0, INT64_MAX, &v), ERANGE);
	assert_int_equal(v, 77);
}

static void test_double(void **state)
{
	static const char *const bad[] = { "", ".", "nan", "inf", "0x1p3",
		"1e", "1e+", " 1", "1 ", "1,5", "--1", "1.2.3", "e5", NULL };
	double v = 77;

	(void)state;
	assert_int_equal(parse_double("1.5e3", 0, 1e9, &v), 0);
	assert_true(v == 1500);
	assert_int_equal(parse_double("-.5", -1, 1, &v), 0);
	assert_true(v == -0.5);
	assert_int_equal(parse_double("+3.", -1, 9, &v), 0);
	assert_true(v == 3);
	v = 77;
	for (size_t i = 0; bad[i]; i++)
		REFUSED(parse_double(bad[i], -1e9, 1e9, &v), EINVAL);
	REFUSED(parse_double("1e999", 0, 1e9, &v), ERANGE);
	REFUSED(parse_double("2", 0, 1, &v), ERANGE);
	assert_true(v == 77);
}

static void test_bool(void **state)
{
	bool v = false;

	(void)state;
	assert_int_equal(parse_bool("true", &v), 0);
	assert_true(v);
	assert_int_equal(parse_bool("OFF", &v), 0);
	assert_false(v);
	assert_int_equal(parse_bool("1", &v), 0);
	assert_true(v);
	REFUSED(parse_bool("2", &v), EINVAL);
	REFUSED(parse_bool("", &v), EINVAL);
	REFUSED(parse_bool("truely", &v), EINVAL);
	assert_true(v);
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} good[] = {
		{ "30", 30 }, { "0", 0 }, { "1.5", 1.5 }, { "1.5s", 1.5 },
		{ "200ms", 0.2 }, { "50us", 50e-6 }, { "10m", 600 },
		{ "1h20m30s", 4830 }, { "2d", 172800 }, { "1m500ms", 60.5 },
		{ ".5h", 1800 },
	};
	static const char *const bad[] = { "", "s", "-1", "1x", "1h20",
		"20m1h", "1m1m", "1 s", "1e3", "1S", "ms", "1.5.5s", "nan",
		"0x1", NULL };
	double v = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_duration(good[i].text, &v), 0);
		assert_true(v > good[i].seconds - 1e-9);
		assert_true(v < good[i].seconds + 1e-9);
	}
	v = 77;
	for (size_t i = 0; bad[i]; i++)
		REFUSED(parse_duration(bad[i], &v), EINVAL);
	REFUSED(parse_duration("10000000000", &v), ERANGE);
	REFUSED(parse_duration("200000d", &v), ERANGE);
	assert_true(v == 77);
}

static void test_size(void **state)
{
	int64_t v = 77;

	(void)state;
	assert_int_equal(parse_size("512", &v), 0);
	assert_int_equal(v, 512);
	assert_int_equal(parse_size("64k", &v), 0);
	assert_int_equal(v, 65536);
	assert_int_equal(parse_size("1.5M", &v), 0);
	assert_int_equal(v, 1572864);
	assert_int_equal(parse_size("2g", &v), 0);
	assert_true(v == INT64_C(2147483648));
	assert_int_equal(parse_size("0", &v), 0);
	v = 77;
	REFUSED(parse_size("", &v), EINVAL);
	REFUSED(parse_size("k", &v), EINVAL);
	REFUSED(parse_size("1kk", &v), EINVAL);
	REFUSED(parse_size("-1", &v), EINVAL);
	REFUSED(parse_size("1e3", &v), EINVAL);
	REFUSED(parse_size("99999999t", &v), ERANGE);
	assert_int_equal(v, 77);
}

static void assert_target(const char *text, const char *scheme,
    const char *host, unsigned port, const char *path)
{
	struct parse_target t;

	assert_int_equal(parse_target(text, &t), 0);
	assert_string_equal(t.scheme, scheme);
	assert_string_equal(t.host, host);
	assert_int_equal(t.port, port);
	assert_string_equal(t.path, path);
}

static void test_target(void **state)
{
	static const char *const bad[] = { "", ":80", "http://", "a b",
		"a:", "a:x", "a:8x", "[::1", "[::1]x", "[]", "[host]:1",
		"1:2:3", "u:p@host", "u@host", "://host", "1http://h",
		"abcdefghijklmnop://h", "h:+1", "h:123456789", "h\ni",
		"[fe80::1%]", NULL };
	char longest[300];
	struct parse_target t = { .port = 77 };

	(void)state;
	assert_target("host", "", "host", 0, "");
	assert_target("host:8089", "", "host", 8089, "");
	assert_target("host/p", "", "host", 0, "/p");
	assert_target("[::1]:80", "", "::1", 80, "");
	assert_target("::1", "", "::1", 0, "");
	assert_target("[fe80::1%eth0]", "", "fe80::1%eth0", 0, "");
	assert_target("HTTPS://h.example:65535/a?b#c", "https", "h.example",
	    65535, "/a?b#c");
	assert_target("http://h?x=1", "http", "h", 0, "?x=1");
	assert_target("mqtt+tls://[2001:db8::1]:8883", "mqtt+tls",
	    "2001:db8::1", 8883, "");
	for (size_t i = 0; bad[i]; i++)
		REFUSED(parse_target(bad[i], &t), EINVAL);
	REFUSED(parse_target("h:0", &t), ERANGE);
	REFUSED(parse_target("h:65536", &t), ERANGE);
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	REFUSED(parse_target(longest, &t), EINVAL);
	assert_int_equal(t.port, 77);
	longest[255] = '\0';
	assert_target(longest, "", longest, 0, "");
}

static void test_suggest(void **state)
{
	static const char *const words[] = { "qos", "keepalive", "host",
		"users", "spawn-rate", "", NULL };

	(void)state;
	assert_string_equal(parse_suggest("qoss", words), "qos");
	assert_string_equal(parse_suggest("hots", words), "host");
	assert_string_equal(parse_suggest("KeepAlve", words), "keepalive");
	assert_string_equal(parse_suggest("spawn", words), "spawn-rate");
	assert_string_equal(parse_suggest("spanw-rat", words), "spawn-rate");
	assert_null(parse_suggest("xy", words));
	assert_null(parse_suggest("zzzzz", words));
	assert_null(parse_suggest("", words));
	assert_null(parse_suggest("s", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
