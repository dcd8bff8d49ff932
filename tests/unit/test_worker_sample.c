/* What a worker says of itself: the probe of its loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cluster/worker_sample.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "stats/histogram.h"

/* Until a probe has fallen due and waits for its turn. */
static void queue_a_probe(void)
{
	while (loop_idle())
		wheel_advance(clock_now());
}

static void probes_are_counted(void **state)
{
	(void)state;
	worker_sample_start();
	for (uint64_t n = 1; n <= 3; n++) {
		queue_a_probe();
		loop_once(false);
		assert_true(worker_sample_delays()->count >= n);
	}
	worker_sample_stop();
	assert_true(wheel_next() == INT64_MAX);
}

static void a_queued_probe_is_dropped_by_stop(void **state)
{
	(void)state;
	worker_sample_start();
	queue_a_probe();
	worker_sample_stop();
	loop_once(false);
	assert_int_equal(worker_sample_delays()->count, 0);
	assert_true(wheel_next() == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_counted),
		cmocka_unit_test(a_queued_probe_is_dropped_by_stop),
	};

	if (loop_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
