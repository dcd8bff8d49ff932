/* The watchdog: a fiber that blocks is reported, by name when it is over. */
#include "fiber_test.h"

#include "fiber/fiber_impl.h"

#include <pthread.h>
#include <stdatomic.h>

static struct swarm_user *const user = (struct swarm_user *)&user;
static pthread_t loop_thread;
static struct swarm_user *reported;
static int64_t reported_ns;
static int reports;
static atomic_bool stuck;

static void report(struct swarm_user *u, int64_t ran_ns)
{
	if (!u) {
		assert_false(pthread_equal(pthread_self(), loop_thread));
		atomic_store(&stuck, true);
		return;
	}
	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_ptr_equal(fiber_user(fiber_self()), u);
	reported = u;
	reported_ns = ran_ns;
	reports++;
}

static void block_until_late(void *arg)
{
	(void)arg;
	while (atomic_load(&watchdog_late) == 0)
		;
}

static void block_until_stuck(void *arg)
{
	(void)arg;
	while (!atomic_load(&stuck))
		;
}

static void begin(int64_t limit)
{
	loop_thread = pthread_self();
	reports = 0;
	reported = NULL;
	atomic_store(&stuck, false);
	fiber_watchdog(limit, report);
}

static void test_late(void **state)
{
	(void)state;
	begin(5 * NS_PER_MS);
	alarm(10);
	fiber_start(user, block_until_late, NULL, NULL);
	alarm(0);
	assert_int_equal(reports, 1);
	assert_ptr_equal(reported, user);
	assert_true(reported_ns >= 5 * NS_PER_MS);
	fiber_watchdog(0, NULL);
	/* Off is off, and a second start works. */
	assert_int_equal(atomic_load(&watchdog_late), 0);
	begin(NS_PER_MS);
	alarm(10);
	fiber_start(user, block_until_late, NULL, NULL);
	alarm(0);
	assert_int_equal(reports, 1);
}

static void test_stuck(void **state)
{
	(void)state;
	begin(NS_PER_MS);
	alarm(10);
	fiber_start(user, block_until_stuck, NULL, NULL);
	alarm(0);
	assert_true(atomic_load(&stuck));
	assert_int_equal(reports, 1);
	assert_true(reported_ns >= 10 * NS_PER_MS);
}

static void yield_often(void *arg)
{
	for (int i = 0; i < 10000; i++)
		fiber_yield();
	(void)arg;
}

static void test_quiet(void **state)
{
	(void)state;
	begin(3600 * NS_PER_S);
	fiber_start(user, yield_often, NULL, NULL);
	settle();
	assert_int_equal(reports, 0);
	assert_false(atomic_load(&stuck));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_late),
		TEST(test_stuck),
		TEST(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
