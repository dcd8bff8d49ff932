/*
 * The core's own loop, fibers and users, without master and worker.
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "pgc_cancel.h"
#include "pgc_dial.h"
#include "pgc_options.h"
#include "pgc_pool.h"
#include "pgc_session.h"
#include "pgc_stat.h"
#include "pgc_target.h"
#include "stats/stats.h"
#include "user/user.h"

static struct stats *stats;
static void (*body)(struct swarm_user *);
static char notes[2000];
static int ended;
static int index_of_class = -1;
static bool all_stopped;
static int64_t stop_at;

struct pgc_options pgc_options;

void harness_note(const char *file, int line, const char *what)
{
	size_t n = strlen(notes);

	snprintf(notes + n, sizeof(notes) - n, "\n%s:%d: %s", file, line,
	    what);
}

static void run_body(struct swarm_user *u)
{
	body(u);
	ended++;
	swarm_stop_user(u);
}

static void on_stopped(void *arg)
{
	(void)arg;
	all_stopped = true;
}

void harness_init(void)
{
	static const struct swarm_task tasks[] = {
		{ .name = "body", .run = run_body }, { .name = NULL },
	};
	static const struct swarm_user_class def = { .name = "test",
		.tasks = tasks };

	assert_int_equal(loop_init(), 0);
	assert_int_equal(fiber_init(&(struct fiber_options){ 0 }), 0);
	pgc_options = (struct pgc_options){ .conninfo = "",
		.connect_timeout = 5, .retry_delay = 0.01, .grace = 5,
		.max_result = 64 << 20 };
	pgc_options.slot = swarm_slot_new(sizeof(struct pgc_user),
	    pgc_session_destroy);
	pgc_cancel_init();
	pgc_dial_limit(16);
	index_of_class = swarm_class_add(&def);
	assert_true(index_of_class >= 0);
	assert_int_equal(user_class_select(NULL, NULL, NULL), 0);
}

void harness_release(void)
{
	if (stats != NULL)
		stats_free(stats);
	pgc_cancel_release();
	fiber_release();
	loop_release();
}

void harness_stop_after(int ms)
{
	stop_at = clock_now() + ms * NS_PER_MS;
}

void harness_run_many(void (*fn)(struct swarm_user *), int users)
{
	int64_t deadline = clock_now() + 60 * NS_PER_S;
	struct users_options options = { .seed = 1, .stopped = on_stopped };

	if (stats != NULL)
		stats_free(stats);
	stats = stats_new(1000, 1000);
	options.stats = stats;
	body = fn;
	notes[0] = '\0';
	ended = 0;
	all_stopped = false;
	users_init(&options);
	pgc_stat_init();
	users_set_target((size_t)index_of_class, (size_t)users, 0);
	while (ended < users && clock_now() < deadline && stop_at == 0)
		loop_once(true);
	while (stop_at != 0 && clock_now() < stop_at)
		loop_once(false);
	stop_at = 0;
	users_stop(0);
	while (!all_stopped && clock_now() < deadline)
		loop_once(true);
	assert_true(all_stopped);
	pgc_pool_release();
	users_release();
	if (notes[0] != '\0')
		fail_msg("%s", notes);
}

void harness_run(void (*fn)(struct swarm_user *))
{
	harness_run_many(fn, 1);
	assert_int_equal(ended, 1);
}

uint64_t harness_requests(const char *type, const char *name)
{
	struct series *s = stats_find(stats, type, name);

	return s != NULL ? s->requests : 0;
}

uint64_t harness_failures(const char *type, const char *name)
{
	struct series *s = stats_find(stats, type, name);

	return s != NULL ? s->failures : 0;
}

uint64_t harness_observed(const char *type, const char *name, int64_t *longest)
{
	struct series *s = stats_find(stats, type, name);

	*longest = s != NULL ? s->service.max : 0;
	return s != NULL ? s->service.count : 0;
}

const char *harness_error(const char *part)
{
	size_t i;

	for (i = 0; i < stats->error_count; i++) {
		if (strstr(stats->errors[i]->text, part) != NULL)
			return stats->errors[i]->text;
	}
	return NULL;
}

int64_t harness_counter(const char *name)
{
	size_t i;

	for (i = 0; i < stats->counter_count; i++) {
		if (strcmp(stats->counters[i].name, name) == 0)
			return stats->counters[i].value;
	}
	return 0;
}
