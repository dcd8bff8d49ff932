/* See the header. */
#include "report/hold_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/svg.h"
#include "report/text.h"

#define LAST_MINUTE 60.0                /* seconds */
#define IN_TURN     10                  /* points near make it reached */
#define POINTS_MOST 100000              /* of a file */

static const char *const units[] = { "", "ms", "%" };

/* ---- taking it ---- */

double hold_view_shown(const struct hold_spec *s, double value)
{
	if (s->in_flight)
		return value;
	if (s->turned)
		value = 1 - value;
	switch (criterion_unit(&s->criterion)) {
	case CRITERION_TIME:
		return value / 1e6;
	case CRITERION_PART:
		return value * 100;
	default:
		return value;
	}
}

const char *hold_view_unit(const struct hold_spec *s)
{
	if (s->in_flight)
		return units[0];
	switch (criterion_unit(&s->criterion)) {
	case CRITERION_TIME:
		return units[1];
	case CRITERION_PART:
		return units[2];
	default:
		return units[0];
	}
}

void hold_view_take(struct hold_view *v, const struct hold_status *s)
{
	memset(v, 0, sizeof *v);
	if (s == NULL)
		return;
	v->present = true;
	v->users = s->users;
	v->turned = s->spec->turned;
	v->text = xstrdup(s->spec->text);
	v->unit = hold_view_unit(s->spec);
	v->target = hold_view_shown(s->spec, s->spec->rules.target);
	v->limit = s->hold->limit;
	v->count = s->hold->count;
	v->points = xcalloc(v->count + 1, sizeof v->points[0]);
	for (size_t i = 0; i < v->count; i++) {
		v->points[i] = s->hold->points[i];
		v->points[i].value = hold_view_shown(s->spec, v->points[i].value);
	}
}

void hold_view_release(struct hold_view *v)
{
	free(v->text);
	free(v->points);
	memset(v, 0, sizeof *v);
}

/* ---- sentences ---- */

static void put_load(struct buf *out, double load, bool users)
{
	if (users)
		buf_printf(out, "%.0f users", load);
	else
		buf_printf(out, load < 100 ? "%.1f/s" : "%.0f/s", load);
}

static void put_value(struct buf *out, const struct hold_status *s,
    double value)
{
	if (isnan(value))
		buf_puts(out, "not measured");
	else
		hold_print_value(s->spec, value, out);
}

void hold_view_now(struct buf *out, const struct hold_status *s, double value)
{
	buf_printf(out, "hold %s: %s, now ", s->spec->text,
	    hold_phase_name(s->hold->phase));
	put_value(out, s, value);
	buf_puts(out, ", load ");
	put_load(out, s->hold->load, s->users);
	if (s->hold->phase == HOLD_LIMITED)
		buf_puts(out, ": the load goes no higher, for the generator "
		    "measures itself there");
}

void hold_view_live(struct buf *out, const struct hold_status *s)
{
	buf_printf(out, "hold %s now ", s->spec->text);
	put_value(out, s, hold_last(s->hold));
	buf_puts(out, " at ");
	put_load(out, s->hold->load, s->users);
	buf_printf(out, " (%s)", hold_phase_name(s->hold->phase));
}

static bool is_near(const struct hold_view *v, const struct hold_point *p)
{
	double all = v->unit == units[2] ? 100 : 1;
	double ratio = v->turned ? (all - p->value) / (all - v->target) :
	    p->value / v->target;

	return fabs(ratio - 1) <= HOLD_NEAR;
}

/* Seconds into the run; -1: never.  Of a second without a figure nobody
 * knows. */
static double reached(const struct hold_view *v)
{
	double since = -1;
	size_t near = 0;

	for (size_t i = 0; i < v->count; i++) {
		if (isnan(v->points[i].value))
			continue;
		near = is_near(v, &v->points[i]) ? near + 1 : 0;
		if (near == 1)
			since = v->points[i].at;
		if (near == IN_TURN)
			return since;
	}
	return -1;
}

struct stretch {
	size_t measured;
	size_t near;
	double load;                    /* mean, least and most */
	double load_least, load_most;
};

static void sum_up(const struct hold_view *v, double from, struct stretch *s)
{
	size_t n = 0;

	*s = (struct stretch){ .load_least = INFINITY };
	for (size_t i = 0; i < v->count; i++) {
		const struct hold_point *p = &v->points[i];

		if (p->at < from)
			continue;
		n++;
		s->measured += !isnan(p->value);
		s->near += is_near(v, p);
		s->load += p->load;
		s->load_least = fmin(s->load_least, p->load);
		s->load_most = fmax(s->load_most, p->load);
	}
	s->load /= n > 0 ? (double)n : 1;
}

static double end_of(const struct hold_view *v)
{
	return v->count > 0 ? v->points[v->count - 1].at : 0;
}

static double share(const struct stretch *s)
{
	return s->measured > 0 ? (double)s->near / (double)s->measured : 0;
}

/* "; in the last minute that took 199/s on average, 187/s to 210/s". */
static void put_last(struct buf *out, const struct hold_view *v,
    const struct stretch *last, bool reached)
{
	double length = end_of(v) - v->points[0].at;

	buf_puts(out, "; in the last ");
	if (length >= LAST_MINUTE)
		buf_puts(out, "minute ");
	else
		buf_printf(out, "%.0f s ", fmax(length, 1));
	buf_puts(out, reached ? "that took " : "the load was ");
	put_load(out, last->load, v->users);
	if (last->load_most - last->load_least < 0.005 * last->load)
		return;
	buf_puts(out, " on average, ");
	put_load(out, last->load_least, v->users);
	buf_puts(out, " to ");
	put_load(out, last->load_most, v->users);
}

void hold_view_sentence(struct buf *out, const struct hold_view *v)
{
	struct stretch all, last;
	double from = reached(v);

	if (!v->present)
		return;
	if (v->count == 0) {
		buf_printf(out, "%s: the test ended before the load could be "
		    "moved", v->text);
		return;
	}
	sum_up(v, from, &all);
	sum_up(v, end_of(v) - LAST_MINUTE, &last);
	if (v->limit > 0) {
		buf_printf(out, "generator-limited at ");
		put_load(out, v->limit, v->users);
		buf_puts(out, ", the load was kept below; ");
	}
	if (from < 0) {
		buf_printf(out, "%s was never kept within %.0f %% for ten "
		    "measured seconds", v->text, HOLD_NEAR * 100);
	} else {
		buf_printf(out, "%s was reached after %.0f s and kept within "
		    "%.0f %% for %.0f %% of the time since", v->text, from,
		    HOLD_NEAR * 100, share(&all) * 100);
	}
	put_last(out, v, &last, from >= 0);
}

/* ---- JSON ---- */

static void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static json_t *points(const struct hold_view *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->count; i++) {
		const struct hold_point *p = &v->points[i];
		json_t *o = json_object();

		set(o, "at_s", json_real(p->at));
		set(o, "value", isnan(p->value) ? json_null() :
		    json_real(p->value));
		set(o, "load", json_real(p->load));
		set(o, "phase", json_string(hold_phase_name(p->phase)));
		json_array_append_new(array, o);
	}
	return array;
}

json_t *hold_view_json(const struct hold_view *v)
{
	json_t *o;
	struct buf sentence = BUF_INIT(4096);
	struct stretch all;
	double from = reached(v);

	if (!v->present)
		return json_null();
	o = json_object();
	hold_view_sentence(&sentence, v);
	sum_up(v, from, &all);
	set(o, "hold", json_string(v->text));
	set(o, "unit", json_string(v->unit));
	set(o, "turned", json_boolean(v->turned));
	set(o, "set_point", json_real(v->target));
	set(o, "load_unit", json_string(v->users ? "users" : "arrivals/s"));
	set(o, "sentence", json_string(buf_str(&sentence)));
	set(o, "reached_s", from < 0 ? json_null() : json_real(from));
	set(o, "near_share", from < 0 ? json_null() :
	    json_real(share(&all)));
	set(o, "generator_limited_at", v->limit > 0 ? json_real(v->limit) :
	    json_null());
	set(o, "points", points(v));
	buf_release(&sentence);
	return o;
}

static double real_of(const json_t *o, const char *key, double deflt)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : deflt;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

void hold_view_read(struct hold_view *v, const json_t *o)
{
	const json_t *array = json_object_get(o, "points");
	size_t n = json_array_size(array);

	memset(v, 0, sizeof *v);
	if (!json_is_object(o) || !(real_of(o, "set_point", 0) > 0))
		return;
	v->present = true;
	v->users = strcmp(text_of(o, "load_unit"), "users") == 0;
	v->turned = json_is_true(json_object_get(o, "turned"));
	v->text = xstrdup(text_of(o, "hold"));
	v->target = real_of(o, "set_point", 0);
	v->limit = real_of(o, "generator_limited_at", 0);
	v->unit = units[0];
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(text_of(o, "unit"), units[i]) == 0)
			v->unit = units[i];
	}
	v->count = n < POINTS_MOST ? n : POINTS_MOST;
	v->points = xcalloc(v->count + 1, sizeof v->points[0]);
	for (size_t i = 0; i < v->count; i++) {
		const json_t *p = json_array_get(array, i);

		v->points[i] = (struct hold_point){
			.at = real_of(p, "at_s", 0),
			.value = real_of(p, "value", NAN),
			.load = real_of(p, "load", 0),
			.phase = hold_phase_of_name(text_of(p, "phase")),
		};
	}
}

/* ---- HTML ---- */

#define CHART_POINTS 600

struct columns {
	size_t count;
	double at[CHART_POINTS];
	double value[CHART_POINTS];
	double target[CHART_POINTS];
	double load[CHART_POINTS];
};

/* Every so many, so that they fit. */
static void fill(struct columns *c, const struct hold_view *v)
{
	size_t step = (v->count + CHART_POINTS - 1) / CHART_POINTS;

	for (size_t i = 0; i < v->count; i += step) {
		c->at[c->count] = v->points[i].at;
		c->value[c->count] = v->points[i].value;
		c->target[c->count] = v->target;
		c->load[c->count++] = v->points[i].load;
	}
}

void hold_view_html(struct buf *out, const struct hold_view *v,
    const struct result_event *events, size_t event_count)
{
	struct columns *c;
	struct svg_line values[] = { { "measured", "a", NULL },
		{ "set point", "c", NULL } };
	struct svg_line loads[] = { { "load", "a", NULL } };
	struct svg_chart chart = { .events = events,
		.event_count = event_count };
	struct buf sentence = BUF_INIT(4096);

	if (!v->present)
		return;
	c = xcalloc(1, sizeof *c);
	fill(c, v);
	values[0].values = c->value;
	values[1].values = c->target;
	loads[0].values = c->load;
	hold_view_sentence(&sentence, v);
	buf_puts(out, "<section class=\"charts\"><h2>Hold</h2><p>");
	svg_escape(out, buf_str(&sentence));
	buf_puts(out, ".</p>\n");
	chart.at = c->at;
	chart.count = c->count;
	chart.title = v->text;
	chart.unit = v->unit;
	chart.lines = values;
	chart.line_count = 2;
	svg_chart(out, &chart);
	chart.title = "Load";
	chart.unit = v->users ? "users" : "arrivals per second";
	chart.lines = loads;
	chart.line_count = 1;
	svg_chart(out, &chart);
	buf_puts(out, "</section>\n");
	buf_release(&sentence);
	free(c);
}
