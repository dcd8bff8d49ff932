/* See capacity_view.h. */
#include "report/capacity_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/markdown.h"
#include "report/property.h"
#include "report/svg.h"
#include "report/text.h"

#define MOST 1e12

static const char *const ends[] = { "running", "found", "at-least", "bound",
	"none", "lost", "time-over" };

void capacity_view_take(struct capacity_view *v, const struct capacity *c,
    bool users, char *const *slos, size_t slo_count)
{
	const struct capacity_probe *probes;

	*v = (struct capacity_view){ .present = true, .users = users,
		.slo_count = slo_count };
	capacity_answer(c, &v->answer);
	v->count = capacity_probes(c, &probes);
	v->probes = xcalloc(v->count + 1, sizeof v->probes[0]);
	for (size_t i = 0; i < v->count; i++)
		v->probes[i] = probes[i];
	v->slos = xcalloc(slo_count + 1, sizeof v->slos[0]);
	for (size_t i = 0; i < slo_count; i++)
		v->slos[i] = xstrdup(slos[i]);
}

void capacity_view_release(struct capacity_view *v)
{
	for (size_t i = 0; i < v->slo_count; i++)
		free(v->slos[i]);
	free(v->slos);
	free(v->probes);
	*v = (struct capacity_view){ 0 };
}

/* ---- JSON ---- */

static json_t *probe_json(const struct capacity_view *v,
    const struct capacity_probe *p)
{
	json_t *shares = json_array(), *o = json_object();

	for (size_t i = 0; i < v->slo_count; i++)
		json_array_append_new(shares, json_real(p->share[i]));
	property_set_real(o, "load", p->load);
	property_set_text(o, "stage", p->stage);
	property_set_text(o, "verdict", capacity_verdict_name(p->verdict));
	property_set(o, "limit", json_integer(p->limit));
	property_set_real(o, "seconds", p->seconds);
	property_set_real(o, "left_out_s", p->spoilt);
	property_set_real(o, "starved_s", p->starved);
	property_set_real(o, "achieved", p->achieved);
	property_set_real(o, "requests_per_s", p->throughput);
	property_set_real(o, "p50_ms", p->r50 / 1e6);
	property_set_real(o, "p99_ms", p->r99 / 1e6);
	property_set_real(o, "in_flight", p->in_flight);
	property_set_real(o, "fail_ratio", p->fail_share);
	property_set(o, "good_shares", shares);
	property_set(o, "recovered", json_boolean(p->recovered));
	return o;
}

/* A load, or one end of the limit's interval, that is known. */
static json_t *known(double load)
{
	return load > 0 && isfinite(load) ? json_real(load) : json_null();
}

json_t *capacity_view_json(const struct capacity_view *v)
{
	const struct capacity_answer *a = &v->answer;
	struct buf sentence = BUF_INIT(4096);
	json_t *probes, *slos, *o;

	if (!v->present)
		return json_null();
	o = json_object();
	probes = json_array();
	slos = json_array();
	for (size_t i = 0; i < v->slo_count; i++)
		json_array_append_new(slos, json_string(v->slos[i]));
	for (size_t i = 0; i < v->count; i++)
		json_array_append_new(probes, probe_json(v, &v->probes[i]));
	capacity_view_sentence(&sentence, v);
	property_set_text(o, "answer", ends[a->end]);
	property_set_text(o, "sentence", buf_str(&sentence));
	property_set(o, "slos", slos);
	property_set_text(o, "unit", v->users ? "users" : "arrivals/s");
	property_set(o, "load", known(a->load));
	property_set(o, "range", json_pack("[o, o]", known(a->range.lo),
	    known(a->range.hi)));
	property_set_real(o, "within", a->step);
	property_set(o, "sure", json_boolean(a->sure));
	property_set_real(o, "held_s", a->held_s);
	property_set(o, "limit", json_integer(a->limit));
	property_set(o, "knee", known(a->knee));
	property_set(o, "slow_recovery", json_boolean(a->slow_recovery));
	property_set(o, "probes", probes);
	buf_release(&sentence);
	return o;
}

static double load_of(const json_t *value, double otherwise)
{
	double n = property_number(value, otherwise);

	return n >= 0 && n <= MOST ? n : otherwise;
}

static double number(const json_t *o, const char *key, double otherwise)
{
	return load_of(json_object_get(o, key), otherwise);
}

/* The host's own constants for a file's words. */
static const char *stage_of(const json_t *o)
{
	static const char *const names[] = { "grow", "shrink", "narrow",
		"confirm" };
	const char *s = json_string_value(json_object_get(o, "stage"));

	for (size_t i = 0; s && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(s, names[i]) == 0)
			return names[i];
	return names[0];
}

static void read_probe(struct capacity_view *v, const json_t *o)
{
	struct capacity_probe *p = &v->probes[v->count++];
	const json_t *shares = json_object_get(o, "good_shares");
	const char *verdict = json_string_value(json_object_get(o,
	    "verdict"));
	json_int_t limit = json_integer_value(json_object_get(o, "limit"));

	*p = (struct capacity_probe){ .load = number(o, "load", 0),
		.stage = stage_of(o), .verdict = CAPACITY_INVALID,
		.limit = limit >= 0 && limit < CAPACITY_SLOS ? (int)limit :
		    -1,
		.seconds = number(o, "seconds", 0),
		.spoilt = number(o, "left_out_s", 0),
		.starved = number(o, "starved_s", 0),
		.achieved = number(o, "achieved", 0),
		.throughput = number(o, "requests_per_s", 0),
		.r50 = number(o, "p50_ms", NAN) * 1e6,
		.r99 = number(o, "p99_ms", NAN) * 1e6,
		.in_flight = number(o, "in_flight", 0),
		.fail_share = fmin(number(o, "fail_ratio", 0), 1),
		.recovered = !json_is_false(json_object_get(o, "recovered")),
	};
	for (int i = CAPACITY_PASS; verdict && i <= CAPACITY_UNDECIDED; i++)
		if (strcmp(verdict, capacity_verdict_name(
		    (enum capacity_verdict)i)) == 0)
			p->verdict = (enum capacity_verdict)i;
	for (size_t i = 0; i < v->slo_count; i++) {
		const json_t *share = json_array_get(shares, i);

		p->share[i] = json_is_number(share) ?
		    json_number_value(share) : 0;
	}
}

static void read_answer(struct capacity_view *v, const json_t *o)
{
	struct capacity_answer *a = &v->answer;
	const char *end = json_string_value(json_object_get(o, "answer"));
	const json_t *range = json_object_get(o, "range");
	const json_t *limit = json_object_get(o, "limit");

	for (int i = CAPACITY_RUNNING; end && i <= CAPACITY_TIME_OVER; i++)
		if (strcmp(end, ends[i]) == 0)
			a->end = (enum capacity_end)i;
	a->load = number(o, "load", 0);
	a->knee = number(o, "knee", 0);
	a->limit = json_is_integer(limit) && json_integer_value(limit) >= -2 &&
	    json_integer_value(limit) < CAPACITY_SLOS ?
	    (int)json_integer_value(limit) : -2;
	a->range.lo = load_of(json_array_get(range, 0), 0);
	a->range.hi = load_of(json_array_get(range, 1), INFINITY);
	a->step = number(o, "within", 0.05);
	/* Files of before knew no doubt. */
	a->sure = !json_is_false(json_object_get(o, "sure"));
	a->held_s = number(o, "held_s", 0);
	a->slow_recovery = json_is_true(json_object_get(o, "slow_recovery"));
}

void capacity_view_read(struct capacity_view *v, const json_t *o)
{
	const json_t *slos = json_object_get(o, "slos");
	const json_t *probes = json_object_get(o, "probes");
	const char *unit = json_string_value(json_object_get(o, "unit"));
	size_t most;

	*v = (struct capacity_view){ .present = json_is_object(o) };
	if (!v->present)
		return;
	v->users = unit && strcmp(unit, "users") == 0;
	v->slos = xcalloc(CAPACITY_SLOS + 1, sizeof v->slos[0]);
	for (size_t i = 0; i < json_array_size(slos) &&
	    v->slo_count < CAPACITY_SLOS; i++) {
		const char *s = json_string_value(json_array_get(slos, i));

		v->slos[v->slo_count++] = xstrdup(s ? s : "?");
	}
	most = json_array_size(probes);
	if (most > CAPACITY_PROBES)
		most = CAPACITY_PROBES;
	v->probes = xcalloc(most + 1, sizeof v->probes[0]);
	for (size_t i = 0; i < most; i++)
		read_probe(v, json_array_get(probes, i));
	read_answer(v, o);
}

/* ---- tables ---- */

static const char *const heads[] = { "Load", "Stage", "Verdict", "Seconds",
	"Achieved", "p50", "p99", "In flight", "Failed" };
#define COLUMNS (sizeof heads / sizeof heads[0])
#define VERDICT 2                       /* column */

/* One cell, as words. */
static void cell(struct buf *out, const struct capacity_view *v,
    const struct capacity_probe *p, size_t column)
{
	switch (column) {
	case 0:
		capacity_view_load(out, v, p->load);
		break;
	case 1:
		buf_puts(out, p->stage);
		break;
	case 2:
		buf_puts(out, capacity_verdict_name(p->verdict));
		break;
	case 3:
		buf_printf(out, "%.0f", p->seconds);
		break;
	case 4:
		text_rate(out, p->achieved);
		buf_puts(out, "/s");
		break;
	case 5:
	case 6:
		if (isfinite(column == 5 ? p->r50 : p->r99))
			text_time(out, column == 5 ? p->r50 : p->r99);
		break;
	case 7:
		text_rate(out, p->in_flight);
		break;
	default:
		text_percent(out, p->fail_share);
	}
}

static void put_knee(struct buf *out, const struct capacity_view *v)
{
	if (!(v->answer.knee > 0))
		return;
	buf_puts(out, "p99 begins to turn up at about ");
	capacity_view_load(out, v, v->answer.knee);
	buf_puts(out, ".");
}

/* A probe that says neither has no mark. */
static void put_marked(struct buf *out, const struct capacity_view *v,
    const struct capacity_probe *p)
{
	struct buf text = BUF_INIT(1024);

	capacity_view_verdict(&text, v, p);
	if (p->verdict == CAPACITY_PASS)
		buf_puts(out, "<td class=\"good\">\u2713 ");
	else if (p->verdict == CAPACITY_FAIL ||
	    p->verdict == CAPACITY_OVERLOAD)
		buf_puts(out, "<td class=\"bad\">\u2717 ");
	else
		buf_puts(out, "<td>");
	svg_escape(out, buf_str(&text));
	buf_release(&text);
}

void capacity_view_html(struct buf *out, const struct capacity_view *v)
{
	struct buf text = BUF_INIT(4096);

	if (!v->present)
		return;
	buf_puts(out, "<section><h2>Capacity</h2><p>");
	capacity_view_sentence(&text, v);
	svg_escape(out, buf_str(&text));
	buf_puts(out, ".</p>");
	if (v->answer.knee > 0) {
		buf_puts(out, "<p>");
		put_knee(out, v);
		buf_puts(out, "</p>");
	}
	buf_puts(out, "<div class=\"wide\"><table><thead><tr>");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_printf(out, "<th%s>%s", i == 1 || i == 2 ? "" :
		    " class=\"n\"", heads[i]);
	buf_puts(out, "</tr></thead>\n");
	for (size_t i = 0; i < v->count; i++) {
		const struct capacity_probe *p = &v->probes[i];

		buf_puts(out, "<tr>");
		for (size_t k = 0; k < COLUMNS; k++) {
			if (k == VERDICT) {
				put_marked(out, v, p);
				continue;
			}
			buf_printf(out, "<td%s>", k == 1 || k == 2 ? "" :
			    " class=\"n\"");
			cell(out, v, p, k);
		}
		buf_puts(out, "</tr>\n");
	}
	buf_puts(out, "</table></div></section>\n");
	buf_release(&text);
}

void capacity_view_markdown(struct buf *out, const struct capacity_view *v)
{
	struct buf text = BUF_INIT(1024);

	if (!v->present)
		return;
	buf_puts(out, "\n|");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_printf(out, " %s |", heads[i]);
	buf_puts(out, "\n|");
	for (size_t i = 0; i < COLUMNS; i++)
		buf_puts(out, i == 1 || i == 2 ? "---|" : "---:|");
	buf_putc(out, '\n');
	for (size_t i = 0; i < v->count; i++) {
		buf_putc(out, '|');
		for (size_t k = 0; k < COLUMNS; k++) {
			buf_clear(&text);
			if (k == VERDICT)
				capacity_view_verdict(&text, v, &v->probes[i]);
			else
				cell(&text, v, &v->probes[i], k);
			buf_putc(out, ' ');
			markdown_escape(out, buf_str(&text));
			buf_puts(out, " |");
		}
		buf_putc(out, '\n');
	}
	if (v->answer.knee > 0) {
		buf_putc(out, '\n');
		put_knee(out, v);
		buf_putc(out, '\n');
	}
	/* Else what follows would be rows of this table. */
	buf_putc(out, '\n');
	buf_release(&text);
}

void capacity_view_text(struct buf *out, const struct capacity_view *v)
{
	static const unsigned widths[COLUMNS] = { 11, 8, 10, 8, 10, 8, 8, 10,
		7 };
	struct buf text = BUF_INIT(256);

	if (!v->present)
		return;
	for (size_t i = 0; i < COLUMNS; i++)
		text_right(out, heads[i], widths[i]);
	buf_putc(out, '\n');
	for (size_t i = 0; i < v->count; i++) {
		for (size_t k = 0; k < COLUMNS; k++) {
			cell(&text, v, &v->probes[i], k);
			text_right(out, buf_str(&text), widths[k]);
			buf_clear(&text);
		}
		buf_putc(out, '\n');
	}
	buf_putc(out, '\n');
	capacity_view_sentence(out, v);
	buf_puts(out, ".\n");
	if (v->answer.knee > 0) {
		put_knee(out, v);
		buf_putc(out, '\n');
	}
	buf_release(&text);
}
