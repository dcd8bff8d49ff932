/* The histogram: its mapping, its quantiles, its sums and its wire form. */
#include "stats/histogram.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct histogram make(void)
{
	struct histogram h;

	histogram_init(&h);
	return h;
}

/* Every bucket: bounds meet, both ends and their neighbours map back. */
static void test_mapping(void **state)
{
	int64_t lo, hi, expected = 0;

	(void)state;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		histogram_bounds(i, &lo, &hi);
		assert_int_equal(lo, expected);
		assert_true(hi >= lo);
		assert_int_equal(histogram_index(lo), i);
		assert_int_equal(histogram_index(hi), i);
		assert_int_equal(histogram_index(lo + (hi - lo) / 2), i);
		/* The midpoint is within 0.4 % of both ends. */
		assert_true((double)(hi - lo) / 2 <= (double)lo * 0.003907);
		expected = hi + 1;
	}
	assert_int_equal(expected, INT64_C(1) << 42);
	assert_int_equal(histogram_index(expected), HISTOGRAM_BUCKETS);
	assert_int_equal(histogram_index(INT64_MAX), HISTOGRAM_BUCKETS);
	assert_int_equal(histogram_index(-1), 0);
	assert_int_equal(histogram_index(INT64_MIN), 0);
}

/* Every value up to a million against the definition. */
static void test_mapping_by_definition(void **state)
{
	(void)state;
	for (int64_t v = 0; v < 1000000; v++) {
		unsigned index = (unsigned)v;

		if (v >= 128) {
			unsigned e = (unsigned)floor(log2((double)v));
			unsigned s = e - 7;

			index = (s << 7) + (unsigned)(v >> s);
		}
		if (histogram_index(v) != index)
			fail_msg("value %ld", (long)v);
	}
}

static void test_quantiles(void **state)
{
	struct histogram h = make();

	(void)state;
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	/* 1 to 100: exact buckets, so that the rank is seen. */
	for (int64_t v = 100; v >= 1; v--)
		histogram_record(&h, v);
	for (int p = 1; p <= 100; p++)
		assert_int_equal(histogram_quantile(&h, p / 100.0), p);
	assert_int_equal(histogram_quantile(&h, 0), 1);
	assert_int_equal(histogram_quantile(&h, -1), 1);
	assert_int_equal(histogram_quantile(&h, NAN), 1);
	assert_int_equal(histogram_quantile(&h, 0.991), 100);
	assert_int_equal(histogram_quantile(&h, 1.5), 100);
	assert_true(fabs(histogram_mean(&h) - 50.5) < 1e-9);
	assert_true(fabs(histogram_stddev(&h) - 28.86607) < 1e-4);
	assert_true(histogram_share(&h, 50) == 0.5);
	assert_true(histogram_share(&h, 0) == 0);
	assert_true(histogram_share(&h, 1000) == 1);
	histogram_release(&h);
}

/* Against a sorted array, over eight orders of magnitude. */
static void test_quantiles_of_a_sample(void **state)
{
	enum { N = 20000 };
	static int64_t sorted[N];
	struct histogram h = make();
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7, 0);
	for (int i = 0; i < N; i++) {
		int64_t v = (int64_t)exp(rng_uniform(&rng) * 20);
		int at = i;

		histogram_record(&h, v);
		sorted[i] = v;
		while (at > 0 && sorted[at - 1] > sorted[at]) {
			int64_t swap = sorted[at];

			sorted[at] = sorted[at - 1];
			sorted[--at] = swap;
		}
	}
	for (int k = 1; k <= N; k += 37) {
		int64_t truth = sorted[k - 1];
		int64_t got = histogram_quantile(&h, (double)k / N);

		assert_true(fabs((double)(got - truth)) <=
		    (double)truth * 0.0040);
	}
	assert_int_equal(histogram_quantile(&h, 1), sorted[N - 1]);
	histogram_release(&h);
}

static void test_extremes(void **state)
{
	struct histogram h = make();

	(void)state;
	histogram_record(&h, -5);
	histogram_record(&h, INT64_C(1) << 42);
	histogram_record(&h, (INT64_C(1) << 50) + 3);
	assert_int_equal(h.count, 3);
	assert_int_equal(h.overflow, 2);
	assert_int_equal(h.min, 0);
	assert_int_equal(h.max, (INT64_C(1) << 50) + 3);
	assert_int_equal(histogram_quantile(&h, 0.3), 0);
	assert_int_equal(histogram_quantile(&h, 0.5), h.max);
	/* Reported values stay within what was seen. */
	histogram_clear(&h);
	assert_int_equal(h.count, 0);
	histogram_record(&h, 1000000);
	assert_int_equal(histogram_quantile(&h, 0.01), 1000000);
	assert_int_equal(histogram_quantile(&h, 0.99), 1000000);
	histogram_release(&h);
}

static void test_record_n(void **state)
{
	struct histogram a = make(), b = make();

	(void)state;
	for (int i = 0; i < 1000; i++)
		histogram_record(&a, 123456789);
	histogram_record_n(&b, 123456789, 1000);
	histogram_record_n(&b, 5, 0);
	assert_true(histogram_equal(&a, &b));
	histogram_release(&a);
	histogram_release(&b);
}

/* Beyond 32 bits in one bucket: recorded, merged, taken away, sent. */
static void test_large_counts(void **state)
{
	const uint64_t most = UINT64_C(3000000000);
	struct histogram a = make(), b = make(), back = make();
	struct buf out = BUF_INIT(1 << 10);
	unsigned bucket = histogram_index(5000);

	(void)state;
	histogram_record_n(&a, 5000, most);
	histogram_record_n(&a, 70000, 1);
	histogram_merge(&b, &a);
	histogram_merge(&b, &a);
	histogram_merge(&b, &a);
	assert_int_equal(histogram_at(&b, bucket), 3 * most);
	assert_int_equal(b.count, 3 * most + 3);
	assert_int_equal(histogram_quantile(&b, 0.999), 5007);
	assert_int_equal(histogram_encode(&b, &out), 0);
	assert_int_equal(histogram_decode_add(&back, out.data, out.len), 0);
	assert_true(histogram_equal(&b, &back));
	histogram_record_n(&back, 5000, UINT64_C(1) << 40);
	assert_int_equal(histogram_at(&back, bucket),
	    3 * most + (UINT64_C(1) << 40));
	histogram_copy(&back, &b);
	histogram_merge(&back, &b);
	assert_int_equal(histogram_at(&back, bucket), 6 * most);
	histogram_subtract(&back, &b);
	assert_int_equal(histogram_at(&back, bucket), 3 * most);
	histogram_subtract(&b, &a);
	histogram_subtract(&b, &a);
	assert_int_equal(histogram_at(&b, bucket), most);
	assert_int_equal(histogram_at(&b, histogram_index(70000)), 1);
	histogram_clear(&b);
	assert_int_equal(histogram_at(&b, bucket), 0);
	histogram_record(&b, 5000);
	assert_int_equal(histogram_at(&b, bucket), 1);
	buf_release(&out);
	histogram_release(&a);
	histogram_release(&b);
	histogram_release(&back);
}

static void test_correct(void **state)
{
	struct histogram h = make();

	(void)state;
	histogram_correct(&h, 5, 5, 5);
	assert_int_equal(h.max, 0);
	histogram_record_n(&h, 2000000, 3);
	histogram_correct(&h, 4.9e6, 1400000, 2100000);
	assert_true(fabs(histogram_mean(&h) * 3 - 4.9e6) < 1);
	assert_int_equal(h.min, 1400000);
	assert_int_equal(h.max, 2100000);
	/* Impossible numbers are brought into range. */
	histogram_correct(&h, 1e300, 10, 20);
	assert_true(histogram_mean(&h) == 20);
	histogram_correct(&h, NAN, -10, -20);
	assert_true(histogram_mean(&h) == 0);
	histogram_correct(&h, INFINITY, 0, INT64_MAX);
	assert_true(histogram_mean(&h) <= 0x1p63);
	histogram_release(&h);
}

static void fill(struct histogram *h, uint64_t seed, int n)
{
	struct rng rng;

	rng_seed(&rng, seed, 1);
	for (int i = 0; i < n; i++)
		histogram_record(h,
		    (int64_t)exp(rng_uniform(&rng) * 31));
}

/* The same trace, dealt to eight, is bit for bit the same; in any order. */
static void test_merge_is_exact(void **state)
{
	enum { W = 8, N = 100000 };
	struct histogram one = make(), up = make(), down = make(), shard[W];
	struct rng rng;

	(void)state;
	for (int w = 0; w < W; w++)
		shard[w] = make();
	rng_seed(&rng, 3, 0);
	for (int i = 0; i < N; i++) {
		int64_t v = (int64_t)exp(rng_uniform(&rng) * 31);

		histogram_record(&one, v);
		histogram_record(&shard[rng_below(&rng, W)], v);
	}
	for (int w = 0; w < W; w++) {
		histogram_merge(&up, &shard[w]);
		histogram_merge(&down, &shard[W - 1 - w]);
	}
	assert_true(one.overflow > 0);
	assert_true(histogram_equal(&one, &up));
	assert_true(histogram_equal(&one, &down));
	for (int w = 0; w < W; w++)
		histogram_release(&shard[w]);
	histogram_release(&one);
	histogram_release(&up);
	histogram_release(&down);
}

static void test_equal_sees_differences(void **state)
{
	struct histogram a = make(), b = make();

	(void)state;
	/* Same count, sums, extremes; other buckets. */
	fill(&a, 1, 100);
	histogram_copy(&b, &a);
	assert_true(histogram_equal(&a, &b));
	b.octaves[10][3]++;
	assert_false(histogram_equal(&a, &b));
	b.octaves[10][3]--;
	b.sum++;
	assert_false(histogram_equal(&a, &b));
	histogram_release(&a);
	histogram_release(&b);
}

static void test_subtract(void **state)
{
	struct histogram all = make(), first = make(), rest = make();
	int64_t lo, hi;

	(void)state;
	fill(&first, 1, 5000);
	for (int i = 0; i < 1000; i++)
		histogram_record(&rest, 10000000 + i * 10000);
	histogram_merge(&all, &first);
	histogram_merge(&all, &rest);
	histogram_subtract(&all, &first);
	assert_int_equal(all.count, 1000);
	assert_true(all.sum == rest.sum);
	assert_true(all.sum_squares == rest.sum_squares);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(histogram_at(&all, i),
		    histogram_at(&rest, i));
	histogram_bounds(histogram_index(rest.min), &lo, &hi);
	assert_int_equal(all.min, lo);
	histogram_bounds(histogram_index(rest.max), &lo, &hi);
	assert_int_equal(all.max, hi);
	histogram_subtract(&all, &rest);
	assert_int_equal(all.count, 0);
	assert_int_equal(all.min, INT64_MAX);
	histogram_release(&all);
	histogram_release(&first);
	histogram_release(&rest);
}

static void test_subtract_keeps_overflow(void **state)
{
	const int64_t huge = INT64_C(1) << 60;
	struct histogram all, first;

	(void)state;
	histogram_init(&all);
	histogram_init(&first);
	histogram_record(&first, 1000);
	histogram_record(&all, huge);
	histogram_merge(&all, &first);
	histogram_record(&all, 2000);
	histogram_subtract(&all, &first);
	assert_int_equal(all.overflow, 1);
	assert_true(all.max == huge);
	assert_true(histogram_quantile(&all, 0.99) == huge);
	histogram_release(&all);
	histogram_release(&first);
}

static void test_encode(void **state)
{
	struct histogram h = make(), back = make();
	struct buf out = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct buf small = BUF_INIT(20);

	(void)state;
	assert_int_equal(histogram_encode(&h, &out), 0);
	assert_int_equal(histogram_decode_add(&back, out.data, out.len), 0);
	assert_true(histogram_equal(&h, &back));
	buf_clear(&out);
	fill(&h, 9, 30000);
	histogram_record(&h, INT64_MAX);
	assert_int_equal(histogram_encode(&h, &out), 0);
	assert_int_equal(histogram_decode_add(&back, out.data, out.len), 0);
	assert_true(histogram_equal(&h, &back));
	assert_int_equal(histogram_encode(&back, &again), 0);
	assert_int_equal(out.len, again.len);
	assert_memory_equal(out.data, again.data, out.len);
	/* Twice is added. */
	assert_int_equal(histogram_decode_add(&back, out.data, out.len), 0);
	assert_int_equal(back.count, 2 * h.count);
	/* What does not fit leaves no half. */
	assert_int_equal(buf_puts(&small, "xy"), 0);
	assert_int_equal(histogram_encode(&h, &small), -1);
	assert_int_equal(small.len, 2);
	buf_release(&out);
	buf_release(&again);
	buf_release(&small);
	histogram_release(&h);
	histogram_release(&back);
}

static void assert_refused(const void *data, size_t len)
{
	struct histogram into = make(), before = make();

	fill(&into, 2, 100);
	histogram_copy(&before, &into);
	assert_int_equal(histogram_decode_add(&into, data, len), -1);
	assert_true(histogram_equal(&into, &before));
	histogram_release(&into);
	histogram_release(&before);
}

static void test_decode_refuses(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "\x02\0\0\0\0\0\0", 7 },              /* version */
		{ "\x01\0\0\0\0\0", 6 },                /* short */
		{ "\x01\x01\0\0\0\0\0", 7 },            /* no bucket */
		{ "\x01\x01\0\0\0\0\0\0\x02", 9 },      /* too many */
		{ "\x01\x01\0\0\0\0\0\0\0", 9 },        /* empty bucket */
		{ "\x01\x01\0\0\0\0\0\0", 8 },          /* gap only */
		{ "\x01\x01\x02\0\0\0\0", 7 },          /* overflow > count */
		{ "\x01\x01\x01\0\0\x02\x01", 7 },      /* min > max */
		{ "\x01\0\0\x01\0\0\0", 7 },            /* sum of nothing */
		{ "\x01\x01\0\0\0\0\0\x80\x24\x01", 10 }, /* bucket 4608 */
		{ "\x01\x81\0\0\0\0\0\0\0\x01", 10 },   /* long varint */
		/* max of 64 bits does not fit the type */
		{ "\x01\x01\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		    16 },
		/* buckets wrap around to the count */
		{ "\x01\x01\0\0\0\0\0"
		    "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\x02", 20 },
		/* endless varint */
		{ "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 26 },
	};
	struct buf out = BUF_INIT(1 << 20);
	struct histogram h = make();
	struct rng rng;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_refused(bad[i].bytes, bad[i].len);

	/* Every cut of a good one. */
	fill(&h, 4, 300);
	assert_int_equal(histogram_encode(&h, &out), 0);
	for (size_t len = 0; len < out.len; len++)
		assert_refused(out.data, len);
	/* A changed byte is refused or decodes to something consistent. */
	rng_seed(&rng, 1, 0);
	for (size_t i = 0; i < out.len * 8; i++) {
		struct histogram into = make();
		uint64_t sum, n;

		out.data[i / 8] ^= (char)(1 << (i % 8));
		if (histogram_decode_add(&into, out.data, out.len) == 0) {
			sum = into.overflow;
			for (unsigned b = histogram_next(&into, 0, &n);
			    b < HISTOGRAM_BUCKETS;
			    b = histogram_next(&into, b + 1, &n))
				sum += n;
			assert_int_equal(sum, into.count);
		} else {
			assert_int_equal(into.count, 0);
		}
		out.data[i / 8] ^= (char)(1 << (i % 8));
		histogram_release(&into);
	}
	buf_release(&out);
	histogram_release(&h);
}

/* Counts that together would wrap are refused, not added. */
static void test_decode_refuses_to_wrap(void **state)
{
	struct histogram h = make(), before = make();
	struct buf out = BUF_INIT(1 << 10);

	(void)state;
	histogram_record_n(&h, 7, UINT64_MAX - 5);
	assert_int_equal(histogram_encode(&h, &out), 0);
	histogram_copy(&before, &h);
	assert_int_equal(histogram_decode_add(&h, out.data, out.len), -1);
	assert_true(histogram_equal(&h, &before));
	buf_release(&out);
	histogram_release(&h);
	histogram_release(&before);
}

static void test_memory(void **state)
{
	struct histogram h = make();
	size_t before;

	(void)state;
	for (int64_t v = 500000; v < 64000000; v += 1000)
		histogram_record(&h, v);
	before = histogram_memory(&h);
	assert_true(before <= sizeof(h) + 8 * 1024);
	/* Clearing and filling again takes no more. */
	histogram_clear(&h);
	for (int64_t v = 500000; v < 64000000; v += 1000)
		histogram_record(&h, v);
	assert_int_equal(histogram_memory(&h), before);
	histogram_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_mapping_by_definition),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_quantiles_of_a_sample),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_record_n),
		cmocka_unit_test(test_large_counts),
		cmocka_unit_test(test_correct),
		cmocka_unit_test(test_merge_is_exact),
		cmocka_unit_test(test_equal_sees_differences),
		cmocka_unit_test(test_subtract),
		cmocka_unit_test(test_subtract_keeps_overflow),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode_refuses),
		cmocka_unit_test(test_decode_refuses_to_wrap),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
