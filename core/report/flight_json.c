/*
 * What flight recorders told, in a file of results and back, so that a report
 * that is made again has its waterfalls.
 */
#include "report/flight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/property.h"

/* In the order in which they come; those who failed first. */
size_t flight_rows(const struct flight_moment *m,
    struct flight_row rows[FLIGHT_SHOWN])
{
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < m->count && n < FLIGHT_SHOWN; i++) {
			const struct flight_line *l = &m->lines[i];
			size_t k = 0;

			while (k < n && (rows[k].user != l->user ||
			    rows[k].worker != l->worker))
				k++;
			if (k == n && (pass == 1 || l->error != NULL))
				rows[n++] = (struct flight_row){ l->worker,
					l->user };
		}
	}
	return n;
}

/* ---- writing ---- */

struct near {
	size_t index;
	double distance;                /* seconds from its user's worst */
};

static int by_distance(const void *a, const void *b)
{
	const struct near *x = a, *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
	const struct near *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static double end_of(const struct flight_line *l)
{
	return l->start + l->lag + l->service;
}

static bool is_worse(const struct flight_line *a, const struct flight_line *b)
{
	if ((a->error != NULL) != (b->error != NULL))
		return a->error != NULL;
	return a->lag + a->service > b->lag + b->service;
}

/* NULL when this user is not shown. */
static const struct flight_line **worst_of(const struct flight_line *l,
    const struct flight_row *rows, const struct flight_line **worst,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].user == l->user && rows[i].worker == l->worker)
			return &worst[i];
	}
	return NULL;
}

/* Those to be kept, in their order; how many. */
static size_t choose(const struct flight_moment *m, struct near *out)
{
	struct flight_row rows[FLIGHT_SHOWN];
	const struct flight_line *worst[FLIGHT_SHOWN] = { NULL };
	const struct flight_line **w;
	size_t shown = flight_rows(m, rows);
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct flight_line *l = &m->lines[i];

		w = worst_of(l, rows, worst, shown);
		if (w != NULL && (*w == NULL || is_worse(l, *w)))
			*w = l;
	}
	for (size_t i = 0; i < m->count; i++) {
		const struct flight_line *l = &m->lines[i];

		w = worst_of(l, rows, worst, shown);
		if (w != NULL)
			out[n++] = (struct near){ i, fabs(end_of(l) -
			    end_of(*w)) };
	}
	if (n <= FLIGHT_KEPT)
		return n;
	qsort(out, n, sizeof *out, by_distance);
	qsort(out, FLIGHT_KEPT, sizeof *out, by_index);
	return FLIGHT_KEPT;
}

static json_t *line_json(const struct flight_line *l)
{
	json_t *o = json_object();

	property_set(o, "worker", json_integer(l->worker));
	property_set_count(o, "user", l->user);
	property_set_text(o, "task", l->task);
	property_set_text(o, "type", l->type);
	property_set_text(o, "name", l->name);
	property_set_real(o, "start_s", l->start);
	property_set_real(o, "response_ms", (l->lag + l->service) * 1e3);
	property_set_real(o, "service_ms", l->service * 1e3);
	property_set_text(o, "error", l->error);
	return o;
}

static json_t *moment_json(const struct flight_moment *m)
{
	struct near *chosen = xcalloc(m->count + 1, sizeof *chosen);
	size_t count = choose(m, chosen);
	json_t *o = json_object();
	json_t *events = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(events,
		    line_json(&m->lines[chosen[i].index]));
	property_set_real(o, "at_s", m->at);
	property_set_text(o, "why", m->why);
	property_set_count(o, "left_out", m->count - count);
	property_set(o, "events", events);
	free(chosen);
	return o;
}

json_t *flight_json(const struct flight *f)
{
	json_t *o = json_object();
	json_t *moments = json_array();
	double before, after;

	flight_window(f, &before, &after);
	for (size_t i = 0; i < f->count; i++)
		json_array_append_new(moments, moment_json(&f->moments[i]));
	property_set_real(o, "before_s", before);
	property_set_real(o, "after_s", after);
	property_set(o, "moments", moments);
	return o;
}

/* ---- reading ---- */

static bool read_line(struct flight_line *l, const json_t *o)
{
	double response = property_real(o, "response_ms", -1) / 1e3;
	double service = property_real(o, "service_ms", -1) / 1e3;
	double start = property_real(o, "start_s", NAN);

	if (!(service >= 0) || !(response >= service) || !isfinite(start))
		return false;
	*l = (struct flight_line){
		.worker = (int64_t)property_count(o, "worker"),
		.user = property_count(o, "user"),
		.task = property_text(o, "task"),
		.type = property_text(o, "type"),
		.name = property_text(o, "name"),
		.error = property_text(o, "error"),
		.start = start, .lag = response - service, .service = service,
	};
	if (l->task != NULL && l->type != NULL && l->name != NULL)
		return true;
	flight_line_release(l);
	return false;
}

static void read_moment(struct flight *f, const json_t *o)
{
	struct flight_moment *m = &f->moments[f->count];
	const json_t *events = json_object_get(o, "events");
	double at = property_real(o, "at_s", NAN);
	size_t count = json_array_size(events);
	char *why = property_text(o, "why");

	if (!isfinite(at) || why == NULL) {
		free(why);
		return;
	}
	count = count < FLIGHT_EVENTS_MOST ? count : FLIGHT_EVENTS_MOST;
	*m = (struct flight_moment){ .at = at, .why = why };
	m->lines = xcalloc(count + 1, sizeof m->lines[0]);
	for (size_t i = 0; i < count; i++)
		m->count += read_line(&m->lines[m->count],
		    json_array_get(events, i));
	f->count++;
}

struct flight *flight_read(const json_t *o)
{
	const json_t *moments = json_object_get(o, "moments");
	struct flight *f = xcalloc(1, sizeof *f);

	f->before = fmin(fmax(property_real(o, "before_s", 0), 0),
	    FLIGHT_LONGEST);
	f->after = fmin(fmax(property_real(o, "after_s", 0), 0),
	    FLIGHT_LONGEST);
	for (size_t i = 0; i < json_array_size(moments) &&
	    f->count < FLIGHT_MOMENTS; i++)
		read_moment(f, json_array_get(moments, i));
	return f;
}

void flight_free(struct flight *f)
{
	if (f != NULL)
		flight_clear(f);
	free(f);
}
