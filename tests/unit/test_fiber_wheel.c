/* The timer wheel on a frozen clock. */
#include "base/clock.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "fiber/wheel.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define START (100 * NS_PER_S + 123456)

struct probe {
	struct wheel_timer timer;
	int fired;
	int64_t at;
	int order;
};

static int order;

static void fire(struct wheel_timer *t)
{
	struct probe *p = (struct probe *)t;

	p->fired++;
	p->at = clock_now();
	p->order = ++order;
}

static int setup(void **state)
{
	(void)state;
	order = 0;
	clock_freeze(START);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	clock_thaw();
	return 0;
}

static void go(int64_t ns)
{
	clock_advance(ns);
	wheel_advance(clock_now());
}

static void test_never_early_at_most_a_tick_late(void **state)
{
	static const int64_t waits[] = { 1, NS_PER_MS - 1, NS_PER_MS,
		NS_PER_MS + 1, 8191 * NS_PER_MS, 8192 * NS_PER_MS,
		8193 * NS_PER_MS, 60 * NS_PER_S, 1048 * NS_PER_S,
		1049 * NS_PER_S, 2 * 3600 * NS_PER_S, 86400 * NS_PER_S };

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct probe p = { .timer.fire = fire };
		int64_t when = clock_now() + waits[i];
		int steps = 0;

		wheel_add(&p.timer, when);
		assert_true(wheel_pending(&p.timer));
		while (!p.fired) {
			int64_t next = wheel_next();

			assert_true(next != INT64_MAX);
			assert_true(++steps < 200);
			if (next > clock_now())
				clock_freeze(next);
			wheel_advance(clock_now());
		}
		assert_false(wheel_pending(&p.timer));
		assert_true(p.at >= when);
		assert_true(p.at < when + NS_PER_MS);
		assert_true(wheel_next() == INT64_MAX);
	}
}

static void test_order(void **state)
{
	struct probe p[4] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		p[i].timer.fire = fire;
	wheel_add(&p[0].timer, START + 9000 * NS_PER_MS);
	wheel_add(&p[1].timer, START + 3 * NS_PER_MS);
	wheel_add(&p[2].timer, START + 3 * NS_PER_MS);
	wheel_add(&p[3].timer, START + 1 * NS_PER_MS);
	go(20 * NS_PER_S);
	assert_int_equal(p[3].order, 1);
	assert_int_equal(p[1].order, 2);
	assert_int_equal(p[2].order, 3);
	assert_int_equal(p[0].order, 4);
}

static void test_past_and_forever(void **state)
{
	struct probe p = { .timer.fire = fire };
	struct probe far = { .timer.fire = fire };

	(void)state;
	wheel_add(&far.timer, INT64_MAX);
	wheel_add(&p.timer, START - 5 * NS_PER_S);
	assert_true(wheel_next() <= START);
	go(0);
	assert_int_equal(p.fired, 1);
	wheel_add(&p.timer, -1);
	go(0);
	assert_int_equal(p.fired, 2);
	for (int i = 0; i < 100; i++)
		go(3600 * NS_PER_S);
	assert_int_equal(far.fired, 0);
	wheel_del(&far.timer);
	assert_true(wheel_next() == INT64_MAX);
}

static void test_delete_and_set_again(void **state)
{
	struct probe p = { .timer.fire = fire };

	(void)state;
	wheel_del(&p.timer);
	wheel_add(&p.timer, START + NS_PER_S);
	wheel_add(&p.timer, START + 2 * NS_PER_S);
	go(NS_PER_S + NS_PER_MS);
	assert_int_equal(p.fired, 0);
	go(NS_PER_S);
	assert_int_equal(p.fired, 1);
	wheel_add(&p.timer, clock_now() + NS_PER_S);
	wheel_del(&p.timer);
	assert_true(wheel_next() == INT64_MAX);
	go(5 * NS_PER_S);
	assert_int_equal(p.fired, 1);
}

static struct probe other;
static int again;

static void fire_and_change(struct wheel_timer *t)
{
	/* Takes one away that is due in this very turn, sets itself. */
	wheel_del(&other.timer);
	if (again-- > 0)
		wheel_add(t, START);
}

static void test_changes_while_firing(void **state)
{
	struct probe p = { .timer.fire = fire_and_change };

	(void)state;
	memset(&other, 0, sizeof(other));
	other.timer.fire = fire;
	again = 3;
	wheel_add(&p.timer, START + NS_PER_MS);
	wheel_add(&other.timer, START + NS_PER_MS);
	go(5 * NS_PER_MS);
	assert_int_equal(other.fired, 0);
	assert_false(wheel_pending(&other.timer));
	/* One that sets itself for a past time waits for the next turn. */
	assert_int_equal(again, 2);
	go(0);
	go(0);
	go(0);
	assert_int_equal(again, -1);
	assert_false(wheel_pending(&p.timer));
}

static void fire_and_jump(struct wheel_timer *t)
{
	fire(t);
	wheel_advance(clock_now());
}

static void test_advance_within_advance(void **state)
{
	struct probe p = { .timer.fire = fire_and_jump };

	(void)state;
	memset(&other, 0, sizeof(other));
	other.timer.fire = fire;
	wheel_add(&p.timer, START + NS_PER_MS);
	wheel_add(&other.timer, START + NS_PER_MS);
	go(3 * NS_PER_MS);
	assert_int_equal(p.fired, 1);
	assert_int_equal(other.fired, 1);
}

static void test_clock_set_back_when_empty(void **state)
{
	struct probe p = { .timer.fire = fire };

	(void)state;
	wheel_add(&p.timer, START);
	go(NS_PER_MS);
	assert_int_equal(p.fired, 1);
	clock_freeze(NS_PER_S);
	wheel_add(&p.timer, NS_PER_S + 5 * NS_PER_MS);
	go(4 * NS_PER_MS);
	assert_int_equal(p.fired, 1);
	go(2 * NS_PER_MS);
	assert_int_equal(p.fired, 2);
}

/* Thousands of timers over all levels beside a model that compares times. */
static void test_random(void **state)
{
	enum { TIMERS = 2000 };
	struct probe *p = xcalloc(TIMERS, sizeof(*p));
	int64_t *when = xcalloc(TIMERS, sizeof(*when));
	struct rng r;

	(void)state;
	rng_seed(&r, 5, 0);
	for (int i = 0; i < TIMERS; i++)
		p[i].timer.fire = fire;
	for (int step = 0; step < 3000; step++) {
		int64_t now;

		for (int n = 0; n < 5; n++) {
			size_t i = rng_below(&r, TIMERS);
			int scale = (int)rng_below(&r, 42);

			if (rng_below(&r, 4) == 0) {
				wheel_del(&p[i].timer);
				continue;
			}
			when[i] = clock_now() - NS_PER_MS + (int64_t)rng_below(
			    &r, UINT64_C(1) << scale);
			p[i].fired = 0;
			wheel_add(&p[i].timer, when[i]);
		}
		go((int64_t)rng_below(&r, UINT64_C(1) << rng_below(&r, 36)));
		now = clock_now();
		for (int i = 0; i < TIMERS; i++) {
			if (wheel_pending(&p[i].timer))
				assert_true(when[i] + NS_PER_MS > now);
			if (p[i].fired)
				assert_true(when[i] <= now);
			assert_true(p[i].fired <= 1);
			assert_false(p[i].fired &&
			    wheel_pending(&p[i].timer));
			if (wheel_pending(&p[i].timer))
				assert_true(wheel_next() <= now ||
				    wheel_next() < when[i] + NS_PER_MS);
		}
	}
	for (int i = 0; i < TIMERS; i++)
		wheel_del(&p[i].timer);
	assert_true(wheel_next() == INT64_MAX);
	free(p);
	free(when);
}

/* Many in one slot, near or far, that remove and set each other. */
enum { CROWD = 1000 };

static struct crowd {
	struct probe p[CROWD];
	struct rng rng;
	int64_t again_at;
	int moved;
} crowd;

static void fire_in_crowd(struct wheel_timer *t)
{
	struct probe *victim = &crowd.p[rng_below(&crowd.rng, CROWD)];

	fire(t);
	if (!wheel_pending(&victim->timer))
		return;
	crowd.moved++;
	if (rng_below(&crowd.rng, 2))
		wheel_add(&victim->timer, crowd.again_at);
	else
		wheel_del(&victim->timer);
}

static void check_crowd(int64_t wait)
{
	int fired = 0, pending = 0;

	memset(&crowd, 0, sizeof(crowd));
	rng_seed(&crowd.rng, 9, (uint64_t)wait);
	crowd.again_at = clock_now() + 2 * wait;
	for (int i = 0; i < CROWD; i++) {
		crowd.p[i].timer.fire = fire_in_crowd;
		wheel_add(&crowd.p[i].timer, clock_now() + wait);
	}
	go(wait + NS_PER_MS);
	for (int i = 0; i < CROWD; i++) {
		fired += crowd.p[i].fired;
		pending += wheel_pending(&crowd.p[i].timer);
		crowd.p[i].timer.fire = fire;
	}
	assert_true(crowd.moved > 100);
	assert_true(pending > 50);
	assert_true(fired < CROWD);
	go(wait);
	for (int i = 0; i < CROWD; i++) {
		assert_true(crowd.p[i].fired <= 1);
		assert_false(wheel_pending(&crowd.p[i].timer));
		pending -= crowd.p[i].fired;
	}
	assert_int_equal(pending, -fired);
	assert_true(wheel_next() == INT64_MAX);
}

static void test_crowd(void **state)
{
	(void)state;
	check_crowd(5 * NS_PER_MS);
	check_crowd(20 * NS_PER_S);
	check_crowd(2000 * NS_PER_S);
}

/* Deadlines that never come: their places are used again. */
static void test_churn_is_bounded(void **state)
{
	struct probe p[10] = { 0 };
	size_t before = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		p[i].timer.fire = fire;
	for (int i = 0; i < 200000; i++) {
		struct wheel_timer *t = &p[i % 10].timer;

		if (i == 1000)
			before = mallinfo2().uordblks;
		wheel_add(t, clock_now() + 30 * NS_PER_S);
		go(10 * NS_PER_US);
	}
	assert_true(mallinfo2().uordblks <= before + 65536);
	for (int i = 0; i < 10; i++)
		wheel_del(&p[i].timer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_never_early_at_most_a_tick_late),
		TEST(test_order),
		TEST(test_past_and_forever),
		TEST(test_delete_and_set_again),
		TEST(test_changes_while_firing),
		TEST(test_advance_within_advance),
		TEST(test_clock_set_back_when_empty),
		TEST(test_random),
		TEST(test_crowd),
		TEST(test_churn_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
