/* Numbers, names and charts as people read them. */
#include "report/text.h"

#include "base/rng.h"
#include "report/svg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct buf *out, const char *text)
{
	assert_string_equal(buf_str(out), text);
	buf_clear(out);
}

static void test_numbers(void **state)
{
	struct buf out = BUF_INIT(1000);

	(void)state;
	text_ms(&out, 0);
	expect(&out, "0");
	text_ms(&out, 3.81e6);
	expect(&out, "3.81");
	text_ms(&out, 9.996e6);
	expect(&out, "10.0");
	text_ms(&out, 999.6e6);
	expect(&out, "1 000");
	text_ms(&out, 12345.6e6);
	expect(&out, "12 346");
	text_ms(&out, 12300);
	expect(&out, "0.0123");
	text_ms(&out, 1234);
	expect(&out, "0.0012");
	text_ms(&out, 21);
	expect(&out, "0.0001");
	text_time(&out, 950);
	expect(&out, "950ns");
	text_time(&out, 410e3);
	expect(&out, "410us");
	text_time(&out, 3.84e6);
	expect(&out, "3.8ms");
	text_time(&out, 999.7e6);
	expect(&out, "1.0s");
	text_count(&out, 17387104);
	expect(&out, "17 387 104");
	text_count(&out, 70);
	expect(&out, "70");
	text_short_count(&out, 9999);
	expect(&out, "9999");
	text_short_count(&out, 17400000);
	expect(&out, "17.4M");
	text_short_count(&out, 999960);
	expect(&out, "1.00M");
	text_bytes(&out, 512);
	expect(&out, "512 B");
	text_bytes(&out, 2.1e9);
	expect(&out, "2.1 GB");
	text_percent(&out, 0);
	expect(&out, "0 %");
	text_percent(&out, 1);
	expect(&out, "100 %");
	/* Never all or nothing by rounding. */
	text_percent(&out, 0.00000001);
	expect(&out, "<0.01 %");
	text_percent(&out, 0.9999999);
	expect(&out, ">99.99 %");
	text_percent(&out, 0.0012);
	expect(&out, "0.12 %");
	text_clock(&out, 761);
	expect(&out, "12:41");
	text_clock(&out, 3661);
	expect(&out, "1:01:01");
	text_utc(&out, 1795249539);
	expect(&out, "2026-11-21T08:25:39Z");
	buf_release(&out);
}

static void test_names(void **state)
{
	struct buf out = BUF_INIT(10000);

	(void)state;
	text_name(&out, "GET /a", 10, true, true);
	expect(&out, "GET /a    ");
	text_name(&out, "abcdefghijklmnop", 9, true, true);
	expect(&out, "abcd…mnop");
	text_name(&out, "abcdefghijklmnop", 9, false, true);
	expect(&out, "abcd..nop");
	/* Two columns each. */
	text_name(&out, "漢字漢字漢字", 7, true, true);
	assert_int_equal(text_width(buf_str(&out)), 7);
	buf_clear(&out);
	/* What would harm a terminal. */
	text_name(&out, "a\x1b[31mb\nc\xff", 0, false, false);
	expect(&out, "a?[31mb c?");
	text_name(&out, "x\xe2\x80\xaey", 0, true, false);
	expect(&out, "x\xef\xbf\xbdy");
	text_clean(&out, "\xc0\xaf\xed\xa0\x80ok");
	assert_non_null(strstr(buf_str(&out), "ok"));
	assert_null(strchr(buf_str(&out), '\xc0'));
	buf_release(&out);
}

static void no_password(const char *text, const char *shown)
{
	struct buf out = BUF_INIT(200);

	text_no_password(&out, text);
	expect(&out, shown);
	buf_release(&out);
}

static void test_passwords(void **state)
{
	(void)state;
	no_password("mqtts://joe:s3:cr@t@h:8883/a?b=c:d@e",
	    "mqtts://joe:...@h:8883/a?b=c:d@e");
	no_password("--host=http://:x@h,http://a:b@h", "--host=http://:...@h,"
	    "http://a:...@h");
	no_password("http://h:80/x@y //h/u:p@h", "http://h:80/x@y //h/u:p@h");
	no_password("http://joe@h:80", "http://joe@h:80");
	no_password("http://joe:@h/", "http://joe:@h/");
	no_password("//a:b", "//a:b");
	no_password("//", "//");
	no_password("/", "/");
	no_password("", "");
	no_password("host=h password='a b' user=u", "host=h password=... "
	    "user=u");
	no_password("pg:///d?password=x&user=u", "pg:///d?password=...&user=u");
	no_password("password='x", "password=...");
	no_password("password=", "password=");
}

static void test_csv_fields(void **state)
{
	struct buf out = BUF_INIT(200);

	(void)state;
	text_csv(&out, "plain", false);
	buf_putc(&out, ',');
	text_csv(&out, "a,b", false);
	buf_putc(&out, ',');
	text_csv(&out, "say \"so\"\nthen", true);
	buf_putc(&out, ',');
	text_csv(&out, "x\ny", false);
	assert_null(strchr(strchr(buf_str(&out), '\n') + 1, '\n'));
	assert_memory_equal(buf_str(&out),
	    "plain,\"a,b\",\"say \"\"so\"\"\nthen\",x", 31);
	buf_release(&out);
}

/* Any bytes, any width: valid, and never wider. */
static void test_names_never_wrap(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 3000; seed++) {
		struct buf out = BUF_INIT(10000);
		struct rng rng;
		char name[40];
		size_t width = seed % 30 + 1;

		rng_seed(&rng, seed, 0);
		for (size_t i = 0; i < sizeof(name) - 1; i++)
			name[i] = (char)(rng_below(&rng, 255) + 1);
		name[sizeof(name) - 1] = '\0';
		text_name(&out, name, width, seed & 1, true);
		assert_int_equal(text_width(buf_str(&out)), width);
		buf_release(&out);
	}
}

static void test_environment(void **state)
{
	struct terminal t;

	(void)state;
	unsetenv("CLICOLOR_FORCE");
	setenv("LC_ALL", "C", 1);
	text_terminal(&t, stdin, REPORT_COLOUR_ALWAYS);
	assert_true(t.colour);
	assert_false(t.utf8);
	setenv("CLICOLOR_FORCE", "1", 1);
	text_terminal(&t, stdin, REPORT_COLOUR_AUTO);
	assert_true(t.colour);
	setenv("NO_COLOR", "1", 1);
	text_terminal(&t, stdin, REPORT_COLOUR_AUTO);
	assert_false(t.colour);
	unsetenv("NO_COLOR");
	setenv("CLICOLOR_FORCE", "0", 1);
	setenv("TERM", "dumb", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	text_terminal(&t, stdin, REPORT_COLOUR_AUTO);
	assert_false(t.colour);
	assert_true(t.utf8);
}

/* Exporters and files may say anything: each axis has an end, and each place
 * on it is a number. */
static void test_charts_of_any_value(void **state)
{
	static const double any[] = { 0, 5e-324, 1e-320, 1e-310, 0.3, 1e15,
		1e300, 1e308, 1.7e308, INFINITY, -INFINITY, NAN, -1.7e308 };
	const size_t n = sizeof(any) / sizeof(*any);

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		const double values[] = { 1, any[i % n] };
		const double at[] = { any[i % n], any[i / n] };
		const struct svg_line line = { "a", "a", values };
		const struct result_event event = { .at = at[0],
			.text = "event" };
		const struct svg_chart c = { .title = "", .unit = "",
			.at = at, .count = 2, .lines = &line,
			.line_count = 1, .events = &event, .event_count = 1 };
		struct buf out = BUF_INIT(1 << 16);

		assert_int_equal(svg_chart(&out, &c), 0);
		assert_null(strstr(buf_str(&out), "nan"));
		assert_null(strstr(buf_str(&out), "inf"));
		buf_release(&out);
	}
}

/* A page stays readable, and small, however much happens. */
static void test_charts_of_many_events(void **state)
{
	static const double at[] = { 0, 100 };
	struct result_event events[100];
	const struct svg_chart c = { .title = "", .unit = "", .at = at,
		.count = 2, .events = events, .event_count = 100 };
	struct buf out = BUF_INIT(1 << 16);
	int marks = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		events[i] = (struct result_event){ i, "event" };
	assert_int_equal(svg_chart(&out, &c), 0);
	for (const char *p = buf_str(&out);
	    (p = strstr(p, "class=\"event\"")) != NULL; p++)
		marks++;
	assert_int_equal(marks, 50);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_csv_fields),
		cmocka_unit_test(test_names_never_wrap),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_charts_of_any_value),
		cmocka_unit_test(test_charts_of_many_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
