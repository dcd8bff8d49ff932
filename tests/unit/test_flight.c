/*
 * The flight recorder: the ring of a worker, whose events are taken out of it,
 * the message, and what a master makes of honest and of other answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "cluster/wire.h"
#include "report/flight.h"
#include "user/flight.h"

static void record(uint32_t user, int64_t end_ms, int64_t service_ms,
    const char *error)
{
	flight_record(user, 0, end_ms * NS_PER_MS, service_ms * NS_PER_MS, 0,
	    "task", error);
}

static struct flight_event taken[FLIGHT_MOST];

static size_t take(int64_t from_ms)
{
	struct flight_pick pick = { .from = from_ms * NS_PER_MS };

	return flight_take(&pick, taken);
}

/* Before it is set up nothing is kept, and there is nothing to take. */
static void test_off(void **state)
{
	(void)state;
	record(1, 1, 1, NULL);
	assert_int_equal(take(0), 0);
}

static void test_worst_users(void **state)
{
	char error[16] = "refused";
	size_t n;

	(void)state;
	flight_init(64);
	/* Twenty users; 3 fails, 7 is the slowest, 9 is slow but long ago. */
	record(9, 10, 900, NULL);
	for (uint32_t i = 0; i < 20; i++)
		record(i, 2000 + i, i == 7 ? 500 : i == 9 ? 0 : 1 + i, NULL);
	record(3, 3000, 1, error);
	snprintf(error, sizeof error, "another");
	n = take(1000);
	assert_int_equal(n, FLIGHT_USERS + 1);
	for (size_t i = 0; i < n; i++) {
		assert_true(taken[i].user == 3 || taken[i].user == 7 ||
		    taken[i].user > 13);
		assert_true(i == 0 || taken[i].end >= taken[i - 1].end);
	}
	assert_int_equal(taken[0].user, 3);
	assert_null(taken[0].error);
	assert_string_equal(taken[n - 1].error, "refused");
	flight_release();
}

/* A busy user's failure is a while ago: what is told lies around it. */
static void test_around_the_worst(void **state)
{
	struct flight_pick pick = { 0 };
	size_t n;

	(void)state;
	flight_init(4096);
	for (int i = 0; i < 2000; i++)
		record(1, i, 1, i == 300 ? "refused" : NULL);
	record(2, 2000, 5, NULL);
	n = flight_take(&pick, taken);
	assert_int_equal(n, FLIGHT_EACH + 1);
	assert_true(taken[0].end > 200 * NS_PER_MS);
	assert_int_equal(taken[n - 2].end, taken[0].end + (FLIGHT_EACH - 1) *
	    NS_PER_MS);
	assert_string_equal(taken[300 - taken[0].end / NS_PER_MS].error,
	    "refused");
	assert_int_equal(taken[n - 1].user, 2);
	/* What comes then: of one with room, and of one who is new. */
	for (int i = 0; i < 200; i++) {
		record(1, 2100 + i, 1, NULL);
		record(2, 2100 + i, 1, NULL);
		record(3, 2100 + i, i, NULL);
	}
	n = flight_take(&pick, taken);
	assert_int_equal(n, FLIGHT_EACH - 1 + FLIGHT_EACH);
	assert_int_equal(taken[0].user, 2);
	assert_int_equal(taken[0].end, 2100 * NS_PER_MS);
	assert_int_equal(taken[n - 1].user, 3);
	assert_int_equal(taken[n - 1].end, 2299 * NS_PER_MS);
	assert_int_equal(flight_take(&pick, taken), 0);
	flight_release();
}

/* The first and the last of many are the worst. */
static void test_at_the_edges(void **state)
{
	(void)state;
	for (int worst = 0; worst < 1000; worst += 999) {
		flight_init(1024);
		for (int i = 0; i < 1000; i++)
			record(1, i, i == worst ? 9 : 1, NULL);
		assert_int_equal(take(0), FLIGHT_EACH);
		assert_int_equal(taken[worst == 0 ? 0 : FLIGHT_EACH - 1].service,
		    9 * NS_PER_MS);
		flight_release();
	}
}

/* Round and round: only the last ones are there, and memory is bounded also
 * when every failure has a text of its own. */
static void test_wraps(void **state)
{
	char error[32];

	(void)state;
	flight_init(64);
	for (int i = 0; i < 1000; i++) {
		snprintf(error, sizeof error, "error %d", i);
		record((uint32_t)(i % 4), i, 1, error);
	}
	assert_int_equal(take(0), 64);
	assert_int_equal(taken[0].end, 936 * NS_PER_MS);
	assert_int_equal(taken[63].end, 999 * NS_PER_MS);
	assert_string_equal(taken[63].error, "another error");
	/* Another test has nothing of it. */
	flight_forget();
	assert_int_equal(take(0), 0);
	record(7, 2000, 1, NULL);
	assert_int_equal(take(0), 1);
	assert_int_equal(taken[0].user, 7);
	flight_release();
}

static int round_trip(const struct wire_flight *in, struct wire_flight *back,
    struct buf *b, struct wire_message *m)
{
	wire_encode_flight(b, "worker", in);
	assert_int_equal(wire_decode(m, b->data, b->len), 0);
	assert_int_equal(m->type, WIRE_FLIGHT);
	return wire_read_flight(&m->data, back);
}

static void test_message(void **state)
{
	static char big[WIRE_MAX_FLIGHT + 1];
	const struct wire_flight wrong[] = {
		{ 0, 1, 1, "x", 1 }, { 1, UINT64_MAX, 1, "x", 1 },
		{ 1, 1, UINT64_MAX, "x", 1 }, { 1, 1, 1, big, sizeof big },
	};
	struct buf b = BUF_INIT(4 << 20);
	struct wire_message m;
	struct wire_flight back;

	(void)state;
	assert_int_equal(round_trip(&(struct wire_flight){ 7, 5, 2, "{}\n",
	    3 }, &back, &b, &m), 0);
	assert_true(back.id == 7 && back.before_ns == 5 && back.after_ns == 2);
	assert_true(back.len == 3 && memcmp(back.lines, "{}\n", 3) == 0);
	wire_message_release(&m);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		buf_clear(&b);
		assert_int_equal(round_trip(&wrong[i], &back, &b, &m), -1);
		wire_message_release(&m);
	}
	buf_release(&b);
}

static const char good[] = "{\"user\":3,\"task\":\"buy\",\"type\":\"GET\","
    "\"name\":\"/<b>\",\"end_ns\":12000000000,\"service_ns\":250000000,"
    "\"lag_ns\":50000000,\"error\":null}\n";
static const char failed[] = "{\"user\":4,\"task\":\"\",\"type\":\"\","
    "\"name\":\"x\",\"end_ns\":12500000000,\"service_ns\":1,\"lag_ns\":0,"
    "\"error\":\"no & none\"}";

static void add(struct flight *f, uint64_t id, const char *lines)
{
	flight_add(f, id, 2, lines, strlen(lines), 10 * NS_PER_S);
}

static void test_moments(void **state)
{
	static const char *const bad[] = { "", "\n\n", "{", "null\n", "[1]\n",
		"{\"user\":-1}\n", "{\"user\":1,\"task\":\"a\",\"type\":\"b\"}",
		"{\"user\":1e300,\"end_ns\":1,\"service_ns\":1,\"lag_ns\":1}",
		"{\"user\":1,\"task\":5,\"type\":\"b\",\"name\":\"c\","
		"\"end_ns\":1,\"service_ns\":1,\"lag_ns\":1}", "\xff\xfe\n" };
	struct flight f = { 0 };
	struct buf out = BUF_INIT(1 << 20);
	uint64_t id = flight_begin(&f, 2, "p99>1s <for> 3s");
	char *copy = xstrdup(good);

	(void)state;
	assert_int_not_equal(id, 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		add(&f, id, bad[i]);
	add(&f, id + 1, good);
	assert_int_equal(f.moments[0].count, 0);
	flight_html(&out, &f);
	assert_non_null(strstr(buf_str(&out), "no worker told"));
	add(&f, id, copy);
	memset(copy, 'x', strlen(copy));
	add(&f, id, failed);
	assert_int_equal(f.moments[0].count, 2);
	assert_true(f.moments[0].lines[0].start > 1.6999 &&
	    f.moments[0].lines[0].start < 1.7001);
	buf_clear(&out);
	flight_write(&out, &f);
	assert_non_null(strstr(buf_str(&out), "\"events\":2}\n"));
	assert_non_null(strstr(buf_str(&out), "\"response_ms\":300,"));
	buf_clear(&out);
	flight_html(&out, &f);
	assert_null(strstr(buf_str(&out), "<b>"));
	assert_non_null(strstr(buf_str(&out), "no &amp; none"));
	assert_non_null(strstr(buf_str(&out), "class=\"lag\""));
	assert_non_null(strstr(buf_str(&out), "class=\"failed\""));
	free(copy);
	buf_release(&out);
	flight_clear(&f);
}

/* So many, so far apart, so many events; and a new test has new ids. */
static void test_bounds(void **state)
{
	struct flight f = { 0 };
	uint64_t first = flight_begin(&f, 0, "a");

	(void)state;
	assert_int_equal(flight_begin(&f, FLIGHT_APART - 1, "b"), 0);
	for (int i = 0; i < 5000; i++)
		add(&f, first, good);
	assert_int_equal(f.moments[0].count, FLIGHT_EVENTS_MOST);
	for (int i = 1; i < FLIGHT_MOMENTS; i++)
		assert_int_not_equal(flight_begin(&f, i * FLIGHT_APART, "c"),
		    0);
	assert_int_equal(flight_begin(&f, 1e6, "d"), 0);
	flight_clear(&f);
	assert_true(flight_begin(&f, 0, "e") > first);
	add(&f, first, good);
	assert_int_equal(f.moments[0].count, 0);
	flight_clear(&f);
}

/* Into results and back: the waterfall is the same, and what a file may hold
 * instead does no harm. */
static void test_results(void **state)
{
	static const char *const bad[] = { "null", "[]", "{\"moments\":5}",
		"{\"moments\":[null,{},{\"at_s\":1},{\"at_s\":\"x\","
		"\"why\":\"y\"},{\"at_s\":2,\"why\":7}]}",
		"{\"before_s\":-5,\"after_s\":1e300,\"moments\":[{\"at_s\":1,"
		"\"why\":\"w\",\"events\":[1,{},{\"task\":\"\",\"type\":\"\","
		"\"name\":\"\",\"start_s\":1,\"response_ms\":1,"
		"\"service_ms\":2}]}]}" };
	struct flight f = { .before = 7, .after = 3 }, *back;
	uint64_t id = flight_begin(&f, 2, "p99>1s");
	struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
	json_t *o;

	(void)state;
	add(&f, id, good);
	add(&f, id, failed);
	o = flight_json(&f);
	back = flight_read(o);
	flight_html(&one, &f);
	flight_html(&two, back);
	assert_string_equal(buf_str(&one), buf_str(&two));
	assert_non_null(strstr(buf_str(&one), "from 7 s before"));
	flight_free(back);
	json_decref(o);
	/* The nearest ones, of a great many. */
	for (int i = 0; i < 3000; i++)
		add(&f, id, good);
	o = flight_json(&f);
	back = flight_read(o);
	assert_int_equal(back->moments[0].count, FLIGHT_KEPT);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(
	    json_object_get(o, "moments"), 0), "left_out")),
	    3002 - FLIGHT_KEPT);
	flight_free(back);
	json_decref(o);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		o = json_loads(bad[i], JSON_DECODE_ANY, NULL);
		assert_non_null(o);
		back = flight_read(o);
		assert_int_equal(back->count, i == 4);
		assert_int_equal(back->moments[0].count, 0);
		assert_true(back->before >= 0 && back->after <= FLIGHT_LONGEST);
		flight_free(back);
		json_decref(o);
	}
	buf_release(&one);
	buf_release(&two);
	flight_clear(&f);
}

static void test_burst(void **state)
{
	struct flight f = { 0 };

	(void)state;
	assert_false(flight_burst(&f, 0, 0));
	assert_false(flight_burst(&f, 10, 9));
	f.usual = 0;
	for (int i = 0; i < 60; i++)
		assert_false(flight_burst(&f, 1000, 10));
	assert_true(flight_burst(&f, 1000, 300));
	/* Where a tenth fails all the time, a third is no news. */
	for (int i = 0; i < 60; i++)
		flight_burst(&f, 1000, 100);
	assert_false(flight_burst(&f, 1000, 330));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_worst_users),
		cmocka_unit_test(test_around_the_worst),
		cmocka_unit_test(test_at_the_edges),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
