/* The loop: order, budget, the real timer, the door, health. */
#include "fiber_test.h"

#include <pthread.h>

static char trace[64];

struct item {
	struct loop_item head;
	char c;
	int times;
};

static void run_item(struct loop_item *head)
{
	struct item *i = (struct item *)head;
	size_t n = strlen(trace);

	if (n + 1 < sizeof(trace)) {
		trace[n] = i->c;
		trace[n + 1] = '\0';
	}
	if (i->times-- > 0)
		loop_defer(head);
}

static int setup_loop(void **state)
{
	(void)state;
	trace[0] = '\0';
	return loop_init();
}

static int teardown_loop(void **state)
{
	(void)state;
	loop_release();
	clock_thaw();
	return 0;
}

static void test_order(void **state)
{
	struct item a = { .head.run = run_item, .c = 'a' };
	struct item b = { .head.run = run_item, .c = 'b' };

	(void)state;
	assert_true(loop_idle());
	loop_defer(&a.head);
	loop_defer(&b.head);
	loop_defer(&a.head);
	assert_false(loop_idle());
	assert_string_equal(trace, "");
	loop_once(true);
	assert_string_equal(trace, "ab");
	assert_true(loop_idle());
	a.times = 2;
	loop_defer(&a.head);
	loop_once(false);
	assert_string_equal(trace, "abaaa");
}

struct probe {
	struct wheel_timer timer;
	int64_t fired;
	bool done;
};

static void fire(struct wheel_timer *t)
{
	struct probe *p = (struct probe *)t;

	p->fired = clock_now();
	p->done = true;
}

static void post_done(void *arg)
{
	*(bool *)arg = true;
}

static void test_a_busy_queue_starves_nobody(void **state)
{
	struct item busy = { .head.run = run_item, .times = INT32_MAX };
	struct probe p = { .timer.fire = fire };
	bool posted = false;

	(void)state;
	loop_defer(&busy.head);
	wheel_add(&p.timer, clock_now() + 2 * NS_PER_MS);
	run_until(&p.done);
	loop_post(post_done, &posted);
	run_until(&posted);
}

static void test_the_timer_ends_the_wait(void **state)
{
	struct probe far = { .timer.fire = fire };
	struct probe p = { .timer.fire = fire };
	int64_t when = clock_now() + 5 * NS_PER_MS;

	(void)state;
	wheel_add(&far.timer, clock_now() + 3600 * NS_PER_S);
	loop_once(false);
	/* Earlier than what the timer may be armed for. */
	wheel_add(&p.timer, when);
	run_until(&p.done);
	assert_true(p.fired >= when);
	/* And again, with the timer armed too early this time. */
	p.done = false;
	wheel_add(&p.timer, clock_now() + NS_PER_MS);
	wheel_del(&p.timer);
	when = clock_now() + 4 * NS_PER_MS;
	wheel_add(&p.timer, when);
	run_until(&p.done);
	assert_true(p.fired >= when);
	assert_false(far.done);
	wheel_del(&far.timer);
}

#define THREADS 4
#define POSTS 2000

static struct poster {
	pthread_t thread;
	int next;
	int order_errors;
} posters[THREADS];

struct posted {
	struct poster *by;
	int n;
};

static int arrived;

static void arrive(void *arg)
{
	struct posted *p = arg;

	assert_true(loop_here());
	p->by->order_errors += p->by->next++ != p->n;
	free(p);
	if (++arrived == THREADS * POSTS)
		loop_stop();
}

static void *post_many(void *arg)
{
	assert_false(loop_here());
	for (int i = 0; i < POSTS; i++) {
		struct posted *p = malloc(sizeof(*p));

		*p = (struct posted){ arg, i };
		loop_post(arrive, p);
	}
	return NULL;
}

static void test_posts_of_threads(void **state)
{
	(void)state;
	arrived = 0;
	memset(posters, 0, sizeof(posters));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&posters[i].thread, NULL,
		    post_many, &posters[i]), 0);
	alarm(20);
	loop_run();
	alarm(0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(posters[i].thread, NULL);
		assert_int_equal(posters[i].next, POSTS);
		assert_int_equal(posters[i].order_errors, 0);
	}
}

static void post_again(void *arg)
{
	loop_post(post_done, arg);
}

static void test_post_from_a_post(void **state)
{
	bool done = false;

	(void)state;
	loop_post(post_again, &done);
	run_until(&done);
}

static void test_post_without_a_loop(void **state)
{
	bool done = false;

	(void)state;
	loop_post(post_done, &done);
	loop_release();
	loop_post(post_done, &done);
	assert_false(loop_here());
	assert_int_equal(loop_init(), 0);
	assert_true(loop_here());
	loop_once(false);
	assert_false(done);
}

static void take_seven(struct loop_item *item)
{
	(void)item;
	clock_advance(7 * NS_PER_MS);
}

static void test_health(void **state)
{
	struct loop_item slow = { .run = take_seven };
	struct loop_health h;

	(void)state;
	clock_freeze(NS_PER_S);
	loop_health(&h);
	assert_true(h.busy_ns == 0);
	loop_defer(&slow);
	loop_once(true);
	loop_once(false);
	loop_health(&h);
	assert_true(h.busy_ns == 7 * NS_PER_MS);
	assert_true(h.longest_pass_ns == 7 * NS_PER_MS);
	assert_int_equal(h.passes, 2);
	loop_health(&h);
	assert_true(h.longest_pass_ns == 0);
}

static void test_sigpipe_is_ignored(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	close(fd[0]);
	assert_int_equal(write(fd[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(fd[1]);
}

#define TEST_LOOP(name) \
	cmocka_unit_test_setup_teardown(name, setup_loop, teardown_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LOOP(test_order),
		TEST_LOOP(test_a_busy_queue_starves_nobody),
		TEST_LOOP(test_the_timer_ends_the_wait),
		TEST_LOOP(test_posts_of_threads),
		TEST_LOOP(test_post_from_a_post),
		TEST_LOOP(test_post_without_a_loop),
		TEST_LOOP(test_health),
		TEST_LOOP(test_sigpipe_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
