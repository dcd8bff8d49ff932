/*
 * Markdown: the verdict, the criteria, the total and the endpoints, short
 * enough for a comment.  Names are escaped, so that none of them can become a
 * link, a mention or a row of its own.
 */
#include "report/markdown.h"

#include "base/log.h"
#include "report/file.h"
#include "report/generator_show.h"
#include "report/metric_view.h"
#include "report/output.h"
#include "report/text.h"

#include <string.h>

#define MOST_ENDPOINTS 50
#define MOST_FAILURES  10

void markdown_escape(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '<') {
			buf_puts(out, "&lt;");
			continue;
		}
		/* A mention would call somebody. */
		if (*text == '@') {
			buf_puts(out, "&#64;");
			continue;
		}
		if (strchr("\\`*_{}[]()#+!|>~", *text))
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
}

static void verdict(struct buf *out, const struct result *r)
{
	static const char *const words[] = { "✅ Passed", "❌ Failed",
		"❔ Inconclusive" };

	buf_printf(out, "### %s: ", words[r->verdict]);
	markdown_escape(out, r->sentence);
	buf_puts(out, "\n\n");
	if (r->scenario) {
		markdown_escape(out, r->scenario);
		buf_puts(out, ", ");
	}
	text_clock(out, r->duration);
	buf_printf(out, ", %lld users at most, exit code %d\n\n",
	    (long long)r->users, r->exit_code);
	if (r->generator.why != NULL) {
		struct buf text = BUF_INIT(4000);

		generator_show_sentence(&text, &r->generator);
		markdown_escape(out, buf_str(&text));
		buf_puts(out, "\n\n");
		buf_release(&text);
	}
}

static void criteria(struct buf *out, const struct result *r)
{
	if (r->criterion_count == 0)
		return;
	buf_puts(out, "| | fails if | measured |\n|---|---|---:|\n");
	for (size_t i = 0; i < r->criterion_count; i++) {
		const struct result_criterion *c = &r->criteria[i];

		buf_printf(out, "| %s | ", c->failed ? "❌" :
		    c->broken ? "⚠️" : "✅");
		markdown_escape(out, c->text);
		buf_puts(out, " | ");
		markdown_escape(out, c->known ? c->shown : "nothing to judge");
		buf_puts(out, " |\n");
	}
	buf_putc(out, '\n');
}

static void quantile(struct buf *out, const struct result_series *s, double q)
{
	buf_puts(out, " | ");
	if (s->response.count == 0 ||
	    confidence_sufficiency(q, s->effective) == INSUFFICIENT)
		buf_puts(out, "n/a");
	else
		text_ms(out, (double)histogram_quantile(&s->response, q));
}

static void row(struct buf *out, const struct result_series *s)
{
	buf_puts(out, "| ");
	markdown_escape(out, s->type);
	buf_puts(out, s->type[0] ? " " : "");
	markdown_escape(out, s->name);
	buf_puts(out, " | ");
	text_count(out, s->requests);
	buf_puts(out, " | ");
	text_count(out, s->failures);
	buf_puts(out, " | ");
	text_rate(out, s->rps);
	quantile(out, s, 0.5);
	quantile(out, s, 0.95);
	quantile(out, s, 0.99);
	buf_puts(out, " | ");
	text_ms(out, (double)s->response.max);
	buf_puts(out, " |\n");
}

static void endpoints(struct buf *out, const struct result *r)
{
	size_t shown = 0, left = 0;

	buf_puts(out, "| endpoint | requests | failed | req/s | p50 ms | p95 "
	    "| p99 | max |\n|---|---:|---:|---:|---:|---:|---:|---:|\n");
	row(out, &r->total);
	for (size_t i = 0; i < r->series_count; i++) {
		if (r->series[i].phase)
			continue;
		if (shown++ < MOST_ENDPOINTS)
			row(out, &r->series[i]);
		else
			left++;
	}
	if (left)
		buf_printf(out, "\nand %zu more endpoints\n", left);
}

static void failures(struct buf *out, const struct result *r)
{
	if (r->error_count == 0)
		return;
	buf_puts(out, "\n| failures | endpoint | |\n|---:|---|---|\n");
	for (size_t i = 0; i < r->error_count && i < MOST_FAILURES; i++) {
		buf_puts(out, "| ");
		text_count(out, r->errors[i].occurrences);
		buf_puts(out, " | ");
		markdown_escape(out, r->errors[i].type);
		buf_putc(out, ' ');
		markdown_escape(out, r->errors[i].name);
		buf_puts(out, " | ");
		markdown_escape(out, r->errors[i].text);
		buf_puts(out, " |\n");
	}
	if (r->error_count > MOST_FAILURES)
		buf_printf(out, "\nand %zu more kinds of failure\n",
		    r->error_count - MOST_FAILURES);
}

static void metrics(struct buf *out, const struct result *r)
{
	struct buf text = BUF_INIT(1024);

	if (r->metric_count > 0)
		buf_puts(out, "\n| metric | |\n|---|---|\n");
	for (size_t i = 0; i < r->metric_count; i++) {
		buf_clear(&text);
		metric_view_text(&text, &r->metrics[i]);
		buf_puts(out, "| ");
		markdown_escape(out, r->metrics[i].name);
		buf_puts(out, " | ");
		markdown_escape(out, buf_str(&text));
		buf_puts(out, " |\n");
	}
	buf_release(&text);
}

int markdown_write(struct buf *out, const struct result *r)
{
	verdict(out, r);
	criteria(out, r);
	capacity_view_markdown(out, &r->capacity);
	endpoints(out, r);
	failures(out, r);
	metrics(out, r);
	if (r->note_count > 0)
		buf_putc(out, '\n');
	for (size_t i = 0; i < r->note_count; i++) {
		buf_puts(out, "- ");
		markdown_escape(out, r->notes[i]);
		buf_putc(out, '\n');
	}
	/* Lines that begin with four blanks are shown as they are. */
	for (const char *line = r->comparison; line && *line;) {
		size_t len = strcspn(line, "\n");

		buf_printf(out, line == r->comparison ? "\n    " : "    ");
		buf_add(out, line, len);
		buf_putc(out, '\n');
		line += len + (line[len] != '\0');
	}
	return out->overflow ? -1 : 0;
}

static bool markdown_wanted(const struct report *r)
{
	return r->options.markdown != NULL;
}

static int markdown_start(const struct report *r)
{
	return file_check(r->options.markdown);
}

static int markdown_save(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(MARKDOWN_MAX);
	int rc = markdown_write(&out, result);

	if (rc == 0)
		rc = file_try_replace(r->options.markdown, out.data, out.len);
	buf_release(&out);
	return rc;
}

static int markdown_finish(const struct report *r,
    const struct result *result)
{
	struct buf out = BUF_INIT(MARKDOWN_MAX);
	int rc = markdown_write(&out, result);

	if (rc == -1)
		log_error("the results are too large for %s",
		    r->options.markdown);
	else
		rc = file_replace(r->options.markdown, out.data, out.len);
	buf_release(&out);
	return rc;
}

const struct output output_markdown = {
	.name = "markdown",
	.wanted = markdown_wanted,
	.start = markdown_start,
	.save = markdown_save,
	.finish = markdown_finish,
};
