/*
 * Reports: swarm's form loses nothing, Locust's form is Locust's, and a
 * broken report changes nothing.
 */
#include "cluster/wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "cluster/wire_object.h"

#define ID "host1_0123456789abcdef0123456789abcdef"
/* When the corpus' reports were made. */
#define THEN 1795249175.0

static struct buf load(const char *name)
{
	struct buf b = BUF_INIT(1u << 20);
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/wire/%s",
	    TEST_SOURCE_DIR, name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("no %s", path);
	b.len = fread(buf_reserve(&b, 1u << 16), 1, 1u << 16, f);
	fclose(f);
	return b;
}

struct counted {
	int classes;
	int64_t users;
};

static void on_count(const char *name, int64_t count, void *arg)
{
	struct counted *c = arg;

	assert_non_null(name);
	c->classes++;
	c->users += count;
}

/* Reads the frame into `into`, and releases it. */
static int read_frame(struct buf *frame, struct stats *into, double now)
{
	struct wire_message m;
	struct counted counted;
	int result;

	assert_int_equal(wire_decode(&m, frame->data, frame->len), 0);
	assert_int_equal(m.type, WIRE_STATS);
	result = wire_report_read(&m.data, into, now, on_count, &counted);
	wire_message_release(&m);
	buf_release(frame);
	return result;
}

static uint64_t requests_at(const struct series *s, int64_t second)
{
	for (size_t i = 0; i < STATS_SECONDS; i++) {
		if (s->seconds[i].second == second)
			return s->seconds[i].requests;
	}
	return 0;
}

/* ---- from Locust ---- */

static void test_locust_report(void **state)
{
	struct stats *stats = stats_new(100, 100);
	struct buf b = load("stats");
	struct series *s;

	(void)state;
	assert_int_equal(read_frame(&b, stats, THEN), 0);
	assert_int_equal(stats->count, 2);
	assert_int_equal(stats->total.requests, 2);
	assert_int_equal(stats->total.failures, 1);
	assert_int_equal(stats->total.service.count, 2);
	assert_int_equal(stats->total.bytes, 66);
	assert_true(fabs(stats->total.start_time - 1795249172.49) < 1e-6);
	assert_true(fabs(stats->total.last_time - 1795249173.963046) < 1e-6);
	s = stats_find(stats, "GET", "/ok");
	assert_non_null(s);
	assert_int_equal(s->requests, 1);
	/* Exact although its bucket is 2 ms. */
	assert_int_equal(s->service.min, 1641405);
	assert_int_equal(s->service.max, 1641405);
	assert_int_equal(histogram_quantile(&s->service, 0.99), 1641405);
	assert_int_equal((int64_t)s->service.sum, 1641405);
	assert_int_equal(requests_at(s, 1795249173), 1);
	assert_int_equal(stats->error_count, 1);
	assert_int_equal(stats->errors[0]->occurrences, 1);
	assert_string_equal(stats->errors[0]->text, "HTTPError('500 Server "
	    "Error: INTERNAL SERVER ERROR for url: /fail')");
	assert_ptr_equal(stats->errors[0]->series,
	    stats_find(stats, "GET", "/fail"));
	stats_free(stats);
}

/* Version 2.12.1: float keys, no times of errors. */
static void test_old_locust_report(void **state)
{
	struct stats *stats = stats_new(100, 100);
	struct buf b = load("stats_old");
	struct series *s;
	int64_t p50;

	(void)state;
	assert_int_equal(read_frame(&b, stats, THEN), 0);
	s = stats_find(stats, "POST", "/slow");
	assert_int_equal(s->service.count, 4);
	assert_int_equal(s->service.min, 99250000);
	assert_int_equal(s->service.max, 880000000);
	p50 = histogram_quantile(&s->service, 0.5);
	assert_true(p50 > 99600000 && p50 < 100400000);
	assert_int_equal(requests_at(s, 1795249173), 3);
	assert_true(stats->errors[0]->first_seen == THEN);
	stats_free(stats);
}

static void test_idle_report(void **state)
{
	struct stats *stats = stats_new(100, 100);
	struct buf b = load("stats_idle");

	(void)state;
	assert_int_equal(read_frame(&b, stats, THEN), 0);
	assert_int_equal(stats->count, 0);
	assert_int_equal(stats->total.requests, 0);
	assert_int_equal(stats->total.service.max, 0);
	stats_free(stats);
}

/* A worker whose clock is hours off: its seconds are moved to ours. */
static void test_wrong_clock(void **state)
{
	struct stats *stats = stats_new(100, 100);
	struct buf b = load("stats");

	(void)state;
	assert_int_equal(read_frame(&b, stats, THEN + 7200), 0);
	assert_true(fabs(stats->total.last_time - (THEN + 7200)) < 1e-3);
	/* The last request, at .963, is taken to have just happened. */
	assert_int_equal(requests_at(&stats->total, (int64_t)THEN + 7199), 2);
	stats_free(stats);
}

/* ---- to Locust ---- */

static void test_bucket_rounding(void **state)
{
	static const double cases[][2] = { { 0, 0 }, { 0.5, 0 }, { 1.5, 2 },
		{ 2.5, 2 }, { 99.5, 100 }, { 105, 100 }, { 115, 120 },
		{ 145, 140 }, { 147, 150 }, { 995.1, 1000 }, { 1050, 1000 },
		{ 1150, 1200 }, { 3432, 3400 }, { 10500, 10000 },
		{ 58760, 59000 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(wire_stats_bucket_ms(cases[i][0]),
		    (int64_t)cases[i][1]);
}

/* The clock is frozen at some instant: samples end then. */
static void record(struct stats *stats, const char *name, double ms,
    double lag_ms, bool failed)
{
	stats_record(stats, stats_series(stats, "GET", name), clock_now(),
	    (int64_t)(ms * NS_PER_MS), (int64_t)(lag_ms * NS_PER_MS), 10,
	    failed);
}

static struct stats *sample_stats(void)
{
	struct stats *stats = stats_new(100, 100);
	uint32_t counter;

	for (int i = 0; i < 300; i++)
		record(stats, "/ok", 1.0 + i * 0.37, 0, false);
	for (int i = 0; i < 40; i++)
		record(stats, "/late", 20 + i, i * 2.5, i % 4 == 0);
	record(stats, "/huge", 5e6, 0, false);
	stats_observe(stats, stats_series(stats, "GET", "/ok connect"),
	    123456, 0);
	stats_error(stats, stats_series(stats, "GET", "/late"), "it's \"bad\"",
	    10, clock_wall() - 1, clock_wall());
	counter = stats_counter(stats, "retries");
	stats_count(stats, counter, -3);
	stats_counter(stats, "unused");
	stats->capped = 4;
	return stats;
}

static const msgpack_object *entry_named(const msgpack_object *data,
    const char *name)
{
	const msgpack_object *list = wire_object_get(data, "stats");
	char text[64];

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *e = &list->via.array.ptr[i];

		wire_object_text(wire_object_get(e, "name"), text,
		    sizeof text);
		if (strcmp(text, name) == 0)
			return e;
	}
	fail_msg("no entry %s", name);
	return NULL;
}

static uint64_t number(const msgpack_object *map, const char *key)
{
	uint64_t n = 0;

	assert_non_null(wire_object_get(map, key));
	assert_int_equal(wire_object_get_uint(map, key, 0, &n), 0);
	return n;
}

static uint64_t map_sum(const msgpack_object *map)
{
	uint64_t sum = 0;

	if (map == NULL)
		return 0;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		assert_int_equal(map->via.map.ptr[i].key.type,
		    MSGPACK_OBJECT_POSITIVE_INTEGER);
		if (i > 0)
			assert_true(map->via.map.ptr[i].key.via.u64 >
			    map->via.map.ptr[i - 1].key.via.u64);
		sum += map->via.map.ptr[i].val.via.u64;
	}
	return sum;
}

static void test_locust_form(void **state)
{
	static const char *const keys[] = { "name", "method",
		"last_request_timestamp", "start_time", "num_requests",
		"num_none_requests", "num_failures", "total_response_time",
		"max_response_time", "min_response_time",
		"total_content_length", "response_times", "num_reqs_per_sec",
		"num_fail_per_sec" };
	const struct wire_count counts[] = { { "Alpha", 3 }, { "Beta", 0 } };
	struct stats *stats = sample_stats();
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	const msgpack_object *e;
	struct wire_message m;
	char text[64];

	(void)state;
	wire_stats_encode_locust(&b, ID, stats, counts, 2);
	assert_int_equal(wire_decode(&m, b.data, b.len), 0);
	assert_null(wire_object_get(&m.data, "swarm"));
	assert_int_equal(number(&m.data, "user_count"), 3);
	/* Phases are not requests. */
	assert_int_equal(wire_object_get(&m.data,
	    "stats")->via.array.size, 3);
	e = entry_named(&m.data, "/late");
	assert_int_equal(e->via.map.size, 14);
	for (size_t i = 0; i < 14; i++) {
		wire_object_text(&e->via.map.ptr[i].key, text, sizeof text);
		assert_string_equal(text, keys[i]);
	}
	assert_int_equal(number(e, "num_requests"), 40);
	assert_int_equal(number(e, "num_failures"), 10);
	assert_int_equal(map_sum(wire_object_get(e, "response_times")), 40);
	assert_int_equal(map_sum(wire_object_get(e, "num_reqs_per_sec")), 40);
	assert_int_equal(map_sum(wire_object_get(e, "num_fail_per_sec")), 10);
	e = wire_object_get(&m.data, "stats_total");
	assert_int_equal(map_sum(wire_object_get(e, "response_times")), 341);
	/* An hour and a half is beyond our buckets, not beyond Locust's. */
	e = wire_object_get(entry_named(&m.data, "/huge"), "response_times");
	assert_int_equal(e->via.map.ptr[0].key.via.u64, 5000000);
	wire_message_release(&m);
	buf_release(&b);
	stats_free(stats);
}

/* The key of a failure is the one Locust would compute. */
static void test_error_keys(void **state)
{
	static const char *const cases[][4] = {
		{ "POST", "/ok", "CatchResponseError('bad body \xc3\xa9')",
		    "392b8749dbb856c11ea504fc39bb7244494d5c351418f535b2805ca2"
		    "cbe1646d" },
		{ "GET", "/fail", "HTTPError('500 Server Error: INTERNAL "
		    "SERVER ERROR for url: /fail')",
		    "0e43cc34712eefa4b60c34a65829be70eefe91ef942252c7ce5043e4"
		    "e1775728" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct stats *stats = stats_new(10, 10);
		struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
		const msgpack_object *errors;
		struct wire_message m;

		stats_error(stats, stats_series(stats, cases[i][0],
		    cases[i][1]), cases[i][2], 1, 1, 1);
		wire_stats_encode_locust(&b, ID, stats, NULL, 0);
		assert_int_equal(wire_decode(&m, b.data, b.len), 0);
		errors = wire_object_get(&m.data, "errors");
		assert_int_equal(errors->via.map.size, 1);
		assert_memory_equal(errors->via.map.ptr[0].key.via.str.ptr,
		    cases[i][3], 64);
		wire_message_release(&m);
		buf_release(&b);
		stats_free(stats);
	}
}

/* ---- between swarms ---- */

static void assert_same_series(const struct series *a, const struct series *b)
{
	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->phase, b->phase);
	assert_true(histogram_equal(&a->service, &b->service));
	assert_int_equal(a->response == NULL, b->response == NULL);
	assert_true(histogram_equal(series_response(a), series_response(b)));
	assert_memory_equal(a->batches.level, b->batches.level,
	    sizeof a->batches.level);
	assert_memory_equal(a->seconds, b->seconds, sizeof a->seconds);
}

static void test_swarm_round_trip(void **state)
{
	struct stats *from = sample_stats();
	struct stats *to = stats_new(100, 100);
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	(void)state;
	wire_stats_encode(&b, ID, from, NULL, NULL, 0);
	assert_int_equal(read_frame(&b, to, clock_wall()), 0);
	assert_int_equal(to->count, from->count);
	for (size_t i = 0; i < from->count; i++)
		assert_same_series(stats_find(to, from->series[i]->type,
		    from->series[i]->name), from->series[i]);
	assert_same_series(&to->total, &from->total);
	assert_int_equal(to->error_count, 1);
	assert_string_equal(to->errors[0]->text, "it's \"bad\"");
	assert_int_equal(to->errors[0]->occurrences, 10);
	assert_int_equal(to->counter_count, 1);
	assert_int_equal(to->counters[0].value, -3);
	assert_int_equal(to->capped, 4);
	stats_free(from);
	stats_free(to);
}

/* Two reports, the second with lags the first had not: as one merge. */
static void test_two_reports(void **state)
{
	struct stats *to = stats_new(100, 100);
	struct stats *direct = stats_new(100, 100);
	struct stats *delta = stats_new(100, 100);

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

		for (int i = 0; i < 50; i++)
			record(delta, "/a", i, round == 1 ? i : 0, false);
		stats_merge(direct, delta);
		wire_stats_encode(&b, ID, delta, NULL, NULL, 0);
		stats_reset(delta);
		assert_int_equal(read_frame(&b, to, clock_wall()), 0);
	}
	assert_same_series(to->series[0], direct->series[0]);
	assert_same_series(&to->total, &direct->total);
	stats_free(to);
	stats_free(direct);
	stats_free(delta);
}

/* A swarm worker's report that reaches a Locust master: all keys, no data. */
static void test_swarm_form_is_harmless(void **state)
{
	struct stats *stats = sample_stats();
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;

	(void)state;
	wire_stats_encode(&b, ID, stats, NULL, NULL, 0);
	assert_int_equal(wire_decode(&m, b.data, b.len), 0);
	assert_int_equal(wire_object_get(&m.data,
	    "stats_total")->via.map.size, 14);
	assert_int_equal(wire_object_get(&m.data, "stats")->via.array.size, 0);
	assert_int_equal(wire_object_get(&m.data, "errors")->via.map.size, 0);
	assert_non_null(wire_object_get(&m.data, "user_classes_count"));
	assert_non_null(wire_object_get(&m.data, "user_count"));
	wire_message_release(&m);
	buf_release(&b);
	stats_free(stats);
}

static void test_series_without_room(void **state)
{
	struct stats *from = sample_stats();
	struct stats *to = stats_new(1, 100);
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	(void)state;
	wire_stats_encode(&b, ID, from, NULL, NULL, 0);
	assert_int_equal(read_frame(&b, to, clock_wall()), 0);
	assert_int_equal(to->count, 2);
	assert_string_equal(to->series[1]->name, STATS_OTHER);
	assert_int_equal(to->capped, 4 + 41);
	assert_int_equal(to->total.requests, 341);
	stats_free(from);
	stats_free(to);
}

/* ---- hostile ---- */

static bool untouched(const struct stats *s)
{
	return s->count == 0 && s->error_count == 0 && s->counter_count == 0 &&
	    s->total.requests == 0 && s->total.service.count == 0 &&
	    s->capped == 0;
}

/* Reads it as a report, whatever it is; a refusal must leave no trace. */
static bool try_frame(const void *data, size_t len)
{
	struct stats *stats;
	struct wire_message m;
	bool taken;

	if (wire_decode(&m, data, len) == -1)
		return false;
	stats = stats_new(50, 50);
	taken = wire_report_read(&m.data, stats, THEN, NULL, NULL) == 0;
	if (!taken && !untouched(stats))
		fail_msg("a refused report was partly applied");
	stats_free(stats);
	wire_message_release(&m);
	return taken;
}

static struct buf seed_frame(size_t i)
{
	static const char *const files[] = { "stats", "stats_old",
		"stats_idle" };
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct stats *stats;

	if (i < 3)
		return load(files[i]);
	stats = sample_stats();
	wire_stats_encode(&b, ID, stats, NULL, NULL, 0);
	stats_free(stats);
	return b;
}

static void test_every_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buf b = seed_frame(i);

		assert_true(try_frame(b.data, b.len));
		for (size_t len = 0; len < b.len; len++) {
			char *exact = malloc(len + 1);

			memcpy(exact, b.data, len);
			assert_false(try_frame(exact, len));
			free(exact);
		}
		buf_release(&b);
	}
}

static void mutate(struct rng *rng, char *data, size_t len)
{
	size_t changes = 1 + rng_below(rng, 4);

	for (size_t i = 0; i < changes; i++) {
		size_t at = rng_below(rng, len);

		if (rng_below(rng, 2) == 0)
			data[at] = (char)rng_next(rng);
		else
			data[at] ^= (char)(1 << rng_below(rng, 8));
	}
}

static void test_random_mutation(void **state)
{
	struct buf seeds[4];
	struct rng rng;
	int taken = 0;

	(void)state;
	rng_seed(&rng, 1, 0);
	for (size_t i = 0; i < 4; i++)
		seeds[i] = seed_frame(i);
	for (int i = 0; i < 100000; i++) {
		const struct buf *seed = &seeds[i % 4];
		char *copy = malloc(seed->len);

		memcpy(copy, seed->data, seed->len);
		mutate(&rng, copy, seed->len);
		taken += try_frame(copy, seed->len);
		free(copy);
	}
	/* Some survive, for example a changed letter of a name. */
	assert_true(taken > 1000 && taken < 99000);
	for (size_t i = 0; i < 4; i++)
		buf_release(&seeds[i]);
}

/* The last row of all is bad: nothing before it may have been added. */
static void test_all_or_nothing(void **state)
{
	static const char bad_counter[] = "retries\xfd";
	struct stats *from = sample_stats();
	struct stats *to = stats_new(100, 100);
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	char *at;

	(void)state;
	wire_stats_encode(&b, ID, from, NULL, NULL, 0);
	at = memmem(b.data, b.len, bad_counter, sizeof bad_counter - 1);
	assert_non_null(at);
	at[7] = (char)0xc3;             /* -3 becomes true */
	assert_int_equal(read_frame(&b, to, THEN), -1);
	assert_true(untouched(to));
	stats_free(from);
	stats_free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locust_report),
		cmocka_unit_test(test_old_locust_report),
		cmocka_unit_test(test_idle_report),
		cmocka_unit_test(test_wrong_clock),
		cmocka_unit_test(test_bucket_rounding),
		cmocka_unit_test(test_locust_form),
		cmocka_unit_test(test_error_keys),
		cmocka_unit_test(test_swarm_round_trip),
		cmocka_unit_test(test_two_reports),
		cmocka_unit_test(test_swarm_form_is_harmless),
		cmocka_unit_test(test_series_without_room),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_random_mutation),
		cmocka_unit_test(test_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
