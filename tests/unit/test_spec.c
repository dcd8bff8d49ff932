/* Executors as text: forms, defaults, mistakes; leases of iterations; plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <swarm/swarm.h>

#include "run/spec.h"
#include "user/quota.h"
#include "user/plan.h"

static struct spec deflt;

static int setup(void **state)
{
	(void)state;
	spec_init(&deflt);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spec_release(&deflt);
	return 0;
}

static void test_users(void **state)
{
	struct spec s;

	(void)state;
	assert_int_equal(spec_parse(&s, "name=browse,classes=Reader,Writer,"
	    "users=100,spawn-rate=10,start=30s,time=2m", &deflt), 0);
	assert_string_equal(s.name, "browse");
	assert_string_equal(s.classes[0], "Reader");
	assert_string_equal(s.classes[1], "Writer");
	assert_null(s.classes[2]);
	assert_int_equal(s.users, 100);
	assert_float_equal(s.spawn_rate, 10, 0);
	assert_float_equal(s.start, 30, 0);
	assert_float_equal(s.time, 120, 0);
	assert_int_equal(spec_model(&s), SPEC_USERS);
	spec_release(&s);
}

static void test_lists_and_semicolons(void **state)
{
	struct spec s;

	(void)state;
	assert_int_equal(spec_parse(&s, "name=a,rate=30s:0-100,5m:80~20/10s,"
	    "when-busy=drop,catch-up=spread,queue=7", &deflt), 0);
	assert_string_equal(s.rate, "30s:0-100,5m:80~20/10s");
	assert_int_equal(s.busy, ARRIVALS_DROP);
	assert_int_equal(s.catch_up, ARRIVALS_SPREAD);
	assert_int_equal(s.queue, 7);
	/* The pool: as many as the highest rate. */
	assert_int_equal(s.users, 100);
	spec_release(&s);
	assert_int_equal(spec_parse(&s, "name=b; shape=spike:base=1,peak=5,"
	    "at=10s,for=5s; classes=X", &deflt), 0);
	assert_string_equal(s.shape, "spike:base=1,peak=5,at=10s,for=5s");
	assert_string_equal(s.classes[0], "X");
	spec_release(&s);
	assert_int_equal(spec_parse(&s, "name=c,iterations=1000,users=7",
	    &deflt), 0);
	assert_int_equal(spec_model(&s), SPEC_ITERATIONS);
	assert_true(s.spawn_rate > 1e6);
	spec_release(&s);
}

static void test_mistakes(void **state)
{
	static const char *const bad[] = { "", "users=5", "name=", "name=a b",
		"name=a,usres=5", "name=a,users=-1", "name=a,users",
		"name=a,rate=fast", "name=a,rate=5,iterations=5",
		"name=a,shape=stages:1m:5,user-iterations=5",
		"name=a,when-busy=cry", "name=a,catch-up=never",
		"name=a,time=soon", "name=a,classes=", "name=a,iterations=0",
		"name=a,shape=spike:base=1,peak=5,at=1s,for=1s" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct spec s;

		if (spec_parse(&s, bad[i], &deflt) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void test_declared(void **state)
{
	static const struct swarm_executor declared = { .name = "orders",
		.classes = "Buyer", .rate = "5", .start = 2, .time = 3,
		.catch_up = "drop", .queue = 9 };
	struct swarm_executor bad = declared;
	struct spec s;

	(void)state;
	assert_int_equal(spec_take(&s, &declared, &deflt, "test"), 0);
	assert_string_equal(s.name, "orders");
	assert_string_equal(s.classes[0], "Buyer");
	assert_int_equal(s.catch_up, ARRIVALS_SKIP);
	assert_int_equal(s.users, 10);
	assert_float_equal(s.start, 2, 0);
	assert_float_equal(s.time, 3, 0);
	assert_int_equal(s.queue, 9);
	spec_release(&s);
	bad.start = -1;
	assert_int_equal(spec_take(&s, &bad, &deflt, "test"), -1);
	bad = declared;
	bad.iterations = 4;
	assert_int_equal(spec_take(&s, &bad, &deflt, "test"), -1);
}

/* Three holders of unlike speed, one of which is lost on the way: together
 * they do the number, and none waits while there is work left. */
static void test_leases(void **state)
{
	struct quota l[3] = { { .number = 1 }, { .number = 2 },
		{ .number = 3 } };
	int64_t total = 100000, given = 0, done = 0, rounds = 0;

	(void)state;
	while (done < total) {
		for (int i = 0; i < 3; i++) {
			int64_t can = l[i].granted - l[i].started;
			int64_t speed = 7 + 30 * i;

			if (l[i].number == 0)
				continue;
			quota_grant(&l[i], &given, total, 3, 5);
			can = l[i].granted - l[i].started;
			can = can < speed ? can : speed;
			l[i].started += can;
			l[i].done += can;
			done += can;
		}
		if (++rounds == 500)
			quota_return(&l[2], &given);
		assert_true(given <= total);
		assert_true(rounds < 20000);
	}
	assert_int_equal(done, total);
	assert_int_equal(l[0].granted + l[1].granted + 500 * 67, total);
}

static void test_plan(void **state)
{
	const char *classes[] = { "A class, with = and spaces", "B" };
	struct plan_executor list[2] = {
		{ .name = "one", .classes = classes, .class_count = 2,
		  .granted = 12, .lease = 3 },
		{ .name = "", .granted = -1, .each = 5, .open = true,
		  .arrivals = { .number = 4, .schedule = "1s:0-5,5",
			.stripe = 1, .stripes = 3, .start = 77, .from = 88,
			.busy = ARRIVALS_DROP, .catch_up = ARRIVALS_SKIP,
			.queue_max = 9, .seed = 10, .poisson = true } } };
	const struct plan plan = { .paused = true, .shift = 55,
		.executors = list, .count = 2 };
	char *text = plan_text(&plan);
	struct plan back;

	(void)state;
	assert_int_equal(plan_parse(&back, text), 0);
	assert_true(back.paused);
	assert_int_equal(back.shift, 55);
	assert_int_equal(back.count, 2);
	assert_string_equal(back.executors[0].classes[0], classes[0]);
	assert_int_equal(back.executors[0].granted, 12);
	assert_int_equal(back.executors[0].lease, 3);
	assert_false(back.executors[0].open);
	assert_int_equal(back.executors[1].each, 5);
	assert_int_equal(back.executors[1].granted, -1);
	assert_string_equal(back.executors[1].arrivals.schedule, "1s:0-5,5");
	assert_int_equal(back.executors[1].arrivals.from, 88);
	assert_int_equal(back.executors[1].arrivals.catch_up, ARRIVALS_SKIP);
	plan_release(&back);
	free(text);
}

/* Each change of a rate makes another seed, up to the largest there is. */
static void test_any_seed(void **state)
{
	const char *classes[] = { "A" };
	struct plan_executor one = { .name = "", .classes = classes,
		.class_count = 1, .granted = -1, .open = true,
		.arrivals = { .schedule = "5", .stripes = 1,
			.seed = INT64_MAX } };
	const struct plan plan = { .executors = &one, .count = 1 };
	char *text = plan_text(&plan);
	struct plan back;

	(void)state;
	assert_int_equal(plan_parse(&back, text), 0);
	assert_true(back.executors[0].arrivals.seed == INT64_MAX);
	plan_release(&back);
	free(text);
}

static void test_bad_plans(void **state)
{
	static const char *const bad[] = { "pause", "pause x 1", "pause 1",
		"class A", "executor a\ngranted 5", "executor a\neach 0",
		"executor a\narrivals x", "executor a\narrivals "
		"stripe=3 stripes=2 schedule=5", "executor a\narrivals "
		"stripe=0 stripes=9999999 schedule=5",
		/* With pauses it would be more than there is. */
		"executor a\narrivals start=4000000000000000000 stripes=1 "
		"schedule=5" };
	char many[PLAN_EXECUTORS_MAX * 12 + 20] = "";
	struct plan p;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (plan_parse(&p, bad[i]) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	for (int i = 0; i <= PLAN_EXECUTORS_MAX; i++)
		memcpy(many + 11 * i, "executor a\n", 12);
	assert_int_equal(plan_parse(&p, many), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_lists_and_semicolons),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_declared),
		cmocka_unit_test(test_leases),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_any_seed),
		cmocka_unit_test(test_bad_plans),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
