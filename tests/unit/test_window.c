/* Sparse differences, sliding windows, and the history of a long run. */
#include "stats/window.h"

#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct histogram *h, struct rng *rng, int n)
{
	for (int i = 0; i < n; i++)
		histogram_record(h, (int64_t)exp(rng_uniform(rng) * 31));
}

static void same_buckets(const struct histogram *a, const struct histogram *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->overflow, b->overflow);
	assert_true(a->sum == b->sum);
	assert_true(a->sum_squares == b->sum_squares);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(histogram_at(a, i), histogram_at(b, i));
}

/* A growing histogram, taken apart each second, adds up to itself. */
static void test_sparse(void **state)
{
	struct histogram now, before, again, part;
	struct sparse whole = { 0 };
	struct rng rng;

	(void)state;
	histogram_init(&now);
	histogram_init(&before);
	histogram_init(&again);
	histogram_init(&part);
	rng_seed(&rng, 1, 2);
	for (int t = 0; t < 50; t++) {
		struct sparse s = { 0 };

		histogram_clear(&part);
		fill(&part, &rng, t % 7 * 20);
		histogram_merge(&now, &part);
		sparse_advance(&s, &now, &before);
		assert_int_equal(s.count, part.count);
		assert_true(histogram_equal(&now, &before));
		if (s.count && s.overflow == 0) {
			assert_true(s.min <= part.min);
			assert_true(s.max >= part.max);
			assert_true(s.max <= part.max * 1.01);
		}
		sparse_add(&again, &s);
		sparse_merge(&whole, &s);
		sparse_release(&s);
	}
	same_buckets(&again, &now);
	histogram_clear(&again);
	sparse_add(&again, &whole);
	same_buckets(&again, &now);
	sparse_release(&whole);
	histogram_release(&now);
	histogram_release(&before);
	histogram_release(&again);
	histogram_release(&part);
}

static void test_sparse_of_large_counts(void **state)
{
	struct histogram h, back;
	struct sparse s = { 0 };

	(void)state;
	histogram_init(&h);
	histogram_init(&back);
	histogram_record_n(&h, 1000, UINT64_C(10000000000));
	sparse_from(&s, &h);
	sparse_merge(&s, &s);
	sparse_add(&back, &s);
	assert_int_equal(histogram_at(&back, histogram_index(1000)),
	    UINT64_C(20000000000));
	sparse_release(&s);
	histogram_release(&h);
	histogram_release(&back);
}

static void test_sparse_extremes(void **state)
{
	const int64_t huge = INT64_C(1) << 60;
	struct histogram now, before;
	struct sparse s = { 0 }, small = { 0 };

	(void)state;
	histogram_init(&now);
	histogram_init(&before);
	histogram_record(&now, huge);
	histogram_copy(&before, &now);
	histogram_record(&now, 1000);
	histogram_record(&now, huge - 1);
	/* What no bucket holds is bound by the whole alone. */
	sparse_advance(&s, &now, &before);
	assert_int_equal(s.overflow, 1);
	assert_int_equal(s.min, 1000);
	assert_true(s.max == huge);
	histogram_record(&now, 2000);
	sparse_advance(&small, &now, &before);
	assert_true(small.max < 2100);
	sparse_merge(&s, &small);
	assert_int_equal(s.min, 1000);
	assert_true(s.max == huge);
	sparse_release(&s);
	sparse_release(&small);
	histogram_release(&now);
	histogram_release(&before);
}

/* Second t has t requests of t ms. */
static void run(struct windows *w, struct stats *stats, struct series *s,
    int from, int to)
{
	for (int t = from; t <= to; t++) {
		for (int i = 0; i < t; i++)
			stats_record(stats, s, t * NS_PER_S, t * NS_PER_MS,
			    0, 10, i == 0);
		windows_tick(w, stats, t * NS_PER_S + t % 3 * 20 * NS_PER_MS,
		    t);
	}
}

static void test_windows(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	struct window_sum sum;

	(void)state;
	run(w, stats, s, 1, 100);
	windows_sum(w, s, 10, &sum);
	assert_int_equal(sum.requests, 955);            /* 91 to 100 */
	assert_int_equal(sum.failures, 10);
	assert_int_equal(sum.bytes, 9550);
	assert_int_equal(sum.response.count, 955);
	assert_true(fabs(sum.length - 10) < 0.1);
	assert_true(sum.response.min > 90 * NS_PER_MS);
	assert_int_equal(sum.response.max, 100 * NS_PER_MS);
	window_sum_release(&sum);
	windows_sum(w, NULL, 1, &sum);
	assert_int_equal(sum.requests, 100);
	window_sum_release(&sum);
	/* No more than is kept. */
	windows_sum(w, NULL, 1000, &sum);
	assert_true(fabs(sum.length - WINDOWS_SECONDS) < 0.1);
	window_sum_release(&sum);
	/* A series that is not there yet. */
	windows_sum(w, stats_series(stats, "GET", "/new"), 10, &sum);
	assert_int_equal(sum.requests, 0);
	assert_true(sum.length == 0);
	window_sum_release(&sum);
	/* More is kept when asked for, and what was there is not lost. */
	windows_keep(w, 200);
	run(w, stats, s, 101, 150);
	windows_sum(w, s, 200, &sum);
	assert_int_equal(sum.requests, (41 + 150) * 110 / 2);
	window_sum_release(&sum);
	windows_free(w);
	stats_free(stats);
}

/* Ticks that come late are longer, not lost. */
static void test_late_ticks(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	struct window_sum sum;

	(void)state;
	windows_tick(w, stats, 10 * NS_PER_S, 1);
	stats_record(stats, s, 0, 1, 0, 0, false);
	windows_tick(w, stats, 15 * NS_PER_S, 1);
	windows_sum(w, s, 2, &sum);
	assert_true(sum.length == 5);
	assert_int_equal(sum.requests, 1);
	window_sum_release(&sum);
	windows_free(w);
	stats_free(stats);
}

/* After a reset more comes within a second than there was before it. */
static void test_reset(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	struct window_sum sum;

	(void)state;
	for (int i = 0; i < 10; i++)
		stats_record(stats, s, 0, 90 * NS_PER_MS, 0, 7, true);
	windows_tick(w, stats, 10 * NS_PER_S, 1);
	stats_reset(stats);
	for (int i = 0; i < 25; i++)
		stats_record(stats, s, 0, 2 * NS_PER_MS, 0, 3, i % 5 == 0);
	windows_tick(w, stats, 11 * NS_PER_S, 1);
	for (int i = 0; i < 2; i++) {
		windows_last(w, i ? s : NULL, &sum);
		assert_int_equal(sum.requests, 25);
		assert_int_equal(sum.failures, 5);
		assert_int_equal(sum.bytes, 75);
		assert_int_equal(sum.response.count, 25);
		assert_float_equal(histogram_mean(&sum.response),
		    2 * NS_PER_MS, 1);
		window_sum_release(&sum);
		windows_sum(w, i ? s : NULL, 2, &sum);
		assert_int_equal(sum.requests, 35);
		window_sum_release(&sum);
	}
	windows_free(w);
	stats_free(stats);
}

/* A reset that is taken back brings samples that happened long ago. */
static void test_reset_taken_back(void **state)
{
	struct stats *before = stats_new(10, 10), *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	struct window_sum sum;

	(void)state;
	for (int i = 0; i < 1000; i++)
		stats_record(stats, s, 0, 90 * NS_PER_MS, 0, 7, true);
	windows_tick(w, stats, 10 * NS_PER_S, 1);
	stats_merge(before, stats);
	stats_reset(stats);
	stats_record(stats, s, 0, NS_PER_MS, 0, 1, false);
	windows_tick(w, stats, 11 * NS_PER_S, 1);
	stats_merge(stats, before);
	windows_skip(w, stats);
	stats_record(stats, s, 0, 2 * NS_PER_MS, 0, 1, false);
	windows_tick(w, stats, 12 * NS_PER_S, 1);
	for (int i = 0; i < 2; i++) {
		windows_last(w, i ? s : NULL, &sum);
		assert_int_equal(sum.requests, 1);
		assert_int_equal(sum.failures, 0);
		assert_int_equal(sum.response.count, 1);
		window_sum_release(&sum);
	}
	windows_free(w);
	stats_free(before);
	stats_free(stats);
}

static void told(struct stats *stats, struct series *s, int n, double newest)
{
	for (int i = 0; i < n; i++)
		stats_record(stats, s, 0, NS_PER_MS, 0, 0, false);
	stats->total.last_time = newest;
}

/* A hundred a second, told with a delay of 1.2 s: the rate has no peak at the
 * end. */
static void test_end(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	struct window_sum sum;

	(void)state;
	windows_tick(w, stats, 10 * NS_PER_S, 1);
	told(stats, s, 80, 1000.8);
	windows_tick(w, stats, 12 * NS_PER_S, 1);
	told(stats, s, 120, 1002);
	windows_end(w, stats, 12 * NS_PER_S + 100 * NS_PER_MS, 0);
	windows_last(w, NULL, &sum);
	assert_float_equal(sum.length, 1.2, 1e-6);
	assert_int_equal(sum.requests, 120);
	window_sum_release(&sum);
	/* A clock that was set is no stretch of time. */
	told(stats, s, 1, 1e9);
	windows_end(w, stats, 14 * NS_PER_S, 0);
	windows_last(w, NULL, &sum);
	assert_true(sum.length < 3);
	window_sum_release(&sum);
	told(stats, s, 1, 1000);
	windows_end(w, stats, 16 * NS_PER_S, 0);
	windows_last(w, NULL, &sum);
	assert_true(sum.length > 0 && sum.length < 3);
	window_sum_release(&sum);
	windows_free(w);
	stats_free(stats);
}

static void test_history(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	const struct history_slot *slots;
	uint64_t requests = 0, in_buckets = 0;
	double end = 0;
	size_t count;

	(void)state;
	for (int t = 1; t <= 3 * WINDOWS_HISTORY; t++) {
		stats_record(stats, s, t * NS_PER_S, t, 0, 1, t % 2);
		windows_tick(w, stats, t * NS_PER_S, t);
	}
	count = windows_history(w, &slots);
	assert_true(count > WINDOWS_HISTORY / 2);
	assert_true(count <= WINDOWS_HISTORY);
	for (size_t i = 0; i < count; i++) {
		struct histogram h;

		assert_true(fabs(slots[i].slot.end - slots[i].slot.length -
		    end) < 1e-6);
		end = slots[i].slot.end;
		assert_int_equal(slots[i].users, (int64_t)end);
		requests += slots[i].slot.requests;
		histogram_init(&h);
		sparse_add(&h, &slots[i].slot.response);
		in_buckets += h.count;
		histogram_release(&h);
	}
	assert_int_equal(requests, 3 * WINDOWS_HISTORY);
	assert_int_equal(in_buckets, 3 * WINDOWS_HISTORY);
	assert_true(end == windows_elapsed(w));
	/* One request in each of 60 + 7200 slots takes little. */
	assert_true(windows_memory(w) < 3000000);
	windows_clear(w);
	assert_int_equal(windows_history(w, &slots), 0);
	windows_tick(w, stats, NS_PER_S, 0);
	windows_free(w);
	stats_free(stats);
}

/* Ten ticks of a little less than a second are ten seconds; what came just
 * after the last is a part of it. */
static void test_short_ticks(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/");
	struct windows *w = windows_new();
	const struct history_slot *slots;
	struct window_sum sum;
	int64_t now = NS_PER_S;

	(void)state;
	for (int t = 1; t <= 20; t++, now += 980 * NS_PER_MS) {
		stats_record(stats, s, now, 1000, 0, 0, false);
		windows_tick(w, stats, now, 1);
	}
	windows_sum(w, s, 10, &sum);
	assert_int_equal(sum.requests, 10);
	window_sum_release(&sum);
	now -= 980 * NS_PER_MS;
	stats_record(stats, s, now, 1000, 0, 0, false);
	windows_tick(w, stats, now + 100 * NS_PER_MS, 1);
	assert_int_equal(windows_history(w, &slots), 20);
	assert_int_equal(slots[19].slot.requests, 2);
	assert_true(fabs(slots[19].slot.length - 1.08) < 1e-9);
	windows_free(w);
	stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_sparse_of_large_counts),
		cmocka_unit_test(test_sparse_extremes),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_short_ticks),
		cmocka_unit_test(test_late_ticks),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_reset_taken_back),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
