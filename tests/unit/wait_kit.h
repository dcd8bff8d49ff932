/* Waiting on the loop for what is to come, with a limit that is only reached
 * when something is wrong.  After <cmocka.h>. */
#ifndef WAIT_KIT_H
#define WAIT_KIT_H

#include <stdbool.h>

#include "base/clock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#define WAIT_NS (60 * NS_PER_S)

static bool wait_late;

static void wait_is_late(struct wheel_timer *t)
{
	(void)t;
	wait_late = true;
}

#define wait_until(condition) do { \
	struct wheel_timer late_ = { .fire = wait_is_late }; \
	wait_late = false; \
	wheel_add(&late_, clock_now() + WAIT_NS); \
	while (!(condition) && !wait_late) \
		loop_once(true); \
	wheel_del(&late_); \
	if (wait_late) \
		fail_msg("waited in vain for " #condition); \
} while (0)

#endif
