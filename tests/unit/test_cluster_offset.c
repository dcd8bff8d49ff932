/* The estimate of another machine's clock, against one made up. */
#include "cluster/offset.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"

/* A clock `offset` ahead of ours that gains `drift`. */
struct clock {
	int64_t offset;
	double drift;
	struct rng rng;
	/* One way, ns: at least so much, and at most that much more. */
	int64_t shortest;
	int64_t jitter;
};

static int64_t theirs(const struct clock *c, int64_t ours)
{
	return ours + c->offset + (int64_t)(c->drift * (double)ours);
}

/* Mostly short with a long tail, as queues are. */
static int64_t one_way(struct clock *c)
{
	double u = rng_uniform(&c->rng);

	return c->shortest + (int64_t)((double)c->jitter * u * u * u * u);
}

static void ping(struct offset *o, struct clock *c, int64_t at)
{
	int64_t there = at + one_way(c);
	int64_t left = there + 20 * NS_PER_US;
	int64_t back = left + one_way(c);

	offset_add(o, at, theirs(c, there), theirs(c, left), back);
}

/* A ping a second for some minutes: the truth lies within the bound, which is
 * not much more than the shortest way. */
static void follow(struct clock *c, int64_t worst_bound)
{
	struct offset o = { 0 };
	int64_t now = 1000 * NS_PER_S;

	for (int second = 0; second < 300; second++) {
		int64_t offset;
		int64_t error;
		int64_t truth;

		ping(&o, c, now);
		now += NS_PER_S;
		assert_true(offset_get(&o, now, &offset, &error));
		truth = theirs(c, now) - now;
		if (llabs(offset - truth) > error)
			fail_msg("after %d s: off by %lld, bound %lld",
			    second, (long long)llabs(offset - truth),
			    (long long)error);
		if (second > 30)
			assert_true(error < worst_bound);
	}
}

static void test_local_network(void **state)
{
	struct clock c = { .offset = 7200 * NS_PER_S, .drift = 20e-6,
		.shortest = 100 * NS_PER_US, .jitter = 2 * NS_PER_MS };

	(void)state;
	rng_seed(&c.rng, 1, 0);
	follow(&c, 2 * NS_PER_MS);
}

static void test_far_away(void **state)
{
	struct clock c = { .offset = -99 * NS_PER_S, .drift = -50e-6,
		.shortest = 40 * NS_PER_MS, .jitter = 30 * NS_PER_MS };

	(void)state;
	rng_seed(&c.rng, 2, 0);
	follow(&c, 60 * NS_PER_MS);
}

/* Between two pings, and a little after the last. */
static void test_along_the_line(void **state)
{
	struct clock c = { .offset = 5 * NS_PER_S, .drift = 100e-6,
		.shortest = 200 * NS_PER_US, .jitter = NS_PER_MS };
	struct offset o = { 0 };
	struct offset_line line;
	int64_t now = 500 * NS_PER_S;

	(void)state;
	rng_seed(&c.rng, 3, 0);
	for (int i = 0; i < 60; i++) {
		ping(&o, &c, now);
		now += NS_PER_S;
	}
	assert_true(offset_fit(&o, now, &line));
	assert_true(fabs(line.slope - 100e-6) < 20e-6);
	for (int i = 0; i < 50; i++) {
		int64_t offset;
		int64_t error;

		offset_at(&line, now, &offset, &error);
		assert_true(llabs(offset - (theirs(&c, now) - now)) <= error);
		assert_true(error < 5 * NS_PER_MS);
		now += NS_PER_S / 10;
	}
}

static void test_nothing_known(void **state)
{
	struct offset o = { 0 };
	int64_t offset = 1;
	int64_t error = 2;

	(void)state;
	assert_false(offset_get(&o, NS_PER_S, &offset, &error));
	/* Impossible: back before sent, answered before received, a way of
	 * negative length, negative times. */
	offset_add(&o, 10, 5, 6, 9);
	offset_add(&o, 10, 7, 6, 20);
	offset_add(&o, 10, 0, 100, 20);
	offset_add(&o, -1, 5, 6, 9);
	offset_add(&o, 1, INT64_MIN, 6, 9);
	assert_false(offset_get(&o, NS_PER_S, &offset, &error));
	assert_int_equal(offset, 1);
	offset_add(&o, 10, 1000, 1000, 20);
	assert_true(offset_get(&o, 100, &offset, &error));
	assert_int_equal(offset, 985);
	assert_int_equal(error, 5);
	/* Stale. */
	assert_false(offset_get(&o, 200 * NS_PER_S, &offset, &error));
}

/* Numbers at the end of the range, which a stranger may send. */
static void test_extremes(void **state)
{
	struct offset o = { 0 };
	int64_t offset;
	int64_t error;

	(void)state;
	offset_add(&o, 0, INT64_MAX, INT64_MAX, 10);
	offset_add(&o, 5 * NS_PER_S, 0, INT64_MAX, 6 * NS_PER_S);
	offset_add(&o, 15 * NS_PER_S, 3, 4, 16 * NS_PER_S);
	offset_get(&o, 20 * NS_PER_S, &offset, &error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_network),
		cmocka_unit_test(test_far_away),
		cmocka_unit_test(test_along_the_line),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
