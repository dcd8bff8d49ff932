/*
 * Memory is bounded whatever a run lasts and however many endpoints it has:
 * when the stretches are full, neighbours are put together and each later one
 * is of twice the seconds; beyond so many endpoints the others share a row.
 *
 * Of a stretch a histogram with 16 buckets an octave is kept, so that
 * percentiles of what was put together come from its samples; they are within
 * 3.2 % of the sample they stand for.
 */
#include "report/past.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/property.h"

#define COARSE 8u                       /* fine buckets in one of these */
#define MOST_OTHERS 1e9

struct past_slot {
	uint64_t requests;
	uint64_t failures;
	struct sparse response;
	float quantiles[3];             /* ms, of `response`; NAN */
	bool known;                     /* they are */
};

static const double quantiles[] = { 0.5, 0.95, 0.99 };

static const char *const names[PAST_FIGURES] = { "requests", "failures",
	"p50_ms", "p95_ms", "p99_ms" };

/* ---- the run ---- */

/* The fine buckets, put together around the middle ones. */
static void add_response(struct sparse *into, const struct sparse *fine)
{
	struct sparse coarse = *fine;

	coarse.used = 0;
	coarse.buckets = xcalloc((size_t)fine->used + 1,
	    sizeof(*coarse.buckets));
	for (uint32_t i = 0; i < fine->used; i++) {
		uint32_t index = fine->buckets[i].index / COARSE * COARSE +
		    COARSE / 2;
		struct sparse_bucket *last = &coarse.buckets[coarse.used];

		if (coarse.used > 0 && last[-1].index == index &&
		    last[-1].n <= UINT32_MAX - fine->buckets[i].n) {
			last[-1].n += fine->buckets[i].n;
			continue;
		}
		*last = (struct sparse_bucket){ index, fine->buckets[i].n };
		coarse.used++;
	}
	sparse_merge(into, &coarse);
	free(coarse.buckets);
}

static void merge(struct past_slot *into, struct past_slot *from)
{
	into->requests += from->requests;
	into->failures += from->failures;
	sparse_merge(&into->response, &from->response);
	into->known = false;
}

static void fold_row(struct past_slot *row)
{
	for (size_t i = 0; i < PAST_STRETCHES / 2; i++) {
		struct past_slot *a = &row[2 * i], *b = &row[2 * i + 1];

		merge(a, b);
		sparse_release(&b->response);
		*b = (struct past_slot){ 0 };
		if (i > 0) {
			row[i] = *a;
			*a = (struct past_slot){ 0 };
		}
	}
}

static void fold(struct past *p)
{
	for (size_t i = 0; i < PAST_STRETCHES / 2; i++)
		p->end[i] = p->end[2 * i + 1];
	for (size_t i = 0; i < PAST_SERIES; i++)
		if (p->rows[i])
			fold_row(p->rows[i]);
	if (p->rest)
		fold_row(p->rest);
	p->count = PAST_STRETCHES / 2;
	p->step *= 2;
	p->ticks = 0;
}

static struct past_slot *row_of(struct past *p, uint32_t id)
{
	struct past_slot **row = id < PAST_SERIES ? &p->rows[id] : &p->rest;

	if (!*row)
		*row = xcalloc(PAST_STRETCHES, sizeof(**row));
	return *row;
}

static void add_series(struct past *p, size_t at, const struct series *s,
    const struct window_slot *last)
{
	struct past_slot *slot;

	if (!last || (last->requests == 0 && last->response.count == 0))
		return;
	slot = &row_of(p, s->id)[at];
	slot->requests += last->requests;
	slot->failures += last->failures;
	add_response(&slot->response, &last->response);
	slot->known = false;
}

void past_tick(struct past *p, const struct windows *windows,
    const struct stats *stats, double at)
{
	size_t now;

	if (p->step == 0)
		p->step = 1;
	if (p->ticks == 0 && p->count == PAST_STRETCHES)
		fold(p);
	now = p->ticks == 0 ? p->count++ : p->count - 1;
	p->end[now] = at;
	p->ticks = (p->ticks + 1) % p->step;
	p->series = stats->count;
	for (size_t i = 0; i < stats->count; i++)
		add_series(p, now, stats->series[i], windows_slot(windows,
		    stats->series[i]));
}

static void free_row(struct past_slot *row)
{
	for (size_t i = 0; row && i < PAST_STRETCHES; i++)
		sparse_release(&row[i].response);
	free(row);
}

void past_clear(struct past *p)
{
	for (size_t i = 0; i < PAST_SERIES; i++)
		free_row(p->rows[i]);
	free_row(p->rest);
	memset(p, 0, sizeof(*p));
}

/* ---- the result ---- */

static void work_out(struct past_slot *slot)
{
	struct histogram h;

	if (slot->known)
		return;
	histogram_init(&h);
	sparse_add(&h, &slot->response);
	for (size_t i = 0; i < 3; i++)
		slot->quantiles[i] = h.count == 0 ? NAN :
		    (float)((double)histogram_quantile(&h, quantiles[i]) /
		    1e6);
	histogram_release(&h);
	slot->known = true;
}

static void add_row(struct past_view *v, struct past_slot *from,
    const char *type, const char *name)
{
	struct past_row *row = &v->rows[v->row_count++];

	row->type = type ? xstrdup(type) : NULL;
	row->name = name ? xstrdup(name) : NULL;
	for (size_t k = 0; k < PAST_FIGURES; k++)
		row->values[k] = xcalloc(v->count + 1, sizeof(double));
	for (size_t i = 0; i < v->count; i++) {
		work_out(&from[i]);
		row->values[PAST_REQUESTS][i] = (double)from[i].requests;
		row->values[PAST_FAILURES][i] = (double)from[i].failures;
		for (size_t k = 0; k < 3; k++)
			row->values[PAST_P50 + k][i] =
			    (double)from[i].quantiles[k];
	}
}

static const struct stats *sorted_by;

static int compare_busy(const void *a, const void *b)
{
	const struct series *x = sorted_by->series[*(const uint32_t *)a];
	const struct series *y = sorted_by->series[*(const uint32_t *)b];

	if (x->requests != y->requests)
		return x->requests < y->requests ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Those that are kept apart, busiest first; the caller frees. */
static uint32_t *busiest(const struct past *p, const struct stats *stats,
    size_t *count)
{
	uint32_t *ids = xcalloc(PAST_SERIES, sizeof(*ids));

	*count = 0;
	for (uint32_t i = 0; i < PAST_SERIES && i < stats->count; i++)
		if (p->rows[i])
			ids[(*count)++] = i;
	sorted_by = stats;
	qsort(ids, *count, sizeof(*ids), compare_busy);
	return ids;
}

static void add_others(struct past_view *v, const struct past *p,
    const uint32_t *ids, size_t count)
{
	struct past_slot *sum;

	if (count == 0 && !p->rest)
		return;
	sum = xcalloc(PAST_STRETCHES, sizeof(*sum));
	for (size_t i = 0; i < v->count; i++) {
		for (size_t k = 0; k < count; k++)
			merge(&sum[i], &p->rows[ids[k]][i]);
		if (p->rest)
			merge(&sum[i], &p->rest[i]);
	}
	add_row(v, sum, NULL, NULL);
	v->others = count + (p->series > PAST_SERIES ?
	    p->series - PAST_SERIES : 0);
	free_row(sum);
}

void past_take(struct past_view *v, const struct past *p,
    const struct stats *stats)
{
	size_t count, shown;
	uint32_t *ids;

	*v = (struct past_view){ .count = p->count };
	if (p->count == 0)
		return;
	ids = busiest(p, stats, &count);
	shown = count < PAST_SHOWN ? count : PAST_SHOWN;
	v->end = xcalloc(p->count, sizeof(double));
	memcpy(v->end, p->end, p->count * sizeof(double));
	v->rows = xcalloc(shown + 1, sizeof(*v->rows));
	for (size_t i = 0; i < shown; i++) {
		const struct series *s = stats->series[ids[i]];

		add_row(v, p->rows[ids[i]], s->type, s->name);
	}
	add_others(v, p, ids + shown, count - shown);
	free(ids);
}

void past_release(struct past_view *v)
{
	for (size_t i = 0; i < v->row_count; i++) {
		free(v->rows[i].type);
		free(v->rows[i].name);
		for (size_t k = 0; k < PAST_FIGURES; k++)
			free(v->rows[i].values[k]);
	}
	free(v->rows);
	free(v->end);
	*v = (struct past_view){ 0 };
}

/* ---- JSON ---- */

/* Counts whole; times with what their buckets are worth. */
static json_t *number_of(double value, size_t figure)
{
	if (!isfinite(value))
		return json_null();
	if (figure <= PAST_FAILURES)
		return json_integer((json_int_t)value);
	return json_real(round(value * 1e4) / 1e4);
}

json_t *past_json(const struct past_view *v)
{
	json_t *o, *ends, *rows;

	if (v->row_count == 0)
		return NULL;
	o = json_object();
	ends = json_array();
	rows = json_array();
	for (size_t i = 0; i < v->count; i++)
		json_array_append_new(ends, json_real(round(v->end[i] * 1e3) /
		    1e3));
	property_set(o, "end_s", ends);
	property_set_count(o, "others", v->others);
	for (size_t i = 0; i < v->row_count; i++) {
		const struct past_row *row = &v->rows[i];
		json_t *one = json_object();

		property_set_text(one, "type", row->type);
		property_set_text(one, "name", row->name);
		for (size_t k = 0; k < PAST_FIGURES; k++) {
			json_t *values = json_array();

			for (size_t n = 0; n < v->count; n++)
				json_array_append_new(values,
				    number_of(row->values[k][n], k));
			property_set(one, names[k], values);
		}
		json_array_append_new(rows, one);
	}
	property_set(o, "series", rows);
	return o;
}

static void read_row(struct past_view *v, const json_t *o)
{
	struct past_row *row = &v->rows[v->row_count++];

	row->type = property_text(o, "type");
	row->name = property_text(o, "name");
	for (size_t k = 0; k < PAST_FIGURES; k++) {
		const json_t *values = json_object_get(o, names[k]);

		row->values[k] = xcalloc(v->count + 1, sizeof(double));
		for (size_t i = 0; i < v->count; i++)
			row->values[k][i] = property_number(json_array_get(
			    values, i), k <= PAST_FAILURES ? 0 : NAN);
	}
}

void past_read(struct past_view *v, const json_t *o)
{
	const json_t *ends = json_object_get(o, "end_s");
	const json_t *rows = json_object_get(o, "series");
	double others = property_real(o, "others", 0);
	size_t most = json_array_size(rows);

	*v = (struct past_view){ 0 };
	if (json_array_size(ends) == 0 || most == 0)
		return;
	if (most > PAST_SHOWN + 1)
		most = PAST_SHOWN + 1;
	v->count = json_array_size(ends);
	if (v->count > PAST_STRETCHES)
		v->count = PAST_STRETCHES;
	v->others = others > 0 && others < MOST_OTHERS ? (size_t)others : 0;
	v->end = xcalloc(v->count, sizeof(double));
	for (size_t i = 0; i < v->count; i++)
		v->end[i] = property_number(json_array_get(ends, i), 0);
	v->rows = xcalloc(most, sizeof(*v->rows));
	for (size_t i = 0; i < most; i++)
		read_row(v, json_array_get(rows, i));
}
