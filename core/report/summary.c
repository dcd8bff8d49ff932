/*
 * The end of a run on standard output: the verdict first, then what it rests
 * on.  Never wider than the terminal.
 */
#include "report/summary.h"

#include "report/execution.h"
#include "report/generator_show.h"
#include "report/metric_view.h"
#include "report/summary_paint.h"

#include <stdio.h>
#include <string.h>

#define COMPACT_ERRORS 3
#define ERRORS         10

static const char *colour_of(enum verdict verdict)
{
	static const char *const colours[] = { "\033[1;32m", "\033[1;31m",
		"\033[1;33m" };

	return colours[verdict];
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
		summary_wrap(s, used, buf_str(&line));
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

static void total(const struct summary *s)
{
	const struct result_series *t = &s->result->total;
	struct buf value = BUF_INIT(100);
	struct summary_parts p;

	summary_parts_begin(&p, s, "TOTAL");
	text_count(&value, t->requests);
	summary_parts_add(&p, "requests", &value);
	text_count(&value, t->failures);
	buf_puts(&value, " (");
	text_percent(&value, t->requests ?
	    (double)t->failures / (double)t->requests : 0);
	buf_putc(&value, ')');
	summary_parts_add(&p, "failed", &value);
	text_rate(&value, t->rps);
	summary_parts_add(&p, "req/s", &value);
	text_bytes(&value, (double)t->bytes);
	summary_parts_add(&p, "received", &value);
	text_count(&value, (uint64_t)s->result->users);
	summary_parts_add(&p, "users", &value);
	summary_parts_end(&p);
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
		summary_line(s, &line);
		buf_puts(&line, "     ");
	} else {
		text_name(&line, c->text, 32, s->terminal.utf8,
		    text_width(c->text) <= 32);
		buf_puts(&line, "  ");
	}
	buf_puts(&line, buf_str(&right));
	summary_line(s, &line);
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
		summary_cell(&line, &value, 10);
		buf_puts(&line, "  ");
		buf_printf(&text, "%s %s  %s", e->type, e->name, e->text);
		text_name(&line, buf_str(&text),
		    (size_t)s->terminal.width - 15, s->terminal.utf8, false);
		buf_clear(&text);
		summary_line(s, &line);
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
		summary_line(s, &line);
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
		summary_line(s, &line);
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
		summary_line(s, &line);
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
	summary_wrapped(s, "  ENDED      ", buf_str(&text));
	buf_release(&text);
}

static void notes(const struct summary *s)
{
	const struct result *r = s->result;

	if (r->note_count > 0)
		fprintf(s->stream, "\n  NOTES\n");
	for (size_t i = 0; i < r->note_count; i++)
		summary_wrapped(s, "  ! ", r->notes[i]);
}

static void limit(const struct summary *s)
{
	struct buf text = BUF_INIT(4000);

	if (s->result->generator.why == NULL)
		return;
	generator_show_sentence(&text, &s->result->generator);
	summary_wrapped(s, "  LIMIT      ", buf_str(&text));
	buf_release(&text);
}

/* Where a run is long enough to have a warm-up to leave out. */
static void steady(const struct summary *s)
{
	struct buf text = BUF_INIT(4000);

	if (s->result->warm_up.state == WARM_UP_UNKNOWN)
		return;
	warm_up_sentence(&text, &s->result->warm_up);
	summary_wrapped(s, "  STEADY     ", buf_str(&text));
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
	summary_times(&s, "LATENCY", &result->total.response,
	    result->total.effective);
	if (result->total.lagged)
		summary_times(&s, "SERVICE", &result->total.service,
		    result->total.effective);
	steady(&s);
	limit(&s);
	if (size == REPORT_SUMMARY_FULL) {
		summary_intervals(&s);
		summary_histogram(&s, &result->total.response);
		summary_endpoints(&s, "ENDPOINTS", false);
		summary_endpoints(&s, "PHASES", true);
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
