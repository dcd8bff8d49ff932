/*
 * Executors in the run's own time, which nobody waits for: paces, shapes,
 * starts and ends, arrivals that change hands, iterations and lost workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <swarm/swarm.h>

#include "base/clock.h"
#include "cluster/wire.h"
#include "run/classes.h"
#include "run/executor.h"
#include "user/plan.h"
#include "user/user.h"

#define CLASSES 3

static struct share *shares[2];
static const char *const ids[] = { "w_1", "w_2" };

static void task(struct swarm_user *u)
{
	(void)u;
}

static struct executor *make(const char *text)
{
	struct spec deflt;
	struct spec s;
	struct executor *e;

	spec_init(&deflt);
	assert_int_equal(spec_parse(&s, text, &deflt), 0);
	spec_release(&deflt);
	e = executor_new(&s, NULL);
	assert_non_null(e);
	return e;
}

static struct executor *begin(const char *text, double run_time)
{
	struct executor *e = make(text);

	assert_int_equal(classes_share(&e, 1), 0);
	assert_int_equal(executor_begin(e, 1, 0, run_time), 0);
	for (int i = 0; i < 2; i++)
		shares[i] = share_new(CLASSES);
	executor_set_workers(e, shares, ids, 2, 0);
	return e;
}

static void end(struct executor *e)
{
	executor_free(e);
	share_release(shares[0]);
	share_release(shares[1]);
}

static struct executor_status status(const struct executor *e, double t)
{
	struct executor_status s;

	executor_status(e, (int64_t)(t * 1e9), &s);
	return s;
}

/* Plays until `t` seconds: the users that are wanted then. */
static int64_t at(struct executor *e, double t)
{
	int64_t now = (int64_t)(t * 1e9);

	for (int i = 0; i < 1000000 && executor_due(e) <= now; i++)
		executor_act(e, executor_due(e));
	return status(e, t).users_wanted;
}

/* Locust's pace: 2.5 a second are two each 0.8 s; 0.5 one each 2 s; the first
 * step at once, and down as up. */
static void test_pace(void **state)
{
	struct executor *e = begin("name=a,users=7,spawn-rate=2.5", 0);

	(void)state;
	assert_int_equal(at(e, 0), 2);
	assert_int_equal(at(e, 0.79), 2);
	assert_int_equal(at(e, 0.8), 4);
	assert_int_equal(at(e, 1.6), 6);
	assert_int_equal(at(e, 2.4), 7);
	assert_int_equal(status(e, 2.4).state, EXECUTOR_RAMPING);
	/* A second later whoever was to come has. */
	at(e, 3.4);
	assert_int_equal(status(e, 3.4).state, EXECUTOR_RUNNING);
	executor_set_load(e, 5, 0.5, (int64_t)10e9);
	assert_int_equal(at(e, 10), 6);
	assert_int_equal(at(e, 11.9), 6);
	assert_int_equal(at(e, 12), 5);
	end(e);
}

/* Weights 2 and 1, and 3 of a fixed count first; over two workers. */
static void test_mix(void **state)
{
	struct executor *e = begin("name=a,users=9,spawn-rate=100", 0);

	(void)state;
	at(e, 0);
	assert_int_equal(shares[0]->wanted[2] + shares[1]->wanted[2], 3);
	assert_int_equal(shares[0]->wanted[0] + shares[1]->wanted[0], 4);
	assert_int_equal(shares[0]->wanted[1] + shares[1]->wanted[1], 2);
	end(e);
	/* Only some of the classes. */
	e = begin("name=a,classes=Light,users=4,spawn-rate=100", 0);
	at(e, 0);
	assert_int_equal(shares[0]->wanted[0] + shares[1]->wanted[0], 0);
	assert_int_equal(shares[0]->wanted[1], 2);
	assert_int_equal(shares[1]->wanted[1], 2);
	end(e);
}

static void test_start_and_time(void **state)
{
	struct executor *e = begin("name=a,users=4,spawn-rate=100,start=30s,"
	    "time=1m", 0);

	(void)state;
	assert_int_equal(at(e, 29.9), 0);
	assert_int_equal(status(e, 29.9).state, EXECUTOR_WAITING);
	assert_int_equal(at(e, 30), 4);
	assert_int_equal(at(e, 89.9), 4);
	assert_int_equal(at(e, 90), 0);
	assert_int_equal(status(e, 90).state, EXECUTOR_DONE);
	assert_int_equal(executor_due(e), INT64_MAX);
	end(e);
	/* The run's own end comes first. */
	e = begin("name=a,users=4,spawn-rate=100,start=30s,time=1m", 45);
	assert_int_equal(at(e, 44.9), 4);
	assert_int_equal(at(e, 45), 0);
	end(e);
	e = begin("name=a,users=4,start=30s", 20);
	assert_int_equal(status(e, 0).state, EXECUTOR_DONE);
	end(e);
	/* No time is left: none is not for ever. */
	e = begin("name=a,users=4,start=30s", 30);
	assert_int_equal(status(e, 0).state, EXECUTOR_DONE);
	end(e);
}

/* A day in moments: once a second, in the time of the executor. */
static void test_shape(void **state)
{
	struct executor *e = begin("name=a;start=10s;"
	    "shape=stages:1h:3600,22h:3600,1h:0", 0);

	(void)state;
	assert_int_equal(at(e, 10 + 1800), 1800);
	assert_int_equal(at(e, 10 + 3600), 3600);
	assert_int_equal(at(e, 10 + 12 * 3600), 3600);
	assert_int_equal(at(e, 10 + 23.75 * 3600), 900);
	at(e, 10 + 24 * 3600 + 1);
	assert_int_equal(status(e, 0).state, EXECUTOR_DONE);
	assert_string_equal(status(e, 0).reason, "the load shape is over");
	end(e);
}

/* What workers are told when one is lost: the rest from half a second later
 * on, in the time of the schedule. */
static void test_arrivals(void **state)
{
	struct executor *e = begin("name=a,rate=10s:100,users=8", 0);
	struct plan_executor p;

	(void)state;
	assert_int_equal(at(e, 0), 8);
	executor_plan(e, shares[1], 1, 2, 7, &p);
	assert_true(p.open);
	assert_int_equal(p.arrivals.start, 7 + 300 * NS_PER_MS);
	assert_int_equal(p.arrivals.from, 0);
	assert_int_equal(p.arrivals.stripe, 1);
	assert_int_equal(p.arrivals.stripes, 2);
	executor_lose(e, shares[0]);
	executor_set_workers(e, &shares[1], &ids[1], 1, 4 * NS_PER_S);
	assert_int_equal(at(e, 4), 8);
	executor_plan(e, shares[1], 0, 1, 7, &p);
	assert_int_equal(p.arrivals.from, 4200 * NS_PER_MS);
	assert_int_equal(p.arrivals.start, 7 + 300 * NS_PER_MS);
	at(e, 10.59);
	assert_int_equal(status(e, 10).state, EXECUTOR_RUNNING);
	at(e, 10.6);
	assert_int_equal(status(e, 10.6).state, EXECUTOR_DONE);
	end(e);
}

/* Who waits in line when the schedule is over is served, for a while. */
static void test_drain(void **state)
{
	struct executor *e = begin("name=a,rate=1s:100,users=8", 0);

	(void)state;
	at(e, 0);
	shares[1]->queued = 5;
	at(e, 3);
	assert_int_equal(status(e, 3).state, EXECUTOR_RUNNING);
	shares[1]->queued = 0;
	at(e, 3.2);
	assert_int_equal(status(e, 3.2).state, EXECUTOR_DONE);
	end(e);
	e = begin("name=a,rate=1s:100,users=8", 0);
	at(e, 0);
	shares[0]->queued = 5;
	at(e, 11.5);
	assert_int_equal(status(e, 11.5).state, EXECUTOR_RUNNING);
	at(e, 11.7);
	assert_int_equal(status(e, 11.7).state, EXECUTOR_DONE);
	end(e);
}

static bool tell(struct executor *e, int worker, int64_t started, int64_t done)
{
	struct wire_progress p = { .lease = shares[worker]->lease.number,
		.started = started, .done = done };

	return executor_progress(e, shares[worker], &p, 2);
}

static void test_iterations(void **state)
{
	struct executor *e = begin("name=a,iterations=1000,users=4", 0);
	struct plan_executor p;

	(void)state;
	assert_int_equal(at(e, 0), 4);
	executor_plan(e, shares[0], 0, 2, 0, &p);
	assert_int_equal(p.granted, 250);
	executor_plan(e, shares[1], 1, 2, 0, &p);
	assert_int_equal(p.granted, 187);
	assert_false(tell(e, 0, 100, 99));
	assert_true(tell(e, 0, 130, 129));
	assert_int_equal(shares[0]->lease.granted, 250 + 140);
	/* One is lost with 100 done: what it had more is there again. */
	tell(e, 1, 120, 100);
	executor_lose(e, shares[1]);
	executor_set_workers(e, shares, ids, 1, NS_PER_S);
	for (int i = 0; i < 100 && status(e, 1).state != EXECUTOR_DONE; i++)
		tell(e, 0, shares[0]->lease.granted,
		    shares[0]->lease.granted);
	assert_int_equal(status(e, 1).done, 1000);
	assert_int_equal(shares[0]->lease.granted, 900);
	assert_string_equal(status(e, 1).reason,
	    "all 1000 iterations are done");
	end(e);
}

static void test_users_that_end(void **state)
{
	struct executor *e = begin("name=a,users=4,spawn-rate=100", 0);

	(void)state;
	at(e, 0);
	shares[0]->running[0] = 4;
	executor_counted(e, false);
	assert_int_equal(status(e, 0).state, EXECUTOR_RUNNING);
	shares[0]->running[0] = 1;
	executor_counted(e, true);
	assert_int_equal(status(e, 0).state, EXECUTOR_RUNNING);
	shares[0]->running[0] = 0;
	executor_counted(e, true);
	assert_string_equal(status(e, 0).reason, "every user has ended");
	end(e);
}

/* Classes that nobody names go to who names none; no class has two. */
static void test_classes(void **state)
{
	struct executor *two[] = { make("name=a,classes=Light"),
		make("name=b") };
	struct executor *bad[] = { make("name=a,classes=Light"),
		make("name=b,classes=Light,Heavy") };

	(void)state;
	assert_int_equal(classes_share(two, 2), 0);
	assert_true(executor_has_class(two[0], 1));
	assert_false(executor_has_class(two[0], 0));
	assert_true(executor_has_class(two[1], 0));
	assert_true(executor_has_class(two[1], 2));
	assert_false(executor_has_class(two[1], 1));
	assert_int_equal(classes_share(bad, 2), -1);
	for (int i = 0; i < 2; i++) {
		executor_free(two[i]);
		executor_free(bad[i]);
	}
}

static int setup(void **state)
{
	(void)state;
	swarm_class_add(&(struct swarm_user_class){ .name = "Heavy",
	    .weight = 2, .tasks = SWARM_TASKS(SWARM_TASK(task)) });
	swarm_class_add(&(struct swarm_user_class){ .name = "Light",
	    .weight = 1, .tasks = SWARM_TASKS(SWARM_TASK(task)) });
	swarm_class_add(&(struct swarm_user_class){ .name = "Fixed",
	    .fixed_count = 3, .tasks = SWARM_TASKS(SWARM_TASK(task)) });
	return user_class_select(NULL, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_start_and_time),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_arrivals),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_iterations),
		cmocka_unit_test(test_users_that_end),
		cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
