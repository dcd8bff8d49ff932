/*
 * Locust's arithmetic, against values its own code gave.
 */
#include "stats/locust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_round(void **state)
{
	static const struct {
		double ms;
		int64_t rounded;
	} cases[] = {
		{ 0, 0 }, { 0.5, 0 }, { 1.5, 2 }, { 2.5, 2 }, { 99.5, 100 },
		{ 105, 100 }, { 115, 120 }, { 145, 140 }, { 147, 150 },
		{ 995.1, 1000 }, { 1050, 1000 }, { 1150, 1200 },
		{ 3432, 3400 }, { 10500, 10000 }, { 58760, 59000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(locust_round(cases[i].ms),
		    cases[i].rounded);
}

/* What a Locust worker rounded stays what it is, up to two minutes. */
static void test_rounded_stays(void **state)
{
	(void)state;
	for (int64_t ms = 1; ms <= 120000; ms++) {
		struct histogram h;
		struct locust_times t;

		if (locust_round((double)ms) != ms)
			continue;
		histogram_init(&h);
		histogram_record(&h, ms * 1000000);
		/* Without the clamp of a single value. */
		histogram_record(&h, 0);
		histogram_record(&h, INT64_C(1) << 45);
		locust_times_init(&t, &h);
		assert_int_equal(t.times[1].ms, ms);
		locust_times_release(&t);
		histogram_release(&h);
	}
}

static void test_ten_samples(void **state)
{
	static const struct {
		double p;
		int64_t ms;
	} cases[] = {
		{ 0.5, 6 }, { 0.66, 7 }, { 0.75, 8 }, { 0.8, 9 },
		{ 0.9, 10 }, { 0.95, 10 }, { 0.99, 10 }, { 1, 10 },
	};
	struct histogram h;
	struct locust_times t;

	(void)state;
	histogram_init(&h);
	locust_times_init(&t, &h);
	assert_int_equal(locust_percentile(&t, 0.5), 0);
	assert_true(locust_median(&t, &h) == 0);
	locust_times_release(&t);
	for (int64_t ms = 1; ms <= 10; ms++)
		histogram_record(&h, ms * 1000000);
	locust_times_init(&t, &h);
	assert_int_equal(t.samples, 10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(locust_percentile(&t, cases[i].p),
		    cases[i].ms);
	assert_true(locust_median(&t, &h) == 5);
	locust_times_release(&t);
	histogram_release(&h);
}

static void test_median_is_clamped(void **state)
{
	struct histogram h;
	struct locust_times t;

	(void)state;
	histogram_init(&h);
	histogram_record(&h, 203050800);
	locust_times_init(&t, &h);
	assert_true(locust_median(&t, &h) == 203.0508);
	locust_times_release(&t);
	histogram_release(&h);
}

static void test_row(void **state)
{
	struct series s, total;
	struct locust_row row;

	(void)state;
	series_init(&s, "GET", "/");
	series_init(&total, "", "Aggregated");
	locust_row_init(&row, &s, &total);
	assert_true(row.current_rps == 0 && row.total_rps == 0 &&
	    row.average == 0 && row.min == 0 && row.max == 0);
	locust_row_release(&row);
	s.requests = 30;
	s.failures = 6;
	s.bytes = 300;
	/* The total's times count, not the row's. */
	s.start_time = 1;
	total.start_time = 1000.5;
	total.last_time = 1020.9;
	for (int64_t second = 1000; second <= 1020; second++)
		series_count_second(&s, second, (uint32_t)(second - 999), 1);
	locust_row_init(&row, &s, &total);
	/* 1008 to 1017 hold 9 to 18. */
	assert_true(row.current_rps == 13.5);
	assert_true(row.current_fail_per_sec == 1);
	assert_true(row.total_rps == 30 / (1020.9 - 1000.5));
	assert_true(row.average_content == 10);
	locust_row_release(&row);
	/* Early in the run the window begins with it. */
	total.last_time = 1004.2;
	locust_row_init(&row, &s, &total);
	assert_true(row.current_rps == 1.5);
	locust_row_release(&row);
	total.last_time = 1002.9;
	locust_row_init(&row, &s, &total);
	assert_true(row.current_rps == 0);
	locust_row_release(&row);
	series_release(&s);
	series_release(&total);
}

static void test_sort(void **state)
{
	struct stats *stats = stats_new(10, 10);
	const struct series **sorted;
	size_t count;

	(void)state;
	stats_series(stats, "POST", "/a");
	stats_series(stats, "GET", "/b");
	stats_observe(stats, stats_series(stats, "TCP", "/a"), 5, 0);
	stats_series(stats, "GET", "/a");
	sorted = locust_sort(stats, &count);
	assert_int_equal(count, 3);
	assert_string_equal(sorted[0]->type, "GET");
	assert_string_equal(sorted[1]->type, "POST");
	assert_string_equal(sorted[2]->name, "/b");
	free(sorted);
	stats_free(stats);
}

static void test_float(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0.0" }, { 33, "33.0" }, { 3.860178514923634,
		"3.860178514923634" }, { 0.1, "0.1" }, { 1e15,
		"1000000000000000.0" }, { 1e16, "1e+16" }, { 0.0001, "0.0001" },
		{ 0.00001234, "1.234e-05" }, { 123456.789, "123456.789" },
		{ 55.927915999973266, "55.927915999973266" },
		{ 1.0 / 3, "0.3333333333333333" }, { -2.5, "-2.5" },
		{ 100, "100.0" }, { 0.001, "0.001" },
		{ 9007199254740993.0, "9007199254740992.0" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = BUF_INIT(100);

		assert_int_equal(locust_float(&out, cases[i].v), 0);
		assert_string_equal(buf_str(&out), cases[i].text);
		buf_release(&out);
	}
}

static void test_repr(void **state)
{
	static const struct {
		const char *text, *repr;
	} cases[] = {
		{ "plain", "'plain'" }, { "it's", "\"it's\"" },
		{ "'\"", "'\\'\"'" }, { "a\nb\t\\", "'a\\nb\\t\\\\'" },
		{ "\x01\x7f", "'\\x01\\x7f'" }, { "é€😀", "'é€😀'" },
		{ "\xff", "'\\xff'" }, { "\xe2\x80", "'\\xe2\\x80'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = BUF_INIT(100);

		assert_int_equal(locust_repr(&out, cases[i].text), 0);
		assert_string_equal(buf_str(&out), cases[i].repr);
		buf_release(&out);
	}
}

static void test_error_key(void **state)
{
	char key[65];

	(void)state;
	/* Seen on the wire. */
	locust_error_key(key, "GET", "/fail", "HTTPError('500 Server Error: "
	    "INTERNAL SERVER ERROR for url: /fail')");
	assert_string_equal(key, "0e43cc34712eefa4b60c34a65829be70eefe91ef"
	    "942252c7ce5043e4e1775728");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_rounded_stays),
		cmocka_unit_test(test_ten_samples),
		cmocka_unit_test(test_median_is_clamped),
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_float),
		cmocka_unit_test(test_repr),
		cmocka_unit_test(test_error_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
