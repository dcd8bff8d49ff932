/*
 * The rows come from the windows, which keep exactly this; only errors and
 * counters, which have no windows, are compared with what they were.
 */
#include "report/delta.h"

#include "base/xalloc.h"
#include "report/output.h"
#include "stats/stats.h"

#include <stdlib.h>
#include <string.h>

static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

void delta_source_release(struct delta_source *s)
{
	free(s->errors);
	free(s->counters);
	memset(s, 0, sizeof(*s));
}

/* A new test, or statistics that were reset: all counts begin again. */
static void forget(struct delta_source *s)
{
	for (size_t i = 0; i < s->error_count; i++)
		s->errors[i] = 0;
	for (size_t i = 0; i < s->counter_count; i++)
		s->counters[i] = 0;
}

static void fill_row(struct delta_row *row, const struct series *s,
    uint32_t id, const struct window_slot *slot)
{
	row->id = id;
	row->type = xstrdup(s->type);
	row->name = xstrdup(s->name);
	row->phase = s->phase;
	row->transaction = s->transaction;
	if (!slot)
		return;
	row->requests = slot->requests;
	row->failures = slot->failures;
	row->bytes = slot->bytes;
	sparse_merge(&row->times, &slot->response);
}

static void take_rows(struct delta *d, const struct report *r)
{
	const struct stats *stats = r->options.stats;

	d->rows = xcalloc(stats->count + 1, sizeof(*d->rows));
	for (size_t i = 0; i < stats->count; i++) {
		const struct series *s = stats->series[i];
		const struct window_slot *slot = windows_slot(r->windows, s);

		if (slot && (slot->requests > 0 || slot->response.count > 0 ||
		    slot->bytes > 0))
			fill_row(&d->rows[d->row_count++], s, s->id, slot);
	}
	fill_row(&d->total, &stats->total, DELTA_TOTAL,
	    windows_slot(r->windows, NULL));
}

static void take_errors(struct delta_source *s, struct delta *d,
    const struct stats *stats)
{
	if (stats->error_count > s->error_count) {
		s->errors = xreallocarray(s->errors, stats->error_count,
		    sizeof(*s->errors));
		memset(s->errors + s->error_count, 0,
		    (stats->error_count - s->error_count) *
		    sizeof(*s->errors));
		s->error_count = stats->error_count;
	}
	d->errors = xcalloc(stats->error_count + 1, sizeof(*d->errors));
	for (size_t i = 0; i < stats->error_count; i++) {
		const struct error_row *row = stats->errors[i];
		uint64_t count = since(row->occurrences, s->errors[i]);

		s->errors[i] = row->occurrences;
		if (count == 0)
			continue;
		d->errors[d->error_count++] = (struct delta_error){
			xstrdup(row->series->type), xstrdup(row->series->name),
			xstrdup(row->text), count };
	}
}

static void take_counters(struct delta_source *s, struct delta *d,
    const struct stats *stats)
{
	if (stats->counter_count > s->counter_count) {
		s->counters = xreallocarray(s->counters,
		    stats->counter_count, sizeof(*s->counters));
		memset(s->counters + s->counter_count, 0,
		    (stats->counter_count - s->counter_count) *
		    sizeof(*s->counters));
		s->counter_count = stats->counter_count;
	}
	d->counters = xcalloc(stats->counter_count + 1,
	    sizeof(*d->counters));
	for (size_t i = 0; i < stats->counter_count; i++) {
		int64_t change = stats->counters[i].value - s->counters[i];

		s->counters[i] = stats->counters[i].value;
		if (change != 0)
			d->counters[d->counter_count++] =
			    (struct delta_counter){
				xstrdup(stats->counters[i].name), change };
	}
}

static void take_metrics(struct delta *d, const struct metrics *metrics)
{
	static const double at[4] = { 0.5, 0.9, 0.95, 0.99 };

	d->metrics = xcalloc(metrics->count + 1, sizeof(*d->metrics));
	for (size_t i = 0; i < metrics->count; i++) {
		const struct metric *m = &metrics->at[i];
		struct delta_metric *to = &d->metrics[d->metric_count];

		if (m->count == 0)
			continue;
		d->metric_count++;
		*to = (struct delta_metric){ xstrdup(m->name),
			xstrdup(m->unit), metric_kind_name(m->kind), m->count,
			m->last, metric_mean(m), m->min, m->max, { 0 } };
		for (int k = 0; k < 4 && m->kind == METRIC_DISTRIBUTION; k++)
			to->quantiles[k] = metric_quantile(&m->values, at[k]);
	}
}

struct delta *delta_take(struct delta_source *s, const struct report *r)
{
	const struct window_slot *total = windows_slot(r->windows, NULL);
	struct delta *d = xcalloc(1, sizeof(*d));
	const struct stats *stats = r->options.stats;

	if (r->run.started != s->started) {
		s->started = r->run.started;
		s->test++;
	}
	if (s->reset != stats->total.start_time)
		forget(s);
	s->reset = stats->total.start_time;
	d->test = s->test;
	d->intervals = 1;
	d->time = r->wall;
	d->started = r->run.started_wall;
	d->elapsed = r->elapsed;
	d->length = total ? total->length : 0;
	d->state = run_state_name(r->run.state);
	d->users = r->run.users_running;
	d->users_target = r->run.users_target;
	d->workers = r->run.workers;
	d->load = r->load;
	take_rows(d, r);
	take_errors(s, d, stats);
	take_counters(s, d, stats);
	take_metrics(d, &stats->metrics);
	return d;
}

static void add_row(struct delta_row *into, const struct delta_row *row)
{
	into->requests += row->requests;
	into->failures += row->failures;
	into->bytes += row->bytes;
	sparse_merge(&into->times, &row->times);
}

static struct delta_row copy_row(const struct delta_row *row)
{
	struct delta_row copy = { .id = row->id, .type = xstrdup(row->type),
		.name = xstrdup(row->name), .phase = row->phase,
		.transaction = row->transaction };

	add_row(&copy, row);
	return copy;
}

/* Both are in the order of ids. */
static void merge_rows(struct delta *into, const struct delta *later)
{
	struct delta_row *rows = xcalloc(into->row_count + later->row_count +
	    1, sizeof(*rows));
	size_t i = 0, j = 0, n = 0;

	while (i < into->row_count || j < later->row_count) {
		uint32_t a = i < into->row_count ? into->rows[i].id :
		    DELTA_TOTAL;
		uint32_t b = j < later->row_count ? later->rows[j].id :
		    DELTA_TOTAL;

		if (a <= b)
			rows[n] = into->rows[i++];
		if (a == b)
			add_row(&rows[n], &later->rows[j++]);
		else if (b < a)
			rows[n] = copy_row(&later->rows[j++]);
		n++;
	}
	free(into->rows);
	into->rows = rows;
	into->row_count = n;
}

static void merge_error(struct delta *into, const struct delta_error *error)
{
	for (size_t i = 0; i < into->error_count; i++) {
		struct delta_error *e = &into->errors[i];

		if (strcmp(e->text, error->text) == 0 &&
		    strcmp(e->name, error->name) == 0 &&
		    strcmp(e->type, error->type) == 0) {
			e->count += error->count;
			return;
		}
	}
	into->errors = xreallocarray(into->errors, into->error_count + 1,
	    sizeof(*into->errors));
	into->errors[into->error_count++] = (struct delta_error){
		xstrdup(error->type), xstrdup(error->name),
		xstrdup(error->text), error->count };
}

static void merge_counter(struct delta *into,
    const struct delta_counter *counter)
{
	for (size_t i = 0; i < into->counter_count; i++) {
		if (strcmp(into->counters[i].name, counter->name) == 0) {
			into->counters[i].change += counter->change;
			return;
		}
	}
	into->counters = xreallocarray(into->counters,
	    into->counter_count + 1, sizeof(*into->counters));
	into->counters[into->counter_count++] = (struct delta_counter){
		xstrdup(counter->name), counter->change };
}

static void release_metrics(struct delta *d)
{
	for (size_t i = 0; i < d->metric_count; i++) {
		free(d->metrics[i].name);
		free(d->metrics[i].unit);
	}
	free(d->metrics);
}

static void replace_metrics(struct delta *into, const struct delta *later)
{
	release_metrics(into);
	into->metrics = xcalloc(later->metric_count + 1,
	    sizeof(*into->metrics));
	into->metric_count = later->metric_count;
	for (size_t i = 0; i < later->metric_count; i++) {
		into->metrics[i] = later->metrics[i];
		into->metrics[i].name = xstrdup(later->metrics[i].name);
		into->metrics[i].unit = xstrdup(later->metrics[i].unit);
	}
}

void delta_merge(struct delta *into, const struct delta *later)
{
	into->intervals += later->intervals;
	into->time = later->time;
	into->elapsed = later->elapsed;
	into->length += later->length;
	into->state = later->state;
	into->users = later->users;
	into->users_target = later->users_target;
	into->workers = later->workers;
	into->load = later->load;
	add_row(&into->total, &later->total);
	merge_rows(into, later);
	for (size_t i = 0; i < later->error_count; i++)
		merge_error(into, &later->errors[i]);
	for (size_t i = 0; i < later->counter_count; i++)
		merge_counter(into, &later->counters[i]);
	replace_metrics(into, later);
}

struct delta *delta_copy(const struct delta *d)
{
	struct delta *copy = xcalloc(1, sizeof(*copy));

	copy->test = d->test;
	copy->started = d->started;
	copy->total = (struct delta_row){ .id = DELTA_TOTAL,
		.type = xstrdup(d->total.type),
		.name = xstrdup(d->total.name) };
	delta_merge(copy, d);
	return copy;
}

static void row_release(struct delta_row *row)
{
	free(row->type);
	free(row->name);
	sparse_release(&row->times);
}

void delta_free(struct delta *d)
{
	if (!d)
		return;
	row_release(&d->total);
	for (size_t i = 0; i < d->row_count; i++)
		row_release(&d->rows[i]);
	for (size_t i = 0; i < d->error_count; i++) {
		free(d->errors[i].type);
		free(d->errors[i].name);
		free(d->errors[i].text);
	}
	for (size_t i = 0; i < d->counter_count; i++)
		free(d->counters[i].name);
	release_metrics(d);
	free(d->rows);
	free(d->errors);
	free(d->counters);
	free(d);
}
