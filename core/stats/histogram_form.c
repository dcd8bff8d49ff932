/*
 * The wire and file form of a histogram.
 *
 * A report of a worker has hundreds of them, most with a few dozen buckets in
 * use: varints of gaps and counts make that 50 to 300 bytes each.  Reading
 * checks everything before it changes anything.
 */
#include "stats/histogram.h"

#define FORM_VERSION 1

static int put(struct buf *out, histogram_wide v)
{
	unsigned char bytes[19];
	size_t len = 0;

	do {
		bytes[len] = (unsigned char)(v & 0x7f);
		v >>= 7;
		if (v)
			bytes[len] |= 0x80;
		len++;
	} while (v);
	return buf_add(out, bytes, len);
}

int histogram_encode(const struct histogram *h, struct buf *out)
{
	size_t start = out->len;
	unsigned next = 0;
	uint64_t n;
	int rc;

	rc = buf_putc(out, FORM_VERSION);
	rc |= put(out, h->count);
	rc |= put(out, h->overflow);
	rc |= put(out, h->sum);
	rc |= put(out, h->sum_squares);
	rc |= put(out, h->count ? (uint64_t)h->min : 0);
	rc |= put(out, (uint64_t)h->max);
	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n)) {
		rc |= put(out, i - next);
		rc |= put(out, n);
		next = i + 1;
	}
	if (rc) {
		out->len = start;
		return -1;
	}
	return 0;
}

struct reader {
	const unsigned char *at;
	const unsigned char *end;
};

/* The shortest form only, so that equal histograms have equal bytes. */
static int get_wide(struct reader *r, histogram_wide *out)
{
	histogram_wide v = 0;

	for (unsigned shift = 0; r->at < r->end; shift += 7) {
		unsigned char byte = *r->at++;

		if (shift == 126 && byte > 3)
			return -1;
		v |= (histogram_wide)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			return -1;
		*out = v;
		return 0;
	}
	return -1;
}

static int get(struct reader *r, uint64_t max, uint64_t *out)
{
	histogram_wide v;

	if (get_wide(r, &v) == -1 || v > max)
		return -1;
	*out = (uint64_t)v;
	return 0;
}

struct form {
	uint64_t count, overflow, min, max;
	histogram_wide sum, sum_squares;
	struct reader buckets;
};

static int read_bucket(struct reader *r, unsigned *next, unsigned *index,
    uint64_t *n)
{
	uint64_t gap;

	if (*next >= HISTOGRAM_BUCKETS ||
	    get(r, HISTOGRAM_BUCKETS - 1 - *next, &gap) == -1 ||
	    get(r, UINT64_MAX, n) == -1 || *n == 0)
		return -1;
	*index = *next + (unsigned)gap;
	*next = *index + 1;
	return 0;
}

static int read_form(struct form *f, const void *data, size_t len)
{
	struct reader r = { data, (const unsigned char *)data + len };
	uint64_t n, seen;
	unsigned next = 0, index;

	if (len == 0 || *r.at++ != FORM_VERSION)
		return -1;
	if (get(&r, UINT64_MAX, &f->count) == -1 ||
	    get(&r, f->count, &f->overflow) == -1 ||
	    get_wide(&r, &f->sum) == -1 ||
	    get_wide(&r, &f->sum_squares) == -1 ||
	    get(&r, INT64_MAX, &f->min) == -1 ||
	    get(&r, INT64_MAX, &f->max) == -1)
		return -1;
	if (f->min > f->max)
		return -1;
	if (f->count == 0 && (f->sum || f->sum_squares || f->max))
		return -1;
	f->buckets = r;
	seen = f->overflow;
	while (r.at < r.end) {
		if (read_bucket(&r, &next, &index, &n) == -1 ||
		    __builtin_add_overflow(seen, n, &seen))
			return -1;
	}
	return seen == f->count ? 0 : -1;
}

int histogram_decode_add(struct histogram *into, const void *data,
    size_t len)
{
	struct form f;
	uint64_t n, total;
	unsigned next = 0, index;

	if (read_form(&f, data, len) == -1)
		return -1;
	/* No bucket can overflow when their sum does not. */
	if (__builtin_add_overflow(into->count, f.count, &total) ||
	    f.sum > ~into->sum || f.sum_squares > ~into->sum_squares)
		return -1;
	if (f.count == 0)
		return 0;
	while (f.buckets.at < f.buckets.end) {
		if (read_bucket(&f.buckets, &next, &index, &n) == 0)
			histogram_add_at(into, index, n);
	}
	into->count = total;
	into->overflow += f.overflow;
	into->sum += f.sum;
	into->sum_squares += f.sum_squares;
	if ((int64_t)f.min < into->min)
		into->min = (int64_t)f.min;
	if ((int64_t)f.max > into->max)
		into->max = (int64_t)f.max;
	return 0;
}

int histogram_decode_check(const void *data, size_t len)
{
	struct form f;

	return read_form(&f, data, len);
}
