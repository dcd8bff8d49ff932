/* Loop and fibers around each test of the fiber room. */
#ifndef FIBER_TEST_H
#define FIBER_TEST_H

#include "base/clock.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define START (1000 * NS_PER_S)

static inline int setup_with(const struct fiber_options *options)
{
	clock_freeze(START);
	assert_int_equal(loop_init(), 0);
	assert_int_equal(fiber_init(options), 0);
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return setup_with(&(struct fiber_options){ 0 });
}

static inline size_t alive(void)
{
	struct fiber_stats s;

	fiber_stats(&s);
	return s.alive;
}

static inline int teardown(void **state)
{
	(void)state;
	assert_int_equal(alive(), 0);
	fiber_release();
	assert_true(wheel_next() == INT64_MAX);
	loop_release();
	clock_thaw();
	return 0;
}

/* Everything that can run without the clock moving or a thread's doing. */
static inline void settle(void)
{
	do
		loop_once(false);
	while (!loop_idle() || wheel_next() <= clock_now());
}

/* Passes until `*done`; a watchman of ten seconds instead of a sleep. */
static inline void run_until(const bool *done)
{
	unsigned left = alarm(10);

	(void)left;
	while (!*done)
		loop_once(true);
	alarm(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
