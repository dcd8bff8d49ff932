/* Random numbers: the published sequence, independence of streams, bias. */
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_reference_sequence(void **state)
{
	/* Known values of xoshiro256** from state {1, 2, 3, 4}. */
	static const uint64_t want[] = { 11520u, 0u, 1509978240u,
		UINT64_C(1215971899390074240) };
	struct rng r = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(rng_next(&r) == want[i]);
}

static void test_streams(void **state)
{
	struct rng a, b, c, d;
	int same = 0;

	(void)state;
	rng_seed(&a, 42, 7);
	rng_seed(&b, 42, 7);
	rng_seed(&c, 42, 8);
	rng_seed(&d, 7, 42);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rng_next(&a);

		assert_true(x == rng_next(&b));
		same += x == rng_next(&c);
		same += x == rng_next(&d);
	}
	assert_int_equal(same, 0);
}

static void test_ranges(void **state)
{
	unsigned count[6] = { 0 };
	double sum = 0;
	struct rng r;

	(void)state;
	rng_seed(&r, 1, 1);
	for (int i = 0; i < 60000; i++) {
		double u = rng_uniform(&r);
		uint64_t n = rng_below(&r, 6);

		assert_true(u >= 0 && u < 1);
		assert_true(n < 6);
		sum += u;
		count[n]++;
	}
	/* Five standard deviations of a fixed seed. */
	assert_true(sum > 29647 && sum < 30353);
	for (int i = 0; i < 6; i++)
		assert_in_range(count[i], 9544, 10456);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(rng_below(&r, 1), 0);
		assert_true(rng_below(&r, UINT64_C(1) << 63) >> 63 == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_sequence),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
