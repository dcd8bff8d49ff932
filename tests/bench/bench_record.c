/*
 * What recording one sample costs: both clock reads, the lookup by id, the
 * series and the total.  Once with a single series, always in the cache, and
 * once with a thousand in turn; with a lag (second histogram); and through
 * the lookup by name.  The bar is 120 ns.  Also the memory of a thousand
 * series, and what a report of them costs to make and to merge.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES  (1 << 19)
#define PASSES   12
#define VALUES   (1 << 12)
#define MANY     1000

static int64_t values[VALUES];

static double pass(struct stats *stats, size_t series, int64_t lag)
{
	int64_t begin = clock_now();

	for (uint32_t i = 0; i < SAMPLES; i++) {
		int64_t start = clock_now();
		struct series *s = stats->series[i % series];
		/* The duration is made up, so that the buckets vary. */
		int64_t end = clock_now();

		stats_record(stats, s, end,
		    end - start + values[i % VALUES], lag, 100, false);
	}
	return (double)(clock_now() - begin) / SAMPLES;
}

/* The best of some: whatever else the machine does only adds to it. */
static double per_sample(struct stats *stats, size_t series, int64_t lag)
{
	double best = INFINITY;

	for (int i = 0; i < PASSES; i++)
		best = fmin(best, pass(stats, series, lag));
	return best;
}

static double two_reads(void)
{
	double best = INFINITY;

	for (int i = 0; i < PASSES; i++) {
		int64_t begin = clock_now();

		for (int k = 0; k < SAMPLES; k++)
			clock_now();
		best = fmin(best, 2 * (double)(clock_now() - begin) /
		    SAMPLES);
	}
	return best;
}

static double per_lookup(struct stats *stats)
{
	int64_t begin = clock_now();
	uintptr_t seen = 0;

	for (uint32_t i = 0; i < SAMPLES; i++)
		seen += stats_series(stats, "GET", "/api/v1/items/[id]")->id;
	return (double)(clock_now() - begin) / SAMPLES + (seen == 1);
}

static void print(const char *what, double value, const char *unit)
{
	printf("{\"bench\": \"record\", \"case\": \"%s\", \"value\": %.1f, "
	    "\"unit\": \"%s\"}\n", what, value, unit);
}

int main(void)
{
	struct stats *one = stats_new(STATS_DEFAULT_SERIES, 10);
	struct stats *many = stats_new(STATS_DEFAULT_SERIES, 10);
	struct stats *lagging = stats_new(STATS_DEFAULT_SERIES, 10);
	struct stats *master = stats_new(STATS_DEFAULT_SERIES, 10);
	int64_t begin;
	struct rng rng;
	char name[32];

	rng_seed(&rng, 1, 1);
	for (size_t i = 0; i < VALUES; i++)
		values[i] = (int64_t)(5e5 * exp(rng_uniform(&rng) * 4));
	stats_series(one, "GET", "/");
	stats_series(lagging, "GET", "/");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "/items/%d", i);
		stats_series(many, "GET", name);
	}
	print("two clock reads alone", two_reads(), "ns");
	per_sample(one, 1, 0);
	per_sample(many, MANY, 0);
	print("one series", per_sample(one, 1, 0), "ns");
	print("1000 series in turn", per_sample(many, MANY, 0), "ns");
	print("one series with a lag", per_sample(lagging, 1, 1000), "ns");
	print("lookup by name", per_lookup(one), "ns");
	print("memory per series",
	    (double)stats_memory(many) / (MANY + 1), "bytes");
	begin = clock_now();
	stats_merge(master, many);
	print("merge of 1000 series, first",
	    (double)(clock_now() - begin) / 1000, "us");
	begin = clock_now();
	stats_merge(master, many);
	print("merge of 1000 series",
	    (double)(clock_now() - begin) / 1000, "us");
	begin = clock_now();
	stats_reset(many);
	print("reset of 1000 series",
	    (double)(clock_now() - begin) / 1000, "us");
	stats_free(one);
	stats_free(many);
	stats_free(lagging);
	stats_free(master);
	return 0;
}
