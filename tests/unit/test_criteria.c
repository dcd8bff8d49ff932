/* Criteria judged second by second on a made-up run. */
#include "run/criteria.h"

#include "base/clock.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct stats *stats;
	struct windows *windows;
	struct criteria *criteria;
	double elapsed;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->stats = stats_new(100, 100);
	f->windows = windows_new();
	f->criteria = criteria_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stats_free(f->stats);
	windows_free(f->windows);
	criteria_free(f->criteria);
	free(f);
	return 0;
}

/* A second with n requests of so many ms; true when the run is to stop. */
static bool second(struct fixture *f, const char *name, int n, int64_t ms,
    int failed)
{
	struct series *s = stats_series(f->stats, "GET", name);

	for (int i = 0; i < n; i++)
		stats_record(f->stats, s, (int64_t)f->elapsed * NS_PER_S,
		    ms * NS_PER_MS, 0, 0, i < failed);
	f->elapsed++;
	windows_keep(f->windows, criteria_longest(f->criteria));
	windows_tick(f->windows, f->stats, (int64_t)f->elapsed * NS_PER_S, 1);
	return criteria_tick(f->criteria, f->stats, f->windows, f->elapsed) !=
	    NULL;
}

static const struct criterion_state *add(struct fixture *f, const char *text,
    enum criterion_action action)
{
	assert_int_equal(criteria_add(f->criteria, text, action), 0);
	return criteria_at(f->criteria, criteria_count(f->criteria) - 1);
}

static void test_whole_run_is_judged_at_the_end(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "p90 > 100ms", CRITERION_FAIL);

	second(f, "/", 10, 500, 0);
	assert_false(s->broken);
	for (int i = 0; i < 20; i++)
		second(f, "/", 10, 10, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_false(s->broken);
	assert_true(s->known);
	assert_true(s->held > 0);
	assert_true(s->first_s == 1);
	assert_false(criterion_state_failed(s));
	for (int i = 0; i < 20; i++)
		second(f, "/", 10, 200, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(criterion_state_failed(s));
}

static void test_for(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "p50 > 100ms for 5s", CRITERION_FAIL);

	for (int i = 0; i < 4; i++)
		second(f, "/", 10, 500, 0);
	assert_false(s->broken);
	/* A good second (the window is two) starts it again. */
	second(f, "/", 100, 10, 0);
	for (int i = 0; i < 4; i++)
		second(f, "/", 10, 500, 0);
	assert_false(s->broken);
	for (int i = 0; i < 2; i++)
		second(f, "/", 10, 500, 0);
	assert_true(s->broken);
	/* What happened is not forgotten. */
	for (int i = 0; i < 50; i++)
		second(f, "/", 100, 10, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(criterion_state_failed(s));
	assert_true(s->value >= 490 * NS_PER_MS);
	assert_in_range((int)s->first_s, 10, 12);
}

static void test_over_and_within(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *over =
	    add(f, "rate < 50/s over 5s", CRITERION_FAIL);
	const struct criterion_state *within;

	add(f, "errors > 3 within 5s", CRITERION_FAIL);
	over = criteria_at(f->criteria, 0);
	within = criteria_at(f->criteria, 1);
	/* Too early for a full window, not for a partial one. */
	for (int i = 0; i < 3; i++)
		second(f, "/", 10, 1, 1);
	assert_false(over->broken);
	assert_false(within->broken);
	second(f, "/", 10, 1, 1);
	assert_true(within->broken);
	second(f, "/", 300, 1, 0);
	assert_false(over->broken);
	second(f, "/", 1, 1, 0);
	second(f, "/", 1, 1, 0);
	second(f, "/", 1, 1, 0);
	second(f, "/", 1, 1, 0);
	assert_false(over->broken);
	second(f, "/", 1, 1, 0);
	assert_true(over->broken);
	assert_true(over->value == 1);
}

static void test_after(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s;

	add(f, "max > 100ms after 5s", CRITERION_FAIL);
	add(f, "errors > 0 within 3s after 5s", CRITERION_FAIL);
	for (int i = 0; i < 5; i++)
		second(f, "/", 10, 900, 10);
	for (int i = 0; i < 5; i++)
		second(f, "/", 10, 20, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	for (size_t i = 0; i < 2; i++) {
		s = criteria_at(f->criteria, i);
		assert_true(s->known);
		assert_false(criterion_state_failed(s));
	}
	assert_true(criteria_at(f->criteria, 0)->value < 21 * NS_PER_MS);
	second(f, "/", 1, 300, 1);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	for (size_t i = 0; i < 2; i++)
		assert_true(criterion_state_failed(
		    criteria_at(f->criteria, i)));
}

/* Statistics that are reset in the middle do not wrap around. */
static void test_reset_in_between(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "errors > 10 after 2s", CRITERION_FAIL);

	for (int i = 0; i < 4; i++)
		second(f, "/", 10, 20, 10);
	stats_reset(f->stats);
	second(f, "/", 10, 20, 5);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(s->value == 5);
	assert_false(criterion_state_failed(s));
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "errors% > 50% for 3s", CRITERION_STOP);

	assert_false(second(f, "/", 10, 1, 9));
	assert_false(second(f, "/", 10, 1, 9));
	assert_true(second(f, "/", 10, 1, 9));
	assert_true(criterion_state_failed(s));
}

static void test_stop_on_the_whole_run(void **state)
{
	struct fixture *f = *state;

	add(f, "errors >= 3 -> stop", CRITERION_FAIL);
	assert_false(second(f, "/", 10, 1, 2));
	assert_true(second(f, "/", 10, 1, 1));
}

static void test_warn(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "max > 1ms within 2s -> warn", CRITERION_FAIL);

	second(f, "/", 10, 100, 0);
	assert_true(s->broken);
	assert_false(criterion_state_failed(s));
}

static void test_series(void **state)
{
	struct fixture *f = *state;

	add(f, "p99(/slow) > 100ms", CRITERION_FAIL);
	add(f, "p99(GET /f*) > 100ms", CRITERION_FAIL);
	add(f, "count(*) < 30", CRITERION_FAIL);
	add(f, "p99(/typo) > 100ms", CRITERION_FAIL);
	add(f, "ratio(/slow, /fast) > 0.4", CRITERION_FAIL);
	add(f, "counter(lost) > 2", CRITERION_FAIL);
	add(f, "ratio(lost, /fast) > 0.4", CRITERION_FAIL);
	second(f, "/slow", 10, 500, 0);
	second(f, "/fast", 20, 5, 0);
	stats_count(f->stats, stats_counter(f->stats, "lost"), 2);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(criteria_at(f->criteria, 0)->broken);
	assert_false(criteria_at(f->criteria, 1)->broken);
	assert_false(criteria_at(f->criteria, 2)->broken);
	assert_true(criteria_at(f->criteria, 2)->value == 30);
	/* Nothing to judge is no success. */
	assert_false(criteria_at(f->criteria, 3)->known);
	assert_true(criterion_state_failed(criteria_at(f->criteria, 3)));
	assert_true(criteria_at(f->criteria, 4)->broken);
	assert_false(criteria_at(f->criteria, 5)->broken);
	assert_true(criteria_at(f->criteria, 5)->known);
	assert_true(criteria_at(f->criteria, 6)->value == 0.1);
}

static void test_share_and_apdex(void **state)
{
	struct fixture *f = *state;

	add(f, "share<=100ms < 75%", CRITERION_FAIL);
	add(f, "apdex(100ms) < 0.85", CRITERION_FAIL);
	second(f, "/", 70, 50, 0);
	second(f, "/", 20, 300, 0);
	second(f, "/", 10, 900, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(criteria_at(f->criteria, 0)->value == 0.7);
	assert_true(criteria_at(f->criteria, 0)->broken);
	assert_true(criteria_at(f->criteria, 1)->value == 0.8);
	assert_true(criteria_at(f->criteria, 1)->broken);
}

static void test_new_test(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "max > 1ms within 2s", CRITERION_FAIL);

	second(f, "/", 10, 100, 0);
	assert_true(s->broken);
	criteria_clear(f->criteria);
	assert_false(s->broken || s->known || s->held || s->judged);
}

/* One request a second, `lag` ms later than intended. */
static bool late_second(struct fixture *f, const char *name, double ms,
    int64_t lag)
{
	struct series *s = stats_series(f->stats, "GET", name);

	stats_record(f->stats, s, (int64_t)f->elapsed * NS_PER_S,
	    (int64_t)(ms * NS_PER_MS), lag * NS_PER_MS, 0, false);
	f->elapsed++;
	windows_tick(f->windows, f->stats, (int64_t)f->elapsed * NS_PER_S, 1);
	return criteria_tick(f->criteria, f->stats, f->windows, f->elapsed) !=
	    NULL;
}

static void test_lag(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *window, *run, *after;

	add(f, "lag(/a) > 50ms over 5s", CRITERION_FAIL);
	add(f, "lag > 25ms", CRITERION_FAIL);
	add(f, "lag > 25ms after 20s", CRITERION_FAIL);
	window = criteria_at(f->criteria, 0);
	run = criteria_at(f->criteria, 1);
	after = criteria_at(f->criteria, 2);
	for (int i = 0; i < 20; i++)
		late_second(f, "/a", 10, 40);
	assert_true(window->known);
	assert_false(window->broken);
	assert_true(window->value > 39.9e6 && window->value < 40.1e6);
	for (int i = 0; i < 20; i++)
		late_second(f, "/a", 10, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(run->value > 19.9e6 && run->value < 20.1e6);
	assert_false(run->broken);
	assert_true(after->value < 0.1e6);
	for (int i = 0; i < 5; i++)
		late_second(f, "/a", 10, 60);
	assert_true(window->broken);
}

static void test_slope(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *window, *run, *other;

	add(f, "slope(/a) > 2ms/s over 10s", CRITERION_FAIL);
	add(f, "slope > 30ms/m", CRITERION_FAIL);
	add(f, "slope(/b) > 1ms/s over 10s", CRITERION_FAIL);
	window = criteria_at(f->criteria, 0);
	run = criteria_at(f->criteria, 1);
	other = criteria_at(f->criteria, 2);
	/* Up and down, to nowhere. */
	for (int i = 0; i < 30; i++)
		late_second(f, "/a", 50 + (i % 2) * 4, 0);
	assert_false(window->broken);
	assert_true(window->known);
	/* A millisecond more each second, then three. */
	for (int i = 0; i < 20; i++)
		late_second(f, "/a", 50 + i, 0);
	assert_false(window->broken);
	assert_true(window->value > 59e6 && window->value < 61e6);
	for (int i = 0; i < 10; i++)
		late_second(f, "/a", 70 + 3 * i, 0);
	assert_true(window->broken);
	assert_false(other->known);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	/* Of all sixty seconds: by least squares through the same points. */
	assert_true(run->broken);
	assert_true(run->value > 34.3e6 && run->value < 34.5e6);
}

static void test_external(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *gauge, *p90, *share, *none;
	uint32_t depth = metrics_get(&f->stats->metrics, METRIC_GAUGE,
	    "depth", "");
	uint32_t size = metrics_get(&f->stats->metrics, METRIC_DISTRIBUTION,
	    "size", "B");
	uint32_t hits = metrics_get(&f->stats->metrics, METRIC_RATE, "hits",
	    "");

	add(f, "external(depth) > 10 for 3s", CRITERION_STOP);
	add(f, "external(size, p90) > 80", CRITERION_FAIL);
	add(f, "external(hits) < 0.5", CRITERION_FAIL);
	add(f, "external(nothing) > 1", CRITERION_FAIL);
	gauge = criteria_at(f->criteria, 0);
	p90 = criteria_at(f->criteria, 1);
	share = criteria_at(f->criteria, 2);
	none = criteria_at(f->criteria, 3);
	second(f, "/", 1, 10, 0);
	assert_false(gauge->known);
	for (int i = 1; i <= 100; i++) {
		metrics_record(&f->stats->metrics, size, i);
		metrics_record(&f->stats->metrics, hits, i <= 30);
	}
	metrics_record(&f->stats->metrics, depth, 5);
	assert_false(second(f, "/", 1, 10, 0));
	assert_true(gauge->known && gauge->value == 5);
	metrics_record(&f->stats->metrics, depth, 11);
	assert_false(second(f, "/", 1, 10, 0));
	assert_false(second(f, "/", 1, 10, 0));
	assert_true(second(f, "/", 1, 10, 0));
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(p90->broken && p90->value > 89 && p90->value < 91);
	assert_true(share->broken && share->value > 0.29 &&
	    share->value < 0.31);
	assert_false(none->known);
	assert_true(criterion_state_failed(none));
}

static void test_tags_add_up(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *one, *all, *any;

	add(f, "count(/a){user=guest} != 30", CRITERION_FAIL);
	add(f, "count(/a) != 60", CRITERION_FAIL);
	add(f, "errors%{zone=eu} > 50%", CRITERION_FAIL);
	one = criteria_at(f->criteria, 0);
	all = criteria_at(f->criteria, 1);
	any = criteria_at(f->criteria, 2);
	/* A transaction is made of requests, and none itself. */
	stats_series(f->stats, "GET", "/t [zone=eu]")->transaction = true;
	second(f, "/t [zone=eu]", 40, 10, 40);
	second(f, "/a [user=guest,zone=eu]", 10, 10, 5);
	second(f, "/a [user=guest,zone=us]", 20, 10, 20);
	second(f, "/a [user=admin,zone=eu]", 30, 10, 0);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_false(one->broken);
	assert_false(all->broken);
	assert_true(any->known && !any->broken);
	assert_true(any->value > 0.12 && any->value < 0.13);
}

static void test_step_down(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "p50 > 100ms over 3s -> step-down 30%", CRITERION_FAIL);
	int steps = 0;

	for (int i = 0; i < 30; i++) {
		assert_false(second(f, "/", 5, 200, 0));
		while (criteria_step(f->criteria) == s)
			steps++;
	}
	/* At 3 s, then each time after a step had ten seconds to show. */
	assert_int_equal(steps, 3);
	assert_true(s->broken);
	/* It was dealt with. */
	assert_false(criterion_state_failed(s));
	for (int i = 0; i < 30; i++)
		second(f, "/", 5, 20, 0);
	assert_null(criteria_step(f->criteria));
}

static void test_a_warm_up_is_left_out(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *p90, *slope, *own;

	add(f, "p90 > 100ms", CRITERION_FAIL);
	add(f, "slope < -10ms/m", CRITERION_FAIL);
	add(f, "count < 160 after 3s", CRITERION_FAIL);
	p90 = criteria_at(f->criteria, 0);
	slope = criteria_at(f->criteria, 1);
	own = criteria_at(f->criteria, 2);
	criteria_keep_marks(f->criteria);
	for (int i = 0; i < 10; i++)
		second(f, "/", 20, 500, 0);
	for (int i = 0; i < 30; i++)
		second(f, "/", 1, 10, 0);
	/* Without it this fails: most of the samples were slow. */
	criteria_finish(f->criteria, f->stats, f->elapsed, 10);
	assert_false(p90->broken);
	assert_true(p90->value < 11e6);
	assert_false(slope->broken);
	assert_true(slope->known && slope->value > -1e6);
	/* What says itself when it begins does. */
	assert_false(own->broken);
	criteria_finish(f->criteria, f->stats, f->elapsed, 0);
	assert_true(p90->broken);
	assert_true(slope->broken);
	/* In a run of hours marks are few, and still there. */
	criteria_clear(f->criteria);
	f->elapsed = 0;
	for (int i = 0; i < 2000; i++)
		second(f, "/", 1, 10, 0);
	assert_true(p90->past.mark_count <= CRITERIA_PAST_MARKS);
	assert_true(p90->past.mark_count >= CRITERIA_PAST_MARKS / 2);
	assert_non_null(criteria_past_at(&p90->past, 1000));
	assert_true(criteria_past_at(&p90->past, 1000)->at < 1170);
}

static void test_skip(void **state)
{
	struct fixture *f = *state;
	const struct criterion_state *s =
	    add(f, "p50 > 100ms within 5s", CRITERION_FAIL);

	criteria_skip(f->criteria, 10);
	for (int i = 0; i < 10; i++)
		second(f, "/", 5, 500, 0);
	for (int i = 0; i < 10; i++)
		second(f, "/", 5, 50, 0);
	assert_false(s->broken);
	assert_true(s->known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_run_is_judged_at_the_end),
		TEST(test_for),
		TEST(test_over_and_within),
		TEST(test_after),
		TEST(test_reset_in_between),
		TEST(test_stop),
		TEST(test_stop_on_the_whole_run),
		TEST(test_warn),
		TEST(test_series),
		TEST(test_share_and_apdex),
		TEST(test_new_test),
		TEST(test_lag), TEST(test_slope), TEST(test_external),
		TEST(test_tags_add_up), TEST(test_step_down),
		TEST(test_a_warm_up_is_left_out), TEST(test_skip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
