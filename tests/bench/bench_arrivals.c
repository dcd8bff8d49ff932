/*
 * Arrivals at a constant rate on one worker: the number that was started, which
 * has to be exact, and how late they were.
 *
 *	bench_arrivals [SECONDS [RATE]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <swarm/swarm.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "stats/stats.h"
#include "user/gate.h"
#include "user/plan.h"
#include "user/user.h"

#define SECONDS 60
#define RATE    20000
#define USERS   1000

static uint32_t series;

static void iterate(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin_at(u, series, swarm_now());

	swarm_done(&t, 1);
}

static void on_reached(void *arg)
{
	*(bool *)arg = true;
}

static void on_over(struct wheel_timer *t)
{
	(void)t;
	loop_stop();
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* As the master would send it. */
static int64_t start(long seconds, long rate)
{
	const char *classes[] = { "one" };
	char *schedule = xasprintf("%lds:%ld", seconds, rate);
	struct plan_executor one = { .name = "", .classes = classes,
		.class_count = 1, .granted = -1, .open = true };
	struct plan plan = { .executors = &one, .count = 1 };

	one.arrivals = (struct arrivals_plan){ .number = 1,
		.schedule = schedule, .stripes = 1, .queue_max = 100000,
		.start = clock_now() + NS_PER_S / 10 };
	gate_apply(&plan);
	free(schedule);
	return one.arrivals.start;
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : SECONDS;
	long rate = argc > 2 ? strtol(argv[2], NULL, 10) : RATE;
	bool reached = false;
	struct stats *stats = stats_new(10, 10);
	struct users_options options = { .seed = 1, .stats = stats,
		.reached = on_reached, .arg = &reached };
	struct wheel_timer over = { .fire = on_over };
	const struct histogram *h;
	struct gate_progress p;
	int64_t begin;
	double cpu;

	if (seconds < 1 || rate < 1 || loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return 1;
	swarm_class_add(&(struct swarm_user_class){ .name = "one",
	    .tasks = SWARM_TASKS(SWARM_TASK(iterate)) });
	user_class_select(NULL, NULL, NULL);
	users_init(&options);
	series = swarm_series("BENCH", "iteration");
	begin = start(seconds, rate);
	users_set_target(0, USERS, 0);
	while (!reached)
		loop_once(true);
	cpu = cpu_seconds();
	wheel_add(&over, begin + seconds * NS_PER_S + NS_PER_S / 2);
	loop_run();
	cpu = cpu_seconds() - cpu;
	gate_progress(&p, 1);
	h = series_response(stats->series[series]);
	printf("{\"bench\": \"arrivals\", \"seconds\": %ld, \"rate\": %ld, "
	    "\"due\": %lld, \"done\": %lld, \"dropped\": %lld, "
	    "\"exact\": %s, \"lag_p50_us\": %.1f, \"lag_p99_us\": %.1f, "
	    "\"lag_max_us\": %.1f, \"core_share\": %.3f}\n", seconds, rate,
	    (long long)p.due, (long long)p.done, (long long)p.dropped,
	    p.done == seconds * rate ? "true" : "false",
	    (double)histogram_quantile(h, 0.5) / 1e3,
	    (double)histogram_quantile(h, 0.99) / 1e3,
	    (double)h->max / 1e3, cpu / (double)seconds);
	return p.done == seconds * rate ? 0 : 1;
}
