/*
 * How near the search comes to what is known: the share of requests that take
 * longer than a limit, and the load at which it is just what the objective
 * allows.  SWARM_LONG_PROOFS plays ten times as many searches, SWARM_SHOW prints
 * each.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capacity_kit.h"

/* p99 < 40 ms up to 379/s. */
static const struct system two_servers = { 2, 250, 0.04, 0, 0, 0 };
static const struct system with_errors = { 2, 250, 0.04, 0.005, 0, 0 };
/* p99 < 80 ms up to 185 users. */
static const struct system with_users = { 4, 100, 0.08, 0, 0.5, 185 };

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
	double truth = is->users > 0 ? is->users : true_load(is);
	double most = 0, off = 0, squares = 0, all = 0;
	struct capacity_options o = options;
	int near = 0, inside = 0, held = 0;
	int runs = getenv("SWARM_LONG_PROOFS") ? 400 : 40;

	o.slo_limit_ns[0] = is->limit * 1e9;
	o.slo_share[1] = 0.99;
	o.slo_count = is->errors > 0 ? 2 : 1;
	o.users = is->users > 0;
	if (o.users)
		o.start = o.least = 1;
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

/* Some always fail, fewer than are allowed. */
static void test_finds_the_load_beside_errors(void **state)
{
	(void)state;
	find_true_load(&with_errors);
}

/* One user asks twice a second: what the first probes say is little. */
static void test_finds_the_number_of_users(void **state)
{
	(void)state;
	find_true_load(&with_users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_load_of_one_server),
		cmocka_unit_test(test_finds_the_load_of_two_servers),
		cmocka_unit_test(test_finds_the_load_beside_errors),
		cmocka_unit_test(test_finds_the_number_of_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
