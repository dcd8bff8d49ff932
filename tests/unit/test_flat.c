/*
 * Memory stays what it is, however long a run: ten million recordings, dealt
 * to a worker's statistics, reported and reset again and again, merged and
 * ticked.  SWARM_TEST_RECORDINGS asks for more; bench_flat does a thousand
 * million.
 */
#include "stats/stats.h"

#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "stats/window.h"

#define SERIES  20
#define REPORT  20000                   /* recordings in a second */
#define VALUES  4096

static int64_t values[VALUES];

static void make_values(void)
{
	struct rng rng;

	rng_seed(&rng, 5, 5);
	/* 50 us to 50 s, evenly over the octaves. */
	for (int i = 0; i < VALUES; i++)
		values[i] = (int64_t)(5e4 * exp(rng_uniform(&rng) * log(1e6)));
}

/* Bytes in use by malloc. */
static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

static void second(struct stats *worker, struct stats *master, uint64_t from)
{
	for (uint64_t i = from; i < from + REPORT; i++)
		stats_record(worker, worker->series[i % SERIES],
		    (int64_t)(i / REPORT) * NS_PER_S, values[i % VALUES],
		    i % 3 ? 0 : 1000, 100, i % 50 == 0);
	stats_merge(master, worker);
	stats_reset(worker);
}

static void test_recording_allocates_nothing(void **state)
{
	struct stats *worker = stats_new(100, 100);
	struct stats *master = stats_new(100, 100);
	const char *asked = getenv("SWARM_TEST_RECORDINGS");
	uint64_t all = asked ? strtoull(asked, NULL, 10) : 10000000;
	size_t bytes, before;
	char name[32];

	(void)state;
	make_values();
	for (int i = 0; i < SERIES; i++) {
		snprintf(name, sizeof name, "/%d", i);
		stats_series(worker, "GET", name);
	}
	/* Every octave of every series has been met. */
	for (uint64_t i = 0; i < 20; i++)
		second(worker, master, i * REPORT);
	bytes = stats_memory(worker) + stats_memory(master);
	before = in_use();
	for (uint64_t i = 20 * REPORT; i < all; i += REPORT)
		second(worker, master, i);
	assert_int_equal(stats_memory(worker) + stats_memory(master), bytes);
	assert_int_equal(in_use(), before);
	stats_free(worker);
	stats_free(master);
}

/* A worker's series that has been used before reports without malloc, also
 * after a reset, and one sample in each octave is all it can ever ask for. */
static void test_octaves_are_bounded(void **state)
{
	struct histogram h;
	size_t full, before;

	(void)state;
	histogram_init(&h);
	for (int bit = 0; bit < 63; bit++)
		histogram_record(&h, INT64_C(1) << bit);
	full = histogram_memory(&h);
	assert_true(full <= HISTOGRAM_OCTAVES * HISTOGRAM_SUB *
	    sizeof(uint32_t) + 1024);
	before = in_use();
	for (int round = 0; round < 100; round++) {
		histogram_clear(&h);
		for (int64_t v = 1; v < INT64_C(1) << 41; v += v / 5 + 1)
			histogram_record(&h, v);
	}
	assert_int_equal(histogram_memory(&h), full);
	assert_int_equal(in_use(), before);
	histogram_release(&h);
}

/* The master's past: full after two hours, the same after twenty. */
static void test_the_past_is_bounded(void **state)
{
	struct stats *stats = stats_new(100, 100);
	struct windows *w = windows_new();
	size_t two = 0, most = 0;

	(void)state;
	make_values();
	stats_series(stats, "GET", "/");
	for (int t = 1; t <= 20 * 3600; t++) {
		for (int i = 0; i < 5; i++)
			stats_record(stats, stats->series[0], t * NS_PER_S,
			    values[(t * 5 + i) % VALUES], 0, 1, false);
		windows_tick(w, stats, t * NS_PER_S, 1);
		if (t == 2 * 3600)
			two = windows_memory(w);
		if (t > 2 * 3600 && windows_memory(w) > most)
			most = windows_memory(w);
		if (t > 3 * 3600)
			t += 7;         /* ticks may be further apart */
	}
	/* Pairs hold more buckets than single seconds, never twice as many. */
	assert_true(most < 2 * two);
	windows_free(w);
	stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recording_allocates_nothing),
		cmocka_unit_test(test_octaves_are_bounded),
		cmocka_unit_test(test_the_past_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
