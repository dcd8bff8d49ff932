/* The grammar of criteria, and what its errors say. */
#include "run/criterion.h"
#include "run/pattern.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct criterion parse(const char *text)
{
	struct buf error = BUF_INIT(4096);
	struct criterion c;

	if (criterion_parse(&c, text, CRITERION_FAIL, &error) == -1)
		fail_msg("%s", buf_str(&error));
	buf_release(&error);
	return c;
}

static void test_percentile(void **state)
{
	struct criterion c = parse("p99.9>200ms for 10s");

	(void)state;
	assert_int_equal(c.stat, CRITERION_QUANTILE);
	assert_true(fabs(c.parameter - 0.999) < 1e-12);
	assert_int_equal(c.op, CRITERION_GT);
	assert_true(c.value == 200e6);
	assert_int_equal(c.span, CRITERION_FOR);
	assert_true(c.span_s == 10);
	assert_int_equal(c.action, CRITERION_FAIL);
	assert_null(c.series);
	assert_string_equal(c.text, "p99.9>200ms for 10s");
	criterion_release(&c);
}

static void test_all_parts(void **state)
{
	struct criterion c = parse("  errors% ( GET /a(b)/c ) >= 1.5 % "
	    "over 1m30s after 5s -> warn  ");

	(void)state;
	assert_string_equal(c.series, "GET /a(b)/c");
	assert_true(fabs(c.value - 0.015) < 1e-12);
	criterion_release(&c);
	/* The share of errors by the value's unit. */
	c = parse("errors > 1 %");
	assert_int_equal(c.stat, CRITERION_ERROR_SHARE);
	assert_true(c.value == 0.01);
	criterion_release(&c);
	c = parse("errors{zone=eu}>=0.5% over 5s");
	assert_int_equal(c.stat, CRITERION_ERROR_SHARE);
	assert_true(c.value == 0.005);
	criterion_release(&c);
	c = parse("errors > 100");
	assert_int_equal(c.stat, CRITERION_ERRORS);
	criterion_release(&c);
	c = parse("errors%(GET /a(b)/c )>=1.5% over 1m30s after 5s->warn");
	assert_int_equal(c.stat, CRITERION_ERROR_SHARE);
	assert_string_equal(c.series, "GET /a(b)/c");
	assert_true(fabs(c.value - 0.015) < 1e-12);
	assert_int_equal(c.span, CRITERION_OVER);
	assert_true(c.span_s == 90);
	assert_true(c.after_s == 5);
	assert_int_equal(c.action, CRITERION_WARN);
	criterion_release(&c);
}

static void test_statistics(void **state)
{
	struct criterion c = parse("share<=300ms(\"/a, )*\") < 95%");

	(void)state;
	assert_int_equal(c.stat, CRITERION_SHARE);
	assert_true(c.parameter == 300e6);
	assert_string_equal(c.series, "/a, )*");
	assert_true(fabs(c.value - 0.95) < 1e-12);
	criterion_release(&c);
	c = parse("apdex(500ms)(/login) < 0.9");
	assert_int_equal(c.stat, CRITERION_APDEX);
	assert_true(c.parameter == 500e6);
	assert_string_equal(c.series, "/login");
	assert_true(c.value == 0.9);
	criterion_release(&c);
	c = parse("ratio(PUBLISH *, received) != 1");
	assert_int_equal(c.stat, CRITERION_RATIO);
	assert_string_equal(c.series, "PUBLISH *");
	assert_string_equal(c.other, "received");
	criterion_release(&c);
	c = parse("rate < 50/s within 5s -> stop");
	assert_int_equal(c.stat, CRITERION_RATE);
	assert_true(c.value == 50);
	assert_int_equal(c.action, CRITERION_STOP);
	criterion_release(&c);
	c = parse("count < 10k");
	assert_true(c.value == 10000);
	criterion_release(&c);
	c = parse("fail > 0.01");
	assert_true(c.value == 0.01);
	criterion_release(&c);
	c = parse("counter(lost) > 0");
	assert_int_equal(c.stat, CRITERION_COUNTER);
	criterion_release(&c);
	c = parse("median > 2s");
	assert_true(c.parameter == 0.5);
	criterion_release(&c);
}

static void test_newer_parts(void **state)
{
	struct buf error = BUF_INIT(4096);
	struct criterion c;

	(void)state;
	criterion_parse(&c, "p95(/cart*){user=guest, zone=eu*} > 1s",
	    CRITERION_FAIL, &error);
	assert_string_equal(c.series, "/cart*");
	assert_string_equal(c.tags, "user=guest, zone=eu*");
	criterion_release(&c);
	criterion_parse(&c, "errors%{user=guest} > 1% over 10s -> step-down",
	    CRITERION_FAIL, &error);
	assert_null(c.series);
	assert_int_equal(c.action, CRITERION_STEP_DOWN);
	assert_true(c.step == CRITERION_STEP);
	criterion_release(&c);
	criterion_parse(&c, "lag > 5ms within 10s -> step-down 33% after 1m",
	    CRITERION_FAIL, &error);
	assert_int_equal(c.stat, CRITERION_LAG);
	assert_true(c.value == 5e6 && c.step == 0.33 && c.after_s == 60);
	criterion_release(&c);
	/* As a growth in a minute. */
	criterion_parse(&c, "slope(/a) > 5ms/s for 30s", CRITERION_FAIL,
	    &error);
	assert_int_equal(c.stat, CRITERION_SLOPE);
	assert_int_equal(c.span, CRITERION_OVER);
	assert_true(c.value == 300e6);
	criterion_release(&c);
	criterion_parse(&c, "slope > 1.2s/h", CRITERION_FAIL, &error);
	assert_true(c.value == 20e6);
	criterion_print_value(&c, -25e6, &error);
	assert_string_equal(buf_str(&error), "-25 ms a minute");
	criterion_release(&c);
	criterion_parse(&c, "external(queue length, p99.9) >= 12",
	    CRITERION_WARN, &error);
	assert_int_equal(c.stat, CRITERION_EXTERNAL);
	assert_string_equal(c.series, "queue length");
	assert_true(c.parameter > 0.9989 && c.parameter < 0.9991);
	criterion_release(&c);
	buf_release(&error);
}

static void test_tags(void **state)
{
	(void)state;
	assert_true(pattern_matches("/a", NULL, "GET", "/a [u=1]"));
	assert_true(pattern_matches("GET /a", NULL, "GET", "/a [u=1]"));
	assert_true(pattern_matches("/a [u=1]", NULL, "GET", "/a [u=1]"));
	assert_false(pattern_matches("/b", NULL, "GET", "/a [u=1]"));
	/* Names of their own that look alike. */
	assert_false(pattern_matches("/a", NULL, "GET", "/a [id]"));
	assert_false(pattern_matches("/a", NULL, "GET", "/a/[u=1]"));
	assert_true(pattern_matches("/a", "u=1", "GET", "/a [u=1,z=eu]"));
	assert_true(pattern_matches("/a", "z=e*,u=1", "GET", "/a [u=1,z=eu]"));
	assert_true(pattern_matches(NULL, "z=eu", "GET", "/a [u=1,z=eu]"));
	assert_false(pattern_matches("/a", "u=2", "GET", "/a [u=1,z=eu]"));
	assert_false(pattern_matches("/a", "u=1,x=1", "GET", "/a [u=1,z=eu]"));
	assert_false(pattern_matches("/a", "u=1", "GET", "/a"));
	assert_false(pattern_matches("/b", "u=1", "GET", "/a [u=1,z=eu]"));
	assert_true(pattern_matches(NULL, NULL, "GET", "/a"));
}

static void refuse(const char *text, const char *message)
{
	struct buf error = BUF_INIT(4096);
	struct criterion c;

	assert_int_equal(criterion_parse(&c, text, CRITERION_FAIL, &error),
	    -1);
	if (!strstr(buf_str(&error), message))
		fail_msg("'%s' is not in: %s", message, buf_str(&error));
	buf_release(&error);
}

static void test_errors(void **state)
{
	char *text = calloc(1, 2000);

	(void)state;
	refuse("", "unknown statistic");
	refuse("p9x > 1s", "no percentile");
	refuse("p101 > 1s", "no percentile");
	refuse("errorz > 1", "did you mean error");
	refuse("nonsense > 1", "there are p95");
	refuse("p99", "a comparison is missing");
	refuse("p99 > 200", "write 200ms");
	refuse("p99 > ", "no time");
	refuse("p99 > 200ms for", "no time");
	refuse("p99 > 200ms for 10s over 20s", "only one of");
	refuse("p99 > 200ms for 0.1s", "1 second to 1 hour");
	refuse("p99 > 200ms for 5h", "1 second to 1 hour");
	refuse("p99 > 200ms sometimes", "not 'sometimes'");
	refuse("p99 > 200ms !", "is expected");
	refuse("p99 > 200ms -> explode", "warn, fail, stop or step-down");
	refuse("p99(/a > 1s", "')' is missing");
	refuse("p99(\"/a) > 1s", "'\"' is missing");
	refuse("p99() > 1s", "name of a series");
	refuse("errors > 101%", "is no share");
	refuse("errors% > 200%", "is no share");
	refuse("errors% > nan", "is no share");
	refuse("count > inf", "is no number");
	refuse("share > 5%", "write share<=200ms");
	refuse("apdex > 0.9", "write apdex(500ms)");
	refuse("ratio(a) > 1", "two series or counters");
	refuse("counter > 1", "write counter(NAME)");
	refuse("slope > 5ms", "how much in which time");
	refuse("external > 5", "write external(NAME)");
	refuse("external(a, mean) > 5", "is no percentile");
	refuse("external(a", "')' is missing");
	refuse("p95{user=guest > 1s", "'}' is missing");
	refuse("p95{user} > 1s", "{key=value}");
	refuse("p95 > 1s -> step-down", "needs a window");
	refuse("p95 > 1s over 5s -> step-down 20", "step-down 20%");
	refuse("p95 > 1s over 5s -> step-down 95%", "1% to 90%");
	memset(text, 'p', 1999);
	refuse(text, "at most 512 bytes");
	text[300] = '\0';
	refuse(text, "too long");
	free(text);
}

static void test_matches(void **state)
{
	(void)state;
	assert_true(pattern_matches("/a", NULL, "GET", "/a"));
	assert_true(pattern_matches("GET /a", NULL, "GET", "/a"));
	assert_false(pattern_matches("POST /a", NULL, "GET", "/a"));
	assert_false(pattern_matches("/a", NULL, "GET", "/ab"));
	assert_true(pattern_matches("/a*", NULL, "GET", "/ab"));
	assert_true(pattern_matches("GET *", NULL, "GET", "/ab"));
	assert_true(pattern_matches("*a*b*c*", NULL, "GET", "/xaxbxcx"));
	assert_false(pattern_matches("*a*b*c", NULL, "GET", "/xaxbxcx"));
	assert_true(pattern_matches("*", NULL, "", ""));
}

static void test_values(void **state)
{
	static const struct {
		const char *text;
		double value;
		const char *shown;
	} cases[] = {
		{ "p99>1s", 63.2e6, "63.2 ms" },
		{ "p99>1s", 1.5e9, "1.5 s" },
		{ "errors%>1%", 0.0123, "1.23 %" },
		{ "rate>1", 42.125, "42.12/s" },
		{ "count>1", 42, "42" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct criterion c = parse(cases[i].text);
		struct buf out = BUF_INIT(100);

		criterion_print_value(&c, cases[i].value, &out);
		assert_string_equal(buf_str(&out), cases[i].shown);
		buf_release(&out);
		criterion_release(&c);
	}
}

/* Every start of a good one is good or refused; so is noise. */
static void test_noise(void **state)
{
	static const char good[] = "share<=300ms(\"a\") < 95% within 10s "
	    "after 1m -> stop";
	static const char alphabet[] = "p9erorsat%()<>=!\"*, .-15msfowv\xff";
	struct buf error = BUF_INIT(4096);
	struct rng rng;

	(void)state;
	rng_seed(&rng, 5, 5);
	for (int i = 0; i < 20000; i++) {
		char text[100];
		size_t len = rng_below(&rng, sizeof(good));
		struct criterion c;

		memcpy(text, good, len);
		for (size_t n = rng_below(&rng, 5); n > 0 && len < 99; n--)
			text[len++] = alphabet[rng_below(&rng,
			    sizeof(alphabet) - 1)];
		text[len] = '\0';
		if (criterion_parse(&c, text, CRITERION_FAIL, &error) == 0)
			criterion_release(&c);
		else
			assert_true(error.len > 0);
	}
	buf_release(&error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentile),
		cmocka_unit_test(test_all_parts),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_newer_parts),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
