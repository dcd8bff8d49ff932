/* How long the plan of a big fleet takes: 100,000 users over 1,000 workers,
 * ten classes; then a worker lost and one joined. */
#include "cluster/dispatcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WORKERS 1000
#define CLASSES 10
#define USERS 100000

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void print(const char *name, double ms, size_t users)
{
	printf("{\"bench\":\"dispatcher\",\"case\":\"%s\",\"ms\":%.2f,"
	    "\"users\":%zu}\n", name, ms, users);
}

int main(void)
{
	static char ids[WORKERS][16];
	static int64_t wanted[WORKERS][CLASSES];
	static struct dispatcher_worker workers[WORKERS];
	static char names[CLASSES][8];
	struct dispatcher_class classes[CLASSES];
	struct dispatcher *d;
	double start;
	size_t n;

	for (size_t i = 0; i < CLASSES; i++) {
		snprintf(names[i], sizeof names[i], "class%zu", i);
		classes[i] = (struct dispatcher_class){ names[i],
			1.0 + (double)i * 0.7, 0 };
	}
	for (size_t i = 0; i < WORKERS; i++) {
		snprintf(ids[i], sizeof ids[i], "h%zu_%zu", i / 10, i);
		workers[i] = (struct dispatcher_worker){ ids[i], wanted[i] };
	}
	d = dispatcher_new(classes, CLASSES);
	start = now_ms();
	dispatcher_set_workers(d, workers, WORKERS - 1);
	n = dispatcher_add_users(d, USERS);
	print("plan", now_ms() - start, n);
	start = now_ms();
	n = dispatcher_set_workers(d, workers, WORKERS);
	print("worker_joins", now_ms() - start, n);
	start = now_ms();
	n = dispatcher_set_workers(d, workers + 1, WORKERS - 1);
	print("worker_lost", now_ms() - start, n);
	start = now_ms();
	n = dispatcher_remove_users(d, USERS);
	print("ramp_down", now_ms() - start, n);
	dispatcher_free(d);
	return 0;
}
