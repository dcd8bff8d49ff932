/*
 * Locust's arithmetic.  A bucket of the histogram counts as its reported
 * value, rounded as Locust rounds: values that Locust workers sent are
 * rounded already and stay what they are, because a bucket is narrower than
 * half of Locust's steps (below two minutes).
 */
#include "stats/locust.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* Its rates look at up to ten whole seconds, from twelve to three ago. */
#define RATE_FROM 12
#define RATE_TO   3

/* rint() rounds half to even. */
int64_t locust_round(double ms)
{
	double step = ms < 100 ? 1 : ms < 1000 ? 10 : ms < 10000 ? 100 : 1000;

	return (int64_t)(rint(ms / step) * step);
}

static void append(struct locust_times *t, int64_t ms, uint64_t count)
{
	t->samples += count;
	if (t->count > 0 && t->times[t->count - 1].ms == ms) {
		t->times[t->count - 1].count += count;
		return;
	}
	if ((t->count & (t->count - 1)) == 0)
		t->times = xreallocarray(t->times,
		    t->count ? t->count * 2 : 1, sizeof(*t->times));
	t->times[t->count++] = (struct locust_time){ ms, count };
}

void locust_times_init(struct locust_times *t, const struct histogram *h)
{
	uint64_t n;

	memset(t, 0, sizeof(*t));
	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n))
		append(t, locust_round((double)histogram_value(h, i) / 1e6),
		    n);
	if (h->overflow)
		append(t, locust_round((double)h->max / 1e6), h->overflow);
}

void locust_times_release(struct locust_times *t)
{
	free(t->times);
	memset(t, 0, sizeof(*t));
}

int64_t locust_percentile(const struct locust_times *t, double p)
{
	uint64_t rank = (uint64_t)((double)t->samples * p);
	uint64_t above = 0;

	for (size_t i = t->count; i-- > 0;) {
		above += t->times[i].count;
		if (t->samples - above <= rank)
			return t->times[i].ms;
	}
	return 0;
}

double locust_median(const struct locust_times *t, const struct histogram *h)
{
	double position = ((double)t->samples - 1) / 2, median = 0;

	if (t->count == 0)
		return 0;
	for (size_t i = 0; i < t->count; i++) {
		median = (double)t->times[i].ms;
		if (position < (double)t->times[i].count)
			break;
		position -= (double)t->times[i].count;
	}
	if (median > (double)h->max / 1e6)
		return (double)h->max / 1e6;
	if (median < (double)h->min / 1e6)
		return (double)h->min / 1e6;
	return median;
}

double locust_average(const struct histogram *h)
{
	/* Milliseconds first, as Locust adds them up: to the last digit. */
	return h->count ? (double)h->sum / 1e6 / (double)h->count : 0;
}

/* Mean over the seconds of the ring that lie in the window; all series are
 * seen through the total's window. */
void locust_rates(const struct series *s, const struct series *total,
    double *rps, double *fail_per_sec)
{
	int64_t last = (int64_t)total->last_time;
	int64_t from = last - RATE_FROM, to = last - RATE_TO;
	uint64_t requests = 0, failures = 0;

	*rps = *fail_per_sec = 0;
	if (total->last_time <= 0)
		return;
	if (from < (int64_t)total->start_time)
		from = (int64_t)total->start_time;
	if (to < from)
		return;
	for (size_t i = 0; i < STATS_SECONDS; i++) {
		const struct stats_second *second = &s->seconds[i];

		if (second->second < from || second->second > to)
			continue;
		requests += second->requests;
		failures += second->failures;
	}
	*rps = (double)requests / (double)(to - from + 1);
	*fail_per_sec = (double)failures / (double)(to - from + 1);
}

void locust_row_init(struct locust_row *row, const struct series *s,
    const struct series *total)
{
	const struct histogram *h = series_response(s);
	double time = total->last_time - total->start_time;

	memset(row, 0, sizeof(*row));
	locust_times_init(&row->times, h);
	row->requests = s->requests;
	row->failures = s->failures;
	row->median = locust_median(&row->times, h);
	row->average = locust_average(h);
	row->min = h->count ? (double)h->min / 1e6 : 0;
	row->max = (double)h->max / 1e6;
	if (s->requests)
		row->average_content =
		    (double)s->bytes / (double)s->requests;
	if (total->last_time > 0 && time > 0) {
		row->total_rps = (double)s->requests / time;
		row->total_fail_per_sec = (double)s->failures / time;
	}
	locust_rates(s, total, &row->current_rps,
	    &row->current_fail_per_sec);
}

void locust_row_release(struct locust_row *row)
{
	locust_times_release(&row->times);
}

static int compare(const void *a, const void *b)
{
	const struct series *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : strcmp((*x)->type, (*y)->type);
}

const struct series **locust_sort(const struct stats *stats, size_t *count)
{
	const struct series **sorted = xcalloc(stats->count + 1,
	    sizeof(*sorted));

	*count = 0;
	for (size_t i = 0; i < stats->count; i++) {
		if (!stats->series[i]->phase)
			sorted[(*count)++] = stats->series[i];
	}
	qsort(sorted, *count, sizeof(*sorted), compare);
	return sorted;
}

/* The digits of the shortest text that reads back equal (at most 17), and the
 * power of ten of the first. */
static size_t shortest(double v, char digits[20], int *exponent)
{
	char text[40];
	size_t n = 0;

	/* What 15 digits can hold is the shortest without its zeros. */
	for (int wanted = 15; wanted <= 17; wanted++) {
		snprintf(text, sizeof(text), "%.*e", wanted - 1, v);
		if (strtod(text, NULL) == v)
			break;
	}
	for (const char *c = text; *c != 'e'; c++) {
		if (*c >= '0' && *c <= '9')
			digits[n++] = *c;
	}
	*exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return n;
}

/* d.ddde-05, as Python writes what is very small or large. */
static int with_exponent(struct buf *out, const char *digits, size_t n,
    int exponent)
{
	return buf_printf(out, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "",
	    digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
}

int locust_float(struct buf *out, double v)
{
	char digits[20];
	int exponent, rc = 0;
	size_t n = shortest(fabs(v), digits, &exponent);

	if (v < 0)
		rc |= buf_putc(out, '-');
	if (v != 0 && (exponent < -4 || exponent >= 16))
		return rc | with_exponent(out, digits, n, exponent);
	if (exponent < 0)
		return rc | buf_printf(out, "0.%.*s%s", -exponent - 1,
		    "0000", digits);
	for (size_t i = 0; i <= (size_t)exponent; i++)
		rc |= buf_putc(out, i < n ? digits[i] : '0');
	return rc | buf_printf(out, ".%s",
	    n > (size_t)exponent + 1 ? digits + exponent + 1 : "0");
}

static int repr_character(struct buf *out, const unsigned char *s,
    size_t n, uint32_t code, char quote)
{
	if (code == (unsigned char)quote || code == '\\')
		return buf_printf(out, "\\%c", (char)code);
	if (code == '\n')
		return buf_puts(out, "\\n");
	if (code == '\r')
		return buf_puts(out, "\\r");
	if (code == '\t')
		return buf_puts(out, "\\t");
	if (code < 0x20 || (code >= 0x7f && code <= 0xa0) || code == 0xad)
		return buf_printf(out, "\\x%02x", code);
	/* Separators, marks of direction and surrogates are not printed. */
	if ((code >= 0x2000 && code <= 0x200f) ||
	    (code >= 0x2028 && code <= 0x202f) ||
	    (code >= 0x205f && code <= 0x206f) || code == 0x3000 ||
	    (code >= 0xd800 && code <= 0xf8ff) || code == 0xfeff)
		return buf_printf(out, "\\u%04x", code);
	return buf_add(out, s, n);
}

int locust_repr(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
	int rc = buf_putc(out, quote);

	while (*s) {
		uint32_t code;
		size_t n = utf8_decode(s, SIZE_MAX, &code);

		if (n == 0)
			rc |= buf_printf(out, "\\x%02x", *s++);
		else
			rc |= repr_character(out, s, n, code, quote);
		s += n;
	}
	return rc | buf_putc(out, quote);
}

void locust_error_key(char key[65], const char *type, const char *name,
    const char *error)
{
	struct buf text = BUF_INIT(1 << 20);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	buf_printf(&text, "%s.%s.", type, name);
	locust_repr(&text, error);
	EVP_Digest(buf_str(&text), text.len, hash, &len, EVP_sha256(), NULL);
	for (unsigned i = 0; i < 32; i++)
		snprintf(key + 2 * i, 3, "%02x", hash[i]);
	buf_release(&text);
}
