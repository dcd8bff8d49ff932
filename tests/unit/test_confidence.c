/*
 * Intervals by simulation: a queue whose distribution is known (M/M/1: the
 * time in it is exponential with rate mu - lambda), many times over, and how
 * often the interval holds the truth.
 */
#include "stats/confidence.h"

#include "base/rng.h"
#include "base/xalloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SAMPLES 60000
#define SEEDS   100
#define MS      1e6

static double exponential(struct rng *rng, double mean)
{
	return -log(1 - rng_uniform(rng)) * mean;
}

struct trial {
	struct histogram h;
	struct batches streams[8];
	struct confidence_slot slots[1000];
	size_t slot_count;
};

/* Service takes 1 ms on average; answers are dealt to `streams` workers. */
static void queue(struct trial *t, double rho, uint64_t seed, size_t streams)
{
	struct rng rng;
	double clock = 0, free_at = 0;

	rng_seed(&rng, seed, 42);
	histogram_init(&t->h);
	for (size_t i = 0; i < streams; i++)
		batches_init(&t->streams[i]);
	t->slot_count = 0;
	for (int i = 0; i < SAMPLES; i++) {
		size_t slot;
		int64_t ns;

		clock += exponential(&rng, 1 / rho);
		if (free_at < clock)
			free_at = clock;
		free_at += exponential(&rng, 1);
		ns = (int64_t)((free_at - clock) * MS);
		histogram_record(&t->h, ns);
		batches_add(&t->streams[(size_t)i % streams], ns);
		slot = (size_t)(free_at / 1000);
		while (t->slot_count <= slot)
			t->slots[t->slot_count++] =
			    (struct confidence_slot){ .length = 1 };
		t->slots[slot].count++;
		t->slots[slot].sum += (double)ns;
	}
}

static double variance(const struct trial *t)
{
	return pow(histogram_stddev(&t->h), 2);
}

static double effective_of(struct trial *t, size_t streams)
{
	double time, slots;

	for (size_t i = 1; i < streams; i++)
		batches_merge(&t->streams[0], &t->streams[i]);
	time = batches_time(&t->streams[0], variance(t));
	slots = streams > 1 ? confidence_time_of_slots(t->slots,
	    t->slot_count, variance(t)) : 0;
	return confidence_effective(&t->h, fmax(time, slots));
}

struct coverage {
	int p99;
	int mean;
	int naive;
};

static struct coverage cover(double rho, size_t streams)
{
	struct trial *t = xmalloc(sizeof(*t));
	double rate = 1 - rho, p99 = log(100) / rate * MS;
	struct coverage c = { 0, 0, 0 };

	for (int seed = 0; seed < SEEDS; seed++) {
		struct interval i;
		double effective;

		queue(t, rho, (uint64_t)seed, streams);
		effective = effective_of(t, streams);
		i = confidence_quantile(&t->h, 0.99, effective);
		c.p99 += i.lo <= p99 && p99 <= i.hi;
		i = confidence_mean(&t->h, effective);
		c.mean += i.lo <= MS / rate && MS / rate <= i.hi;
		i = confidence_quantile(&t->h, 0.99, SAMPLES);
		c.naive += i.lo <= p99 && p99 <= i.hi;
		histogram_release(&t->h);
	}
	free(t);
	return c;
}

static void test_one_stream(void **state)
{
	struct coverage half = cover(0.5, 1), loaded = cover(0.8, 1);

	(void)state;
	printf("p99 held in %d and %d of %d, mean in %d and %d; without "
	    "correction %d and %d\n", half.p99, loaded.p99, SEEDS, half.mean,
	    loaded.mean, half.naive, loaded.naive);
	assert_true(half.p99 >= 88);
	assert_true(loaded.p99 >= 88);
	assert_true(half.mean >= 85);
	assert_true(loaded.mean >= 82);
	/* What it is for. */
	assert_true(loaded.naive < 40);
}

/* Workers that share a server: each alone sees a quarter of the truth. */
static void test_four_streams(void **state)
{
	struct coverage c = cover(0.8, 4);

	(void)state;
	printf("four streams: p99 held in %d, mean in %d of %d\n", c.p99,
	    c.mean, SEEDS);
	assert_true(c.p99 >= 85);
	assert_true(c.mean >= 80);
}

/* Independent samples, few and many: about the nominal share, and not wide
 * open either. */
static void test_independent(void **state)
{
	int held = 0, mean = 0;
	double width = 0;

	(void)state;
	for (int seed = 0; seed < 200; seed++) {
		struct histogram h;
		struct batches b;
		struct interval i;
		struct rng rng;
		double effective;

		rng_seed(&rng, (uint64_t)seed, 7);
		histogram_init(&h);
		batches_init(&b);
		for (int k = 0; k < 5000; k++) {
			int64_t ns = (int64_t)exponential(&rng, 10 * MS);

			histogram_record(&h, ns);
			batches_add(&b, ns);
		}
		effective = confidence_effective(&h, batches_time(&b,
		    pow(histogram_stddev(&h), 2)));
		assert_true(effective > 3000);
		i = confidence_quantile(&h, 0.95, effective);
		held += i.lo <= log(20) * 10 * MS && log(20) * 10 * MS <= i.hi;
		width += (i.hi - i.lo) / (log(20) * 10 * MS);
		i = confidence_mean(&h, effective);
		mean += i.lo <= 10 * MS && 10 * MS <= i.hi;
		histogram_release(&h);
	}
	assert_in_range(held, 184, 200);
	assert_in_range(mean, 184, 200);
	assert_true(width / 200 < 0.10);
}

static void test_throughput(void **state)
{
	int held = 0;

	(void)state;
	for (int seed = 0; seed < 200; seed++) {
		struct confidence_slot slots[60];
		struct interval i;
		struct rng rng;

		rng_seed(&rng, (uint64_t)seed, 9);
		for (int s = 0; s < 60; s++) {
			double at = exponential(&rng, 1);

			slots[s] = (struct confidence_slot){ .length = 1 };
			for (; at < 100; at += exponential(&rng, 1))
				slots[s].count++;
		}
		i = confidence_throughput(slots, 60);
		held += i.lo <= 100 && 100 <= i.hi;
		assert_true(i.hi - i.lo < 20);
	}
	assert_in_range(held, 184, 200);
	assert_true(confidence_throughput(NULL, 0).hi == 0);
}

static void test_t(void **state)
{
	static const struct {
		double degrees, t;
	} known[] = {
		{ 1, 12.706 }, { 2, 4.303 }, { 9, 2.262 }, { 10, 2.228 },
		{ 12, 2.179 }, { 20, 2.086 }, { 30, 2.042 }, { 120, 1.980 },
		{ 1e9, 1.960 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_true(fabs(confidence_t(known[i].degrees) -
		    known[i].t) < 1.1e-3);
}

static void test_share(void **state)
{
	struct interval i = confidence_share(0, 1000);

	(void)state;
	assert_true(i.lo == 0);
	assert_true(i.hi > 0.003 && i.hi < 0.0045);
	i = confidence_share(1, 1000);
	assert_true(i.hi == 1 && i.lo > 0.995);
	/* A textbook's: 10 of 100. */
	i = confidence_share(0.1, 100);
	assert_true(fabs(i.lo - 0.0552) < 1e-3);
	assert_true(fabs(i.hi - 0.1744) < 1e-3);
	i = confidence_share(0, 0);
	assert_true(i.lo == 0 && i.hi == 1);
}

static void test_sufficiency(void **state)
{
	(void)state;
	assert_int_equal(confidence_sufficiency(0.99, 1000), SUFFICIENT);
	assert_int_equal(confidence_sufficiency(0.99, 990),
	    SUFFICIENT_BARELY);
	assert_int_equal(confidence_sufficiency(0.999, 3000),
	    SUFFICIENT_BARELY);
	assert_int_equal(confidence_sufficiency(0.999, 2900), INSUFFICIENT);
	assert_int_equal(confidence_sufficiency(1, 1), SUFFICIENT);
	assert_int_equal(confidence_needed(0.999), 10000);
	assert_int_equal(confidence_needed(0.5), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_stream),
		cmocka_unit_test(test_four_streams),
		cmocka_unit_test(test_independent),
		cmocka_unit_test(test_throughput),
		cmocka_unit_test(test_t),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_sufficiency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
