/* Exponential buckets of a known distribution. */
#include "exponential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "stats/histogram.h"

static struct histogram h;

static const struct swarm_times *times(void)
{
	return (const void *)&h;
}

static uint64_t sum(const struct exponential *e)
{
	uint64_t n = e->zero;

	for (size_t i = 0; i < e->count; i++)
		n += e->counts[i];
	return n;
}

static void test_empty(void **state)
{
	struct exponential e;

	(void)state;
	histogram_init(&h);
	exponential_from(&e, times());
	assert_int_equal(e.count, 0);
	assert_int_equal(e.zero, 0);
}

/* Each value must lie in its bucket, but for the width of swarm's own. */
static void test_places(void **state)
{
	static const int64_t values[] = { 0, 1000, 1500000, 1510000, 20000000,
		999000000, 1100000000, 30000000000 };
	struct exponential e;

	(void)state;
	for (size_t i = 1; i < sizeof(values) / sizeof(*values); i++) {
		double at = (double)values[i] / 1e9, lo, hi;

		histogram_init(&h);
		histogram_record_n(&h, values[i], i);
		histogram_record(&h, 0);
		exponential_from(&e, times());
		assert_int_equal(e.scale, 3);
		assert_int_equal(e.count, 1);
		assert_int_equal(e.counts[0], i);
		assert_int_equal(e.zero, 1);
		lo = exp2(e.first / 8.0);
		hi = exp2((e.first + 1) / 8.0);
		assert_true(lo * 0.995 < at && at <= hi * 1.005);
		histogram_release(&h);
	}
}

/* From 1 ns to an hour is more than 160 buckets of an eighth. */
static void test_coarser(void **state)
{
	struct exponential e;
	uint64_t n = 0;

	(void)state;
	histogram_init(&h);
	for (double v = 1; v < 3.6e12; v *= 1.07, n++)
		histogram_record(&h, (int64_t)v);
	exponential_from(&e, times());
	assert_true(e.scale < 3);
	assert_true(e.count > 80 && e.count <= EXPONENTIAL_BUCKETS);
	assert_int_equal(sum(&e), n);
	histogram_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_coarser),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
