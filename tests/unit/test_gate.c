/*
 * What lets users begin iterations, on a virtual clock: arrivals, what becomes
 * of late ones, pauses, plans that follow each other, numbers of iterations.
 *
 * The timer of arrivals is a real one, set to moments of the virtual clock,
 * which are long gone: it fires on every pass, and the virtual clock decides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include <swarm/swarm.h>

#include "base/clock.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "stats/stats.h"
#include "user/gate.h"
#include "user/plan.h"
#include "user/user.h"

static struct stats *stats;
static bool stopped;
static int told;
static unsigned runs;

static void on_stopped(void *arg)
{
	(void)arg;
	stopped = true;
}

static void on_progressed(void *arg)
{
	(void)arg;
	told++;
}

static void task(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "GATE", "task");

	runs++;
	swarm_done(&t, 1);
}

static void pass_ms(int ms)
{
	for (int i = 0; i < ms; i++) {
		clock_advance(NS_PER_MS);
		loop_once(false);
		loop_once(false);
	}
}

static void begin(size_t users_wanted)
{
	struct users_options options = { .seed = 1, .stopped = on_stopped,
		.progressed = on_progressed };

	stats = stats_new(100, 100);
	options.stats = stats;
	stopped = false;
	told = 0;
	runs = 0;
	users_init(&options);
	users_set_target(0, users_wanted, 0);
}

static void end(void)
{
	gate_stop();
	users_stop(0);
	for (int i = 0; i < 5000 && !stopped; i++)
		pass_ms(1);
	assert_true(stopped);
	users_release();
	stats_free(stats);
}

static const char *classes[] = { "one" };

/* 100 arrivals a second, from 100 ms on, for a second. */
static struct plan_executor hundred(enum arrivals_catch_up catch_up)
{
	return (struct plan_executor){ .name = "", .classes = classes,
		.class_count = 1, .granted = -1, .open = true,
		.arrivals = { .number = 1, .schedule = "1s:100",
			.stripes = 1, .start = clock_now() + NS_PER_S / 10,
			.catch_up = catch_up, .queue_max = 1000 } };
}

static void apply(struct plan_executor *e, bool paused, int64_t shift)
{
	const struct plan plan = { .paused = paused, .shift = shift,
		.executors = e, .count = 1 };

	assert_int_equal(gate_apply(&plan), 0);
}

static struct gate_progress now(void)
{
	struct gate_progress p;

	assert_int_equal(gate_progress(&p, 1), 1);
	return p;
}

static double lag_ms(double q)
{
	return (double)histogram_quantile(series_response(
	    stats_find(stats, "GATE", "task")), q) / 1e6;
}

static void test_even(void **state)
{
	struct plan_executor e;

	(void)state;
	begin(5);
	e = hundred(ARRIVALS_BURST);
	apply(&e, false, 0);
	pass_ms(105);
	assert_int_equal(runs, 0);
	pass_ms(500);
	assert_int_equal(runs, 50);
	pass_ms(700);
	assert_int_equal(runs, 100);
	assert_int_equal(now().due, 100);
	assert_int_equal(now().late, 0);
	assert_true(lag_ms(1) <= 1.1);
	end();
}

/* The loop is held up for 300 ms, from the 20th arrival on. */
static struct plan_executor stall(enum arrivals_catch_up catch_up)
{
	struct plan_executor e;

	begin(50);
	e = hundred(catch_up);
	apply(&e, false, 0);
	pass_ms(302);
	assert_int_equal(runs, 20);
	clock_advance(300 * NS_PER_MS);
	return e;
}

static void test_burst(void **state)
{
	(void)state;
	stall(ARRIVALS_BURST);
	pass_ms(2);
	assert_int_equal(runs, 50);
	pass_ms(600);
	assert_int_equal(runs, 100);
	/* All but the last one or two were over 10 ms late. */
	assert_in_range(now().late, 28, 30);
	assert_int_equal(now().dropped, 0);
	assert_true(lag_ms(1) > 250);
	end();
}

/* 30 late ones, at no more than 200 a second. */
static void test_spread(void **state)
{
	(void)state;
	stall(ARRIVALS_SPREAD);
	pass_ms(50);
	assert_in_range(runs, 28, 32);
	pass_ms(100);
	assert_in_range(runs, 47, 52);
	pass_ms(700);
	assert_int_equal(runs, 100);
	assert_int_equal(now().dropped, 0);
	end();
}

static void test_skip(void **state)
{
	(void)state;
	stall(ARRIVALS_SKIP);
	pass_ms(700);
	assert_in_range(now().late, 28, 30);
	assert_int_equal(now().dropped, now().late);
	assert_int_equal(runs + now().dropped, 100);
	assert_true(lag_ms(1) < 12);
	end();
}

/* Two seconds in the middle: nothing is lost, and nothing is late. */
static void test_pause(void **state)
{
	struct plan_executor e;
	unsigned before;

	(void)state;
	begin(5);
	e = hundred(ARRIVALS_BURST);
	apply(&e, false, 0);
	pass_ms(605);
	before = runs;
	assert_int_equal(before, 50);
	apply(&e, true, 0);
	pass_ms(2000);
	assert_int_equal(runs, before);
	apply(&e, false, 2 * NS_PER_S);
	pass_ms(4);
	assert_int_equal(runs, before);
	pass_ms(700);
	assert_int_equal(runs, 100);
	assert_true(lag_ms(1) <= 1.1);
	end();
}

/* From 400 ms on another worker has every second one. */
static void test_hand_over(void **state)
{
	struct plan_executor e;

	(void)state;
	begin(5);
	e = hundred(ARRIVALS_BURST);
	apply(&e, false, 0);
	pass_ms(300);
	e.arrivals.number = 2;
	e.arrivals.stripes = 2;
	e.arrivals.from = 400 * NS_PER_MS;
	apply(&e, false, 0);
	apply(&e, false, 0);
	pass_ms(1000);
	/* 39 before that moment, and of 40..100 those with odd numbers. */
	assert_int_equal(runs, 39 + 30);
	end();
}

static void test_granted(void **state)
{
	struct plan_executor e = { .name = "work", .classes = classes,
		.class_count = 1, .granted = 10, .lease = 1 };

	(void)state;
	begin(3);
	apply(&e, false, 0);
	pass_ms(50);
	assert_int_equal(runs, 10);
	assert_int_equal(now().started, 10);
	assert_int_equal(now().done, 10);
	assert_int_equal(now().idle, 3);
	assert_true(told > 0);
	e.granted = 15;
	apply(&e, false, 0);
	apply(&e, false, 0);
	pass_ms(50);
	assert_int_equal(runs, 15);
	/* A new lease counts from nothing. */
	e.granted = 4;
	e.lease = 2;
	apply(&e, false, 0);
	pass_ms(50);
	assert_int_equal(runs, 19);
	assert_int_equal(now().done, 4);
	/* A named executor sums its samples up, apart from the total. */
	assert_int_equal(stats_find(stats, "executor", "work")->requests, 19);
	assert_int_equal(stats->total.requests, 19);
	end();
}

static void test_each(void **state)
{
	struct plan_executor e = { .name = "", .classes = classes,
		.class_count = 1, .granted = -1, .each = 4 };

	(void)state;
	begin(3);
	apply(&e, false, 0);
	pass_ms(50);
	assert_int_equal(runs, 12);
	assert_int_equal(users_alive(), 0);
	end();
}

static void resume(void *arg)
{
	apply(arg, false, 0);
}

/* Those who wait are told to go on by a user that runs, and to stop before
 * their turn has come. */
static void test_stopped_before_their_turn(void **state)
{
	struct plan_executor e = { .name = "", .classes = classes,
		.class_count = 1, .granted = -1 };

	(void)state;
	begin(3);
	apply(&e, true, 0);
	pass_ms(5);
	assert_int_equal(now().idle, 0);
	assert_int_equal(runs, 0);
	fiber_start(NULL, resume, &e, NULL);
	users_set_target(0, 1, 0);
	assert_int_equal(users_running(0), 1);
	pass_ms(5);
	assert_true(runs > 0);
	assert_int_equal(users_alive(), 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_granted),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_stopped_before_their_turn),
	};
	int failed;

	clock_freeze(NS_PER_S);
	if (loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return 1;
	swarm_class_add(&(struct swarm_user_class){ .name = "one",
	    .tasks = SWARM_TASKS(SWARM_TASK(task)) });
	user_class_select(NULL, NULL, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fiber_release();
	loop_release();
	return failed;
}
