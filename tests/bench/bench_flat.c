/*
 * A thousand million recordings into twenty series, reported and merged each
 * 20 000: what a long run asks of memory.  Resident bytes after the first
 * million and at the end.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SERIES 20
#define REPORT 20000
#define VALUES 4096

static long resident_kib(void)
{
	char text[256] = "", *end;
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f != NULL && fgets(text, sizeof text, f) != NULL) {
		strtol(text, &end, 10);
		pages = strtol(end, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void print(const char *what, double value, const char *unit)
{
	printf("{\"bench\": \"flat\", \"case\": \"%s\", \"value\": %.1f, "
	    "\"unit\": \"%s\"}\n", what, value, unit);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint64_t all = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000000;
	struct stats *worker = stats_new(100, 10), *master = stats_new(100, 10);
	static int64_t values[VALUES];
	int64_t begin = clock_now();
	struct rng rng;
	char name[32];
	long first = 0;

	rng_seed(&rng, 5, 5);
	for (int i = 0; i < VALUES; i++)
		values[i] = (int64_t)(5e4 * exp(rng_uniform(&rng) * log(1e6)));
	for (int i = 0; i < SERIES; i++) {
		snprintf(name, sizeof name, "/%d", i);
		stats_series(worker, "GET", name);
	}
	for (uint64_t i = 0; i < all; i++) {
		stats_record(worker, worker->series[i % SERIES],
		    (int64_t)(i / REPORT) * NS_PER_S, values[i % VALUES], 0,
		    100, false);
		if (i % REPORT == REPORT - 1) {
			stats_merge(master, worker);
			stats_reset(worker);
		}
		if (i == 1000000)
			first = resident_kib();
	}
	print("recordings", (double)master->total.requests, "");
	print("resident after a million", (double)first, "KiB");
	print("resident at the end", (double)resident_kib(), "KiB");
	print("each", (double)(clock_now() - begin) / (double)all, "ns");
	stats_free(worker);
	stats_free(master);
	return 0;
}
