/* The past of each endpoint: its stretches add up to its totals however long
 * a run is and however many endpoints there are, percentiles are its own, and
 * files of strangers are read with care. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "report/past.h"

#define MS NS_PER_MS

static struct stats *stats;
static struct windows *windows;
static struct past past;

static int begin(void **state)
{
	(void)state;
	stats = stats_new(1000, 10);
	windows = windows_new();
	past = (struct past){ 0 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	past_clear(&past);
	windows_free(windows);
	stats_free(stats);
	return 0;
}

static void record(const char *name, int64_t ms, int count, bool failed)
{
	struct series *s = stats_series(stats, "GET", name);

	for (int i = 0; i < count; i++)
		stats_record(stats, s, clock_now(), ms * MS, 0, 10, failed);
}

static void tick(int second)
{
	windows_tick(windows, stats, second * NS_PER_S, 1);
	past_tick(&past, windows, stats, second);
}

static double sum(const struct past_view *v, size_t row,
    enum past_figure figure)
{
	double all = 0;

	for (size_t i = 0; i < v->count; i++)
		if (isfinite(v->rows[row].values[figure][i]))
			all += v->rows[row].values[figure][i];
	return all;
}

static void stretches_are_put_together(void **state)
{
	const int seconds = 5 * PAST_STRETCHES + 3;
	struct past_view v;

	(void)state;
	for (int i = 1; i <= seconds; i++) {
		record("/a", i <= seconds / 2 ? 10 : 40, 10, false);
		record("/a", 90, 1, i % 2 == 0);
		if (i == 7)
			record("/once", 3, 2, true);
		tick(i);
	}
	past_take(&v, &past, stats);
	assert_int_equal(past.step, 8);
	assert_in_range(v.count, PAST_STRETCHES / 2, PAST_STRETCHES);
	assert_float_equal(v.end[0], 8, 1e-9);
	assert_float_equal(v.end[v.count - 1], seconds, 1e-9);
	assert_int_equal(v.row_count, 2);
	assert_int_equal(v.others, 0);
	assert_string_equal(v.rows[0].name, "/a");
	assert_float_equal(sum(&v, 0, PAST_REQUESTS), 6633, 1e-9);
	assert_float_equal(sum(&v, 0, PAST_FAILURES), 301, 1e-9);
	/* Of what was put together, not a mean of percentiles. */
	assert_float_equal(v.rows[0].values[PAST_P50][1], 10, 0.4);
	assert_float_equal(v.rows[0].values[PAST_P50][v.count - 2], 40, 1.3);
	assert_float_equal(v.rows[0].values[PAST_P95][3], 90, 3);
	assert_float_equal(v.rows[1].values[PAST_REQUESTS][0], 2, 1e-9);
	assert_true(isnan(v.rows[1].values[PAST_P95][1]));
	past_release(&v);
}

static void the_others_are_one(void **state)
{
	struct past_view v;
	char name[32];

	(void)state;
	for (int i = 1; i <= 3; i++) {
		for (int k = 0; k < PAST_SERIES + 30; k++) {
			snprintf(name, sizeof(name), "/%d", k);
			record(name, 5, k % 50 + 1, false);
		}
		tick(i);
	}
	past_take(&v, &past, stats);
	assert_int_equal(v.row_count, PAST_SHOWN + 1);
	assert_int_equal(v.others, PAST_SERIES + 30 - PAST_SHOWN);
	assert_string_equal(v.rows[0].name, "/49");
	assert_float_equal(sum(&v, 0, PAST_REQUESTS), 150, 1e-9);
	assert_null(v.rows[PAST_SHOWN].name);
	for (size_t i = 1; i <= PAST_SHOWN; i++)
		v.rows[0].values[PAST_REQUESTS][0] += sum(&v, i,
		    PAST_REQUESTS);
	assert_float_equal(sum(&v, 0, PAST_REQUESTS),
	    (double)stats->total.requests, 1e-9);
	past_release(&v);
}

static void files_of_strangers(void **state)
{
	static const char *const odd[] = { "{}", "[]", "{\"end_s\":[1]}",
		"{\"end_s\":[1,2],\"series\":[{},7,null,{\"type\":3,"
		"\"requests\":[\"x\",null,4,5],\"p50_ms\":7}]}",
		"{\"end_s\":\"no\",\"series\":{},\"others\":-4}",
		"{\"end_s\":[null],\"series\":[[]],\"others\":1e300}" };
	struct past_view v, back;
	json_t *o;

	(void)state;
	record("/a", 20, 5, false);
	tick(1);
	tick(2);
	past_take(&v, &past, stats);
	o = past_json(&v);
	past_read(&back, o);
	json_decref(o);
	assert_int_equal(back.count, 2);
	assert_string_equal(back.rows[0].type, "GET");
	assert_float_equal(sum(&back, 0, PAST_REQUESTS), 5, 1e-9);
	assert_true(isnan(back.rows[0].values[PAST_P50][1]));
	past_release(&back);
	past_release(&v);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		o = json_loads(odd[i], 0, NULL);
		past_read(&v, o);
		json_decref(o);
		json_decref(past_json(&v));
		past_release(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stretches_are_put_together,
		    begin, end),
		cmocka_unit_test_setup_teardown(the_others_are_one, begin,
		    end),
		cmocka_unit_test_setup_teardown(files_of_strangers, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
