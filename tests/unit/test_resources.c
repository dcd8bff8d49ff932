/* Figures of watched machines over a run: seconds become points, a long run
 * keeps its memory, and files of strangers are read with care. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/resources.h"

static void a_long_run_is_folded(void **state)
{
	struct resources r = { 0 }, copy, back;
	json_t *o;

	(void)state;
	/* Before there is any figure, there is nothing to keep. */
	resources_tick(&r, 1, 1);
	assert_int_equal(r.count, 0);
	for (int i = 1; i <= 2 * RESOURCES_POINTS; i++) {
		resources_put(&r, "a.cpu", "share", 0.5);
		if (i % 2 == 0)
			resources_put(&r, "a.load", "", i);
		resources_tick(&r, i, 1);
	}
	/* A second that is not the run's, and one that nobody answered. */
	resources_put(&r, "a.cpu", "share", 9);
	resources_tick(&r, 5000, 0);
	assert_int_equal(r.step, 2);
	assert_int_equal(r.count, RESOURCES_POINTS);
	assert_float_equal(r.at[0], 2, 1e-9);
	assert_float_equal(r.at[RESOURCES_POINTS - 1], 2 * RESOURCES_POINTS,
	    1e-9);
	for (size_t i = 0; i < r.count; i++) {
		assert_float_equal(r.rows[0].values[i], 0.5, 1e-9);
		assert_float_equal(r.rows[1].values[i], 2.0 * (double)i + 2,
		    1e-9);
	}
	for (int i = 1; i <= 2; i++)
		resources_tick(&r, 2 * RESOURCES_POINTS + i, 1);
	assert_int_equal(r.step, 4);
	resources_copy(&copy, &r);
	o = resources_json(&copy);
	resources_read(&back, o);
	json_decref(o);
	assert_int_equal(back.count, r.count);
	assert_int_equal(back.row_count, 2);
	assert_string_equal(back.rows[1].name, "a.load");
	assert_float_equal(back.rows[1].values[7], r.rows[1].values[7], 1e-9);
	resources_clear(&back);
	resources_clear(&copy);
	resources_clear(&r);
}

static void a_value_stays_beside_a_gap(void **state)
{
	struct resources r = { 0 };

	(void)state;
	for (int i = 0; i <= RESOURCES_POINTS; i++) {
		resources_put(&r, "a.even", "", i % 2 ? NAN : 3);
		resources_put(&r, "a.odd", "", i % 2 ? 4 : NAN);
		resources_tick(&r, i, 1);
	}
	assert_int_equal(r.step, 2);
	assert_float_equal(r.rows[0].values[5], 3, 1e-9);
	assert_float_equal(r.rows[1].values[5], 4, 1e-9);
	resources_clear(&r);
}

static void gaps_stay_gaps(void **state)
{
	struct buf page = BUF_INIT(1 << 20);
	struct resources r = { 0 };
	json_t *o;

	(void)state;
	resources_put(&r, "a.cpu", "share", 0.25);
	resources_tick(&r, 1, 1);
	resources_tick(&r, 2, 1);
	assert_true(isnan(r.rows[0].values[1]));
	o = resources_json(&r);
	assert_true(json_is_null(json_array_get(json_object_get(json_array_get(
	    json_object_get(o, "figures"), 0), "values"), 1)));
	json_decref(o);
	resources_html(&page, &r, NULL, 0);
	assert_non_null(strstr(buf_str(&page), "What the target felt"));
	buf_release(&page);
	resources_clear(&r);
}

static void reads_what_a_stranger_wrote(void **state)
{
	static const char *const texts[] = { "{}", "[]", "null", "3",
		"{\"at\":[]}", "{\"at\":3,\"figures\":4}",
		"{\"at\":[1],\"figures\":[3,null,{}]}",
		"{\"at\":[\"x\",null],\"figures\":[{\"name\":\"nodot\","
		"\"values\":[\"y\"]},{\"name\":\"\",\"unit\":7}]}" };
	struct buf page = BUF_INIT(1 << 20);
	struct resources r;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *o = json_loads(texts[i], JSON_DECODE_ANY, NULL);

		assert_non_null(o);
		resources_read(&r, o);
		resources_html(&page, &r, NULL, 0);
		json_decref(resources_json(&r));
		resources_clear(&r);
		json_decref(o);
	}
	buf_release(&page);
}

/* An exporter calls its processes as it likes. */
static void names_are_no_markup(void **state)
{
	struct buf page = BUF_INIT(1 << 20);
	struct resources r = { 0 };

	(void)state;
	resources_put(&r, "web.<i>\"'&.cpu", "<u>", 1);
	resources_put(&r, "web.metric{a=\"b.<b>\"}", "<s>", 1);
	resources_tick(&r, 1, 1);
	resources_html(&page, &r, NULL, 0);
	assert_null(strstr(buf_str(&page), "<i>"));
	assert_null(strstr(buf_str(&page), "<b>"));
	assert_null(strstr(buf_str(&page), "<u>"));
	assert_null(strstr(buf_str(&page), "<s>"));
	assert_non_null(strstr(buf_str(&page), "web.&lt;i&gt;&quot;&#39;&amp;"));
	resources_clear(&r);
	buf_release(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_run_is_folded),
		cmocka_unit_test(a_value_stays_beside_a_gap),
		cmocka_unit_test(gaps_stay_gaps),
		cmocka_unit_test(reads_what_a_stranger_wrote),
		cmocka_unit_test(names_are_no_markup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
