/*
 * Times as figures and as a picture, and the tables of endpoints: what is known
 * too little is not shown.
 */
#include "report/summary_paint.h"

#include "base/xalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINTS   15
#define BAR_COLUMNS 30

static const struct {
	const char *name;
	double q;
} quantiles[] = {
	{ "p50", 0.5 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 },
	{ "p99.9", 0.999 }, { "max", 1 },
};

#define QUANTILES (sizeof(quantiles) / sizeof(*quantiles))

/* A percentile, or what it would take to know it. */
static void quantile(struct buf *value, const struct histogram *h, double q,
    double effective)
{
	enum sufficiency enough = confidence_sufficiency(q, effective);

	if (enough == INSUFFICIENT) {
		buf_puts(value, "n/a (needs ");
		text_count(value, confidence_needed(q));
		buf_putc(value, ')');
		return;
	}
	text_ms(value, (double)histogram_quantile(h, q));
	if (enough == SUFFICIENT_BARELY)
		buf_putc(value, '?');
}

void summary_times(const struct summary *s, const char *title,
    const struct histogram *h, double effective)
{
	struct buf value = BUF_INIT(100);
	struct summary_parts p;

	if (h->count == 0)
		return;
	summary_parts_begin(&p, s, title);
	for (size_t i = 0; i < QUANTILES; i++) {
		quantile(&value, h, quantiles[i].q, effective);
		summary_parts_add(&p, quantiles[i].name, &value);
	}
	text_ms(&value, histogram_mean(h));
	buf_puts(&value, " ms");
	summary_parts_add(&p, "mean", &value);
	summary_parts_end(&p);
	buf_release(&value);
}

static void interval(struct buf *value, struct interval i)
{
	text_ms(value, i.lo);
	buf_puts(value, " to ");
	text_ms(value, i.hi);
}

void summary_intervals(const struct summary *s)
{
	const struct result_series *t = &s->result->total;
	struct buf value = BUF_INIT(100);
	struct summary_parts p;

	if (t->effective < 20)
		return;
	summary_parts_begin(&p, s, "95 % SURE");
	for (size_t i = 0; i < QUANTILES - 1; i++) {
		if (confidence_sufficiency(quantiles[i].q, t->effective) !=
		    SUFFICIENT)
			continue;
		interval(&value, confidence_quantile(&t->response,
		    quantiles[i].q, t->effective));
		summary_parts_add(&p, quantiles[i].name, &value);
	}
	interval(&value, confidence_mean(&t->response, t->effective));
	buf_puts(&value, " ms");
	summary_parts_add(&p, "mean", &value);
	text_count(&value, (uint64_t)t->effective);
	buf_puts(&value, s->terminal.width < 60 ? " independent" :
	    " independent samples");
	summary_parts_add(&p, "worth", &value);
	summary_parts_end(&p);
	buf_release(&value);
}

/* A bar of eighths of a column; '#' where only ASCII may be shown. */
static void bar(struct buf *line, double share, int most, bool utf8)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋",
		"▊", "▉" };
	double length = share * most;
	int whole = (int)length;
	int rest = (int)((length - whole) * 8);

	if (!utf8) {
		whole = (int)lround(length);
		rest = 0;
	}
	for (int i = 0; i < whole; i++)
		buf_puts(line, utf8 ? "█" : "#");
	buf_puts(line, eighths[rest]);
	for (int i = whole + (rest > 0); i < most; i++)
		buf_putc(line, ' ');
}

/* Room stays for the figure and a mark. */
static int bar_columns(const struct summary *s)
{
	int most = s->terminal.width - 34;

	return most > BAR_COLUMNS ? BAR_COLUMNS : most;
}

/* As many as fit. */
static void mark_quantiles(const struct summary *s, struct buf *line,
    const struct histogram *h, int64_t over, int64_t to)
{
	bool utf8 = s->terminal.utf8;
	bool first = true;

	for (size_t i = 0; i < QUANTILES; i++) {
		int64_t at = histogram_quantile(h, quantiles[i].q);

		if (at <= over || at > to || text_width(buf_str(line)) +
		    strlen(quantiles[i].name) + 5 > (size_t)s->terminal.width)
			continue;
		if (first)
			buf_puts(line, utf8 ? "  ← " : "  <- ");
		buf_printf(line, "%s%s", first ? "" : " ", quantiles[i].name);
		first = false;
	}
}

/* One row per power of two of milliseconds; rare ends are put together. */
#define ROWS 12

void summary_histogram(const struct summary *s, const struct histogram *h)
{
	struct buf line = BUF_INIT(1024), label = BUF_INIT(64);
	int64_t median = histogram_quantile(h, 0.5), over = -1, to;
	double highest = 0;
	int first = 0, last;

	/* What failed before it began took no time at all. */
	if (h->count == 0 || h->max == 0)
		return;
	/* Rows are numbered by the power; the median's is in the middle. */
	first = (int)ceil(log2((double)median / 1e6 + 1e-9)) - ROWS / 2;
	last = first + ROWS - 1;
	while (last > first && ldexp(1e6, last - 1) >= (double)h->max)
		last--;
	while (first < last && ldexp(1e6, first) < (double)h->min)
		first++;
	for (int row = first; row <= last; row++) {
		to = row == last ? INT64_MAX : (int64_t)ldexp(1e6, row);
		highest = fmax(highest, histogram_share(h, to) -
		    (over < 0 ? 0 : histogram_share(h, over)));
		over = to;
	}
	over = -1;
	for (int row = first; row <= last; row++) {
		bool open = row == last && ldexp(1e6, row) < (double)h->max;
		double share;

		to = row == last ? INT64_MAX : (int64_t)ldexp(1e6, row);
		share = histogram_share(h, to) -
		    (over < 0 ? 0 : histogram_share(h, over));
		text_time(&label, ldexp(1e6, open ? row - 1 : row));
		buf_printf(&line, "  %c", open ? '>' : ' ');
		text_right(&line, buf_str(&label), 7);
		buf_putc(&line, ' ');
		bar(&line, highest > 0 ? share / highest : 0,
		    bar_columns(s), s->terminal.utf8);
		buf_printf(&line, " %5.1f %%", share * 100);
		mark_quantiles(s, &line, h, over, to);
		summary_line(s, &line);
		buf_clear(&label);
		over = to;
	}
	buf_release(&line);
	buf_release(&label);
}

static int by_p95(const void *a, const void *b)
{
	const struct result_series *const *x = a, *const *y = b;
	int64_t p = histogram_quantile(&(*x)->response, 0.95);
	int64_t q = histogram_quantile(&(*y)->response, 0.95);

	return p < q ? 1 : p > q ? -1 : 0;
}

/* Columns of numbers; in a narrow terminal the less important are left out. */
enum column { REQUESTS, FAILED, RATE, P50, P95, P99, MAX, COLUMNS };

static const struct {
	const char *title;
	const char *of_phases;
	int width;
	int from;                       /* least columns of the terminal */
	double q;                       /* of a time; 0: none */
} columns[COLUMNS] = {
	[REQUESTS] = { "requests", "count", 9, 0, 0 },
	[FAILED] = { "failed", "", 7, 48, 0 },
	[RATE] = { "req/s", "", 8, 56, 0 },
	[P50] = { "p50 ms", "p50 ms", 8, 64, 0.5 },
	[P95] = { "p95", "p95", 8, 0, 0.95 },
	[P99] = { "p99", "p99", 8, 72, 0.99 },
	[MAX] = { "max", "max", 8, 80, 1 },
};

static bool shown(const struct summary *s, int c)
{
	return s->terminal.width >= columns[c].from;
}

static size_t name_width(const struct summary *s)
{
	int width = s->terminal.width - 2;

	for (int c = 0; c < COLUMNS; c++)
		width -= shown(s, c) ? columns[c].width : 0;
	return width < 8 ? 8 : (size_t)width;
}

static void endpoint_value(struct buf *value, const struct result_series *e,
    int c)
{
	/* A phase has no failures and no rate of its own. */
	if ((c == FAILED || c == RATE) && e->phase)
		return;
	if (c == REQUESTS)
		text_short_count(value, e->phase ? e->service.count :
		    e->requests);
	else if (c == FAILED)
		text_short_count(value, e->failures);
	else if (c == RATE && e->rps < 999999)
		text_rate(value, e->rps);
	else if (c == RATE)
		text_short_count(value, (uint64_t)e->rps);
	else if (e->response.count == 0)
		buf_putc(value, '-');
	else if (confidence_sufficiency(columns[c].q, e->effective) ==
	    INSUFFICIENT)
		buf_puts(value, "n/a");
	else
		quantile(value, &e->response, columns[c].q, e->effective);
}

static void endpoint_row(const struct summary *s,
    const struct result_series *e)
{
	struct buf line = BUF_INIT(4096), value = BUF_INIT(100);
	struct buf name = BUF_INIT(4096);

	buf_printf(&name, "%s%s%s", e->type, e->type[0] ? " " : "", e->name);
	buf_puts(&line, "  ");
	text_name(&line, buf_str(&name), name_width(s), s->terminal.utf8,
	    true);
	for (int c = 0; c < COLUMNS; c++) {
		if (!shown(s, c))
			continue;
		endpoint_value(&value, e, c);
		summary_cell(&line, &value, (size_t)columns[c].width);
	}
	summary_line(s, &line);
	buf_release(&line);
	buf_release(&value);
	buf_release(&name);
}

static void endpoint_head(const struct summary *s, const char *title,
    bool phases)
{
	fprintf(s->stream, "\n  %-*s", (int)name_width(s), title);
	for (int c = 0; c < COLUMNS; c++) {
		if (shown(s, c))
			fprintf(s->stream, "%*s", columns[c].width, phases ?
			    columns[c].of_phases : columns[c].title);
	}
	fputc('\n', s->stream);
}

void summary_endpoints(const struct summary *s, const char *title,
    bool phases)
{
	const struct result *r = s->result;
	const struct result_series **rows = xcalloc(r->series_count + 1,
	    sizeof(*rows));
	size_t count = 0;

	for (size_t i = 0; i < r->series_count; i++) {
		if (r->series[i].phase == phases)
			rows[count++] = &r->series[i];
	}
	qsort(rows, count, sizeof(*rows), by_p95);
	if (count > 0)
		endpoint_head(s, title, phases);
	for (size_t i = 0; i < count && i < ENDPOINTS; i++)
		endpoint_row(s, rows[i]);
	if (count > ENDPOINTS)
		fprintf(s->stream, "  and %zu more with a lower p95\n",
		    count - ENDPOINTS);
	free(rows);
}
