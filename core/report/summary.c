/*
 * The end of a run on standard output: the verdict first, then what it rests
 * on.  Never wider than the terminal.
 */
#include "report/summary.h"

#include "base/xalloc.h"
#include "report/execution.h"
#include "report/generator_show.h"
#include "report/metric_view.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINTS      15
#define COMPACT_ERRORS 3
#define ERRORS         10
#define BAR_COLUMNS    30

struct summary {
	const struct result *result;
	struct terminal terminal;
	enum report_summary size;
	FILE *stream;
};

static const char *colour_of(enum verdict verdict)
{
	static const char *const colours[] = { "\033[1;32m", "\033[1;31m",
		"\033[1;33m" };

	return colours[verdict];
}

static void print(const struct summary *s, struct buf *line)
{
	fprintf(s->stream, "%s\n", buf_str(line));
	buf_clear(line);
}

/* One that is wider than a line is shortened in its middle. */
static char *cut_word(const char *at, size_t len, size_t width,
    const struct summary *s)
{
	char *word = xstrndup(at, len);
	struct buf cut = BUF_INIT(8192);

	text_name(&cut, word, width, s->terminal.utf8, false);
	free(word);
	return buf_detach(&cut);
}

/* A sentence over as many lines as it takes, indented but for the first. */
static void wrapped_body(const struct summary *s, size_t indent,
    const char *text)
{
	struct buf clean = BUF_INIT(8192);
	size_t used = 0, width = (size_t)s->terminal.width - indent;
	const char *at;

	text_name(&clean, text, 0, s->terminal.utf8, false);
	for (at = buf_str(&clean); *at; at += strspn(at, " ")) {
		int len = (int)strcspn(at, " ");
		char *word = cut_word(at, (size_t)len, width, s);
		size_t taken = text_width(word);

		if (used > 0 && used + 1 + taken > width) {
			fprintf(s->stream, "\n%*s", (int)indent, "");
			used = 0;
		}
		fprintf(s->stream, "%s%s", used ? " " : "", word);
		used += taken + (used > 0);
		at += len;
		free(word);
	}
	fputc('\n', s->stream);
	buf_release(&clean);
}

static void wrapped(const struct summary *s, const char *head,
    const char *text)
{
	fputs(head, s->stream);
	wrapped_body(s, strlen(head), text);
}

static void headline(const struct summary *s)
{
	static const char *const words[] = { "PASSED", "FAILED",
		"INCONCLUSIVE" };
	const struct result *r = s->result;
	struct buf line = BUF_INIT(4096), right = BUF_INIT(100);
	size_t width = (size_t)s->terminal.width;
	size_t used = 4 + strlen(words[r->verdict]);

	text_clock(&right, r->duration);
	buf_puts(&right, ", ");
	text_short_count(&right, r->total.requests);
	buf_puts(&right, r->total.requests == 1 ? " request" : " requests");
	fprintf(s->stream, "\n  %s%s%s",
	    s->terminal.colour ? colour_of(r->verdict) : "",
	    words[r->verdict], s->terminal.colour ? "\033[0m" : "");
	text_name(&line, r->sentence, 0, s->terminal.utf8, false);
	fputs("  ", s->stream);
	if (used + text_width(buf_str(&line)) <= width) {
		fputs(buf_str(&line), s->stream);
		used += text_width(buf_str(&line));
	} else {
		wrapped_body(s, used, buf_str(&line));
		used = 0;
	}
	/* On a line of its own where it does not fit. */
	if (used > 0 && used + 2 + right.len > width) {
		fputc('\n', s->stream);
		used = 0;
	}
	fprintf(s->stream, "%*s\n", (int)(width - used), buf_str(&right));
	buf_release(&line);
	buf_release(&right);
}

/* "  LATENCY    p50 4.1   p90 14": parts that do not fit go to a new line. */
struct parts {
	const struct summary *summary;
	struct buf line;
	size_t used;
};

static void parts_begin(struct parts *p, const struct summary *s,
    const char *title)
{
	p->summary = s;
	buf_init(&p->line, 4096);
	buf_printf(&p->line, "  %-9s", title);
	p->used = 11;
}

static void parts_add(struct parts *p, const char *name, struct buf *value)
{
	size_t width = 3 + strlen(name) + text_width(buf_str(value));

	if (p->used + width > (size_t)p->summary->terminal.width) {
		print(p->summary, &p->line);
		buf_printf(&p->line, "%11s", "");
		p->used = 11;
	}
	buf_printf(&p->line, "  %s%s%s", name, name[0] ? " " : "",
	    buf_str(value));
	p->used += width;
	buf_clear(value);
}

static void parts_end(struct parts *p)
{
	print(p->summary, &p->line);
	buf_release(&p->line);
}

static void total(const struct summary *s)
{
	const struct result_series *t = &s->result->total;
	struct buf value = BUF_INIT(100);
	struct parts p;

	parts_begin(&p, s, "TOTAL");
	text_count(&value, t->requests);
	parts_add(&p, "requests", &value);
	text_count(&value, t->failures);
	buf_puts(&value, " (");
	text_percent(&value, t->requests ?
	    (double)t->failures / (double)t->requests : 0);
	buf_putc(&value, ')');
	parts_add(&p, "failed", &value);
	text_rate(&value, t->rps);
	parts_add(&p, "req/s", &value);
	text_bytes(&value, (double)t->bytes);
	parts_add(&p, "received", &value);
	text_count(&value, (uint64_t)s->result->users);
	parts_add(&p, "users", &value);
	parts_end(&p);
	buf_release(&value);
}

/* One criterion: whether, what was measured, and since when. */
static void criterion(const struct summary *s,
    const struct result_criterion *c)
{
	struct buf line = BUF_INIT(4096), right = BUF_INIT(200);
	const char *mark = c->failed ? "x" : c->broken ? "!" : "ok";

	if (s->terminal.utf8)
		mark = c->failed ? "✗" : c->broken ? "!" : "✓";
	buf_puts(&right, c->known ? c->shown : "nothing to judge");
	if (c->broken && c->first_s >= 0) {
		buf_puts(&right, ", first ");
		text_clock(&right, c->first_s);
		buf_puts(&right, ", ");
		text_percent(&right, c->share);
		buf_puts(&right, " of the time");
	}
	buf_puts(&line, "  ");
	text_name(&line, mark, 3, s->terminal.utf8, true);
	if (text_width(c->text) + right.len + 8 >
	    (size_t)s->terminal.width) {
		text_name(&line, c->text, (size_t)s->terminal.width - 6,
		    s->terminal.utf8, false);
		print(s, &line);
		buf_puts(&line, "     ");
	} else {
		text_name(&line, c->text, 32, s->terminal.utf8,
		    text_width(c->text) <= 32);
		buf_puts(&line, "  ");
	}
	buf_puts(&line, buf_str(&right));
	print(s, &line);
	buf_release(&line);
	buf_release(&right);
}

static void criteria(const struct summary *s)
{
	const struct result *r = s->result;

	if (r->criterion_count > 0)
		fprintf(s->stream, "  FAILS IF\n");
	for (size_t i = 0; i < r->criterion_count; i++)
		criterion(s, &r->criteria[i]);
	if (r->criterion_count > 0)
		fputc('\n', s->stream);
}

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

static void times(const struct summary *s, const char *title,
    const struct histogram *h, double effective)
{
	struct buf value = BUF_INIT(100);
	struct parts p;

	if (h->count == 0)
		return;
	parts_begin(&p, s, title);
	for (size_t i = 0; i < QUANTILES; i++) {
		quantile(&value, h, quantiles[i].q, effective);
		parts_add(&p, quantiles[i].name, &value);
	}
	text_ms(&value, histogram_mean(h));
	buf_puts(&value, " ms");
	parts_add(&p, "mean", &value);
	parts_end(&p);
	buf_release(&value);
}

static void interval(struct buf *value, struct interval i)
{
	text_ms(value, i.lo);
	buf_puts(value, " to ");
	text_ms(value, i.hi);
}

/* What the true values may be, with 95 % confidence. */
static void intervals(const struct summary *s)
{
	const struct result_series *t = &s->result->total;
	struct buf value = BUF_INIT(100);
	struct parts p;

	if (t->effective < 20)
		return;
	parts_begin(&p, s, "95 % SURE");
	for (size_t i = 0; i < QUANTILES - 1; i++) {
		if (confidence_sufficiency(quantiles[i].q, t->effective) !=
		    SUFFICIENT)
			continue;
		interval(&value, confidence_quantile(&t->response,
		    quantiles[i].q, t->effective));
		parts_add(&p, quantiles[i].name, &value);
	}
	interval(&value, confidence_mean(&t->response, t->effective));
	buf_puts(&value, " ms");
	parts_add(&p, "mean", &value);
	text_count(&value, (uint64_t)t->effective);
	buf_puts(&value, s->terminal.width < 60 ? " independent" :
	    " independent samples");
	parts_add(&p, "worth", &value);
	parts_end(&p);
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

static void histogram(const struct summary *s, const struct histogram *h)
{
	struct buf line = BUF_INIT(1024), label = BUF_INIT(64);
	int64_t median = histogram_quantile(h, 0.5), over = -1, to;
	double highest = 0;
	int first = 0, last;

	if (h->count == 0)
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
		print(s, &line);
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

static void cell(struct buf *line, struct buf *value, size_t width)
{
	text_right(line, buf_str(value), width);
	buf_clear(value);
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
		cell(&line, &value, (size_t)columns[c].width);
	}
	print(s, &line);
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

static void endpoint_table(const struct summary *s, const char *title,
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

static void errors(const struct summary *s, size_t most)
{
	const struct result *r = s->result;
	struct buf line = BUF_INIT(8192), value = BUF_INIT(100);
	struct buf text = BUF_INIT(8192);

	if (r->error_count > 0)
		fprintf(s->stream, "\n  FAILURES\n");
	for (size_t i = 0; i < r->error_count && i < most; i++) {
		const struct result_error *e = &r->errors[i];

		text_count(&value, e->occurrences);
		buf_puts(&line, "  ");
		cell(&line, &value, 10);
		buf_puts(&line, "  ");
		buf_printf(&text, "%s %s  %s", e->type, e->name, e->text);
		text_name(&line, buf_str(&text),
		    (size_t)s->terminal.width - 15, s->terminal.utf8, false);
		buf_clear(&text);
		print(s, &line);
	}
	if (r->error_count > most)
		fprintf(s->stream, "              and %zu more kinds\n",
		    r->error_count - most);
	buf_release(&line);
	buf_release(&value);
	buf_release(&text);
}

static void exceptions(const struct summary *s)
{
	const struct result *r = s->result;

	if (r->exception_count > 0)
		fprintf(s->stream, "\n  EXCEPTIONS\n");
	for (size_t i = 0; i < r->exception_count && i < ERRORS; i++) {
		struct buf line = BUF_INIT(8192);

		buf_printf(&line, "  %10llu  ",
		    (unsigned long long)r->exceptions[i].count);
		text_name(&line, r->exceptions[i].message,
		    (size_t)s->terminal.width - 15, s->terminal.utf8, false);
		print(s, &line);
		buf_release(&line);
	}
}

static void metrics(const struct summary *s)
{
	const struct result *r = s->result;
	int width = s->terminal.width > 100 ? 40 : 24;
	struct buf line = BUF_INIT(8192), text = BUF_INIT(1024);

	if (r->metric_count > 0)
		fprintf(s->stream, "\n  METRICS\n");
	for (size_t i = 0; i < r->metric_count; i++) {
		buf_clear(&line);
		buf_clear(&text);
		buf_puts(&line, "  ");
		text_name(&line, r->metrics[i].name, (size_t)width,
		    s->terminal.utf8, true);
		buf_putc(&line, ' ');
		metric_view_text(&text, &r->metrics[i]);
		text_name(&line, buf_str(&text), 0, s->terminal.utf8, false);
		print(s, &line);
	}
	buf_release(&line);
	buf_release(&text);
}

static void counters(const struct summary *s)
{
	const struct result *r = s->result;
	bool any = false;

	for (size_t i = 0; i < r->counter_count; i++) {
		struct buf line = BUF_INIT(4096);

		if (r->counters[i].value == 0)
			continue;
		if (!any)
			fprintf(s->stream, "\n  COUNTERS\n");
		any = true;
		buf_puts(&line, "  ");
		text_name(&line, r->counters[i].name, s->terminal.width >= 63 ?
		    40 : (size_t)s->terminal.width - 23, s->terminal.utf8,
		    true);
		buf_printf(&line, " %20lld",
		    (long long)r->counters[i].value);
		print(s, &line);
		buf_release(&line);
	}
}

/* Why the run ended, and how long it stood still. */
static void ending(const struct summary *s)
{
	const struct result *r = s->result;
	struct buf text = BUF_INIT(4096);

	if (r->stop_reason == NULL || r->stop_reason[0] == '\0')
		return;
	buf_puts(&text, r->stop_reason);
	if (r->paused > 0) {
		buf_puts(&text, "  paused ");
		text_clock(&text, r->paused);
	}
	wrapped(s, "  ENDED      ", buf_str(&text));
	buf_release(&text);
}

static void notes(const struct summary *s)
{
	const struct result *r = s->result;

	if (r->note_count > 0)
		fprintf(s->stream, "\n  NOTES\n");
	for (size_t i = 0; i < r->note_count; i++)
		wrapped(s, "  ! ", r->notes[i]);
}

static void limit(const struct summary *s)
{
	struct buf text = BUF_INIT(4000);

	if (s->result->generator.why == NULL)
		return;
	generator_show_sentence(&text, &s->result->generator);
	wrapped(s, "  LIMIT      ", buf_str(&text));
	buf_release(&text);
}

/* Where a run is long enough to have a warm-up to leave out. */
static void steady(const struct summary *s)
{
	struct buf text = BUF_INIT(4000);

	if (s->result->warm_up.state == WARM_UP_UNKNOWN)
		return;
	warm_up_sentence(&text, &s->result->warm_up);
	wrapped(s, "  STEADY     ", buf_str(&text));
	buf_release(&text);
}

void summary_print(const struct result *result, FILE *stream,
    enum report_summary size, enum report_colour colour)
{
	struct summary s = { .result = result, .size = size,
		.stream = stream };

	if (size == REPORT_SUMMARY_NONE)
		return;
	text_terminal(&s.terminal, stream, colour);
	if (s.terminal.width < 40)
		s.terminal.width = 40;
	headline(&s);
	fputc('\n', stream);
	criteria(&s);
	total(&s);
	ending(&s);
	times(&s, "LATENCY", &result->total.response,
	    result->total.effective);
	if (result->total.lagged)
		times(&s, "SERVICE", &result->total.service,
		    result->total.effective);
	steady(&s);
	limit(&s);
	if (size == REPORT_SUMMARY_FULL) {
		intervals(&s);
		histogram(&s, &result->total.response);
		endpoint_table(&s, "ENDPOINTS", false);
		endpoint_table(&s, "PHASES", true);
	}
	execution_print(result, stream);
	errors(&s, size == REPORT_SUMMARY_FULL ? ERRORS : COMPACT_ERRORS);
	exceptions(&s);
	if (size == REPORT_SUMMARY_FULL)
		counters(&s);
	metrics(&s);
	notes(&s);
	fputc('\n', stream);
}

void summary_exit(const struct result *result, FILE *stream)
{
	fprintf(stream, "  exit %d\n", result->exit_code);
	fflush(stream);
}
