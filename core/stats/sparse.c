/*
 * Sparse histograms.  The difference of two states of a growing histogram is
 * taken octave by octave; an octave that did not grow is one comparison of
 * 512 bytes.
 */
#include "stats/sparse.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void sparse_release(struct sparse *s)
{
	free(s->buckets);
	memset(s, 0, sizeof(*s));
}

/* More than 32 bits take several entries. */
static void append(struct sparse *s, unsigned index, uint64_t n)
{
	while (n > 0) {
		uint32_t part = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;

		if ((s->used & (s->used - 1)) == 0)
			s->buckets = xreallocarray(s->buckets,
			    s->used ? (size_t)s->used * 2 : 1,
			    sizeof(*s->buckets));
		s->buckets[s->used++] = (struct sparse_bucket){ index, part };
		n -= part;
	}
}

static void trim(struct sparse *s)
{
	if (s->used)
		s->buckets = xreallocarray(s->buckets, s->used,
		    sizeof(*s->buckets));
}

/*
 * The extremes of a difference: exact when the whole has a new one, else the
 * bounds of the outer buckets.
 */
static void set_extremes(struct sparse *out, const struct histogram *now,
    const struct histogram *before)
{
	int64_t lo, hi;

	out->min = now->min;
	out->max = now->max;
	if (before->count == 0 || out->used == 0)
		return;
	if (now->min == before->min) {
		histogram_bounds(out->buckets[0].index, &lo, &hi);
		if (lo > out->min)
			out->min = lo;
	}
	if (now->max == before->max && out->overflow == 0) {
		histogram_bounds(out->buckets[out->used - 1].index, &lo,
		    &hi);
		if (hi < out->max)
			out->max = hi;
	}
}

/* One octave of now - before, with 32 bits; `before` catches up. */
static void advance_octave(struct sparse *out, const struct histogram *now,
    struct histogram *before, unsigned octave)
{
	const uint32_t *is = now->octaves[octave];
	uint32_t *was = before->octaves[octave];

	if (!was) {
		was = xcalloc(HISTOGRAM_SUB, sizeof(*was));
		before->octaves[octave] = was;
	}
	if (memcmp(is, was, HISTOGRAM_SUB * sizeof(*was)) == 0)
		return;
	for (unsigned i = 0; i < HISTOGRAM_SUB; i++) {
		if (is[i] > was[i])
			append(out, octave * HISTOGRAM_SUB + i,
			    is[i] - was[i]);
	}
	memcpy(was, is, HISTOGRAM_SUB * sizeof(*was));
}

/* Where a bucket has more than 32 bits. */
static void advance_slowly(struct sparse *out, const struct histogram *now,
    struct histogram *before)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = histogram_at(now, i);
		uint64_t was = histogram_at(before, i);

		if (n > was)
			append(out, i, n - was);
	}
	histogram_copy(before, now);
}

void sparse_advance(struct sparse *out, const struct histogram *now,
    struct histogram *before)
{
	/* Fewer than before: it was reset. */
	if (now->count < before->count)
		histogram_clear(before);
	if (now->count == before->count)
		return;
	out->count = now->count - before->count;
	out->overflow = now->overflow - before->overflow;
	out->sum = now->sum - before->sum;
	out->sum_squares = now->sum_squares - before->sum_squares;
	if (now->high_count) {
		struct histogram was = { .count = before->count,
			.min = before->min, .max = before->max };

		advance_slowly(out, now, before);
		trim(out);
		set_extremes(out, now, &was);
		return;
	}
	for (unsigned o = 0; o < HISTOGRAM_OCTAVES; o++) {
		if (now->octaves[o])
			advance_octave(out, now, before, o);
	}
	trim(out);
	set_extremes(out, now, before);
	before->count = now->count;
	before->overflow = now->overflow;
	before->sum = now->sum;
	before->sum_squares = now->sum_squares;
	before->min = now->min;
	before->max = now->max;
}

void sparse_from(struct sparse *out, const struct histogram *h)
{
	uint64_t n;

	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n))
		append(out, i, n);
	trim(out);
	out->count = h->count;
	out->overflow = h->overflow;
	out->sum = h->sum;
	out->sum_squares = h->sum_squares;
	out->min = h->count ? h->min : 0;
	out->max = h->max;
}

void sparse_add(struct histogram *into, const struct sparse *s)
{
	if (s->count == 0)
		return;
	for (uint32_t i = 0; i < s->used; i++)
		histogram_add_at(into, s->buckets[i].index, s->buckets[i].n);
	into->count += s->count;
	into->overflow += s->overflow;
	into->sum += s->sum;
	into->sum_squares += s->sum_squares;
	if (s->min < into->min)
		into->min = s->min;
	if (s->max > into->max)
		into->max = s->max;
}

void sparse_merge(struct sparse *into, const struct sparse *s)
{
	struct sparse merged = { 0 };
	uint32_t i = 0, j = 0;

	if (s->count == 0)
		return;
	while (i < into->used || j < s->used) {
		uint32_t a = i < into->used ? into->buckets[i].index :
		    UINT32_MAX;
		uint32_t b = j < s->used ? s->buckets[j].index : UINT32_MAX;
		uint64_t n = 0;

		if (a <= b)
			n += into->buckets[i++].n;
		if (b <= a)
			n += s->buckets[j++].n;
		append(&merged, a < b ? a : b, n);
	}
	trim(&merged);
	merged.min = into->count && into->min < s->min ? into->min : s->min;
	merged.max = into->max > s->max ? into->max : s->max;
	merged.count = into->count + s->count;
	merged.overflow = into->overflow + s->overflow;
	merged.sum = into->sum + s->sum;
	merged.sum_squares = into->sum_squares + s->sum_squares;
	free(into->buckets);
	*into = merged;
}

size_t sparse_memory(const struct sparse *s)
{
	return s->used * sizeof(*s->buckets);
}
