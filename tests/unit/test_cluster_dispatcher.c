/* Locust's fairness to its golden sequences, and what swarm does better. */
#include "cluster/dispatcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"

#define MAX_WORKERS 64
#define MAX_CLASSES 8

struct plan {
	struct dispatcher *d;
	size_t classes;
	int64_t wanted[MAX_WORKERS][MAX_CLASSES];
	struct dispatcher_worker workers[MAX_WORKERS];
	char ids[MAX_WORKERS][16];
};

/* Class i is called 'A' + i. */
static void plan_init(struct plan *p, const struct dispatcher_class *classes,
    size_t count)
{
	memset(p, 0, sizeof *p);
	p->classes = count;
	p->d = dispatcher_new(classes, count);
	for (size_t i = 0; i < MAX_WORKERS; i++) {
		snprintf(p->ids[i], sizeof p->ids[i], "h%zu_x", i + 1);
		p->workers[i].id = p->ids[i];
		p->workers[i].wanted = p->wanted[i];
	}
}

/* Adds one user; the class it got. */
static char add_one(struct plan *p)
{
	int64_t before[MAX_CLASSES];

	for (size_t c = 0; c < p->classes; c++)
		before[c] = dispatcher_class_total(p->d, c);
	if (dispatcher_add_users(p->d, 1) == 0)
		return '-';
	for (size_t c = 0; c < p->classes; c++) {
		if (dispatcher_class_total(p->d, c) > before[c])
			return (char)('A' + c);
	}
	return '?';
}

static void assert_sequence(struct plan *p, const char *expected)
{
	for (size_t i = 0; expected[i] != '\0'; i++) {
		char got = add_one(p);

		if (got != expected[i])
			fail_msg("user %zu of %s is of class %c", i, expected,
			    got);
	}
}

struct golden {
	double weights[4];
	int64_t fixed[4];
	size_t count;
	const char *sequence;
};

static const struct golden goldens[] = {
	{ { 5, 1 }, { 0 }, 2, "AABAAAAABAAAAABAAA" },
	{ { 3, 1 }, { 0 }, 2, "ABAAABAAABAAABAA" },
	{ { 1, 1, 1 }, { 0 }, 3, "ABCABCABCABC" },
	{ { 1, 2, 3 }, { 0 }, 3, "CBACBCCBACBCCBACBC" },
	{ { 2, 5, 6 }, { 0 }, 3, "CBACBCBCBACBCCBACBCBCBACBC" },
	{ { 10, 1, 1 }, { 0 }, 3, "AAAABCAAAAAAAAAAABCAAAAA" },
	{ { 1, 1, 1, 1 }, { 2, 1 }, 4, "ABACDCDCDC" },
	{ { 1, 1, 2, 1 }, { 3, 1 }, 4, "ABAACDCCDCCDC" },
	{ { 0.5, 1 }, { 0 }, 2, "BABBABBABBAB" },
};

static const char *const names[] = { "A", "B", "C", "D" };

static void plan_golden(struct plan *p, const struct golden *g)
{
	struct dispatcher_class classes[4];

	for (size_t c = 0; c < g->count; c++)
		classes[c] = (struct dispatcher_class){ names[c],
			g->weights[c], g->fixed[c] };
	plan_init(p, classes, g->count);
}

static void test_golden_sequences(void **state)
{
	struct plan p;

	(void)state;
	for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
		plan_golden(&p, &goldens[i]);
		dispatcher_set_workers(p.d, p.workers, 3);
		assert_sequence(&p, goldens[i].sequence);
		dispatcher_free(p.d);
	}
}

/* Ramping down and up again gives the same users. */
static void test_down_and_up(void **state)
{
	struct plan p;

	(void)state;
	for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
		const char *s = goldens[i].sequence;

		plan_golden(&p, &goldens[i]);
		dispatcher_set_workers(p.d, p.workers, 3);
		for (size_t n = 0; n <= strlen(s); n++) {
			assert_int_equal(dispatcher_add_users(p.d, n), n);
			assert_int_equal(dispatcher_remove_users(p.d, n), n);
			assert_int_equal(dispatcher_total(p.d), 0);
		}
		assert_sequence(&p, s);
		dispatcher_remove_users(p.d, 5);
		assert_sequence(&p, s + strlen(s) - 5);
		dispatcher_free(p.d);
	}
}

static void assert_wanted(struct plan *p, size_t worker, int64_t a, int64_t b)
{
	assert_int_equal(p->wanted[worker][0], a);
	assert_int_equal(p->wanted[worker][1], b);
}

static void test_three_workers(void **state)
{
	const struct dispatcher_class classes[] = { { "A", 2, 0 },
		{ "B", 1, 0 } };
	struct plan p;

	(void)state;
	plan_init(&p, classes, 2);
	dispatcher_set_workers(p.d, p.workers, 3);
	dispatcher_add_users(p.d, 3);
	assert_wanted(&p, 0, 1, 0);
	assert_wanted(&p, 1, 0, 1);
	assert_wanted(&p, 2, 1, 0);
	dispatcher_add_users(p.d, 3);
	assert_wanted(&p, 0, 2, 0);
	assert_wanted(&p, 1, 0, 2);
	assert_wanted(&p, 2, 2, 0);
	dispatcher_add_users(p.d, 1);
	assert_wanted(&p, 0, 3, 0);
	assert_wanted(&p, 1, 0, 2);
	assert_wanted(&p, 2, 2, 0);
	dispatcher_remove_users(p.d, 3);
	assert_wanted(&p, 0, 2, 0);
	assert_wanted(&p, 1, 0, 1);
	assert_wanted(&p, 2, 1, 0);
	dispatcher_free(p.d);
}

/* First workers of all hosts first. */
static void test_worker_order(void **state)
{
	const struct dispatcher_class class = { "A", 1, 0 };
	const char *const ids[] = { "h1_a", "h1_b", "h2_a", "h2_b" };
	const size_t order[] = { 0, 2, 1, 3 };
	struct dispatcher_worker workers[4];
	int64_t wanted[4] = { 0 };
	struct dispatcher *d = dispatcher_new(&class, 1);

	(void)state;
	/* Given backwards, to show that the order is not the caller's. */
	for (size_t i = 0; i < 4; i++)
		workers[i] = (struct dispatcher_worker){ ids[3 - i],
			&wanted[3 - i] };
	dispatcher_set_workers(d, workers, 4);
	for (size_t i = 0; i < 4; i++) {
		dispatcher_add_users(d, 1);
		assert_int_equal(wanted[order[i]], 1);
	}
	dispatcher_free(d);
}

static void test_only_fixed(void **state)
{
	const struct dispatcher_class classes[] = { { "A", 0, 2 },
		{ "B", 1, 1 } };
	struct plan p;

	(void)state;
	plan_init(&p, classes, 2);
	assert_int_equal(dispatcher_add_users(p.d, 1), 0);
	dispatcher_set_workers(p.d, p.workers, 2);
	assert_int_equal(dispatcher_add_users(p.d, 10), 3);
	assert_int_equal(dispatcher_class_total(p.d, 0), 2);
	assert_int_equal(dispatcher_remove_users(p.d, 10), 3);
	assert_int_equal(dispatcher_add_users(p.d, 1), 1);
	dispatcher_free(p.d);
}

static void test_classes_change(void **state)
{
	const struct dispatcher_class classes[] = { { "A", 1, 0 },
		{ "B", 1, 0 } };
	struct plan p;

	(void)state;
	plan_init(&p, classes, 2);
	dispatcher_set_workers(p.d, p.workers, 2);
	assert_sequence(&p, "ABAB");
	dispatcher_set_class(p.d, 0, 1, 0, false);
	assert_sequence(&p, "BBB");
	dispatcher_set_class(p.d, 0, 1, 5, true);
	assert_sequence(&p, "AAABB");
	dispatcher_set_class(p.d, 0, 0.0 / 0.0, 0, true);
	dispatcher_set_class(p.d, 1, -1, 0, true);
	assert_int_equal(dispatcher_add_users(p.d, 1), 0);
	dispatcher_free(p.d);
}

/* The difference between the fullest and the emptiest worker. */
static int64_t spread(struct plan *p, const size_t *present, size_t count)
{
	int64_t least = INT64_MAX;
	int64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t n = 0;

		for (size_t c = 0; c < p->classes; c++)
			n += p->wanted[present[i]][c];
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	return count == 0 ? 0 : most - least;
}

/* What the table says must agree with what the totals say. */
static void check_sums(struct plan *p, const size_t *present, size_t count)
{
	int64_t sum = 0;

	for (size_t c = 0; c < p->classes; c++) {
		int64_t of_class = 0;

		for (size_t i = 0; i < count; i++) {
			int64_t n = p->wanted[present[i]][c];

			assert_true(n >= 0);
			of_class += n;
		}
		assert_int_equal(of_class, dispatcher_class_total(p->d, c));
		sum += of_class;
	}
	assert_int_equal(sum, dispatcher_total(p->d));
}

static const struct dispatcher_class three[] = { { "A", 5, 0 }, { "B", 2, 0 },
	{ "C", 1, 3 } };

static void test_worker_lost(void **state)
{
	const size_t present[] = { 0, 2, 3 };
	struct dispatcher_worker left[3];
	int64_t before[MAX_WORKERS][MAX_CLASSES];
	struct plan p;

	(void)state;
	plan_init(&p, three, 3);
	dispatcher_set_workers(p.d, p.workers, 4);
	dispatcher_add_users(p.d, 100);
	memcpy(before, p.wanted, sizeof before);
	for (size_t i = 0; i < 3; i++)
		left[i] = p.workers[present[i]];
	assert_int_equal(dispatcher_set_workers(p.d, left, 3), 25);
	check_sums(&p, present, 3);
	assert_true(spread(&p, present, 3) <= 1);
	assert_int_equal(dispatcher_total(p.d), 100);
	/* Nobody lost a user; the lost 25 were spread. */
	for (size_t i = 0; i < 3; i++) {
		for (size_t c = 0; c < 3; c++)
			assert_true(p.wanted[present[i]][c] >=
			    before[present[i]][c]);
	}
	dispatcher_free(p.d);
}

static void test_worker_joined(void **state)
{
	const size_t present[] = { 0, 1, 2, 3, 4 };
	int64_t before[MAX_WORKERS][MAX_CLASSES];
	struct plan p;

	(void)state;
	plan_init(&p, three, 3);
	dispatcher_set_workers(p.d, p.workers, 4);
	dispatcher_add_users(p.d, 100);
	memcpy(before, p.wanted, sizeof before);
	assert_int_equal(dispatcher_set_workers(p.d, p.workers, 5), 20);
	check_sums(&p, present, 5);
	for (size_t i = 0; i < 4; i++) {
		for (size_t c = 0; c < 3; c++)
			assert_true(p.wanted[i][c] <= before[i][c]);
	}
	/* The same set again moves nobody. */
	assert_int_equal(dispatcher_set_workers(p.d, p.workers, 5), 0);
	dispatcher_free(p.d);
}

/* A ramp-down takes from all alike, not from the newcomer first. */
static void test_down_after_join(void **state)
{
	const size_t present[] = { 0, 1, 2, 3, 4 };
	struct plan p;

	(void)state;
	plan_init(&p, three, 3);
	dispatcher_set_workers(p.d, p.workers, 4);
	dispatcher_add_users(p.d, 100);
	dispatcher_set_workers(p.d, p.workers, 5);
	for (size_t n = 100; n > 20; n -= 5) {
		assert_int_equal(dispatcher_remove_users(p.d, 5), 5);
		check_sums(&p, present, 5);
		assert_true(spread(&p, present, 5) <= 2);
	}
	dispatcher_free(p.d);
}

static void test_all_workers_lost(void **state)
{
	struct plan p;

	(void)state;
	plan_init(&p, three, 3);
	dispatcher_set_workers(p.d, p.workers, 2);
	dispatcher_add_users(p.d, 10);
	assert_int_equal(dispatcher_set_workers(p.d, NULL, 0), 10);
	assert_int_equal(dispatcher_total(p.d), 0);
	assert_int_equal(dispatcher_add_users(p.d, 1), 0);
	assert_int_equal(dispatcher_remove_users(p.d, 1), 0);
	dispatcher_set_workers(p.d, p.workers, 1);
	assert_int_equal(dispatcher_add_users(p.d, 4), 4);
	assert_int_equal(p.wanted[0][2], 3);
	dispatcher_free(p.d);
}

/* Workers come and go and users with them; the sums hold and no more users
 * move than must. */
static void test_random_walk(void **state)
{
	struct rng rng;
	struct plan p;

	(void)state;
	rng_seed(&rng, 42, 0);
	plan_init(&p, three, 3);
	for (int step = 0; step < 3000; step++) {
		struct dispatcher_worker workers[MAX_WORKERS];
		size_t present[MAX_WORKERS];
		size_t total = dispatcher_total(p.d);
		size_t count = 0;

		for (size_t i = 0; i < 20; i++) {
			if (rng_below(&rng, 4) == 0)
				continue;
			present[count] = i;
			workers[count++] = p.workers[i];
		}
		dispatcher_set_workers(p.d, workers, count);
		assert_int_equal(dispatcher_total(p.d),
		    count == 0 ? 0 : total);
		check_sums(&p, present, count);
		assert_true(spread(&p, present, count) <= 1);
		if (rng_below(&rng, 2) == 0)
			dispatcher_add_users(p.d, rng_below(&rng, 50));
		else
			dispatcher_remove_users(p.d, rng_below(&rng, 50));
		check_sums(&p, present, count);
	}
	dispatcher_free(p.d);
}

static void test_pace(void **state)
{
	size_t users;
	double interval;

	(void)state;
	dispatcher_pace(2.5, &users, &interval);
	assert_int_equal(users, 2);
	assert_true(interval > 0.799 && interval < 0.801);
	dispatcher_pace(0.5, &users, &interval);
	assert_int_equal(users, 1);
	assert_true(interval == 2);
	dispatcher_pace(100, &users, &interval);
	assert_int_equal(users, 100);
	assert_true(interval == 1);
	dispatcher_pace(1e300, &users, &interval);
	assert_int_equal(users, 1000000000);
	assert_true(interval < 1e-200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_sequences),
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(test_three_workers),
		cmocka_unit_test(test_worker_order),
		cmocka_unit_test(test_only_fixed),
		cmocka_unit_test(test_classes_change),
		cmocka_unit_test(test_worker_lost),
		cmocka_unit_test(test_worker_joined),
		cmocka_unit_test(test_down_after_join),
		cmocka_unit_test(test_all_workers_lost),
		cmocka_unit_test(test_random_walk),
		cmocka_unit_test(test_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
