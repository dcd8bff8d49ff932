/* Park and wake: before, after, from elsewhere, too late. */
#include "fiber_test.h"

#include <swarm/fiber.h>

#include <pthread.h>

static struct swarm_waker *waker;

struct parker {
	int64_t deadline;
	int times;
	int woken;
	int error;
	bool done;
};

static void park(void *arg)
{
	struct parker *p = arg;

	waker = swarm_waker();
	for (int i = 0; i < p->times; i++) {
		if (swarm_park(p->deadline) == -1) {
			p->error = errno;
			break;
		}
		p->woken++;
	}
	p->done = true;
}

static void test_wake(void **state)
{
	struct parker p = { .deadline = SWARM_FOREVER, .times = 2 };

	(void)state;
	fiber_start(NULL, park, &p, NULL);
	settle();
	assert_int_equal(p.woken, 0);
	/* Two wakes before it runs are one. */
	swarm_wake(waker);
	swarm_wake(waker);
	settle();
	assert_int_equal(p.woken, 1);
	swarm_wake(waker);
	settle();
	assert_true(p.done);
	assert_int_equal(p.woken, 2);
	swarm_waker_free(waker);
}

static void wake_first(void *arg)
{
	struct swarm_waker *w = swarm_waker();
	struct swarm_waker *same = swarm_waker();
	int *woken = arg;

	assert_ptr_equal(w, same);
	swarm_wake(w);
	swarm_waker_free(same);
	*woken += swarm_park(SWARM_FOREVER) == 0;
	/* It was used up. */
	assert_int_equal(swarm_park(swarm_now() + NS_PER_MS), -1);
	assert_int_equal(errno, ETIMEDOUT);
	swarm_waker_free(w);
	swarm_waker_free(NULL);
}

static void test_wake_before_park(void **state)
{
	int woken = 0;

	(void)state;
	fiber_start(NULL, wake_first, &woken, NULL);
	assert_int_equal(woken, 1);
	settle();
	clock_advance(2 * NS_PER_MS);
	settle();
}

static void test_a_wake_while_waiting_for_something_else(void **state)
{
	struct parker p = { .deadline = SWARM_FOREVER, .times = 1 };
	struct fiber *f;

	(void)state;
	/* A token does not end other waits, and is still there after. */
	f = fiber_start(NULL, park, &p, NULL);
	swarm_wake(waker);
	settle();
	assert_true(p.done);
	assert_null(fiber_find(fiber_id(f)));
	swarm_waker_free(waker);
}

static void sleep_then_park(void *arg)
{
	struct parker *p = arg;

	waker = swarm_waker();
	assert_int_equal(swarm_sleep(0.005), 0);
	p->woken = swarm_park(SWARM_FOREVER) == 0;
	p->done = true;
}

static void test_a_wake_does_not_end_a_sleep(void **state)
{
	struct parker p = { 0 };

	(void)state;
	fiber_start(NULL, sleep_then_park, &p, NULL);
	swarm_wake(waker);
	settle();
	assert_false(p.done);
	clock_advance(6 * NS_PER_MS);
	settle();
	assert_true(p.done);
	assert_true(p.woken);
	swarm_waker_free(waker);
}

static void test_timeout_and_wake_in_one_pass(void **state)
{
	struct parker p = { .deadline = START + NS_PER_MS, .times = 1 };

	(void)state;
	fiber_start(NULL, park, &p, NULL);
	clock_advance(2 * NS_PER_MS);
	wheel_advance(clock_now());
	swarm_wake(waker);
	settle();
	assert_int_equal(p.woken, 1);
	swarm_waker_free(waker);
}

static void test_cancelled(void **state)
{
	struct parker p = { .deadline = SWARM_FOREVER, .times = 5 };
	struct fiber *f;

	(void)state;
	f = fiber_start(NULL, park, &p, NULL);
	fiber_cancel(f, true);
	settle();
	assert_true(p.done);
	assert_int_equal(p.woken, 0);
	assert_int_equal(p.error, ECANCELED);
	swarm_waker_free(waker);
	/* At once, though a wake is remembered. */
	p = (struct parker){ .deadline = SWARM_FOREVER, .times = 5 };
	f = fiber_start(NULL, park, &p, NULL);
	swarm_wake(waker);
	fiber_cancel(f, true);
	settle();
	assert_int_equal(p.woken, 1);
	assert_int_equal(p.error, ECANCELED);
	swarm_waker_free(waker);
}

static void test_wake_after_the_end(void **state)
{
	struct parker p = { .deadline = START, .times = 1 };
	struct parker next = { .deadline = SWARM_FOREVER, .times = 1 };
	struct swarm_waker *old;

	(void)state;
	fiber_start(NULL, park, &p, NULL);
	settle();
	assert_true(p.done);
	old = waker;
	/* The next fiber has the same stack and must not notice. */
	fiber_start(NULL, park, &next, NULL);
	assert_ptr_not_equal(waker, old);
	swarm_wake(old);
	settle();
	assert_false(next.done);
	swarm_waker_free(old);
	swarm_wake(waker);
	settle();
	assert_true(next.done);
	swarm_waker_free(waker);
}

static void take_waker(void *arg)
{
	waker = swarm_waker();
	swarm_waker_free(waker);
	(void)arg;
}

static void test_waker_is_used_again(void **state)
{
	struct swarm_waker *first;

	(void)state;
	fiber_start(NULL, take_waker, NULL, NULL);
	first = waker;
	fiber_start(NULL, take_waker, NULL, NULL);
	assert_ptr_equal(waker, first);
}

static void *wake_thread(void *arg)
{
	for (int i = 0; i < 100; i++)
		swarm_wake(arg);
	swarm_waker_free(arg);
	return NULL;
}

static void park_for_thread(void *arg)
{
	struct parker *p = arg;
	pthread_t thread;

	waker = swarm_waker();
	assert_int_equal(
	    pthread_create(&thread, NULL, wake_thread, waker), 0);
	assert_int_equal(swarm_park(SWARM_FOREVER), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	p->done = true;
	/* Ends with posts under way. */
}

static void test_wake_from_threads(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct parker p = { 0 };

		fiber_start(NULL, park_for_thread, &p, NULL);
		run_until(&p.done);
	}
	settle();
}

/* ---- lists ---- */

static struct swarm_waiters list;

struct listed {
	int64_t deadline;
	int rc;
	int error;
	bool done;
};

static void wait_on_list(void *arg)
{
	struct listed *l = arg;

	l->rc = swarm_waiters_wait(&list, l->deadline);
	l->error = errno;
	l->done = true;
}

static void test_list_wakes_all(void **state)
{
	struct listed l[3] = { { .deadline = SWARM_FOREVER },
		{ .deadline = SWARM_FOREVER }, { .deadline = SWARM_FOREVER } };

	(void)state;
	swarm_waiters_wake(&list);
	for (int i = 0; i < 3; i++)
		fiber_start(NULL, wait_on_list, &l[i], NULL);
	settle();
	for (int i = 0; i < 3; i++)
		assert_false(l[i].done);
	swarm_waiters_wake(&list);
	settle();
	for (int i = 0; i < 3; i++) {
		assert_true(l[i].done);
		assert_int_equal(l[i].rc, 0);
	}
	assert_null(list.first);
}

/* Who gives up takes himself off, from the middle of the list too. */
static void test_list_is_left(void **state)
{
	struct listed l[3] = { { .deadline = SWARM_FOREVER },
		{ .deadline = SWARM_FOREVER }, { .deadline = SWARM_FOREVER } };
	struct fiber *last = NULL;

	(void)state;
	l[1].deadline = clock_now() + NS_PER_MS;
	for (int i = 0; i < 3; i++)
		last = fiber_start(NULL, wait_on_list, &l[i], NULL);
	clock_advance(2 * NS_PER_MS);
	settle();
	assert_true(l[1].done);
	assert_int_equal(l[1].rc, -1);
	assert_int_equal(l[1].error, ETIMEDOUT);
	assert_false(l[0].done || l[2].done);
	fiber_cancel(last, true);
	settle();
	assert_int_equal(l[2].rc, -1);
	assert_int_equal(l[2].error, ECANCELED);
	assert_false(l[0].done);
	swarm_waiters_wake(&list);
	settle();
	assert_true(l[0].done);
	assert_int_equal(l[0].rc, 0);
	assert_null(list.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wake),
		TEST(test_wake_before_park),
		TEST(test_a_wake_while_waiting_for_something_else),
		TEST(test_a_wake_does_not_end_a_sleep),
		TEST(test_timeout_and_wake_in_one_pass),
		TEST(test_cancelled),
		TEST(test_wake_after_the_end),
		TEST(test_waker_is_used_again),
		TEST(test_wake_from_threads),
		TEST(test_list_wakes_all),
		TEST(test_list_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
