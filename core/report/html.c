/*
 * The HTML report: verdict first, then what it rests on, in three layers.
 * This page needs no script, so that it reads the same in an artefact viewer
 * that blocks them, in a mail and on paper.  The results are inside once more,
 * as the JSON file compressed: whoever has the report can compare it with
 * another.  And the web page's own program, which shows them where scripts
 * run.  Nothing is loaded from anywhere.
 */
#include "report/html.h"

#include "base/xalloc.h"
#include "report/bundle.h"
#include "report/flight.h"
#include "report/generator_show.h"
#include "report/html_style.h"
#include "report/metric_view.h"
#include "report/svg.h"
#include "report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHART_POINTS 300

static void put(struct buf *out, const char *text)
{
	svg_escape(out, text ? text : "");
}

static void cell(struct buf *out, const char *tag, struct buf *value)
{
	buf_printf(out, "<%s>", tag);
	put(out, buf_str(value));
	buf_printf(out, "</%.2s>", tag);
	buf_clear(value);
}

static void verdict(struct buf *out, const struct result *r)
{
	static const char *const words[] = { "Passed", "Failed",
		"Inconclusive" };

	buf_printf(out, "<header class=\"%s\"><h1>%s</h1><p>",
	    result_verdict_name(r->verdict), words[r->verdict]);
	put(out, r->sentence);
	buf_printf(out, "</p><p class=\"code\">exit code %d</p></header>\n",
	    r->exit_code);
}

static void criteria(struct buf *out, const struct result *r)
{
	struct buf value = BUF_INIT(200);

	if (r->criterion_count == 0)
		return;
	buf_puts(out, "<section><h2>Criteria</h2><table><thead><tr><th>"
	    "Result<th>The run fails if<th class=\"n\">Measured<th class=\"n\""
	    ">First met<th class=\"n\">Share of time</tr></thead>\n");
	for (size_t i = 0; i < r->criterion_count; i++) {
		const struct result_criterion *c = &r->criteria[i];

		buf_printf(out, "<tr class=\"%s\"><td>%s",
		    c->failed ? "bad" : c->broken ? "warn" : "good",
		    c->failed ? "✗ failed" : c->broken ? "! warning" :
		    "✓ kept");
		buf_puts(out, "<td>");
		put(out, c->text);
		buf_puts(out, "<td class=\"n\">");
		put(out, c->known ? c->shown : "nothing to judge");
		if (c->first_s >= 0)
			text_clock(&value, c->first_s);
		cell(out, "td class=\"n\"", &value);
		if (c->first_s >= 0)
			text_percent(&value, c->share);
		cell(out, "td class=\"n\"", &value);
		buf_puts(out, "</tr>\n");
	}
	buf_puts(out, "</table></section>\n");
	buf_release(&value);
}

static void fact(struct buf *out, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	buf_printf(out, "<dt>%s<dd>", name);
	put(out, value);
	buf_putc(out, '\n');
}

static void facts(struct buf *out, const struct result *r)
{
	struct buf value = BUF_INIT(200);

	buf_puts(out, "<section><h2>Run</h2><dl>");
	fact(out, "Scenario", r->scenario);
	fact(out, "Target", r->host);
	if (r->started > 0) {
		text_utc(&value, r->started);
		fact(out, "Started", buf_str(&value));
		buf_clear(&value);
	}
	text_clock(&value, r->duration);
	fact(out, "Duration", buf_str(&value));
	buf_clear(&value);
	buf_printf(&value, "%lld at most", (long long)r->users);
	fact(out, "Users", buf_str(&value));
	buf_clear(&value);
	buf_printf(&value, "%u", r->workers);
	if (r->workers_lost)
		buf_printf(&value, ", %u lost", r->workers_lost);
	fact(out, "Workers", buf_str(&value));
	buf_clear(&value);
	warm_up_sentence(&value, &r->warm_up);
	fact(out, "Steady", buf_str(&value));
	fact(out, "Ended because", r->stop_reason);
	fact(out, "Command", r->command);
	buf_clear(&value);
	buf_printf(&value, "swarm %s", r->version);
	fact(out, "Measured by", buf_str(&value));
	buf_puts(out, "</dl>\n");
	if (r->card.count > 0) {
		buf_puts(out, "<details><summary>What it takes to repeat it"
		    "</summary><dl>");
		for (size_t i = 0; i < r->card.count; i++)
			fact(out, r->card.entries[i].name,
			    r->card.entries[i].text);
		buf_puts(out, "</dl></details>\n");
	}
	buf_puts(out, "</section>\n");
	buf_release(&value);
}

static void tile(struct buf *out, const char *name, struct buf *value,
    struct buf *below)
{
	buf_printf(out, "<div><span>%s</span><b>", name);
	put(out, buf_str(value));
	buf_puts(out, "</b><small>");
	put(out, buf_str(below));
	buf_puts(out, "</small></div>\n");
	buf_clear(value);
	buf_clear(below);
}

static void interval(struct buf *out, const char *what, struct interval i,
    int (*number)(struct buf *, double))
{
	buf_puts(out, what);
	number(out, i.lo);
	buf_puts(out, " to ");
	number(out, i.hi);
}

/* A percentile, or that it is not known. */
static void quantile(struct buf *value, const struct result_series *s,
    double q)
{
	switch (confidence_sufficiency(q, s->effective)) {
	case INSUFFICIENT:
		buf_puts(value, "n/a");
		return;
	case SUFFICIENT:
	case SUFFICIENT_BARELY:
		break;
	}
	if (s->response.count == 0)
		buf_puts(value, "n/a");
	else
		text_ms(value, (double)histogram_quantile(&s->response, q));
	if (confidence_sufficiency(q, s->effective) == SUFFICIENT_BARELY)
		buf_putc(value, '?');
}

static void latency_tile(struct buf *out, const struct result_series *t,
    const char *name, double q)
{
	struct buf value = BUF_INIT(200), below = BUF_INIT(200);

	quantile(&value, t, q);
	if (strcmp(buf_str(&value), "n/a") == 0) {
		buf_puts(&below, "needs ");
		text_count(&below, confidence_needed(q));
		buf_puts(&below, " independent samples");
	} else {
		buf_puts(&value, " ms");
		interval(&below, "95 % sure: ", confidence_quantile(
		    &t->response, q, t->effective), text_ms);
	}
	tile(out, name, &value, &below);
	buf_release(&value);
	buf_release(&below);
}

static void tiles(struct buf *out, const struct result *r)
{
	const struct result_series *t = &r->total;
	double share = t->requests ?
	    (double)t->failures / (double)t->requests : 0;
	struct buf value = BUF_INIT(200), below = BUF_INIT(200);

	buf_puts(out, "<section class=\"tiles\">");
	text_count(&value, t->requests);
	text_bytes(&below, (double)t->bytes);
	buf_puts(&below, " received");
	tile(out, "requests", &value, &below);
	text_rate(&value, t->rps);
	if (r->throughput.hi > 0)
		interval(&below, "95 % sure: ", r->throughput, text_rate);
	tile(out, "requests per second", &value, &below);
	text_percent(&value, share);
	text_count(&below, t->failures);
	buf_puts(&below, " requests");
	tile(out, "failed", &value, &below);
	latency_tile(out, t, "p50", 0.5);
	latency_tile(out, t, "p95", 0.95);
	latency_tile(out, t, "p99", 0.99);
	buf_puts(out, "</section>\n");
	buf_release(&value);
	buf_release(&below);
}

/* The series of a chart, at most CHART_POINTS long. */
struct columns {
	size_t count;
	double at[CHART_POINTS];
	double ok[CHART_POINTS];
	double failed[CHART_POINTS];
	double users[CHART_POINTS];
	double p50[CHART_POINTS];
	double p95[CHART_POINTS];
	double p99[CHART_POINTS];
};

static void column(struct columns *c, const struct result_point *points,
    size_t count)
{
	struct histogram h;
	double length = 0, requests = 0, failed = 0;
	size_t i = c->count++;

	histogram_init(&h);
	for (size_t p = 0; p < count; p++) {
		length += points[p].length;
		requests += (double)points[p].requests;
		failed += (double)points[p].failures;
		sparse_add(&h, &points[p].response);
	}
	c->at[i] = points[count - 1].end;
	c->users[i] = (double)points[count - 1].users;
	c->ok[i] = length > 0 ? (requests - failed) / length : NAN;
	c->failed[i] = length > 0 ? failed / length : NAN;
	c->p50[i] = h.count ? (double)histogram_quantile(&h, 0.5) / 1e6 :
	    NAN;
	c->p95[i] = h.count ? (double)histogram_quantile(&h, 0.95) / 1e6 :
	    NAN;
	c->p99[i] = h.count ? (double)histogram_quantile(&h, 0.99) / 1e6 :
	    NAN;
	histogram_release(&h);
}

static void charts(struct buf *out, const struct result *r)
{
	size_t group = (r->point_count + CHART_POINTS - 1) / CHART_POINTS;
	struct columns *c = xcalloc(1, sizeof(*c));
	const struct svg_line rate[] = { { "ok", "a", c->ok },
		{ "failed", "c", c->failed } };
	const struct svg_line times[] = { { "p50", "a", c->p50 },
		{ "p95", "b", c->p95 }, { "p99", "c", c->p99 } };
	const struct svg_line users[] = { { "users", "a", c->users } };
	struct svg_chart chart = { .at = c->at, .events = r->events,
		.event_count = r->event_count };

	for (size_t i = 0; i < r->point_count; i += group) {
		size_t left = r->point_count - i;

		column(c, &r->points[i], left < group ? left : group);
	}
	chart.count = c->count;
	buf_puts(out, "<section class=\"charts\"><h2>Over time</h2>\n");
	chart.title = "Throughput";
	chart.unit = "requests per second";
	chart.lines = rate;
	chart.line_count = 2;
	svg_chart(out, &chart);
	chart.title = "Response time";
	chart.unit = "ms";
	chart.lines = times;
	chart.line_count = 3;
	svg_chart(out, &chart);
	chart.title = "Users";
	chart.unit = "";
	chart.lines = users;
	chart.line_count = 1;
	svg_chart(out, &chart);
	buf_puts(out, "</section>\n");
	free(c);
}

static void endpoint(struct buf *out, const struct result_series *s,
    const char *row)
{
	static const double shown[] = { 0.5, 0.9, 0.95, 0.99, 0.999 };
	struct buf value = BUF_INIT(200);

	buf_printf(out, "<tr%s><td>", row);
	put(out, s->type);
	buf_puts(out, "<td class=\"name\">");
	put(out, s->name);
	text_count(&value, s->phase ? s->service.count : s->requests);
	cell(out, "td class=\"n\"", &value);
	if (!s->phase)
		text_count(&value, s->failures);
	cell(out, s->failures ? "td class=\"n bad\"" : "td class=\"n\"",
	    &value);
	if (!s->phase)
		text_percent(&value, s->requests ? (double)s->failures /
		    (double)s->requests : 0);
	cell(out, "td class=\"n\"", &value);
	if (!s->phase)
		text_rate(&value, s->rps);
	cell(out, "td class=\"n\"", &value);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		quantile(&value, s, shown[i]);
		cell(out, "td class=\"n\"", &value);
	}
	text_ms(&value, (double)s->response.max);
	cell(out, "td class=\"n\"", &value);
	text_ms(&value, histogram_mean(&s->response));
	cell(out, "td class=\"n\"", &value);
	buf_puts(out, "</tr>\n");
	buf_release(&value);
}

static void endpoint_table(struct buf *out, const struct result *r,
    bool phases)
{
	size_t count = 0;

	for (size_t i = 0; i < r->series_count; i++)
		count += r->series[i].phase == phases;
	if (count == 0 && phases)
		return;
	buf_printf(out, "<section><h2>%s</h2><div class=\"wide\"><table>"
	    "<thead><tr><th>Type<th>Name<th class=\"n\">%s<th class=\"n\">"
	    "%s<th class=\"n\">%s<th class=\"n\">%s<th class=\"n\">p50 ms"
	    "<th class=\"n\">p90<th class=\"n\">p95<th class=\"n\">p99"
	    "<th class=\"n\">p99.9<th class=\"n\">max<th class=\"n\">mean"
	    "</tr></thead>\n", phases ? "Phases of requests" : "Endpoints",
	    phases ? "Count" : "Requests", phases ? "" : "Failed",
	    phases ? "" : "%", phases ? "" : "Req/s");
	if (!phases)
		endpoint(out, &r->total, " class=\"total\"");
	for (size_t i = 0; i < r->series_count; i++) {
		if (r->series[i].phase == phases)
			endpoint(out, &r->series[i], "");
	}
	buf_puts(out, "</table></div></section>\n");
}

static void failures(struct buf *out, const struct result *r)
{
	struct buf value = BUF_INIT(200);

	buf_puts(out, "<section><h2>Failures</h2>");
	if (r->error_count == 0) {
		buf_puts(out, "<p>None.</p></section>\n");
		return;
	}
	buf_puts(out, "<table><thead><tr><th class=\"n\">Times<th>Type<th>"
	    "Name<th>Failure<th>First<th>Last</tr></thead>\n");
	for (size_t i = 0; i < r->error_count; i++) {
		const struct result_error *e = &r->errors[i];

		buf_puts(out, "<tr>");
		text_count(&value, e->occurrences);
		cell(out, "td class=\"n\"", &value);
		buf_puts(out, "<td>");
		put(out, e->type);
		buf_puts(out, "<td class=\"name\">");
		put(out, e->name);
		buf_puts(out, "<td class=\"name\">");
		put(out, e->text);
		if (e->first_seen > 0)
			text_utc(&value, e->first_seen);
		cell(out, "td class=\"t\"", &value);
		if (e->last_seen > 0)
			text_utc(&value, e->last_seen);
		cell(out, "td class=\"t\"", &value);
		buf_puts(out, "</tr>\n");
	}
	buf_puts(out, "</table></section>\n");
	buf_release(&value);
}

static void exceptions(struct buf *out, const struct result *r)
{
	if (r->exception_count == 0)
		return;
	buf_puts(out, "<section><h2>Exceptions</h2>\n");
	for (size_t i = 0; i < r->exception_count; i++) {
		buf_printf(out, "<p><b>%llu ×</b> ",
		    (unsigned long long)r->exceptions[i].count);
		put(out, r->exceptions[i].message);
		buf_puts(out, "</p><pre>");
		put(out, r->exceptions[i].traceback);
		buf_puts(out, "</pre>\n");
	}
	buf_puts(out, "</section>\n");
}

static void comparison(struct buf *out, const struct result *r)
{
	if (!r->comparison)
		return;
	buf_puts(out, "<section><h2>Beside the baseline</h2><pre>");
	put(out, r->comparison);
	buf_puts(out, "</pre></section>\n");
}

static void story(struct buf *out, const struct result *r)
{
	if (r->event_count > 0)
		buf_puts(out, "<section><h2>Events</h2><table>\n");
	for (size_t i = 0; i < r->event_count; i++) {
		struct buf at = BUF_INIT(100);

		buf_puts(out, "<tr>");
		text_clock(&at, r->events[i].at);
		cell(out, "td class=\"n\"", &at);
		buf_puts(out, "<td class=\"name\">");
		put(out, r->events[i].text);
		buf_puts(out, "</tr>\n");
		buf_release(&at);
	}
	if (r->event_count > 0)
		buf_puts(out, "</table></section>\n");
	if (r->note_count > 0)
		buf_puts(out, "<section><h2>To mind</h2><ul>\n");
	for (size_t i = 0; i < r->note_count; i++) {
		buf_puts(out, "<li>");
		put(out, r->notes[i]);
	}
	if (r->note_count > 0)
		buf_puts(out, "</ul></section>\n");
}

static void counters(struct buf *out, const struct result *r)
{
	if (r->counter_count == 0)
		return;
	buf_puts(out, "<section><h2>Counters</h2><table>\n");
	for (size_t i = 0; i < r->counter_count; i++) {
		buf_puts(out, "<tr><td class=\"name\">");
		put(out, r->counters[i].name);
		buf_printf(out, "<td class=\"n\">%lld</tr>\n",
		    (long long)r->counters[i].value);
	}
	buf_puts(out, "</table></section>\n");
}

static void metrics(struct buf *out, const struct result *r)
{
	struct buf text = BUF_INIT(1024);

	if (r->metric_count > 0)
		buf_puts(out, "<section><h2>Metrics</h2><table>\n");
	for (size_t i = 0; i < r->metric_count; i++) {
		buf_clear(&text);
		metric_view_text(&text, &r->metrics[i]);
		buf_puts(out, "<tr><td class=\"name\">");
		put(out, r->metrics[i].name);
		buf_printf(out, "<td>%s<td>", metric_kind_name(
		    r->metrics[i].kind));
		put(out, buf_str(&text));
		buf_puts(out, "</tr>\n");
	}
	if (r->metric_count > 0)
		buf_puts(out, "</table></section>\n");
	buf_release(&text);
}

int html_write(struct buf *out, const struct result *r)
{
	buf_puts(out, "<!doctype html>\n<html lang=\"en\"><head>"
	    "<meta charset=\"utf-8\">");
	buf_puts(out, "<meta http-equiv=\"Content-Security-Policy\" "
	    "content=\"");
	bundle_policy(out);
	buf_puts(out, "\"><meta name=\"viewport\" content=\""
	    "width=device-width\"><meta name=\"color-scheme\" content=\""
	    "light dark\"><link rel=\"icon\" href=\"data:,\"><title>");
	put(out, r->scenario ? r->scenario : "swarm");
	buf_printf(out, ": %s</title>\n<style id=\"plain-style\">",
	    result_verdict_name(r->verdict));
	buf_puts(out, html_style);
	buf_puts(out, "</style></head><body><div id=\"app\"></div>"
	    "<div id=\"plain\">\n");
	verdict(out, r);
	criteria(out, r);
	facts(out, r);
	tiles(out, r);
	comparison(out, r);
	capacity_view_html(out, &r->capacity);
	hold_view_html(out, &r->hold, r->events, r->event_count);
	generator_show_html(out, &r->generator);
	charts(out, r);
	resources_html(out, &r->resources, r->events, r->event_count);
	endpoint_table(out, r, false);
	endpoint_table(out, r, true);
	if (r->flight != NULL)
		flight_html(out, r->flight);
	failures(out, r);
	exceptions(out, r);
	story(out, r);
	counters(out, r);
	metrics(out, r);
	buf_puts(out, "<footer>Response times are measured from when a "
	    "request should have started, in milliseconds; percentiles come "
	    "from histograms of all samples and are within 0.4 %. A figure "
	    "with ? rests on few samples; n/a on too few.</footer></div>\n");
	if (html_embed(out, r) == -1 || bundle_html(out) == -1)
		return -1;
	return buf_puts(out, "</body></html>\n");
}
