/*
 * A million users of one worker with waits of 1 to 3 s and an empty task:
 * memory and CPU of each, and how late they are.
 */
#include <stdio.h>
#include <sys/resource.h>

#include <swarm/swarm.h>

#include "base/clock.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "stats/stats.h"
#include "user/user.h"

#define USERS   1000000
#define SECONDS 5

static void nothing(struct swarm_user *u)
{
	(void)u;
}

static void on_reached(void *arg)
{
	*(bool *)arg = true;
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * 4;
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

int main(void)
{
	bool reached = false;
	struct stats *stats = stats_new(10, 10);
	struct users_options options = { .seed = 1, .stats = stats,
		.reached = on_reached, .arg = &reached };
	int64_t tasks, begin, end;
	long before;
	double cpu;

	if (loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return 1;
	swarm_class_add(&(struct swarm_user_class){ .name = "idle",
	    .wait = SWARM_BETWEEN(1, 3),
	    .tasks = SWARM_TASKS(SWARM_TASK(nothing)) });
	user_class_select(NULL, NULL, NULL);
	users_init(&options);
	before = resident_kib();
	users_set_target(0, USERS, 0);
	while (!reached)
		loop_once(false);
	printf("{\"bench\": \"user\", \"users\": %d, \"bytes_each\": %.0f}\n",
	    USERS, (double)(resident_kib() - before) * 1024 / USERS);
	/* The first waits bunch the users; let them spread. */
	begin = clock_now();
	while (clock_now() < begin + 6 * NS_PER_S)
		loop_once(true);
	cpu = cpu_seconds();
	tasks = stats->counters[0].value;
	begin = clock_now();
	while (clock_now() < begin + SECONDS * NS_PER_S)
		loop_once(true);
	end = clock_now();
	cpu = cpu_seconds() - cpu;
	tasks = stats->counters[0].value - tasks;
	printf("{\"bench\": \"user\", \"tasks_per_s\": %.0f, "
	    "\"core_share\": %.3f, \"ns_per_task\": %.0f}\n",
	    (double)tasks / ((double)(end - begin) / 1e9),
	    cpu / ((double)(end - begin) / 1e9), cpu / (double)tasks * 1e9);
	return 0;
}
