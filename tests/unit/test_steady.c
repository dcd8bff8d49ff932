/*
 * Steady state on traces whose truth is known: warm-ups of a known length,
 * series that stand still (also such whose neighbours resemble each other),
 * and series that never do.
 */
#include "stats/steady.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/rng.h"

#define SECONDS 120
#define SEEDS   100

static double normal(struct rng *rng)
{
	return sqrt(-2 * log(1 - rng_uniform(rng))) *
	    cos(2 * M_PI * rng_uniform(rng));
}

/* 100 with noise; `rho`: how much a second is like the one before. */
static void still(double *y, uint64_t seed, double rho)
{
	struct rng rng;
	double e = 0;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < SECONDS; i++) {
		e = rho * e + sqrt(1 - rho * rho) * normal(&rng);
		y[i] = 100 + 5 * e;
	}
}

static void test_a_warm_up_is_found(void **state)
{
	double y[SECONDS];
	size_t cut;
	int good = 0, tight = 0;

	(void)state;
	/* Twice the level at first, fading with 5 s: over by 15 to 30 s. */
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		still(y, seed, 0);
		for (int i = 0; i < SECONDS; i++)
			y[i] += 100 * exp(-i / 5.0);
		good += steady_cut(y, SECONDS, &cut) && cut >= 10;
		tight += cut <= 30;
	}
	print_message("%d found, %d of them before 30 s\n", good, tight);
	assert_in_range(good, 95, SEEDS);
	assert_in_range(tight, 80, SEEDS);
	/* A step: 20 seconds of another level. */
	still(y, 7, 0);
	for (int i = 0; i < 20; i++)
		y[i] += 60;
	assert_true(steady_cut(y, SECONDS, &cut));
	assert_int_equal(cut, 20);
}

static void test_what_stands_still_is_kept(void **state)
{
	static const double rhos[] = { 0, 0.5, 0.8 };
	/* Chance is five in a hundred; the more neighbours resemble each
	 * other, the more of it looks like a trend. */
	static const int most[] = { 5, 12, 30 };
	double y[SECONDS];

	(void)state;
	for (size_t r = 0; r < 3; r++) {
		int kept = 0, drifting = 0;

		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct steady_trend t;
			size_t cut;

			still(y, seed, rhos[r]);
			kept += steady_cut(y, SECONDS, &cut) &&
			    cut <= SECONDS / 3;
			t = steady_trend(y, SECONDS);
			drifting += steady_drifts(&t);
		}
		print_message("rho %.1f: %d kept, %d drifting\n", rhos[r],
		    kept, drifting);
		assert_in_range(kept, 85, SEEDS);
		assert_in_range(drifting, 0, most[r]);
	}
}

static void test_what_never_stands_still(void **state)
{
	double y[SECONDS];
	int caught = 0, drifting = 0;

	(void)state;
	/* Half as slow again by the end. */
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct steady_trend t;
		bool never;
		size_t cut;

		still(y, seed, 0.5);
		for (int i = 0; i < SECONDS; i++)
			y[i] += 50.0 * i / SECONDS;
		never = !steady_cut(y, SECONDS, &cut);
		t = steady_trend(y + cut, SECONDS - cut);
		caught += never || steady_drifts(&t);
		t = steady_trend(y, SECONDS);
		drifting += steady_drifts(&t);
		assert_true(t.drift > 0.2 && t.drift < 0.6);
	}
	print_message("%d caught\n", caught);
	assert_in_range(caught, 95, SEEDS);
	assert_int_equal(drifting, SEEDS);
}

static void test_edges(void **state)
{
	double y[8000];
	struct steady_trend t;
	size_t cut = 3;

	(void)state;
	for (int i = 0; i < 8000; i++)
		y[i] = 1;
	assert_false(steady_cut(y, STEADY_LEAST - 1, &cut));
	assert_int_equal(cut, 0);
	/* Nothing changes at all: nothing to cut, no trend. */
	assert_true(steady_cut(y, 8000, &cut));
	assert_int_equal(cut, 0);
	t = steady_trend(y, 8000);
	assert_true(t.z == 0 && t.drift == 0);
	t = steady_trend(y, 3);
	assert_false(steady_drifts(&t));
	/* A long run that falls by a tenth, without noise. */
	for (int i = 0; i < 8000; i++)
		y[i] = 100 - i / 800.0;
	t = steady_trend(y, 8000);
	assert_true(t.z < -20);
	assert_true(fabs(t.drift + 10.0 / 95) < 0.005);
}

/* 16 pairs of 28 rise, the rest are equal: the variance is 48, not 65. */
static void test_ties(void **state)
{
	double y[8 * STEADY_GROUP];
	struct steady_trend t;

	(void)state;
	for (int i = 0; i < 8 * STEADY_GROUP; i++)
		y[i] = i < 4 * STEADY_GROUP ? 1 : 2;
	t = steady_trend(y, 8 * STEADY_GROUP);
	assert_true(fabs(t.z - 15 / sqrt(48)) < 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_warm_up_is_found),
		cmocka_unit_test(test_what_stands_still_is_kept),
		cmocka_unit_test(test_what_never_stands_still),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_ties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
