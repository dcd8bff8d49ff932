/* Series, errors, counters: recording, merging, limits, reset. */
#include "stats/stats.h"

#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START (1000 * NS_PER_S)

static int freeze(void **state)
{
	(void)state;
	clock_freeze(START);
	return 0;
}

static int thaw(void **state)
{
	(void)state;
	clock_thaw();
	return 0;
}

static void test_record(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/a");

	(void)state;
	assert_ptr_equal(s, stats_series(stats, "GET", "/a"));
	assert_ptr_not_equal(s, stats_series(stats, "GET", "/b"));
	assert_ptr_not_equal(s, stats_series(stats, "GET/", "a"));
	assert_ptr_equal(stats->series[s->id], s);
	assert_null(stats_find(stats, "GET", "/c"));
	stats_record(stats, s, START, 2000, 0, 33, false);
	stats_record(stats, s, START, 4000, 0, 11, true);
	assert_int_equal(s->requests, 2);
	assert_int_equal(s->failures, 1);
	assert_int_equal(s->bytes, 44);
	assert_null(s->response);
	assert_ptr_equal(series_response(s), &s->service);
	assert_int_equal(s->service.count, 2);
	assert_int_equal(stats->total.requests, 2);
	assert_int_equal(stats->total.failures, 1);
	assert_string_equal(stats->total.name, "Aggregated");
	assert_string_equal(stats->total.type, "");
	stats_free(stats);
}

/* The first lag splits response from service, keeping what was there. */
static void test_lag(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/a");

	(void)state;
	stats_record(stats, s, START, 1000, 0, 0, false);
	stats_record(stats, s, START, 2000, 500000, 0, false);
	stats_record(stats, s, START, 3000, 0, 0, false);
	stats_record(stats, s, START, -1, -1, 0, false);
	assert_non_null(s->response);
	assert_int_equal(s->response->count, 4);
	assert_int_equal(s->response->max, 502000);
	assert_int_equal(s->service.max, 3000);
	assert_int_equal(s->service.min, 0);
	assert_int_equal(stats->total.response->max, 502000);
	/* A report starts afresh, without losing the memory. */
	stats_reset(stats);
	assert_null(s->response);
	stats_record(stats, s, START, 1000, 0, 0, false);
	assert_null(s->response);
	stats_record(stats, s, START, 1000, 10, 0, false);
	assert_int_equal(s->response->count, 2);
	assert_int_equal(s->response->max, 1010);
	stats_free(stats);
}

static void test_seconds(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/a");
	double wall;
	int64_t second;

	(void)state;
	stats_record(stats, s, START, 1, 0, 0, false);
	second = stats->second;
	wall = clock_wall();
	assert_true(fabs((double)second - wall) < 2);
	assert_true(fabs(s->last_time - wall) < 1);
	/* In the same second, the one before, and the next. */
	stats_record(stats, s, stats->second_begin, 1, 0, 0, true);
	stats_record(stats, s, stats->second_begin - 1, 1, 0, 0, true);
	stats_record(stats, s, stats->second_begin - NS_PER_S, 1, 0, 0,
	    false);
	stats_record(stats, s, stats->second_begin - NS_PER_S - 1, 1, 0, 0,
	    false);
	assert_int_equal(s->seconds[second % STATS_SECONDS].second, second);
	assert_int_equal(s->seconds[second % STATS_SECONDS].requests, 2);
	assert_int_equal(s->seconds[second % STATS_SECONDS].failures, 1);
	assert_int_equal(s->seconds[(second - 1) % STATS_SECONDS].requests,
	    2);
	assert_int_equal(s->seconds[(second - 2) % STATS_SECONDS].requests,
	    1);
	/* The next second asks the wall clock again. */
	stats_record(stats, s, stats->second_begin + NS_PER_S, 1, 0, 0,
	    false);
	assert_true(stats->second_begin <= START + NS_PER_S);
	assert_true(stats->second_begin > START - NS_PER_S);
	assert_true(fabs((double)stats->second - clock_wall()) < 3);
	stats_free(stats);
}

static void test_ring_keeps_the_newest(void **state)
{
	struct series s;

	(void)state;
	series_init(&s, "GET", "/");
	series_count_second(&s, 1000, 5, 1);
	series_count_second(&s, 1000 + STATS_SECONDS, 7, 2);
	series_count_second(&s, 1000, 5, 1);
	assert_int_equal(s.seconds[1000 % STATS_SECONDS].second,
	    1000 + STATS_SECONDS);
	assert_int_equal(s.seconds[1000 % STATS_SECONDS].requests, 7);
	series_count_second(&s, 1000 - STATS_SECONDS, 9, 0);
	assert_int_equal(s.seconds[1000 % STATS_SECONDS].requests, 7);
	/* After the clock was set back an hour the ring goes on. */
	series_count_second(&s, 1000 - 60 * STATS_SECONDS, 3, 0);
	assert_int_equal(s.seconds[1000 % STATS_SECONDS].requests, 3);
	series_release(&s);
}

static void test_phase(void **state)
{
	struct stats *stats = stats_new(10, 10), *into = stats_new(10, 10);
	struct series *s = stats_series(stats, "HTTP", "connect");

	(void)state;
	stats_observe(stats, s, 500, 7);
	stats_observe(stats, s, -500, 0);
	assert_true(s->phase);
	assert_int_equal(s->requests, 0);
	assert_int_equal(s->service.count, 2);
	assert_int_equal(s->bytes, 7);
	assert_int_equal(stats->total.requests, 0);
	assert_int_equal(stats->total.service.count, 0);
	stats_merge(into, stats);
	assert_true(stats_find(into, "HTTP", "connect")->phase);
	stats_free(stats);
	stats_free(into);
}

static void test_series_limit(void **state)
{
	struct stats *stats = stats_new(3, 10);
	struct series *other;
	char name[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct series *s;

		snprintf(name, sizeof(name), "/%d", i);
		s = stats_series(stats, "GET", name);
		stats_record(stats, s, START, 1, 0, 0, false);
	}
	assert_int_equal(stats->count, 4);
	other = stats_find(stats, "GET", STATS_OTHER);
	assert_non_null(other);
	assert_true(other->other);
	assert_int_equal(other->requests, 97);
	assert_int_equal(stats->capped, 97);
	assert_int_equal(stats->total.requests, 100);
	/* Another type has its own; hostile numbers of types share one. */
	assert_ptr_not_equal(stats_series(stats, "POST", "/x"), other);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "T%d", i);
		stats_series(stats, name, "x");
	}
	assert_true(stats->count <= 3 + 17);
	assert_non_null(stats_find(stats, STATS_OTHER, STATS_OTHER));
	stats_free(stats);
}

static void test_long_names(void **state)
{
	struct stats *stats = stats_new(10, 10);
	char *name = calloc(1, 100000);
	struct series *s;

	(void)state;
	for (int i = 0; i < 99998; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	s = stats_series(stats, "GET", name);
	assert_int_equal(strlen(s->name), STATS_MAX_NAME);
	assert_ptr_equal(s, stats_series(stats, "GET", name));
	/* Not in the middle of a character. */
	name[0] = 'x';
	memmove(name + 1, name + 2, 99997);
	s = stats_series(stats, "GET", name);
	assert_int_equal(strlen(s->name), STATS_MAX_NAME - 1);
	stats_error(stats, s, name, 1, 0, 0);
	assert_int_equal(strlen(stats->errors[0]->text), STATS_MAX_ERROR - 1);
	stats_error(stats, s, name, 1, 0, 0);
	assert_int_equal(stats->error_count, 1);
	free(name);
	stats_free(stats);
}

static void test_errors(void **state)
{
	struct stats *stats = stats_new(10, 3);
	struct series *a = stats_series(stats, "GET", "/a");
	struct series *b = stats_series(stats, "GET", "/b");
	char text[32];

	(void)state;
	stats_error(stats, a, "boom", 1, 100, 100);
	stats_error(stats, a, "boom", 2, 90, 95);
	stats_error(stats, b, "boom", 1, 0, 0);
	assert_int_equal(stats->error_count, 2);
	assert_int_equal(stats->errors[0]->occurrences, 3);
	assert_true(stats->errors[0]->first_seen == 90);
	assert_true(stats->errors[0]->last_seen == 100);
	/* The table counts; the series doesn't. */
	assert_int_equal(a->failures, 0);
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "error %d", i);
		stats_error(stats, a, text, 1, 1, 1);
	}
	assert_int_equal(stats->error_count, 4);
	assert_string_equal(stats->errors[3]->text, STATS_OTHER_ERRORS);
	assert_int_equal(stats->errors[3]->occurrences, 49);
	stats_free(stats);
}

static void test_counters(void **state)
{
	struct stats *stats = stats_new(10, 3), *into = stats_new(10, 3);
	uint32_t sent = stats_counter(stats, "sent"), id = 0;
	char name[32];

	(void)state;
	assert_int_equal(stats_counter(stats, "sent"), sent);
	assert_int_not_equal(stats_counter(stats, "lost"), sent);
	stats_count(stats, sent, 5);
	stats_count(stats, sent, -2);
	stats_count(stats, 12345, 1);
	assert_int_equal(stats->counters[sent].value, 3);
	stats_counter(into, "x");
	stats_merge(into, stats);
	stats_merge(into, stats);
	assert_int_equal(into->counters[stats_counter(into, "sent")].value,
	    6);
	for (int i = 0; i < 2 * STATS_MAX_COUNTERS; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		id = stats_counter(stats, name);
	}
	assert_int_equal(stats->counter_count, STATS_MAX_COUNTERS + 1);
	assert_string_equal(stats->counters[id].name, STATS_OTHER);
	assert_int_equal(stats_counter(stats, "sent"), sent);
	stats_reset(stats);
	assert_int_equal(stats->counters[sent].value, 0);
	stats_free(stats);
	stats_free(into);
}

static void test_exceptions(void **state)
{
	struct stats *stats = stats_new(10, 3);
	char trace[32];

	(void)state;
	stats_exception(stats, "kaboom", "line 1", "host_1");
	stats_exception(stats, "kaboom again", "line 1", "host_2");
	stats_exception(stats, "kaboom", "line 1", "host_1");
	assert_int_equal(stats->exception_count, 1);
	assert_string_equal(stats->exceptions[0].message, "kaboom");
	assert_int_equal(stats->exceptions[0].count, 3);
	assert_int_equal(stats->exceptions[0].node_count, 2);
	for (int i = 0; i < 2 * STATS_MAX_EXCEPTIONS; i++) {
		snprintf(trace, sizeof(trace), "line %d", i + 2);
		stats_exception(stats, "x", trace, trace);
	}
	assert_int_equal(stats->exception_count, STATS_MAX_EXCEPTIONS);
	assert_int_equal(stats->exceptions[STATS_MAX_EXCEPTIONS - 1].count,
	    STATS_MAX_EXCEPTIONS + 2);
	stats_reset(stats);
	assert_int_equal(stats->exception_count, 0);
	stats_free(stats);
}

static void one_sample(struct rng *rng, struct stats *one,
    struct stats *shard)
{
	static const char *const names[] = { "/a", "/b", "/c" };
	const char *name = names[rng_below(rng, 3)];
	int64_t ns = (int64_t)exp(rng_uniform(rng) * 25);
	int64_t lag = rng_below(rng, 50) ? 0 : ns * 3;
	bool failed = rng_below(rng, 10) == 0;
	size_t bytes = rng_below(rng, 1000);

	stats_record(one, stats_series(one, "GET", name), START, ns, lag,
	    bytes, failed);
	stats_record(shard, stats_series(shard, "GET", name), START, ns, lag,
	    bytes, failed);
	if (failed) {
		stats_error(one, stats_series(one, "GET", name), "bad", 1, 5,
		    5);
		stats_error(shard, stats_series(shard, "GET", name), "bad", 1,
		    5, 5);
	}
}

static void assert_same(const struct series *a, const struct series *b)
{
	uint64_t in_ring_a = 0, in_ring_b = 0;

	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->bytes, b->bytes);
	assert_true(histogram_equal(&a->service, &b->service));
	assert_true(histogram_equal(series_response(a), series_response(b)));
	for (int i = 0; i < STATS_SECONDS; i++) {
		in_ring_a += a->seconds[i].requests;
		in_ring_b += b->seconds[i].requests;
	}
	assert_int_equal(in_ring_a, b->requests);
	assert_int_equal(in_ring_b, b->requests);
}

/*
 * One trace recorded in one place, and dealt to W workers that report again
 * and again: the same, bit for bit.
 */
static void merge_of(size_t workers)
{
	struct stats *one = stats_new(10, 10), *master = stats_new(10, 10);
	struct stats *worker[8];
	struct rng rng;

	rng_seed(&rng, 11, workers);
	for (size_t w = 0; w < workers; w++)
		worker[w] = stats_new(10, 10);
	for (int i = 0; i < 30000; i++) {
		size_t w = rng_below(&rng, workers);

		one_sample(&rng, one, worker[w]);
		if (rng_below(&rng, 500) == 0) {
			stats_merge(master, worker[w]);
			stats_reset(worker[w]);
		}
	}
	for (size_t w = 0; w < workers; w++) {
		stats_merge(master, worker[w]);
		stats_free(worker[w]);
	}
	assert_int_equal(master->count, one->count);
	for (size_t i = 0; i < one->count; i++)
		assert_same(stats_find(master, "GET", one->series[i]->name),
		    one->series[i]);
	assert_same(&master->total, &one->total);
	assert_true(one->total.response != NULL);
	assert_int_equal(master->error_count, one->error_count);
	assert_int_equal(master->errors[0]->occurrences +
	    master->errors[1]->occurrences + master->errors[2]->occurrences,
	    one->total.failures);
	stats_free(one);
	stats_free(master);
}

static void test_merge_is_exact(void **state)
{
	(void)state;
	for (size_t workers = 1; workers <= 8; workers++)
		merge_of(workers);
}

static void test_merge_times(void **state)
{
	struct series into, delta;

	(void)state;
	series_init(&into, "GET", "/");
	series_init(&delta, "GET", "/");
	into.start_time = 100;
	into.last_time = 200;
	delta.start_time = 90;
	delta.last_time = 150;
	delta.untimed = 3;
	series_merge(&into, &delta);
	assert_true(into.start_time == 90);
	assert_true(into.last_time == 200);
	assert_int_equal(into.untimed, 3);
	delta.last_time = 250;
	delta.start_time = 240;
	series_merge(&into, &delta);
	assert_true(into.start_time == 90);
	assert_true(into.last_time == 250);
	series_release(&into);
	series_release(&delta);
}

/* A master with less room than its workers still loses nothing. */
static void test_merge_into_less_room(void **state)
{
	struct stats *delta = stats_new(50, 50), *master = stats_new(2, 1);
	char name[16];

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct series *s;

		snprintf(name, sizeof(name), "/%d", i);
		s = stats_series(delta, "GET", name);
		stats_record(delta, s, START, 1000, 0, 0, true);
		stats_error(delta, s, "boom", 1, 1, 1);
	}
	stats_merge(master, delta);
	assert_int_equal(master->total.requests, 40);
	assert_int_equal(stats_find(master, "GET", STATS_OTHER)->requests,
	    38);
	assert_int_equal(master->capped, 38);
	assert_int_equal(master->error_count, 3);
	stats_free(delta);
	stats_free(master);
}

static void test_reset(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct series *s = stats_series(stats, "GET", "/a");
	size_t memory;

	(void)state;
	stats_record(stats, s, START, 1000, 0, 5, true);
	stats_error(stats, s, "boom", 1, 1, 1);
	memory = stats_memory(stats);
	stats_reset(stats);
	assert_ptr_equal(stats_series(stats, "GET", "/a"), s);
	assert_int_equal(s->requests + s->failures + s->bytes +
	    s->service.count + stats->total.requests, 0);
	assert_true(s->last_time == 0);
	assert_int_equal(stats->error_count, 0);
	for (int i = 0; i < 1000; i++) {
		stats_record(stats, s, START, 1000, 0, 5, true);
		stats_error(stats, s, "boom", 1, 1, 1);
		stats_reset(stats);
	}
	assert_int_equal(stats_memory(stats), memory);
	stats_free(stats);
}

static void test_batches_form(void **state)
{
	struct batches a, b;
	struct buf out = BUF_INIT(4096);

	(void)state;
	batches_init(&a);
	batches_init(&b);
	for (int i = 0; i < 1000; i++)
		batches_add(&a, i * 1000);
	assert_int_equal(a.level[0].n, 500);
	assert_true(a.level[0].sum == 999 * 500 * 1000.0);
	assert_int_equal(a.level[8].n, 1);
	assert_int_equal(a.level[9].n, 0);
	assert_int_equal(batches_encode(&a, &out), 0);
	assert_int_equal(batches_decode_add(&b, out.data, out.len), 0);
	assert_memory_equal(a.level, b.level, sizeof(a.level));
	for (size_t len = 0; len < out.len; len++) {
		struct batches c;

		batches_init(&c);
		if ((len + 23) % 24 != 0)
			assert_int_equal(
			    batches_decode_add(&c, out.data, len), -1);
	}
	memset(out.data + 9, 0xff, 8);          /* a sum that is no number */
	assert_int_equal(batches_decode_add(&b, out.data, out.len), -1);
	assert_memory_equal(a.level, b.level, sizeof(a.level));
	buf_release(&out);
}

/* Independent samples tell 1; repeated ones their repetition. */
static void test_batches_time(void **state)
{
	static const int repeats[] = { 1, 16, 200 };

	(void)state;
	for (size_t r = 0; r < 3; r++) {
		struct batches b;
		struct histogram h;
		struct rng rng;
		double time;

		batches_init(&b);
		histogram_init(&h);
		rng_seed(&rng, 5, r);
		for (int i = 0; i < 200000 / repeats[r]; i++) {
			int64_t v = (int64_t)(-log(1 - rng_uniform(&rng)) *
			    1e6);

			for (int k = 0; k < repeats[r]; k++) {
				batches_add(&b, v);
				histogram_record(&h, v);
			}
		}
		time = batches_time(&b, pow(histogram_stddev(&h), 2));
		assert_true(time > 0.85 * repeats[r]);
		assert_true(time < 1.25 * repeats[r]);
		histogram_release(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_ring_keeps_the_newest),
		cmocka_unit_test(test_phase),
		cmocka_unit_test(test_series_limit),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_merge_is_exact),
		cmocka_unit_test(test_merge_times),
		cmocka_unit_test(test_merge_into_less_room),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_batches_form),
		cmocka_unit_test(test_batches_time),
	};

	return cmocka_run_group_tests(tests, freeze, thaw);
}
