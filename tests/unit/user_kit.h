/* Users on a virtual clock, and what was said of them. */
#ifndef USER_KIT_H
#define USER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <swarm/swarm.h>

#include "base/clock.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "stats/stats.h"
#include "user/user.h"

static struct stats *stats;
static char trace[4096];
static bool all_reached;
static bool all_stopped;
static char raised[512];

static inline void note(const char *word)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof trace - len, "%s%s", len > 0 ? " " : "",
	    word);
}

static inline void on_reached(void *arg)
{
	(void)arg;
	all_reached = true;
}

static inline void on_stopped(void *arg)
{
	(void)arg;
	all_stopped = true;
}

static inline void on_raised(const char *message, const char *where, void *arg)
{
	(void)arg;
	snprintf(raised, sizeof raised, "%s @ %s", message, where);
}

static inline void spin(int passes)
{
	for (int i = 0; i < passes; i++)
		loop_once(false);
}

/* Moves the clock in steps of 1 ms, as the wheel ticks. */
static inline void pass_ms(int ms)
{
	for (int i = 0; i < ms; i++) {
		clock_advance(NS_PER_MS);
		loop_once(false);
	}
	spin(3);
}

static inline int begin(const struct swarm_user_class *def)
{
	struct users_options options = {
		.host = NULL,
		.seed = 42,
		.first_id = 100,
		.reached = on_reached,
		.stopped = on_stopped,
		.raised = on_raised,
	};
	int index;

	trace[0] = '\0';
	raised[0] = '\0';
	all_reached = all_stopped = false;
	stats = stats_new(100, 100);
	options.stats = stats;
	index = swarm_class_add(def);
	assert_true(index >= 0);
	assert_int_equal(user_class_select(NULL, NULL, NULL), 0);
	users_init(&options);
	return index;
}

static inline void end(void)
{
	users_stop(0);
	for (int i = 0; i < 5000 && !all_stopped; i++)
		pass_ms(1);
	assert_true(all_stopped);
	assert_int_equal(users_alive(), 0);
	users_release();
	stats_free(stats);
}
static inline int setup_all(void **state)
{
	(void)state;
	clock_freeze(NS_PER_S);
	if (loop_init() == -1)
		return -1;
	return fiber_init(&(struct fiber_options){ 0 });
}

static inline int teardown_all(void **state)
{
	(void)state;
	fiber_release();
	loop_release();
	return 0;
}
#endif
