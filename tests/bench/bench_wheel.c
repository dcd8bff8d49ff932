/*
 * Users that only wait, one to three seconds each, in a window of five: once
 * as what a user is between two tasks (a timer in a struct), once asleep on a
 * fiber of its own.  One JSON line for each figure: CPU for a wake, share of a
 * core, mean lateness, bytes for each user.
 *
 *     bench_wheel [USERS...]          default: 10000 100000
 */
#include <swarm/fiber.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WINDOW (5 * NS_PER_S)

struct user {
	struct wheel_timer timer;
	struct rng rng;
	int64_t due;
};

static struct {
	uint64_t wakes;
	int64_t late_ns;
	bool stop;
} count;

static void report(
    const char *kind, size_t n, const char *what, double value,
    const char *unit)
{
	printf("{\"name\": \"wheel.%s_%zu.%s\", \"value\": %.2f, "
	       "\"unit\": \"%s\"}\n", kind, n, what, value, unit);
	fflush(stdout);
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Resident memory and page tables. */
static double memory_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0 ||
		    strncmp(line, "VmPTE:", 6) == 0)
			kib += strtoul(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return (double)kib * 1024;
}

static int64_t think(struct user *u)
{
	u->due = clock_now() + NS_PER_S +
	    (int64_t)(rng_uniform(&u->rng) * 2e9);
	return u->due;
}

static void woken(struct user *u)
{
	count.wakes++;
	count.late_ns += clock_now() - u->due;
}

static void fire(struct wheel_timer *t)
{
	struct user *u = (struct user *)t;

	woken(u);
	wheel_add(t, think(u));
}

static void sleep_often(void *arg)
{
	struct user *u = arg;

	while (!count.stop) {
		if (swarm_sleep_until(think(u)) == -1)
			break;
		woken(u);
	}
}

static void measure(const char *kind, size_t n, double bytes)
{
	int64_t end = clock_now() + 3 * NS_PER_S;
	double cpu, wall;
	int64_t start;

	/* Until every first wait is over and touched its memory. */
	while (clock_now() < end)
		loop_once(true);
	memset(&count, 0, sizeof(count));
	start = clock_now();
	cpu = cpu_seconds();
	while (clock_now() < start + WINDOW)
		loop_once(true);
	cpu = cpu_seconds() - cpu;
	wall = (double)(clock_now() - start) / 1e9;
	report(kind, n, "wakes", (double)count.wakes / wall, "1/s");
	report(kind, n, "cpu_per_wake", cpu * 1e9 / (double)count.wakes, "ns");
	report(kind, n, "core", 100 * cpu / wall, "%");
	report(kind, n, "mean_late",
	    (double)count.late_ns / (double)count.wakes / 1e6, "ms");
	report(kind, n, "memory", bytes / (double)n, "bytes");
}

static void bench(size_t n)
{
	double before = memory_bytes();
	struct user *users = xcalloc(n, sizeof(*users));

	for (size_t i = 0; i < n; i++) {
		rng_seed(&users[i].rng, 1, i);
		users[i].timer.fire = fire;
		wheel_add(&users[i].timer, think(&users[i]));
	}
	measure("struct", n, memory_bytes() - before);
	for (size_t i = 0; i < n; i++)
		wheel_del(&users[i].timer);

	before = memory_bytes();
	count.stop = false;
	for (size_t i = 0; i < n; i++)
		fiber_start(NULL, sleep_often, &users[i], NULL);
	measure("fiber", n, memory_bytes() - before);
	count.stop = true;
	while (wheel_next() != INT64_MAX || !loop_idle())
		loop_once(true);
	free(users);
}

int main(int argc, char **argv)
{
	static const char *const usual[] = { "10000", "100000" };
	bool given = argc > 1;

	if (loop_init() == -1)
		return 1;
	for (int i = 0; i < (given ? argc - 1 : 2); i++) {
		int64_t n;

		if (parse_int64(given ? argv[i + 1] : usual[i], 1, 4000000,
		        &n) == -1 ||
		    fiber_init(&(struct fiber_options){ 0 }) == -1)
			return 2;
		bench((size_t)n);
		fiber_release();
	}
	loop_release();
	return 0;
}
