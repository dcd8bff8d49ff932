/*
 * The log-linear histogram.
 *
 * For a value v below 128 the bucket is v.  Above, with e the place of its
 * highest bit and s = e - 7, the bucket is (s << 7) + (v >> s): the exponent
 * and the seven bits after the leading one.  It takes a count of leading
 * zeros and two shifts, no division and no logarithm, and the bounds are the
 * same in every run, so that histograms of any two runs can be compared
 * bucket by bucket.
 *
 * A bucket's octave is its index shifted right by seven; that is the
 * granularity of allocation.  Buckets have 32 bits; what they carry over goes
 * to a short unordered list, which almost every histogram has none of.
 */
#include "stats/histogram.h"

#include "base/xalloc.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Largest value whose square is summed as it is. */
#define SQUARE_MAX (INT64_C(1) << 48)

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = INT64_MAX;
}

void histogram_release(struct histogram *h)
{
	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++)
		free(h->octaves[o]);
	free(h->high);
	histogram_init(h);
}

void histogram_clear(struct histogram *h)
{
	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++) {
		if (h->octaves[o])
			memset(h->octaves[o], 0,
			    HISTOGRAM_SUB * sizeof(uint32_t));
	}
	h->high_count = 0;
	h->count = 0;
	h->overflow = 0;
	h->sum = 0;
	h->sum_squares = 0;
	h->min = INT64_MAX;
	h->max = 0;
}

void histogram_copy(struct histogram *into, const struct histogram *h)
{
	histogram_clear(into);
	histogram_merge(into, h);
}

/* The bucket of a value that is neither negative nor an overflow. */
static inline unsigned index_of(uint64_t v)
{
	/* With the eighth bit set, values below 256 all get s = 0. */
	unsigned s = 63u - HISTOGRAM_SUB_BITS -
	    (unsigned)__builtin_clzll(v | HISTOGRAM_SUB);

	return (s << HISTOGRAM_SUB_BITS) + (unsigned)(v >> s);
}

static inline bool is_overflow(uint64_t v)
{
	return v >> (HISTOGRAM_OCTAVES + HISTOGRAM_SUB_BITS - 1) != 0;
}

unsigned histogram_index(int64_t ns)
{
	if (ns < 0)
		return 0;
	if (is_overflow((uint64_t)ns))
		return HISTOGRAM_BUCKETS;
	return index_of((uint64_t)ns);
}

void histogram_bounds(unsigned index, int64_t *lo, int64_t *hi)
{
	unsigned octave = index >> HISTOGRAM_SUB_BITS;
	unsigned s = octave ? octave - 1 : 0;

	*lo = (int64_t)(index - (s << HISTOGRAM_SUB_BITS)) << s;
	*hi = *lo + (INT64_C(1) << s) - 1;
}

static __attribute__((noinline)) uint32_t *new_octave(struct histogram *h,
    unsigned octave)
{
	h->octaves[octave] = xcalloc(HISTOGRAM_SUB, sizeof(uint32_t));
	return h->octaves[octave];
}

static uint32_t high_of(const struct histogram *h, unsigned index)
{
	for (uint32_t i = 0; i < h->high_count; i++) {
		if (h->high[i].index == index)
			return h->high[i].high;
	}
	return 0;
}

/* `by` may be a borrow, modulo 2^32. */
static __attribute__((noinline)) void carry(struct histogram *h,
    unsigned index, uint32_t by)
{
	uint32_t i = 0;

	while (i < h->high_count && h->high[i].index != index)
		i++;
	if (i == h->high_count) {
		h->high = xreallocarray(h->high, ++h->high_count,
		    sizeof(*h->high));
		h->high[i] = (struct histogram_high){ .index = index };
	}
	h->high[i].high += by;
}

static inline void add(struct histogram *h, unsigned index, uint64_t n)
{
	unsigned octave = index >> HISTOGRAM_SUB_BITS;
	uint32_t *buckets = h->octaves[octave];
	uint64_t sum;

	if (__builtin_expect(!buckets, 0))
		buckets = new_octave(h, octave);
	sum = buckets[index % HISTOGRAM_SUB] + n;
	buckets[index % HISTOGRAM_SUB] = (uint32_t)sum;
	if (__builtin_expect(sum >> 32 != 0, 0))
		carry(h, index, (uint32_t)(sum >> 32));
}

/* Inlined twice, once for n = 1. */
static inline void record(struct histogram *h, int64_t ns, uint64_t n)
{
	uint64_t v = ns > 0 ? (uint64_t)ns : 0;
	uint64_t root = v < SQUARE_MAX ? v : SQUARE_MAX;

	h->count += n;
	h->sum += (histogram_wide)v * n;
	h->sum_squares += (histogram_wide)root * root * n;
	if ((int64_t)v < h->min)
		h->min = (int64_t)v;
	if ((int64_t)v > h->max)
		h->max = (int64_t)v;
	if (__builtin_expect(is_overflow(v), 0))
		h->overflow += n;
	else
		add(h, index_of(v), n);
}

void histogram_record(struct histogram *h, int64_t ns)
{
	record(h, ns, 1);
}

void histogram_prefetch(const struct histogram *h, int64_t ns)
{
	unsigned index;

	if (ns < 0 || is_overflow((uint64_t)ns))
		return;
	index = index_of((uint64_t)ns);
	__builtin_prefetch(h->octaves[index >> HISTOGRAM_SUB_BITS] +
	    index % HISTOGRAM_SUB, 1);
}

void histogram_record_n(struct histogram *h, int64_t ns, uint64_t n)
{
	if (n > 0)
		record(h, ns, n);
}

void histogram_add_at(struct histogram *h, unsigned index, uint64_t n)
{
	add(h, index, n);
}

void histogram_correct(struct histogram *h, double sum_ns, int64_t min,
    int64_t max)
{
	double lowest, highest;

	if (h->count == 0)
		return;
	min = min < 0 ? 0 : min;
	max = max < min ? min : max;
	lowest = (double)min * (double)h->count;
	highest = (double)max * (double)h->count;
	/* Written so that a NaN becomes the lowest. */
	if (!(sum_ns >= lowest))
		sum_ns = lowest;
	if (sum_ns > highest)
		sum_ns = highest;
	h->sum = (histogram_wide)llrint(fmod(sum_ns, 0x1p62)) +
	    ((histogram_wide)floor(sum_ns / 0x1p62) << 62);
	h->min = min;
	h->max = max;
}

static void merge_octave(struct histogram *into, const struct histogram *h,
    unsigned octave)
{
	const uint32_t *from = h->octaves[octave];
	uint32_t *to = into->octaves[octave];
	bool carried = false;

	if (!to)
		to = new_octave(into, octave);
	for (unsigned i = 0; i < HISTOGRAM_SUB; i++) {
		to[i] += from[i];
		carried |= to[i] < from[i];
	}
	for (unsigned i = 0; carried && i < HISTOGRAM_SUB; i++) {
		if (to[i] < from[i])
			carry(into, octave * HISTOGRAM_SUB + i, 1);
	}
}

void histogram_merge(struct histogram *into, const struct histogram *h)
{
	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++) {
		if (h->octaves[o])
			merge_octave(into, h, o);
	}
	for (uint32_t i = 0; i < h->high_count; i++)
		carry(into, h->high[i].index, h->high[i].high);
	into->count += h->count;
	into->overflow += h->overflow;
	into->sum += h->sum;
	into->sum_squares += h->sum_squares;
	if (h->min < into->min)
		into->min = h->min;
	if (h->max > into->max)
		into->max = h->max;
}

/* After a subtraction the exact extremes are gone. */
static void bound_extremes(struct histogram *h)
{
	unsigned first = HISTOGRAM_BUCKETS, last = 0;
	uint64_t n;
	int64_t lo, hi;

	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n)) {
		if (first == HISTOGRAM_BUCKETS)
			first = i;
		last = i;
	}
	if (first == HISTOGRAM_BUCKETS)
		return;
	histogram_bounds(first, &lo, &hi);
	if (lo > h->min)
		h->min = lo;
	histogram_bounds(last, &lo, &hi);
	if (h->overflow == 0 && hi < h->max)
		h->max = hi;
}

static void subtract_octave(struct histogram *from,
    const struct histogram *h, unsigned octave)
{
	uint32_t *to = from->octaves[octave];

	for (unsigned i = 0; i < HISTOGRAM_SUB; i++) {
		uint32_t n = h->octaves[octave][i];

		if (to[i] < n)
			carry(from, octave * HISTOGRAM_SUB + i, UINT32_MAX);
		to[i] -= n;
	}
}

void histogram_subtract(struct histogram *from, const struct histogram *h)
{
	if (h->count == 0)
		return;
	if (from->count <= h->count) {
		histogram_clear(from);
		return;
	}
	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++) {
		if (h->octaves[o] && from->octaves[o])
			subtract_octave(from, h, o);
	}
	for (uint32_t i = 0; i < h->high_count; i++)
		carry(from, h->high[i].index, -h->high[i].high);
	from->count -= h->count;
	from->overflow -= h->overflow;
	from->sum -= h->sum;
	from->sum_squares -= h->sum_squares;
	bound_extremes(from);
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
	unsigned i = 0, j = 0;
	uint64_t n = 0, m = 0;

	if (a->count != b->count || a->overflow != b->overflow ||
	    a->sum != b->sum || a->sum_squares != b->sum_squares ||
	    a->min != b->min || a->max != b->max)
		return false;
	do {
		i = histogram_next(a, i, &n);
		j = histogram_next(b, j, &m);
		if (i != j || (i < HISTOGRAM_BUCKETS && n != m))
			return false;
		j++;
	} while (i++ < HISTOGRAM_BUCKETS);
	return true;
}

uint64_t histogram_at(const struct histogram *h, unsigned index)
{
	const uint32_t *buckets = h->octaves[index >> HISTOGRAM_SUB_BITS];

	if (!buckets)
		return 0;
	return (uint64_t)high_of(h, index) << 32 |
	    buckets[index % HISTOGRAM_SUB];
}

/* A bucket that only its high word fills is rare enough to be found slowly. */
static unsigned next_with_high(const struct histogram *h, unsigned index,
    uint64_t *n)
{
	for (; index < HISTOGRAM_BUCKETS; index++) {
		*n = histogram_at(h, index);
		if (*n > 0)
			return index;
	}
	return HISTOGRAM_BUCKETS;
}

unsigned histogram_next(const struct histogram *h, unsigned index,
    uint64_t *n)
{
	unsigned octave = index >> HISTOGRAM_SUB_BITS;
	unsigned i = index % HISTOGRAM_SUB;

	if (h->high_count)
		return next_with_high(h, index, n);
	for (; octave < HISTOGRAM_OCTAVES; octave++, i = 0) {
		const uint32_t *buckets = h->octaves[octave];

		for (; buckets && i < HISTOGRAM_SUB; i++) {
			if (buckets[i] == 0)
				continue;
			*n = buckets[i];
			return (octave << HISTOGRAM_SUB_BITS) + i;
		}
	}
	return HISTOGRAM_BUCKETS;
}

int64_t histogram_value(const struct histogram *h, unsigned index)
{
	int64_t lo, hi, middle;

	histogram_bounds(index, &lo, &hi);
	middle = lo + (hi - lo) / 2;
	if (middle < h->min)
		return h->min;
	return middle > h->max ? h->max : middle;
}

static uint64_t octave_count(const struct histogram *h, unsigned octave)
{
	const uint32_t *buckets = h->octaves[octave];
	uint64_t n = 0;

	if (!buckets)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_SUB; i++)
		n += buckets[i];
	for (uint32_t i = 0; i < h->high_count; i++) {
		if (h->high[i].index / HISTOGRAM_SUB == octave)
			n += (uint64_t)h->high[i].high << 32;
	}
	return n;
}

int64_t histogram_quantile(const struct histogram *h, double q)
{
	double exact = q * (double)h->count;
	uint64_t rank, seen = 0, n;

	if (h->count == 0)
		return 0;
	if (q >= 1)
		return h->max;
	if (!(q > 0))
		return h->min;
	/* 0.07 * 100 is a little over 7 in floating point, and must stay
	 * the seventh. */
	rank = (uint64_t)ceil(exact - exact * 4 * DBL_EPSILON);
	if (rank < 1)
		rank = 1;
	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++) {
		n = octave_count(h, o);
		if (seen + n < rank) {
			seen += n;
			continue;
		}
		for (unsigned i = o * HISTOGRAM_SUB;; i++) {
			seen += histogram_at(h, i);
			if (seen >= rank)
				return histogram_value(h, i);
		}
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}

double histogram_stddev(const struct histogram *h)
{
	double mean = histogram_mean(h), variance;

	if (h->count < 2)
		return 0;
	variance = (double)h->sum_squares / (double)h->count - mean * mean;
	return variance > 0 ? sqrt(variance) : 0;
}

uint64_t histogram_count_to(const struct histogram *h, int64_t ns)
{
	unsigned last = histogram_index(ns);
	uint64_t seen = 0, n;

	if (ns < h->min)
		return 0;
	if (ns >= h->max)
		return h->count;
	for (unsigned i = histogram_next(h, 0, &n); i <= last &&
	    i < HISTOGRAM_BUCKETS; i = histogram_next(h, i + 1, &n))
		seen += n;
	return seen;
}

double histogram_share(const struct histogram *h, int64_t ns)
{
	if (h->count == 0)
		return 0;
	return (double)histogram_count_to(h, ns) / (double)h->count;
}

size_t histogram_memory(const struct histogram *h)
{
	size_t bytes = sizeof(*h) + h->high_count * sizeof(*h->high);

	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++) {
		if (h->octaves[o])
			bytes += HISTOGRAM_SUB * sizeof(uint32_t);
	}
	return bytes;
}
