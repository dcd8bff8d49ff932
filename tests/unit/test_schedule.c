/* Arrival schedules: exact times, stripes that add up, hostile text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "user/schedule.h"

static void test_constant(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(schedule_parse(&s, "100"), 0);
	assert_float_equal(schedule_when(&s, 1), 0.01, 1e-12);
	assert_float_equal(schedule_when(&s, 1e9), 1e7, 1e-3);
	assert_true(isinf(schedule_length(&s)));
	schedule_release(&s);
}

/* A ramp from 0 to 100 in 10 s holds 500 arrivals; half of the time holds a
 * quarter of them. */
static void test_ramp(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(schedule_parse(&s, "10s:0-100,5s:100,10s:100-0"), 0);
	assert_float_equal(schedule_count(&s, 10), 500, 1e-9);
	assert_float_equal(schedule_when(&s, 125), 5, 1e-9);
	assert_float_equal(schedule_when(&s, 500), 10, 1e-9);
	assert_float_equal(schedule_when(&s, 750), 12.5, 1e-9);
	assert_float_equal(schedule_count(&s, 25), 1500, 1e-9);
	assert_float_equal(schedule_rate(&s, 20), 50, 1e-9);
	assert_true(isinf(schedule_when(&s, 1500.5)));
	schedule_release(&s);
}

static void test_inverse_is_exact(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(schedule_parse(&s, "7s:3-50,1m:50-49,200ms:0"), 0);
	for (double n = 1; n < 3000; n += 1)
		assert_float_equal(schedule_count(&s, schedule_when(&s, n)), n,
		    1e-6);
	schedule_release(&s);
}

/* 100 +- 50 a minute: whole periods hold the mean; the inverse is exact also
 * where the rate is 0. */
static void test_sine(void **state)
{
	struct schedule s;
	char *text;

	(void)state;
	assert_int_equal(schedule_parse(&s, "10m:100~50/1m"), 0);
	assert_float_equal(schedule_count(&s, 60), 6000, 1e-6);
	assert_float_equal(schedule_count(&s, 600), 60000, 1e-6);
	/* Half a period up: 30 s of the mean and 50 * 60 / pi more. */
	assert_float_equal(schedule_count(&s, 30), 3000 + 3000 / M_PI, 1e-6);
	assert_float_equal(schedule_rate(&s, 15), 150, 1e-9);
	assert_float_equal(schedule_rate(&s, 45), 50, 1e-9);
	assert_float_equal(schedule_peak(&s), 150, 1e-9);
	for (double n = 1; n <= 60000; n += 37)
		assert_float_equal(schedule_count(&s, schedule_when(&s, n)), n,
		    1e-6);
	assert_true(isinf(schedule_when(&s, 60001)));
	text = schedule_text(&s);
	schedule_release(&s);
	assert_int_equal(schedule_parse(&s, text), 0);
	assert_float_equal(schedule_count(&s, 30), 3000 + 3000 / M_PI, 1e-6);
	free(text);
	schedule_release(&s);
	assert_int_equal(schedule_parse(&s, "40~40/8s@270"), 0);
	assert_float_equal(schedule_rate(&s, 0), 0, 1e-9);
	assert_float_equal(schedule_rate(&s, 4), 80, 1e-9);
	for (double n = 1; n <= 2000; n += 1)
		assert_float_equal(schedule_count(&s, schedule_when(&s, n)), n,
		    1e-6);
	schedule_release(&s);
	assert_int_equal(schedule_parse(&s, "30s:10~5/10s,20"), 0);
	schedule_cut(&s, 25);
	assert_float_equal(schedule_length(&s), 25, 1e-9);
	assert_float_equal(schedule_count(&s, 20), 200, 1e-6);
	schedule_release(&s);
	assert_int_equal(schedule_parse(&s, "10~11/5s"), -1);
	assert_int_equal(schedule_parse(&s, "10~5"), -1);
	assert_int_equal(schedule_parse(&s, "10~5/0s"), -1);
	assert_int_equal(schedule_parse(&s, "10~5/5s@400"), -1);
}

/* Stripes of three workers hand over to two others at any moment: each
 * arrival is somebody's, once. */
static void test_hand_over(void **state)
{
	static const char *const texts[] = { "97", "10s:3-200,50",
		"1m:80~80/7s" };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct schedule s;
		double at = 3.3 + (double)k;
		size_t before = 0;
		size_t after = 0;

		assert_int_equal(schedule_parse(&s, texts[k]), 0);
		for (unsigned i = 0; i < 3; i++) {
			struct schedule_walk w;

			schedule_walk_init(&w, &s, i, 3, 1);
			while (schedule_walk_next(&w) < at)
				before++;
		}
		for (unsigned i = 0; i < 2; i++) {
			struct schedule_walk w;

			schedule_walk_init(&w, &s, i, 2, 1);
			schedule_walk_skip(&w, at);
			while (schedule_walk_next(&w) < 20)
				after++;
		}
		assert_int_equal(before + after,
		    (size_t)floor(schedule_count(&s, 20) - 1e-9));
		schedule_release(&s);
	}
}

static void test_cut(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(schedule_parse(&s, "10s:0-100,100"), 0);
	assert_float_equal(schedule_peak(&s), 100, 0);
	schedule_cut(&s, 12);
	assert_float_equal(schedule_length(&s), 12, 0);
	assert_float_equal(schedule_count(&s, 99), 700, 1e-9);
	schedule_cut(&s, 5);
	assert_float_equal(schedule_length(&s), 5, 0);
	assert_float_equal(schedule_count(&s, 99), 125, 1e-9);
	assert_float_equal(schedule_peak(&s), 50, 1e-9);
	schedule_release(&s);
}

/* The stripes' arrivals are those of the whole, each once. */
static void test_stripes(void **state)
{
	struct schedule_walk whole, part[3];
	struct schedule s;
	double next[3];

	(void)state;
	assert_int_equal(schedule_parse(&s, "10s:0-100"), 0);
	schedule_walk_init(&whole, &s, 0, 1, 1);
	for (unsigned k = 0; k < 3; k++) {
		schedule_walk_init(&part[k], &s, k, 3, 1);
		next[k] = schedule_walk_next(&part[k]);
	}
	for (unsigned n = 0; n < 500; n++) {
		assert_float_equal(schedule_walk_next(&whole), next[n % 3],
		    1e-12);
		next[n % 3] = schedule_walk_next(&part[n % 3]);
	}
	assert_true(isinf(schedule_walk_next(&whole)));
	schedule_release(&s);
}

/* Counts of a Poisson process: mean and variance are both rate times time. */
static void test_poisson(void **state)
{
	const int runs = 400;
	double sum = 0, squares = 0, mean, variance;
	struct schedule s;

	(void)state;
	assert_int_equal(schedule_parse(&s, "2s:50,1s:0"), 0);
	s.poisson = true;
	for (int i = 0; i < runs; i++) {
		struct schedule_walk walk[2];
		double n = 0;

		for (unsigned k = 0; k < 2; k++) {
			schedule_walk_init(&walk[k], &s, k, 2, (uint64_t)i);
			while (schedule_walk_next(&walk[k]) <= 2)
				n++;
		}
		sum += n;
		squares += n * n;
	}
	mean = sum / runs;
	variance = squares / runs - mean * mean;
	assert_float_equal(mean, 100, 2.5);
	assert_float_equal(variance, 100, 35);
	schedule_release(&s);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* All stripes' arrivals after `from` and up to `to`, in order. */
static size_t arrivals(const struct schedule *s, unsigned stripes,
    uint64_t seed, double from, double to, double *out)
{
	size_t count = 0;

	for (unsigned k = 0; k < stripes; k++) {
		struct schedule_walk w;
		double t;

		schedule_walk_init(&w, s, k, stripes, seed);
		if (from > 0)
			schedule_walk_skip(&w, from);
		while ((t = schedule_walk_next(&w)) <= to)
			out[count++] = t;
	}
	qsort(out, count, sizeof *out, by_value);
	return count;
}

/* The same arrivals for any number of stripes, also when some begin later;
 * others for another seed. */
static void test_poisson_is_one_process(void **state)
{
	static const unsigned stripes[] = { 2, 3, 7, 16, 840 };
	static double whole[4000], parts[4000];
	struct schedule s;
	size_t count, later = 0;

	(void)state;
	assert_int_equal(schedule_parse(&s, "10s:0-200,5s:100"), 0);
	s.poisson = true;
	count = arrivals(&s, 1, 9, 0, 15, whole);
	assert_in_range(count, 1300, 1700);
	while (whole[later] <= 6)
		later++;
	for (size_t i = 0; i < sizeof stripes / sizeof *stripes; i++) {
		assert_int_equal(arrivals(&s, stripes[i], 9, 0, 15, parts),
		    count);
		assert_memory_equal(parts, whole, count * sizeof *whole);
		assert_int_equal(arrivals(&s, stripes[i], 9, 6, 15, parts),
		    count - later);
		assert_memory_equal(parts, whole + later,
		    (count - later) * sizeof *whole);
	}
	arrivals(&s, 1, 10, 0, 15, parts);
	assert_memory_not_equal(parts, whole, 10 * sizeof *whole);
	/* More stripes than streams: a process all the same. */
	assert_in_range(arrivals(&s, 2000, 9, 0, 15, parts), 1300, 1700);
	schedule_release(&s);
}

static void test_text(void **state)
{
	struct schedule s, again;
	char *text;

	(void)state;
	assert_int_equal(schedule_parse(&s, "1.5s:0-33.3,70"), 0);
	text = schedule_text(&s);
	assert_int_equal(schedule_parse(&again, text), 0);
	assert_float_equal(schedule_when(&again, 40), schedule_when(&s, 40),
	    1e-9);
	free(text);
	schedule_release(&again);
	schedule_release(&s);
}

/* One arrival a day: numbers that are written with an exponent. */
static void test_text_of_rare_arrivals(void **state)
{
	static const char *const texts[] = { "0.00001", "1h:0.00001",
		"1h:0.00001-0.00005,2h:1-1e-5", "10h:0.00005~0.00001/1h" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct schedule s, again;
		char *text;

		assert_int_equal(schedule_parse(&s, texts[i]), 0);
		text = schedule_text(&s);
		assert_int_equal(schedule_parse(&again, text), 0);
		assert_int_equal(again.count, s.count);
		for (double t = 0; t < 36000; t += 1000)
			assert_float_equal(schedule_rate(&again, t),
			    schedule_rate(&s, t), 1e-12);
		free(text);
		schedule_release(&again);
		schedule_release(&s);
	}
}

static void test_bad_text(void **state)
{
	static const char *const bad[] = { "", ",", "x", "-1", "10s", "10s:",
		"0s:5", "5-10", "10,10s:5", "1s:1-", "1s:nan", "1e400",
		"1s:1:2", "1s:1e-", "1s:1e-5-", "1e-5-1e-4" };
	struct schedule s;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(schedule_parse(&s, bad[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_inverse_is_exact),
		cmocka_unit_test(test_sine),
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_stripes),
		cmocka_unit_test(test_poisson),
		cmocka_unit_test(test_poisson_is_one_process),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_of_rare_arrivals),
		cmocka_unit_test(test_bad_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
