/* The search for capacity: how each course of it ends, on paper. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capacity_kit.h"

static void test_slow_generator_is_no_answer(void **state)
{
	struct capacity *c = capacity_new(&options);
	struct capacity_answer a;
	struct queue q;

	(void)state;
	queue_init(&q, &one_server, 5);
	q.most = 300;
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_AT_LEAST);
	assert_true(a.load > 100 && a.load <= 305);
	capacity_free(c);
	queue_release(&q);
}

static void test_busy_generator_spoils_failures(void **state)
{
	struct capacity *c = capacity_new(&options);
	struct capacity_answer a;
	struct capacity_second s;
	struct queue q;

	(void)state;
	queue_init(&q, &one_server, 5);
	do {
		play(&q, capacity_load(c), &s);
		s.busy = capacity_load(c) > 300 ? 0.97 : 0.3;
	} while (capacity_second(c, &s));
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_AT_LEAST);
	/* A pass is none the worse for it; a failure says nothing. */
	assert_true(a.load >= 300 && a.load <= 1000);
	capacity_free(c);
	queue_release(&q);
}

/* Once late is a hiccup of the machine: the load is tried again. */
static void test_stumbles_once(void **state)
{
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity_answer a;
	struct capacity_second s;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.most = 420;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 5);
	do {
		play(&q, capacity_load(c), &s);
		if (capacity_probes(c, &probes) == 1)
			s.begun = s.planned = 0.6 * s.planned;
	} while (capacity_second(c, &s));
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_BOUND);
	assert_true(a.load == 420);
	assert_int_equal(probes[1].verdict, CAPACITY_INVALID);
	assert_int_equal(probes[2].verdict, CAPACITY_PASS);
	assert_true(probes[2].load == probes[1].load);
	capacity_free(c);
	queue_release(&q);
}

/* A generator that is held up for a second in each ten: what came then is left
 * out, and the rest is enough. */
static void test_leaves_spoilt_seconds_out(void **state)
{
	struct capacity *c = capacity_new(&options);
	double truth = 908, left_out = 0;
	const struct capacity_probe *probes;
	struct capacity_answer a;
	struct capacity_second s;
	unsigned seconds = 0;
	struct queue q;
	size_t count;

	(void)state;
	queue_init(&q, &one_server, 7);
	do {
		play(&q, capacity_load(c), &s);
		if (seconds++ % 10 == 4) {
			s.delay_p99_ns = 80e6;
			s.begun *= 0.8;
			s.good[0] = s.good[0] * 8 / 10;
		}
	} while (capacity_second(c, &s));
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_FOUND);
	assert_true(fabs(a.load / truth - 1) < 0.05);
	count = capacity_probes(c, &probes);
	for (size_t i = 0; i < count; i++)
		left_out += probes[i].spoilt;
	assert_true(left_out > 4);
	capacity_free(c);
	queue_release(&q);
}

static void test_time_is_over(void **state)
{
	struct capacity_options o = options;
	struct capacity_answer a;
	struct capacity *c;
	struct queue q;

	(void)state;
	/* While it still grows. */
	o.search_s = 26;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 3);
	assert_int_equal(search(c, &q), 26);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_TIME_OVER);
	assert_true(a.load == 160 && isinf(a.range.hi));
	capacity_free(c);
	queue_release(&q);
	/* Too short to hold what was found. */
	o.search_s = 60;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 3);
	assert_true(search(c, &q) <= 60);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_FOUND);
	assert_false(a.held_s > 0 || a.sure);
	assert_true(a.range.lo <= a.load && a.load <= a.range.hi);
	capacity_free(c);
	queue_release(&q);
}

/* A few in flight, more at the end than before, as happens with any system. */
static void test_few_do_not_pile_up(void **state)
{
	static const double in_flight[] = { 0, 0, 1, 1, 2 };
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity *c;
	double seconds;

	(void)state;
	o.start = 40;
	c = capacity_new(&o);
	while (capacity_probes(c, &probes) == 0) {
		struct capacity_second s = { .begun = 40, .planned = 40,
			.requests = 40, .of = { 40 }, .good = { 40 },
			.r50 = 1e6, .r99 = 1e6, .busy = 0.1,
			.delay_p99_ns = 1e5 };

		capacity_stage(c, &seconds);
		s.in_flight = in_flight[(size_t)seconds % 5];
		assert_true(capacity_second(c, &s));
	}
	assert_int_equal(probes[0].verdict, CAPACITY_PASS);
	capacity_free(c);
}

/* At ten a second, two that begin after the probe's end are a hundredth of
 * nothing. */
static void test_edges_are_not_late(void **state)
{
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity *c;

	(void)state;
	o.start = 10;
	o.probe_s = 5;
	c = capacity_new(&o);
	while (capacity_probes(c, &probes) == 0) {
		struct capacity_second s = { .begun = 9.6, .planned = 10,
			.requests = 10, .of = { 10 }, .good = { 10 },
			.r50 = 1e6, .r99 = 1e6, .busy = 0.1,
			.delay_p99_ns = 1e5 };

		assert_true(capacity_second(c, &s));
	}
	assert_int_equal(probes[0].verdict, CAPACITY_PASS);
	capacity_free(c);
}

static void test_bears_nothing(void **state)
{
	struct capacity_options o = options;
	struct capacity_answer a;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.start = 50;
	o.least = 10;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 5);
	q.speed = 0.005;
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_NONE);
	assert_true(a.load == 0);
	assert_true(a.slow_recovery);
	capacity_free(c);
	queue_release(&q);
}

/* It is held, as any other answer is. */
static void test_bears_all_that_is_allowed(void **state)
{
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity_answer a;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.most = 420;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 5);
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_BOUND);
	assert_true(a.load == 420 && isinf(a.range.hi));
	assert_true(a.held_s == 60 && a.sure);
	capacity_probes(c, &probes);
	assert_string_equal(probes[capacity_probes(c, &probes) - 1].stage,
	    "confirm");
	capacity_free(c);
	queue_release(&q);
}

/* A lucky probe on the way up is no answer: at the bound 3 % are too slow. */
static void test_bound_is_not_held(void **state)
{
	struct capacity_options o = options;
	struct capacity_answer a;
	struct capacity_second s;
	const struct capacity_probe *probes;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.most = 420;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 5);
	do {
		size_t before = capacity_probes(c, &probes);

		play(&q, capacity_load(c), &s);
		if (before > 0 && probes[before - 1].load == 420 &&
		    capacity_load(c) > 400)
			s.good[0] = s.of[0] * 97 / 100;
	} while (capacity_second(c, &s));
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_FOUND);
	assert_true(a.load < 420 && a.load >= 350);
	capacity_free(c);
	queue_release(&q);
}

/* A hold that the end of the time cuts short is one of so many seconds. */
static void test_hold_is_cut_short(void **state)
{
	struct capacity_options o = options;
	struct capacity_answer a;
	struct capacity_second s;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.most = 40;
	o.search_s = 80;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 5);
	do {
		double seconds;

		play(&q, capacity_load(c), &s);
		/* The generator was busy; it would be held for longer. */
		if (capacity_stage(c, &seconds)[0] == 'c' &&
		    (int)seconds % 6 == 5) {
			s.busy = 0.99;
			s.good[0] = 0;
		}
	} while (capacity_second(c, &s));
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_BOUND);
	assert_true(a.load == 40 && a.held_s > 0);
	capacity_free(c);
	queue_release(&q);
}

/* So few requests that no interval could say yes: what was seen counts. */
static void test_slow_system(void **state)
{
	struct capacity_options o = options;
	struct capacity_answer a;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.start = 0.5;
	o.least = 0.1;
	o.slo_share[0] = 0.9;
	o.most = 8;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 9);
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_BOUND);
	capacity_free(c);
	queue_release(&q);
}

/* One slow answer of ten is no verdict on a single user. */
static void test_one_of_few(void **state)
{
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity *c;

	(void)state;
	o.users = true;
	o.start = o.least = 1;
	c = capacity_new(&o);
	while (capacity_probes(c, &probes) == 0) {
		struct capacity_second s = { .begun = -1, .planned = -1,
			.requests = 2, .of = { 2 }, .good = { 2 },
			.in_flight = 1, .r50 = 1e6, .r99 = 1e6, .busy = 0.1,
			.delay_p99_ns = 1e5 };
		double seconds;

		capacity_stage(c, &seconds);
		s.good[0] -= seconds == 3;
		assert_true(capacity_second(c, &s));
	}
	assert_true(probes[0].share[0] < 0.99);
	assert_int_equal(probes[0].verdict, CAPACITY_PASS);
	capacity_free(c);
}

/* Users who wait for their answer: N of them on a system that does 100 a
 * second, 50 ms alone; good within 200 ms: up to 20 users. */
static void test_users(void **state)
{
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity_answer a;
	struct histogram response;
	struct capacity *c;
	size_t count;

	(void)state;
	o.users = true;
	o.start = o.least = 1;
	o.most = 1000;
	c = capacity_new(&o);
	histogram_init(&response);
	for (;;) {
		double n = capacity_load(c);
		double time = fmax(0.05, n / 100), rate = n / time;
		struct capacity_second s = { .begun = -1, .planned = -1,
			.requests = (uint64_t)(rate * 20), .in_flight = n,
			.r50 = time * 1e9, .r99 = time * 1.2e9, .busy = 0.1,
			.delay_p99_ns = 1e5 };

		assert_true(n == floor(n));
		histogram_clear(&response);
		histogram_record(&response, (int64_t)(time * 1e9));
		s.response = &response;
		s.of[0] = s.requests;
		s.good[0] = time <= 0.2 ? s.requests : 0;
		if (!capacity_second(c, &s))
			break;
	}
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_FOUND);
	assert_true(a.load == 20 || a.load == 19);
	assert_true(a.range.lo >= 19 && a.range.hi < 23);
	assert_int_equal(a.limit, 0);
	count = capacity_probes(c, &probes);
	assert_true(count > 5 && count < 30);
	capacity_free(c);
	histogram_release(&response);
}

static void test_knee(void **state)
{
	struct capacity_probe p[20] = { 0 };
	double knee;

	(void)state;
	for (int i = 0; i < 19; i++) {
		p[i].load = 50 * (i + 1);
		p[i].r99 = 4.6e9 / (1000 - p[i].load);
	}
	knee = capacity_knee(p, 19);
	assert_true(knee >= 750 && knee <= 900);
	/* A straight line has none, nor have few points. */
	for (int i = 0; i < 19; i++)
		p[i].r99 = 1e6 * (i + 1);
	assert_true(capacity_knee(p, 19) == 0);
	assert_true(capacity_knee(p, 3) == 0);
	assert_true(capacity_knee(p, 0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_generator_is_no_answer),
		cmocka_unit_test(test_busy_generator_spoils_failures),
		cmocka_unit_test(test_stumbles_once),
		cmocka_unit_test(test_leaves_spoilt_seconds_out),
		cmocka_unit_test(test_time_is_over),
		cmocka_unit_test(test_few_do_not_pile_up),
		cmocka_unit_test(test_edges_are_not_late),
		cmocka_unit_test(test_bears_nothing),
		cmocka_unit_test(test_bears_all_that_is_allowed),
		cmocka_unit_test(test_bound_is_not_held),
		cmocka_unit_test(test_hold_is_cut_short),
		cmocka_unit_test(test_slow_system),
		cmocka_unit_test(test_one_of_few),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_knee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
