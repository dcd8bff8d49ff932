/*
 * Memory is bounded whatever a run lasts: when the points are full,
 * neighbours are put together and each later point is of twice the seconds.
 */
#include "report/resources.h"

#include "base/xalloc.h"
#include "report/property.h"
#include "report/svg.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINES 3                         /* of a chart: styles a, b, c */

static struct resource *add_row(struct resources *r, const char *name,
    const char *unit)
{
	struct resource *row;

	if (r->row_count == RESOURCES_ROWS)
		return NULL;
	r->rows = xreallocarray(r->rows, r->row_count + 1, sizeof(*r->rows));
	row = &r->rows[r->row_count++];
	*row = (struct resource){ .name = xstrdup(name),
		.unit = xstrdup(unit), .now = NAN, .last = NAN,
		.values = xcalloc(RESOURCES_POINTS, sizeof(double)) };
	for (size_t i = 0; i < RESOURCES_POINTS; i++)
		row->values[i] = NAN;
	return row;
}

void resources_put(struct resources *r, const char *name, const char *unit,
    double value)
{
	struct resource *row = NULL;

	for (size_t i = 0; i < r->row_count && !row; i++) {
		if (strcmp(r->rows[i].name, name) == 0)
			row = &r->rows[i];
	}
	if (!row)
		row = add_row(r, name, unit);
	if (row)
		row->now = value;
}

/* Of two neighbours, either of which may be unknown. */
static double join(double a, double b)
{
	if (isnan(a))
		return b;
	return isnan(b) ? a : (a + b) / 2;
}

static void fold(struct resources *r)
{
	size_t half = RESOURCES_POINTS / 2;

	for (size_t i = 0; i < half; i++)
		r->at[i] = r->at[2 * i + 1];
	for (size_t k = 0; k < r->row_count; k++) {
		double *v = r->rows[k].values;

		for (size_t i = 0; i < half; i++)
			v[i] = join(v[2 * i], v[2 * i + 1]);
		for (size_t i = half; i < RESOURCES_POINTS; i++)
			v[i] = NAN;
	}
	r->count = half;
	r->step *= 2;
}

static void push(struct resources *r, double at)
{
	if (r->count == RESOURCES_POINTS) {
		fold(r);
		/* Half of what is now a point. */
		return;
	}
	r->at[r->count] = at;
	for (size_t i = 0; i < r->row_count; i++) {
		struct resource *row = &r->rows[i];

		row->values[r->count] = row->seconds > 0 ?
		    row->sum / row->seconds : NAN;
		row->sum = 0;
		row->seconds = 0;
	}
	r->count++;
	r->ticks = 0;
}

void resources_tick(struct resources *r, double at, int counts)
{
	if (r->row_count == 0)
		return;
	if (!r->at)
		r->at = xcalloc(RESOURCES_POINTS, sizeof(double));
	if (r->step == 0)
		r->step = 1;
	for (size_t i = 0; i < r->row_count; i++) {
		struct resource *row = &r->rows[i];

		if (counts && !isnan(row->now)) {
			row->sum += row->now;
			row->seconds++;
		}
		row->last = counts ? row->now : NAN;
		row->now = NAN;
	}
	if (counts && ++r->ticks >= r->step)
		push(r, at);
}

void resources_clear(struct resources *r)
{
	for (size_t i = 0; i < r->row_count; i++) {
		free(r->rows[i].name);
		free(r->rows[i].unit);
		free(r->rows[i].values);
	}
	free(r->rows);
	free(r->at);
	memset(r, 0, sizeof(*r));
}

void resources_copy(struct resources *to, const struct resources *from)
{
	memset(to, 0, sizeof(*to));
	if (from->count == 0)
		return;
	to->at = xcalloc(RESOURCES_POINTS, sizeof(double));
	memcpy(to->at, from->at, from->count * sizeof(double));
	to->count = from->count;
	for (size_t i = 0; i < from->row_count; i++) {
		struct resource *row = add_row(to, from->rows[i].name,
		    from->rows[i].unit);

		memcpy(row->values, from->rows[i].values,
		    from->count * sizeof(double));
	}
}

/* ---- JSON ---- */

static void extremes(json_t *o, const double *values, size_t count)
{
	double min = INFINITY, max = -INFINITY, sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (isnan(values[i]))
			continue;
		min = fmin(min, values[i]);
		max = fmax(max, values[i]);
		sum += values[i];
		n++;
	}
	if (n == 0)
		return;
	property_set_real(o, "mean", sum / (double)n);
	property_set_real(o, "min", min);
	property_set_real(o, "max", max);
}

static json_t *numbers(const double *values, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, isfinite(values[i]) ?
		    json_real(values[i]) : json_null());
	return array;
}

json_t *resources_json(const struct resources *r)
{
	json_t *o, *rows;

	if (r->count == 0)
		return NULL;
	o = json_object();
	rows = json_array();
	property_set(o, "at", numbers(r->at, r->count));
	for (size_t i = 0; i < r->row_count; i++) {
		const struct resource *row = &r->rows[i];
		json_t *one = json_object();

		property_set_text(one, "name", row->name);
		property_set_text(one, "unit", row->unit);
		extremes(one, row->values, r->count);
		property_set(one, "values", numbers(row->values, r->count));
		json_array_append_new(rows, one);
	}
	property_set(o, "figures", rows);
	return o;
}

int resources_write(struct buf *out, const struct resources *r)
{
	json_t *o = resources_json(r);
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER |
	    JSON_REAL_PRECISION(6)) : NULL;
	int rc = buf_puts(out, text ? text : "{\"at\":[],\"figures\":[]}");

	free(text);
	json_decref(o);
	return rc;
}

static void read_row(struct resources *r, const json_t *o)
{
	const json_t *values = json_object_get(o, "values");
	char *name = property_text(o, "name");
	char *unit = property_text(o, "unit");
	struct resource *row = NULL;

	if (name)
		row = add_row(r, name, unit ? unit : "");
	for (size_t i = 0; row && i < r->count; i++)
		row->values[i] = property_number(json_array_get(values, i),
		    NAN);
	free(name);
	free(unit);
}

void resources_read(struct resources *r, const json_t *o)
{
	const json_t *at = json_object_get(o, "at");
	const json_t *rows = json_object_get(o, "figures");

	memset(r, 0, sizeof(*r));
	if (json_array_size(at) == 0)
		return;
	r->at = xcalloc(RESOURCES_POINTS, sizeof(double));
	for (; r->count < json_array_size(at) &&
	    r->count < RESOURCES_POINTS; r->count++)
		r->at[r->count] = property_number(json_array_get(at,
		    r->count), 0);
	for (size_t i = 0; i < json_array_size(rows); i++)
		read_row(r, json_array_get(rows, i));
}

/* ---- HTML ---- */

/* "app.net" of "app.net.in". */
static size_t prefix(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? (size_t)(dot - name) : 0;
}

static bool together(const struct resource *a, const struct resource *b)
{
	size_t len = prefix(a->name);

	return len == prefix(b->name) && strncmp(a->name, b->name, len) == 0 &&
	    strcmp(a->unit, b->unit) == 0;
}

static void chart(struct buf *out, const struct resources *r,
    const struct resource *const *rows, size_t count, struct svg_chart *c)
{
	static const char *const styles[] = { "a", "b", "c" };
	bool share = strcmp(rows[0]->unit, "share") == 0;
	struct svg_line lines[LINES];
	double *percents = xcalloc(r->count * count, sizeof(double));
	char *title = xstrndup(rows[0]->name, prefix(rows[0]->name));

	for (size_t i = 0; i < count; i++) {
		const struct resource *row = rows[i];
		double *values = percents + i * r->count;

		for (size_t k = 0; k < r->count; k++)
			values[k] = row->values[k] * (share ? 100 : 1);
		lines[i] = (struct svg_line){ strrchr(row->name, '.') ?
		    strrchr(row->name, '.') + 1 : row->name, styles[i],
		    values };
	}
	c->title = title;
	c->unit = share ? "%" : rows[0]->unit;
	c->lines = lines;
	c->line_count = count;
	svg_chart(out, c);
	free(title);
	free(percents);
}

/* It says nothing but whether it answered. */
static bool shown(const struct resource *row)
{
	size_t len = strlen(row->name);

	return len < 3 || strcmp(row->name + len - 3, ".up") != 0;
}

void resources_html(struct buf *out, const struct resources *r,
    const struct result_event *events, size_t event_count)
{
	struct svg_chart c = { .at = r->at, .count = r->count,
		.events = events, .event_count = event_count };
	bool *drawn;

	if (r->count == 0)
		return;
	buf_puts(out, "<section class=\"charts\"><h2>What the target felt"
	    "</h2>\n");
	drawn = xcalloc(r->row_count + 1, sizeof(*drawn));
	for (size_t i = 0; i < r->row_count; i++) {
		const struct resource *rows[LINES] = { &r->rows[i] };
		size_t n = 1;

		if (drawn[i] || !shown(&r->rows[i]))
			continue;
		/* A rate is known a second later: kin need not be neighbours. */
		for (size_t k = i + 1; k < r->row_count && n < LINES; k++) {
			if (drawn[k] || !shown(&r->rows[k]) ||
			    !together(&r->rows[i], &r->rows[k]))
				continue;
			drawn[k] = true;
			rows[n++] = &r->rows[k];
		}
		chart(out, r, rows, n, &c);
	}
	free(drawn);
	buf_puts(out, "</section>\n");
}
