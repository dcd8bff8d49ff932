/*
 * The search against queues on paper: arrivals at random, servers with
 * exponential service times, first come first served (M/M/c).  The share of
 * requests that take longer than a limit is known, and so is the load at which
 * it is just what the objective allows.
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

#define PENDING   (1 << 20)

struct system {
	unsigned servers;
	double mu;                      /* a second, of each */
	double limit;                   /* seconds */
};

/* p99 < 50 ms up to 908/s, and p99 < 40 ms up to 379/s. */
static const struct system one_server = { 1, 1000, 0.05 };
static const struct system two_servers = { 2, 250, 0.04 };

struct queue {
	struct system is;
	struct rng rng;
	double now;
	double next;                    /* arrival */
	double free[8];                 /* when the servers are */
	double *arrived, *leaves;       /* of those that are in it */
	size_t count;
	double speed;                   /* of the servers, 1 */
	double most;                    /* arrivals a second that the generator
	                                 * manages; 0: any */
	double *times;
	struct histogram response;
};

static void queue_init(struct queue *q, const struct system *is,
    uint64_t seed)
{
	*q = (struct queue){ .is = *is, .speed = 1 };
	rng_seed(&q->rng, seed, 1);
	q->arrived = xcalloc(PENDING, sizeof(double));
	q->leaves = xcalloc(PENDING, sizeof(double));
	q->times = xcalloc(PENDING, sizeof(double));
	histogram_init(&q->response);
}

static void queue_release(struct queue *q)
{
	free(q->arrived);
	free(q->leaves);
	free(q->times);
	histogram_release(&q->response);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double after(struct queue *q, double rate)
{
	return -log1p(-rng_uniform(&q->rng)) / rate;
}

static void arrive(struct queue *q, double at)
{
	size_t i = q->count++;
	double *first = &q->free[0];

	assert_true(q->count < PENDING);
	for (unsigned k = 1; k < q->is.servers; k++)
		if (q->free[k] < *first)
			first = &q->free[k];
	*first = fmax(at, *first) + after(q, q->is.mu * q->speed);
	q->arrived[i] = at;
	q->leaves[i] = *first;
}

/* Those that have left; how many. */
static size_t leave(struct queue *q, double end)
{
	size_t n = 0, stay = 0;

	for (size_t i = 0; i < q->count; i++) {
		if (q->leaves[i] <= end) {
			q->times[n++] = (q->leaves[i] - q->arrived[i]) * 1e9;
			continue;
		}
		q->arrived[stay] = q->arrived[i];
		q->leaves[stay++] = q->leaves[i];
	}
	q->count = stay;
	return n;
}

/* One second of it at `load` arrivals a second. */
static void play(struct queue *q, double load, struct capacity_second *s)
{
	double end = q->now + 1, rate = q->most > 0 ? fmin(load, q->most) :
	    load;
	size_t n;

	*s = (struct capacity_second){ .delay_p99_ns = 1e5, .busy = 0.2,
		.r50 = NAN, .r99 = NAN };
	for (q->next = q->now + after(q, rate); q->next < end;
	    q->next += after(q, rate)) {
		arrive(q, q->next);
		s->begun++;
	}
	s->planned = s->begun;
	n = leave(q, end);
	s->requests = s->of[0] = n;
	s->in_flight = (double)q->count;
	qsort(q->times, n, sizeof(double), by_value);
	histogram_clear(&q->response);
	for (size_t i = 0; i < n; i++) {
		s->good[0] += q->times[i] <= q->is.limit * 1e9;
		histogram_record(&q->response, (int64_t)q->times[i]);
	}
	if (n > 0) {
		s->response = &q->response;
		s->r50 = q->times[n / 2];
		s->r99 = q->times[n * 99 / 100];
	}
	q->now = end;
}

static const struct capacity_options options = {
	.start = 10, .hurry = true, .least = 0.1, .most = 1e6, .step = 0.05,
	.probe_s = 30, .confirm_s = 60, .search_s = 290, .slo_count = 1,
	.slo_share = { 0.99 }, .slo_limit_ns = { 50e6 },
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

/* The share of requests that take longer than the limit. */
static double above(const struct system *is, double load)
{
	double busy = load / is->mu, term = 1, sum = 0, wait, spare, both;
	double t = is->limit;

	for (unsigned k = 0; k < is->servers; k++) {
		sum += term;
		term *= busy / (k + 1);
	}
	term *= is->servers / (is->servers - busy);
	wait = term / (sum + term);
	spare = is->servers * is->mu - load;
	both = fabs(is->mu - spare) < 1e-9 ? (1 + is->mu * t) *
	    exp(-is->mu * t) : (is->mu * exp(-spare * t) -
	    spare * exp(-is->mu * t)) / (is->mu - spare);
	return (1 - wait) * exp(-is->mu * t) + wait * both;
}

static double true_load(const struct system *is)
{
	double low = 0, high = is->servers * is->mu * (1 - 1e-9);

	for (int i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (above(is, middle) < 0.01)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Also that errors go either way: a search that is always cautious would be
 * within 5 % as well. */
static void find_true_load(const struct system *is)
{
	double truth = true_load(is), most = 0, off = 0, squares = 0, all = 0;
	struct capacity_options o = options;
	int near = 0, inside = 0, held = 0;
	int runs = getenv("SWARM_LONG_PROOFS") ? 400 : 40;

	o.slo_limit_ns[0] = is->limit * 1e9;
	for (int i = 0; i < runs; i++) {
		struct capacity *c = capacity_new(&o);
		struct capacity_answer a;
		struct queue q;
		unsigned took;
		double error;

		queue_init(&q, is, (uint64_t)i + 1);
		took = search(c, &q);
		all += took;
		most = fmax(most, took);
		capacity_answer(c, &a);
		assert_int_equal(a.end, CAPACITY_FOUND);
		error = a.load / truth - 1;
		near += fabs(error) <= 0.05;
		off += error / runs;
		squares += error * error / runs;
		held += a.held_s > 0;
		inside += a.range.lo <= truth && truth <= a.range.hi;
		if (getenv("SWARM_SHOW"))
			printf("%d: load %.1f [%.1f, %.1f] of %.1f, held %d, "
			    "%u s\n", i, a.load, a.range.lo, a.range.hi,
			    truth, a.held_s > 0, took);
		capacity_free(c);
		queue_release(&q);
	}
	printf("%.0f/s: %d of %d within 5 %%, off by %+.2f %% on average "
	    "(rms %.2f %%), %d held, %d ranges hold the truth, %.0f s each, "
	    "%.0f at most\n", truth, near, runs, off * 100,
	    sqrt(squares) * 100, held, inside, all / runs, most);
	assert_true(near * 10 >= runs * 9);
	assert_true(held * 10 >= runs * 9);
	assert_true(inside * 10 >= runs * 7);
	assert_true(fabs(off) < 0.025);
	assert_true(most <= o.search_s);
}

static void test_finds_the_load_of_one_server(void **state)
{
	(void)state;
	find_true_load(&one_server);
}

static void test_finds_the_load_of_two_servers(void **state)
{
	(void)state;
	find_true_load(&two_servers);
}

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
	double truth = true_load(&one_server), left_out = 0;
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
	assert_true(a.load == 40 && isinf(a.range.hi));
	capacity_free(c);
	queue_release(&q);
	/* Too short to hold what was found. */
	o.search_s = 95;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 3);
	assert_true(search(c, &q) <= 95);
	capacity_answer(c, &a);
	assert_int_equal(a.end, CAPACITY_FOUND);
	assert_false(a.held_s > 0);
	assert_true(a.range.lo <= a.load && a.load <= a.range.hi);
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

static void test_bears_all_that_is_allowed(void **state)
{
	struct capacity_options o = options;
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
		cmocka_unit_test(test_finds_the_load_of_one_server),
		cmocka_unit_test(test_finds_the_load_of_two_servers),
		cmocka_unit_test(test_slow_generator_is_no_answer),
		cmocka_unit_test(test_busy_generator_spoils_failures),
		cmocka_unit_test(test_stumbles_once),
		cmocka_unit_test(test_leaves_spoilt_seconds_out),
		cmocka_unit_test(test_time_is_over),
		cmocka_unit_test(test_edges_are_not_late),
		cmocka_unit_test(test_bears_nothing),
		cmocka_unit_test(test_bears_all_that_is_allowed),
		cmocka_unit_test(test_slow_system),
		cmocka_unit_test(test_one_of_few),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_knee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
