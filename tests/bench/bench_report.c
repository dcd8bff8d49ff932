/*
 * What a second costs the master: windows for every series, and the CSV
 * table, with 200 and with 5000 series that all had samples; and what the
 * windows hold.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "report/csv.h"
#include "stats/window.h"

#include <math.h>
#include <stdio.h>

#define SECONDS 60

static void print(const char *what, int series, double value,
    const char *unit)
{
	printf("{\"bench\": \"report\", \"case\": \"%s, %d series\", "
	    "\"value\": %.2f, \"unit\": \"%s\"}\n", what, series, value,
	    unit);
}

static void fill(struct stats *stats, struct rng *rng, int second)
{
	for (size_t i = 0; i < stats->count; i++) {
		for (int k = 0; k < 20; k++)
			stats_record(stats, stats->series[i],
			    second * NS_PER_S,
			    (int64_t)(2e6 * exp(rng_uniform(rng) * 4)), 0,
			    100, false);
	}
}

static void run(int series)
{
	struct stats *stats = stats_new((size_t)series, 10);
	struct windows *windows = windows_new();
	struct buf out = BUF_INIT(CSV_MAX);
	int64_t tick = 0, begin;
	struct rng rng;
	char name[32];

	rng_seed(&rng, 1, 1);
	for (int i = 0; i < series; i++) {
		snprintf(name, sizeof(name), "/items/%d", i);
		stats_series(stats, "GET", name);
	}
	for (int t = 1; t <= SECONDS; t++) {
		fill(stats, &rng, t);
		begin = clock_now();
		windows_tick(windows, stats, t * NS_PER_S, 1);
		tick += clock_now() - begin;
	}
	print("windows, a tick", series, (double)tick / SECONDS / 1e6, "ms");
	begin = clock_now();
	csv_stats(&out, stats);
	print("csv, a table", series, (double)(clock_now() - begin) / 1e6,
	    "ms");
	print("windows, memory", series,
	    (double)windows_memory(windows) / 1e6, "MB");
	print("totals, memory", series, (double)stats_memory(stats) / 1e6,
	    "MB");
	buf_release(&out);
	windows_free(windows);
	stats_free(stats);
}

int main(void)
{
	run(200);
	run(5000);
	return 0;
}
