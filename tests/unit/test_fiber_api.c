/* Sleeps, helper fibers, and callbacks on the loop, as plugins see them. */
#include "fiber_test.h"

#include <swarm/fiber.h>
#include <swarm/libevent.h>
#include <swarm/loop.h>

#include <math.h>
#include <sys/socket.h>

static void test_times(void **state)
{
	(void)state;
	assert_true(swarm_now() == START);
	assert_true(swarm_in(1.5) == START + 1500 * NS_PER_MS);
	assert_true(swarm_in(0) == START);
	assert_true(swarm_in(-5) == START);
	assert_true(swarm_in(NAN) == START);
	assert_true(swarm_in(1e30) == SWARM_FOREVER);
	assert_true(swarm_in(INFINITY) == SWARM_FOREVER);
}

struct sleeper {
	double seconds;
	int rc;
	int error;
	bool done;
};

static void sleeps(void *arg)
{
	struct sleeper *s = arg;

	s->rc = swarm_sleep(s->seconds);
	s->error = errno;
	s->done = true;
}

static void test_sleep(void **state)
{
	struct sleeper s = { .seconds = 0.25 };
	struct sleeper zero = { .seconds = 0 };
	struct sleeper back = { .seconds = -1 };
	struct sleeper ever = { .seconds = INFINITY };
	struct fiber *f;

	(void)state;
	fiber_start(NULL, sleeps, &zero, NULL);
	fiber_start(NULL, sleeps, &back, NULL);
	/* The others run first. */
	assert_false(zero.done);
	settle();
	assert_true(zero.done);
	assert_int_equal(zero.rc, 0);
	assert_true(back.done);
	assert_int_equal(back.rc, 0);

	f = fiber_start(NULL, sleeps, &s, NULL);
	clock_advance(249 * NS_PER_MS);
	fiber_ready(f);
	settle();
	assert_false(s.done);
	clock_advance(NS_PER_MS);
	settle();
	assert_true(s.done);
	assert_int_equal(s.rc, 0);

	f = fiber_start(NULL, sleeps, &ever, NULL);
	clock_advance(1000000 * NS_PER_S);
	settle();
	assert_false(ever.done);
	fiber_cancel(f, true);
	settle();
	assert_int_equal(ever.rc, -1);
	assert_int_equal(ever.error, ECANCELED);
}

static void sleep_deep(void *arg)
{
	volatile char block[20000];

	block[0] = 1;
	block[sizeof(block) - 1] = 2;
	/* A long sleep gives unused pages back; these are in use. */
	sleeps(arg);
	assert_int_equal(block[0], 1);
	assert_int_equal(block[sizeof(block) - 1], 2);
}

static void test_long_sleep_keeps_the_stack(void **state)
{
	struct sleeper s = { .seconds = 30 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		s.done = false;
		fiber_start(NULL, i % 2 ? sleep_deep : sleeps, &s, NULL);
		clock_advance(31 * NS_PER_S);
		settle();
		assert_true(s.done);
	}
}

static struct swarm_user *const user = (struct swarm_user *)&user;
static struct swarm_fiber *helper;
static int joined, join_error, helped;

/* As swarm_spawn() does, which is the user room's. */
static struct swarm_fiber *spawn(void (*fn)(void *), void *arg)
{
	return fiber_handle(fiber_start_in(
	    fiber_group(fiber_self()), user, fn, arg, NULL));
}

static void help(void *arg)
{
	assert_ptr_equal(fiber_user(fiber_self()), user);
	while (swarm_sleep(*(double *)arg) == 0)
		if (++helped == 2)
			return;
	helped = -1;
}

static void spawn_and_join(void *arg)
{
	helper = spawn(help, arg);
	assert_non_null(helper);
	joined = swarm_join(helper, swarm_in(5));
	join_error = errno;
}

static void test_join(void **state)
{
	double step = 1, slow = 100;

	(void)state;
	helped = 0;
	joined = 1;
	fiber_start(user, spawn_and_join, &step, NULL);
	settle();
	clock_advance(NS_PER_S);
	settle();
	assert_int_equal(joined, 1);
	clock_advance(NS_PER_S);
	settle();
	assert_int_equal(joined, 0);

	fiber_start(user, spawn_and_join, &slow, NULL);
	settle();
	clock_advance(6 * NS_PER_S);
	settle();
	assert_int_equal(joined, -1);
	assert_int_equal(join_error, ETIMEDOUT);
	/* The join left; the end of the helper must not look for it. */
	swarm_cancel(helper);
	settle();
	assert_int_equal(helped, -1);
	swarm_cancel(helper);
}

static void take_nothing(void *arg)
{
	(void)arg;
}

static void join_late(void *arg)
{
	struct fiber *self = fiber_self();
	struct swarm_fiber *gone, *another;
	double never = INFINITY;

	gone = spawn(take_nothing, arg);
	assert_int_equal(swarm_sleep(0), 0);
	assert_int_equal(swarm_sleep(0), 0);
	/* It has ended, and its stack serves another now. */
	another = spawn(help, &never);
	assert_ptr_not_equal(gone, another);
	assert_int_equal(swarm_join(gone, SWARM_FOREVER), 0);
	assert_int_equal(swarm_join(gone, SWARM_FOREVER), 0);
	swarm_cancel(gone);
	assert_int_equal(swarm_join(another, swarm_in(0)), -1);
	assert_int_equal(errno, ETIMEDOUT);
	swarm_cancel(another);
	assert_int_equal(swarm_join(another, SWARM_FOREVER), 0);
	assert_int_equal(swarm_join((struct swarm_fiber *)fiber_id(self),
	    SWARM_FOREVER), -1);
	assert_int_equal(errno, EDEADLK);
}

static void test_join_late(void **state)
{
	(void)state;
	fiber_start(user, join_late, NULL, NULL);
	settle();
	clock_advance(NS_PER_S);
	settle();
}

static void join_it(void *arg)
{
	assert_int_equal(swarm_join(helper, SWARM_FOREVER), 0);
	++*(int *)arg;
}

static void spawn_two(void *arg)
{
	double step = 1;

	helper = spawn(help, &step);
	spawn(join_it, arg);
	spawn(join_it, arg);
	join_it(arg);
}

static void test_join_of_several(void **state)
{
	int count = 0;

	(void)state;
	helped = 0;
	fiber_start(user, spawn_two, &count, NULL);
	for (int i = 0; i < 3; i++) {
		settle();
		clock_advance(NS_PER_S);
	}
	settle();
	assert_int_equal(count, 3);
}

static void spawn_and_leave(void *arg)
{
	spawn(help, arg);
}

static void test_helpers_belong_to_the_group(void **state)
{
	struct fiber_group g = { 0 };
	double step = 1000;

	(void)state;
	helped = 0;
	fiber_start_in(&g, user, spawn_and_leave, &step, NULL);
	settle();
	assert_int_equal(g.count, 1);
	fiber_group_cancel(&g, true);
	settle();
	assert_int_equal(g.count, 0);
	assert_int_equal(helped, -1);
}

static struct swarm_watch *watch;
static unsigned seen;
static int seen_count;

static void on_ready(int fd, unsigned ready, void *arg)
{
	char c;

	assert_null(fiber_self());
	seen = ready;
	seen_count++;
	if (arg) {
		swarm_watch_free(watch);
		return;
	}
	if (ready & SWARM_READ)
		assert_int_equal(read(fd, &c, 1), 1);
}

static void test_watch(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	seen_count = 0;
	watch = swarm_watch_new(pair[0], SWARM_READ, on_ready, NULL);
	assert_non_null(watch);
	settle();
	assert_int_equal(seen_count, 0);
	/* Level-triggered: two bytes, read one by one, are two calls. */
	assert_int_equal(write(pair[1], "ab", 2), 2);
	settle();
	settle();
	settle();
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen, SWARM_READ);
	assert_int_equal(swarm_watch_want(watch, 0), 0);
	assert_int_equal(write(pair[1], "c", 1), 1);
	settle();
	assert_int_equal(seen_count, 2);
	assert_int_equal(swarm_watch_want(watch, SWARM_WRITE), 0);
	settle();
	assert_int_equal(seen, SWARM_WRITE);
	swarm_watch_free(watch);
	/* Freed by its own callback. */
	watch = swarm_watch_new(
	    pair[0], SWARM_READ | SWARM_WRITE, on_ready, pair);
	seen_count = 0;
	settle();
	settle();
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen, SWARM_READ | SWARM_WRITE);
	swarm_watch_free(NULL);
	assert_null(swarm_watch_new(-1, SWARM_READ, on_ready, NULL));
	assert_int_equal(errno, EBADF);
	close(pair[0]);
	close(pair[1]);
	assert_null(swarm_watch_new(pair[0], SWARM_READ, on_ready, NULL));
	assert_int_equal(errno, EBADF);
}

static struct swarm_alarm *alarm_;
static int alarms;

static void on_alarm(void *arg)
{
	assert_null(fiber_self());
	alarms++;
	if (arg)
		swarm_alarm_free(alarm_);
}

static void test_alarm(void **state)
{
	(void)state;
	alarms = 0;
	alarm_ = swarm_alarm_new(on_alarm, NULL);
	settle();
	swarm_alarm_set(alarm_, START + 5 * NS_PER_MS);
	swarm_alarm_set(alarm_, START + 9 * NS_PER_MS);
	clock_advance(6 * NS_PER_MS);
	settle();
	assert_int_equal(alarms, 0);
	clock_advance(3 * NS_PER_MS);
	settle();
	assert_int_equal(alarms, 1);
	swarm_alarm_set(alarm_, clock_now() + NS_PER_MS);
	swarm_alarm_set(alarm_, SWARM_FOREVER);
	clock_advance(NS_PER_S);
	settle();
	assert_int_equal(alarms, 1);
	swarm_alarm_set(alarm_, 0);
	swarm_alarm_free(alarm_);
	settle();
	assert_int_equal(alarms, 1);
	alarm_ = swarm_alarm_new(on_alarm, &alarms);
	swarm_alarm_set(alarm_, 0);
	settle();
	assert_int_equal(alarms, 2);
	swarm_alarm_free(NULL);
	assert_ptr_equal(swarm_event_base(), loop_base());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_times),
		TEST(test_sleep),
		TEST(test_long_sleep_keeps_the_stack),
		TEST(test_join),
		TEST(test_join_late),
		TEST(test_join_of_several),
		TEST(test_helpers_belong_to_the_group),
		TEST(test_watch),
		TEST(test_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
