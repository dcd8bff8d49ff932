/* Metrics: kinds, merging over workers, their limits, the way over the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cluster/wire_metric.h"
#include "cluster/wire_object.h"
#include "stats/metric.h"
#include "stats/stats.h"

static void test_kinds(void **state)
{
	struct metrics m = { 0 };
	uint32_t gauge = metrics_get(&m, METRIC_GAUGE, "g", "C");
	uint32_t rate = metrics_get(&m, METRIC_RATE, "g", "");
	uint32_t dist = metrics_get(&m, METRIC_DISTRIBUTION, "d", "kB");

	(void)state;
	assert_int_not_equal(gauge, rate);
	assert_int_equal(metrics_get(&m, METRIC_GAUGE, "g", "F"), gauge);
	metrics_record(&m, gauge, -3.5);
	metrics_record(&m, gauge, 20);
	metrics_record(&m, gauge, NAN);
	metrics_record(&m, gauge, INFINITY);
	metrics_record(&m, gauge, 10);
	assert_int_equal(m.at[gauge].count, 3);
	assert_float_equal(m.at[gauge].last, 10, 0);
	assert_float_equal(m.at[gauge].min, -3.5, 0);
	assert_float_equal(m.at[gauge].max, 20, 0);
	assert_float_equal(metric_mean(&m.at[gauge]), 26.5 / 3, 1e-12);
	for (int i = 0; i < 10; i++)
		metrics_record(&m, rate, i < 3 ? 7 : 0);
	assert_float_equal(metric_mean(&m.at[rate]), 0.3, 1e-12);
	for (int i = 1; i <= 1000; i++)
		metrics_record(&m, dist, i);
	metrics_record(&m, dist, -5);
	metrics_record(&m, dist, 1e300);
	assert_float_equal(metric_quantile(&m.at[dist].values, 0.5), 500, 4);
	metrics_record(&m, 99, 1);
	metrics_reset(&m);
	assert_int_equal(m.at[dist].count + m.at[dist].values.count, 0);
	assert_int_equal(metrics_get(&m, METRIC_DISTRIBUTION, "d", ""), dist);
	metrics_release(&m);
}

/* Any split over workers, merged in any order, is the same as one worker. */
static void test_merge(void **state)
{
	struct metrics one = { 0 };
	struct metrics parts[3] = { 0 };
	struct metrics all = { 0 };
	static const int order[] = { 2, 0, 1 };

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct metrics *to = &parts[i % 3];

		metrics_record(&one, metrics_get(&one, METRIC_DISTRIBUTION,
		    "d", ""), i * 0.25);
		metrics_record(to, metrics_get(to, METRIC_DISTRIBUTION, "d",
		    ""), i * 0.25);
		metrics_record(to, metrics_get(to, METRIC_GAUGE, "g", ""), i);
		to->at[1].last_time = 1000 + i;
	}
	for (int i = 0; i < 3; i++)
		metrics_merge(&all, &parts[order[i]]);
	assert_true(histogram_equal(&one.at[0].values, &all.at[0].values));
	assert_int_equal(all.at[0].count, 300);
	/* The latest, not the one that came last. */
	assert_float_equal(all.at[1].last, 299, 0);
	assert_float_equal(all.at[1].max, 299, 0);
	assert_float_equal(all.at[1].min, 0, 0);
	metrics_release(&one);
	metrics_release(&all);
	for (int i = 0; i < 3; i++)
		metrics_release(&parts[i]);
}

static void test_limits(void **state)
{
	struct metrics m = { 0 };
	char name[2000];

	(void)state;
	for (int i = 0; i < METRICS_MAX + 500; i++) {
		snprintf(name, sizeof name, "metric %d", i);
		metrics_record(&m, metrics_get(&m, METRIC_RATE, name, ""), 1);
	}
	assert_int_equal(m.count, METRICS_MAX + 1);
	assert_string_equal(m.at[METRICS_MAX].name, STATS_OTHER);
	assert_int_equal(m.at[METRICS_MAX].count, 500);
	metrics_release(&m);
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	metrics_get(&m, METRIC_RATE, name, name);
	assert_int_equal(strlen(m.at[0].name), STATS_MAX_NAME);
	assert_int_equal(strlen(m.at[0].unit), METRIC_MAX_UNIT);
	metrics_release(&m);
}

static void pack(struct buf *out, const struct metrics *m)
{
	msgpack_packer pk;

	buf_clear(out);
	wire_object_packer(&pk, out);
	wire_metrics_put(&pk, m);
}

static int unpack(const struct buf *bytes, size_t len, struct metrics *into)
{
	msgpack_unpacked u;
	size_t at = 0;
	int rc = -2;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, bytes->data, len, &at) ==
	    MSGPACK_UNPACK_SUCCESS)
		rc = wire_metrics_read(&u.data, into, 5);
	msgpack_unpacked_destroy(&u);
	return rc;
}

static void test_wire(void **state)
{
	struct metrics m = { 0 };
	struct metrics got = { 0 };
	struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	metrics_record(&m, metrics_get(&m, METRIC_GAUGE, "depth", "jobs"), 4);
	metrics_get(&m, METRIC_RATE, "unused", "");
	for (int i = 0; i < 100; i++)
		metrics_record(&m, metrics_get(&m, METRIC_DISTRIBUTION, "d",
		    ""), i);
	pack(&bytes, &m);
	assert_int_equal(unpack(&bytes, bytes.len, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(unpack(&bytes, bytes.len, &got), 0);
	assert_int_equal(got.count, 2);
	assert_string_equal(got.at[0].unit, "jobs");
	assert_int_equal(got.at[0].count, 2);
	assert_float_equal(got.at[0].last_time, m.at[0].last_time + 5, 1e-6);
	assert_int_equal(got.at[1].values.count, 200);
	assert_float_equal(got.at[1].sum, 9900, 0);
	metrics_release(&got);
	/* Any one byte that is off is refused or is another number; nothing
	 * breaks. */
	for (size_t i = 0; i < bytes.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes.data[i] ^= (char)(1 << bit);
			if (unpack(&bytes, bytes.len, NULL) == 0)
				unpack(&bytes, bytes.len, &got);
			bytes.data[i] ^= (char)(1 << bit);
		}
	}
	metrics_release(&got);
	metrics_release(&m);
	buf_release(&bytes);
}

/* A report with a figure that is none leaves everything as it was. */
static void test_wire_refuses(void **state)
{
	struct metrics m = { 0 };
	struct buf bytes = BUF_INIT(1 << 20);
	struct metrics got = { 0 };
	char *at;

	(void)state;
	metrics_record(&m, metrics_get(&m, METRIC_GAUGE, "g", ""), 1);
	pack(&bytes, &m);
	at = memmem(bytes.data, bytes.len, "\xcb\x3f\xf0\0\0\0\0\0\0", 9);
	assert_non_null(at);
	memcpy(at, "\xcb\x7f\xf0\0\0\0\0\0\0", 9);
	assert_int_equal(unpack(&bytes, bytes.len, NULL), -1);
	/* Whoever sends sees to it that the rest of a report is not lost. */
	m.at[0].sum = INFINITY;
	m.at[0].last = -1e308;
	pack(&bytes, &m);
	assert_int_equal(unpack(&bytes, bytes.len, NULL), 0);
	m.at[0].sum = m.at[0].last = 1;
	m.at[0].kind = (enum metric_kind)7;
	pack(&bytes, &m);
	assert_int_equal(unpack(&bytes, bytes.len, &got), -1);
	assert_int_equal(got.count, 0);
	metrics_release(&m);
	buf_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_wire_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
