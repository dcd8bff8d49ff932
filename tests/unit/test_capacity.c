/*
 * The search against a queue on paper: arrivals at random, one server with
 * exponential service times, first come first served.  Its sojourn times are
 * exponential with rate (mu - lambda) (M/M/1), so the load at which their p99
 * is L is known: mu - ln(100) / L.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "run/capacity.h"

#define MU        1000.0
#define LIMIT_NS  50e6
#define PENDING   (1 << 20)

struct queue {
	struct rng rng;
	double now;
	double next;                    /* arrival */
	double free;                    /* when the server is */
	double *arrived, *leaves;       /* ring */
	size_t first, count;
	double speed;                   /* of the server, 1 */
	double most;                    /* arrivals a second that the generator
	                                 * manages; 0: any */
	double *times;
};

static void queue_init(struct queue *q, uint64_t seed)
{
	*q = (struct queue){ .speed = 1 };
	rng_seed(&q->rng, seed, 1);
	q->arrived = xcalloc(PENDING, sizeof(double));
	q->leaves = xcalloc(PENDING, sizeof(double));
	q->times = xcalloc(PENDING, sizeof(double));
}

static void queue_release(struct queue *q)
{
	free(q->arrived);
	free(q->leaves);
	free(q->times);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void arrive(struct queue *q, double at)
{
	size_t i = (q->first + q->count++) % PENDING;
	double begin = fmax(at, q->free);

	assert_true(q->count < PENDING);
	q->arrived[i] = at;
	q->free = begin + -log1p(-rng_uniform(&q->rng)) / (MU * q->speed);
	q->leaves[i] = q->free;
}

/* One second of it at `load` arrivals a second. */
static void play(struct queue *q, double load, struct capacity_second *s)
{
	double end = q->now + 1, rate = q->most > 0 ? fmin(load, q->most) :
	    load;
	size_t n = 0;

	*s = (struct capacity_second){ .planned = load, .delay_p99_ns = 1e5,
		.busy = 0.2, .r50 = NAN, .r99 = NAN };
	for (q->next = q->now + -log1p(-rng_uniform(&q->rng)) / rate;
	    q->next < end; q->next += -log1p(-rng_uniform(&q->rng)) / rate) {
		arrive(q, q->next);
		s->begun++;
	}
	/* What was due; by chance, too. */
	if (q->most == 0 || load <= q->most)
		s->planned = s->begun;
	while (q->count > 0 && q->leaves[q->first] <= end) {
		q->times[n++] = (q->leaves[q->first] -
		    q->arrived[q->first]) * 1e9;
		q->first = (q->first + 1) % PENDING;
		q->count--;
	}
	s->requests = s->of[0] = n;
	s->in_flight = (double)q->count;
	qsort(q->times, n, sizeof(double), by_value);
	for (size_t i = 0; i < n; i++)
		s->good[0] += q->times[i] <= LIMIT_NS;
	if (n > 0) {
		s->r50 = q->times[n / 2];
		s->r99 = q->times[n * 99 / 100];
	}
	q->now = end;
}

static const struct capacity_options options = {
	.start = 50, .least = 1, .most = 1e6, .step = 0.05, .probe_s = 30,
	.confirm_s = 60, .slo_count = 1, .slo_share = { 0.99 },
	.objective_ns = LIMIT_NS,
};

static unsigned search(struct capacity *c, struct queue *q)
{
	struct capacity_second s;
	unsigned seconds = 0;

	do {
		assert_true(++seconds < 20000);
		play(q, capacity_load(c), &s);
	} while (capacity_second(c, &s));
	return seconds;
}

static void test_finds_the_analytic_load(void **state)
{
	double truth = MU - log(100) * 1e9 / LIMIT_NS, seconds = 0, most = 0;
	int near = 0, held = 0, runs = 40;

	(void)state;
	for (int i = 0; i < runs; i++) {
		struct capacity *c = capacity_new(&options);
		struct capacity_answer a;
		struct queue q;

		unsigned took;

		queue_init(&q, (uint64_t)i + 1);
		took = search(c, &q);
		seconds += took;
		most = fmax(most, took);
		capacity_answer(c, &a);
		assert_int_not_equal(a.end, CAPACITY_AT_LEAST);
		assert_int_not_equal(a.end, CAPACITY_NONE);
		near += a.end == CAPACITY_FOUND &&
		    fabs(a.load / truth - 1) <= 0.05;
		held += a.range.lo <= truth * 1.01 && truth <=
		    a.range.hi * 1.01;
		if (getenv("SWARM_SHOW"))
			printf("%d: end %d load %.1f [%.1f, %.1f] of %.1f\n",
			    i, a.end, a.load, a.range.lo, a.range.hi, truth);
		capacity_free(c);
		queue_release(&q);
	}
	printf("%d of %d within 5 %%, %d intervals hold it, %.0f s each, "
	    "%.0f at most\n", near, runs, held, seconds / runs, most);
	assert_true(near * 10 >= runs * 9);
	assert_true(seconds / runs < 300);
}

static void test_slow_generator_is_no_answer(void **state)
{
	struct capacity *c = capacity_new(&options);
	struct capacity_answer a;
	struct queue q;

	(void)state;
	queue_init(&q, 5);
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
	queue_init(&q, 5);
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
	queue_init(&q, 5);
	do {
		play(&q, capacity_load(c), &s);
		if (capacity_probes(c, &probes) == 1)
			s.begun *= 0.93;
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
	o.least = 10;
	c = capacity_new(&o);
	queue_init(&q, 5);
	q.speed = 0.005;
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_NONE);
	assert_true(a.load == 0);
	assert_true(a.slow_recovery);
	capacity_free(c);
	queue_release(&q);
}

static void test_bears_all_that_is_allowed(void **state)
{
	struct capacity_options o = options;
	struct capacity_answer a;
	struct capacity *c;
	struct queue q;

	(void)state;
	o.most = 420;
	c = capacity_new(&o);
	queue_init(&q, 5);
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_BOUND);
	assert_true(a.load == 420);
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
	queue_init(&q, 9);
	search(c, &q);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_BOUND);
	capacity_free(c);
	queue_release(&q);
}

/* Users who wait for their answer: N of them on a system that does 100 a
 * second, 50 ms alone; good within 200 ms: up to 20 users. */
static void test_users(void **state)
{
	struct capacity_options o = options;
	const struct capacity_probe *probes;
	struct capacity_answer a;
	struct capacity *c;
	size_t count;

	(void)state;
	o.users = true;
	o.start = 1;
	o.most = 1000;
	c = capacity_new(&o);
	for (;;) {
		double n = capacity_load(c);
		double time = fmax(0.05, n / 100), rate = n / time;
		struct capacity_second s = { .begun = -1, .planned = -1,
			.requests = (uint64_t)(rate * 20), .in_flight = n,
			.r50 = time * 1e9, .r99 = time * 1.2e9, .busy = 0.1,
			.delay_p99_ns = 1e5 };

		assert_true(n == floor(n));
		s.of[0] = s.requests;
		s.good[0] = time <= 0.2 ? s.requests : 0;
		if (!capacity_second(c, &s))
			break;
	}
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_FOUND);
	assert_true(a.load == 20 || a.load == 19);
	assert_true(a.range.hi <= 21);
	assert_int_equal(a.limit, 0);
	count = capacity_probes(c, &probes);
	assert_true(count > 5 && count < 30);
	capacity_free(c);
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
		cmocka_unit_test(test_finds_the_analytic_load),
		cmocka_unit_test(test_slow_generator_is_no_answer),
		cmocka_unit_test(test_busy_generator_spoils_failures),
		cmocka_unit_test(test_stumbles_once),
		cmocka_unit_test(test_edges_are_not_late),
		cmocka_unit_test(test_bears_nothing),
		cmocka_unit_test(test_bears_all_that_is_allowed),
		cmocka_unit_test(test_slow_system),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_knee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
