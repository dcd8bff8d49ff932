/*
 * The history, fed with samples whose every one is remembered: counts of any
 * range are exact, percentiles within the stated 3.2 %, gaps stay gaps, and
 * memory stops growing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "stats/history.h"
#include "stats/stats.h"

#define START 1700000040                /* not on a minute */

struct sample {
	int64_t second;
	uint32_t series;
	int64_t ns;
	bool failed;
};

struct world {
	struct stats *stats;
	struct history *history;
	struct sample *samples;
	size_t count;
	struct rng rng;
};

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->stats = stats_new(5000, 100);
	w->history = history_new();
	w->samples = xcalloc(2000000, sizeof(*w->samples));
	rng_seed(&w->rng, 7, 7);
}

static void world_release(struct world *w)
{
	stats_free(w->stats);
	history_free(w->history);
	free(w->samples);
}

static void record(struct world *w, int64_t second, const char *name,
    int64_t ns, bool failed)
{
	struct series *s = stats_series(w->stats, "T", name);

	stats_record(w->stats, s, clock_now(), ns, 0, 3, failed);
	w->samples[w->count++] = (struct sample){ second, s->id, ns, failed };
}

static void tick(struct world *w, int64_t second)
{
	struct history_gauges g = { .users = second - START, .wanted = 100,
		.workers = 2, .cpu = (float)(second % 50) };

	history_tick(w->history, second, w->stats, &g);
}

/* `n` seconds with up to `most` samples each, in two series. */
static void live(struct world *w, int64_t from, int64_t n, unsigned most)
{
	for (int64_t t = from; t < from + n; t++) {
		unsigned k = (unsigned)rng_below(&w->rng, most + 1);

		for (unsigned i = 0; i < k; i++)
			record(w, t, i % 3 ? "a" : "b",
			    (int64_t)(1e5 * exp(rng_uniform(&w->rng) * 8)),
			    i % 7 == 0);
		tick(w, t);
	}
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void check_range(struct world *w, uint32_t series, int64_t from,
    int64_t to)
{
	struct history_sum sum;
	int64_t *values = xcalloc(w->count + 1, sizeof(*values));
	uint64_t n = 0, failed = 0;
	double total = 0;

	history_snap(w->history, &from, &to);
	for (size_t i = 0; i < w->count; i++) {
		const struct sample *s = &w->samples[i];

		if (s->second < from || s->second >= to ||
		    (series != HISTORY_TOTAL && s->series != series))
			continue;
		values[n++] = s->ns;
		failed += s->failed;
		total += (double)s->ns / 1e6;
	}
	qsort(values, n, sizeof(*values), by_value);
	assert_int_equal(history_sum(w->history, series, from, to, &sum), 0);
	assert_int_equal(sum.requests, n);
	assert_int_equal(sum.timed, n);
	assert_int_equal(sum.failures, failed);
	assert_int_equal(sum.bytes, 3 * n);
	if (n > 0)
		assert_true(fabs(sum.sum_ms - total) < 1e-3 * total);
	else
		assert_true(isnan(history_sum_quantile(&sum, 0.5)));
	for (double q = 0.01; n > 0 && q < 1; q += 0.07) {
		uint64_t rank = (uint64_t)ceil(q * (double)n);
		double truth = (double)values[rank - 1] / 1e6;
		double got = history_sum_quantile(&sum, q);

		assert_true(fabs(got - truth) <= 0.032 * truth);
	}
	free(values);
}

static void test_ranges(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	live(&w, START, 2000, 40);
	for (int i = 0; i < 60; i++) {
		int64_t from = START + (int64_t)rng_below(&w.rng, 1900);
		int64_t to = from + 1 + (int64_t)rng_below(&w.rng, 600);

		check_range(&w, HISTORY_TOTAL, from, to);
		check_range(&w, 0, from, to);
		check_range(&w, 1, from, to);
	}
	check_range(&w, HISTORY_TOTAL, 0, INT32_MAX);
	world_release(&w);
}

static void test_points_are_exact(void **state)
{
	static const size_t widths[] = { 2000, 500, 200, 33, 7, 1 };
	struct world w;

	(void)state;
	world_init(&w);
	live(&w, START, 1500, 20);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct history_point *p;
		uint64_t requests = 0, failures = 0, failed = 0;
		unsigned step;
		size_t n = history_points(w.history, HISTORY_TOTAL, 0,
		    INT32_MAX, widths[i], &step, &p);

		assert_true(n > 0 && n <= widths[i] + 1);
		assert_true(step == 1 || step % 10 == 0);
		for (size_t k = 0; k < n; k++) {
			assert_true(p[k].present);
			requests += p[k].requests;
			failures += p[k].failures;
		}
		for (size_t k = 0; k < w.count; k++)
			failed += w.samples[k].failed;
		assert_int_equal(requests, w.count);
		assert_int_equal(failures, failed);
		assert_int_equal(p[n - 1].gauges.users, 1499);
		free(p);
	}
	world_release(&w);
}

static void test_gap_is_no_zero(void **state)
{
	struct history_point *p;
	struct world w;
	unsigned step;
	size_t n;

	(void)state;
	world_init(&w);
	live(&w, START, 20, 10);
	tick(&w, START + 20);           /* a second of silence */
	live(&w, START + 300, 20, 10);
	n = history_points(w.history, 0, START, START + 320, 1000, &step, &p);
	assert_int_equal(step, 1);
	assert_int_equal(n, 320);
	assert_true(p[20].present);
	assert_int_equal(p[20].requests, 0);
	assert_true(isnan(p[20].p50));
	assert_false(p[21].present);
	assert_false(p[299].present);
	assert_true(p[300].present);
	free(p);
	n = history_points(w.history, HISTORY_TOTAL, START, START + 320, 32,
	    &step, &p);
	assert_int_equal(step, 10);
	assert_false(p[10].present);
	free(p);
	check_range(&w, HISTORY_TOTAL, START, START + 320);
	world_release(&w);
}

/* The mean is of what was timed: of a phase, too, which counts no requests. */
static void test_means(void **state)
{
	struct history_point *p;
	struct series *phase;
	struct world w;
	unsigned step;

	(void)state;
	world_init(&w);
	record(&w, START, "a", 4000000, false);
	phase = stats_series(w.stats, "T", "phase");
	stats_observe(w.stats, phase, 2000000, 0);
	stats_observe(w.stats, phase, 6000000, 0);
	/* One of two that no time is known of. */
	w.stats->series[0]->requests++;
	tick(&w, START);
	assert_int_equal(history_points(w.history, phase->id, START,
	    START + 1, 10, &step, &p), 1);
	assert_int_equal(step, 1);
	assert_true(fabs(p[0].mean - 4) < 1e-9);
	free(p);
	assert_int_equal(history_points(w.history, 0, START, START + 1, 10,
	    &step, &p), 1);
	assert_int_equal(p[0].requests, 2);
	assert_true(fabs(p[0].mean - 4) < 1e-9);
	free(p);
	world_release(&w);
}

static void test_reset_loses_nothing(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	live(&w, START, 33, 30);
	stats_reset(w.stats);
	live(&w, START + 33, 44, 30);
	check_range(&w, HISTORY_TOTAL, START, START + 100);
	check_range(&w, 0, START, START + 100);
	world_release(&w);
}

/* The second run has more samples than the first by its first tick. */
static void test_reset_is_seen_by_itself(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 10; i++)
		record(&w, START, "a", 1000000, false);
	tick(&w, START);
	stats_reset(w.stats);
	for (int i = 0; i < 25; i++)
		record(&w, START + 1, "a", 2000000, i % 5 == 0);
	tick(&w, START + 1);
	check_range(&w, HISTORY_TOTAL, START, START + 10);
	check_range(&w, 0, START, START + 10);
	world_release(&w);
}

/* A reset that is taken back brings samples that happened long ago. */
static void test_reset_taken_back(void **state)
{
	struct stats *before = stats_new(5000, 100);
	struct world w;

	(void)state;
	world_init(&w);
	live(&w, START, 13, 30);
	stats_merge(before, w.stats);
	stats_reset(w.stats);
	live(&w, START + 13, 4, 30);
	stats_merge(w.stats, before);
	history_skip(w.history, w.stats);
	live(&w, START + 17, 12, 30);
	check_range(&w, HISTORY_TOTAL, START, START + 40);
	check_range(&w, 0, START, START + 40);
	stats_free(before);
	world_release(&w);
}

static void test_twice_in_a_second(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	live(&w, START, 5, 10);
	tick(&w, START + 4);
	tick(&w, START + 2);
	check_range(&w, HISTORY_TOTAL, START, START + 10);
	world_release(&w);
}

static void test_memory_is_flat(void **state)
{
	struct world w;
	size_t day;

	(void)state;
	world_init(&w);
	/* Ticks of ten days, ten samples a minute. */
	for (int64_t t = START; t < START + 86400; t++) {
		if (t % 6 == 0)
			record(&w, t, "a", 1000000 + t % 1000, false);
		tick(&w, t);
	}
	day = history_memory(w.history);
	for (int64_t t = START + 86400; t < START + 5 * 86400; t++) {
		if (t % 6 == 0)
			record(&w, t, "a", 1000000 + t % 1000, false);
		tick(&w, t);
	}
	assert_true(history_memory(w.history) < day + (2u << 20));
	assert_true(day < 6u << 20);
	/* Old ranges are coarser, and still exact. */
	check_range(&w, HISTORY_TOTAL, START + 3600, START + 7200);
	check_range(&w, 0, START, START + 86400);
	check_range(&w, 0, START + 4 * 86400, START + 5 * 86400);
	world_release(&w);
}

static void test_unknown(void **state)
{
	struct history_point *p;
	struct history_sum sum;
	struct world w;
	unsigned step;

	(void)state;
	world_init(&w);
	assert_int_equal(history_points(w.history, HISTORY_TOTAL, 0, 100, 10,
	    &step, &p), 0);
	assert_int_equal(history_sum(w.history, 3, 0, 100, &sum), -1);
	live(&w, START, 5, 10);
	assert_int_equal(history_points(w.history, 99, 0, INT32_MAX, 10,
	    &step, &p), 0);
	assert_int_equal(history_points(w.history, 0, 100, 50, 10, &step, &p),
	    0);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_points_are_exact),
		cmocka_unit_test(test_gap_is_no_zero),
		cmocka_unit_test(test_means),
		cmocka_unit_test(test_reset_loses_nothing),
		cmocka_unit_test(test_reset_is_seen_by_itself),
		cmocka_unit_test(test_reset_taken_back),
		cmocka_unit_test(test_twice_in_a_second),
		cmocka_unit_test(test_memory_is_flat),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
