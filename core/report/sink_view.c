/*
 * Rows and what they hold are made once and kept: pointers that a sink has
 * seen stay good for the test.
 */
#include "report/sink_view.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct error {
	struct swarm_sink_error shown;
};

struct counter_row {
	struct swarm_sink_counter shown;
};

static void row_init(struct sink_row *row, const struct delta_row *from)
{
	histogram_init(&row->times);
	histogram_init(&row->total_times);
	row->shown = (struct swarm_sink_row){
		.size = sizeof(row->shown),
		.id = from->id,
		.type = xstrdup(from->type),
		.name = xstrdup(from->name),
		.phase = from->phase,
		.transaction = from->transaction,
		.times = (const void *)&row->times,
		.total_times = (const void *)&row->total_times,
	};
}

static void row_release(struct sink_row *row)
{
	free((void *)(uintptr_t)row->shown.type);
	free((void *)(uintptr_t)row->shown.name);
	histogram_release(&row->times);
	histogram_release(&row->total_times);
}

static void row_add(struct sink_row *row, const struct delta_row *d)
{
	row->shown.requests += d->requests;
	row->shown.failures += d->failures;
	row->shown.bytes += d->bytes;
	row->shown.total_requests += d->requests;
	row->shown.total_failures += d->failures;
	row->shown.total_bytes += d->bytes;
	sparse_add(&row->times, &d->times);
	sparse_add(&row->total_times, &d->times);
}

static void row_clear(struct sink_row *row)
{
	row->shown.requests = 0;
	row->shown.failures = 0;
	row->shown.bytes = 0;
	histogram_clear(&row->times);
}

static struct sink_row *row_of(struct sink_view *v, const struct delta_row *d)
{
	if (d->id >= v->id_count) {
		size_t count = (size_t)d->id + 64;

		v->by_id = xreallocarray(v->by_id, count, sizeof(*v->by_id));
		v->rows = xreallocarray(v->rows, count, sizeof(*v->rows));
		memset(v->by_id + v->id_count, 0, (count - v->id_count) *
		    sizeof(*v->by_id));
		v->id_count = count;
	}
	if (!v->by_id[d->id]) {
		v->by_id[d->id] = xcalloc(1, sizeof(struct sink_row));
		row_init(v->by_id[d->id], d);
	}
	return v->by_id[d->id];
}

static void add_error(struct sink_view *v, const struct delta_error *d)
{
	char *key = xasprintf("%s\n%s\n%s", d->type, d->name, d->text);
	struct error *e = strmap_get(&v->errors, key);

	if (!e) {
		e = xcalloc(1, sizeof(*e));
		e->shown = (struct swarm_sink_error){
			.size = sizeof(e->shown),
			.type = xstrdup(d->type),
			.name = xstrdup(d->name),
			.text = xstrdup(d->text),
		};
		strmap_put(&v->errors, key, e);
		v->error_rows = xreallocarray(v->error_rows, v->errors.count,
		    sizeof(*v->error_rows));
	}
	e->shown.count += d->count;
	e->shown.total += d->count;
	free(key);
}

static void add_counter(struct sink_view *v, const struct delta_counter *d)
{
	struct counter_row *c = strmap_get(&v->counters, d->name);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->shown.size = sizeof(c->shown);
		c->shown.name = xstrdup(d->name);
		strmap_put(&v->counters, d->name, c);
		v->counter_rows = xreallocarray(v->counter_rows,
		    v->counters.count, sizeof(*v->counter_rows));
	}
	c->shown.change += d->change;
	c->shown.total += d->change;
}

static void release_metrics(struct sink_view *v)
{
	for (size_t i = 0; i < v->metric_count; i++) {
		free((void *)(uintptr_t)v->metrics[i].name);
		free((void *)(uintptr_t)v->metrics[i].unit);
	}
	free(v->metrics);
	free(v->metric_rows);
}

static void take_metrics(struct sink_view *v, const struct delta *d)
{
	release_metrics(v);
	v->metric_count = d->metric_count;
	v->metrics = xcalloc(d->metric_count + 1, sizeof(*v->metrics));
	v->metric_rows = xcalloc(d->metric_count + 1,
	    sizeof(*v->metric_rows));
	for (size_t i = 0; i < d->metric_count; i++) {
		const struct delta_metric *m = &d->metrics[i];

		v->metrics[i] = (struct swarm_sink_metric){
			sizeof(v->metrics[i]), xstrdup(m->name),
			xstrdup(m->unit), m->kind, m->count, m->last, m->mean,
			m->min, m->max, m->quantiles[0], m->quantiles[1],
			m->quantiles[2], m->quantiles[3] };
		v->metric_rows[i] = &v->metrics[i];
	}
}

void sink_view_clear(struct sink_view *v)
{
	row_clear(&v->total);
	for (size_t i = 0; i < v->id_count; i++)
		if (v->by_id[i])
			row_clear(v->by_id[i]);
	for (size_t i = 0; i < v->errors.count; i++)
		((struct error *)v->errors.entries[i].value)->shown.count = 0;
	for (size_t i = 0; i < v->counters.count; i++)
		((struct counter_row *)v->counters.entries[i].value)->
		    shown.change = 0;
	v->shown.intervals = 0;
	v->shown.length = 0;
	v->pending = false;
}

void sink_view_release(struct sink_view *v)
{
	if (v->test == 0)
		return;
	row_release(&v->total);
	for (size_t i = 0; i < v->id_count; i++) {
		if (v->by_id[i])
			row_release(v->by_id[i]);
		free(v->by_id[i]);
	}
	for (size_t i = 0; i < v->errors.count; i++) {
		struct error *e = v->errors.entries[i].value;

		free((void *)(uintptr_t)e->shown.type);
		free((void *)(uintptr_t)e->shown.name);
		free((void *)(uintptr_t)e->shown.text);
		free(e);
	}
	for (size_t i = 0; i < v->counters.count; i++) {
		struct counter_row *c = v->counters.entries[i].value;

		free((void *)(uintptr_t)c->shown.name);
		free(c);
	}
	release_metrics(v);
	strmap_release(&v->errors);
	strmap_release(&v->counters);
	free(v->by_id);
	free(v->rows);
	free(v->error_rows);
	free(v->counter_rows);
	memset(v, 0, sizeof(*v));
}

void sink_view_add(struct sink_view *v, const struct delta *d)
{
	struct swarm_sink_interval *i = &v->shown;

	if (v->test == 0)
		row_init(&v->total, &d->total);
	v->test = d->test;
	i->size = sizeof(*i);
	i->test = d->test;
	i->intervals += d->intervals;
	i->time = d->time;
	i->test_started = d->started;
	i->elapsed = d->elapsed;
	i->length += d->length;
	i->state = d->state;
	i->users = d->users;
	i->users_target = d->users_target;
	i->workers = d->workers;
	i->cpu_percent = d->load.cpu;
	i->loop_busy = d->load.loop_busy;
	i->loop_delay_ms = d->load.loop_delay_ms;
	row_add(&v->total, &d->total);
	for (size_t k = 0; k < d->row_count; k++)
		row_add(row_of(v, &d->rows[k]), &d->rows[k]);
	for (size_t k = 0; k < d->error_count; k++)
		add_error(v, &d->errors[k]);
	for (size_t k = 0; k < d->counter_count; k++)
		add_counter(v, &d->counters[k]);
	take_metrics(v, d);
}

void sink_view_arrays(struct sink_view *v)
{
	struct swarm_sink_interval *i = &v->shown;

	i->total = &v->total.shown;
	i->row_count = 0;
	for (size_t k = 0; k < v->id_count; k++)
		if (v->by_id[k])
			v->rows[i->row_count++] = &v->by_id[k]->shown;
	for (size_t k = 0; k < v->errors.count; k++)
		v->error_rows[k] =
		    &((struct error *)v->errors.entries[k].value)->shown;
	for (size_t k = 0; k < v->counters.count; k++)
		v->counter_rows[k] = &((struct counter_row *)
		    v->counters.entries[k].value)->shown;
	i->rows = v->rows;
	i->errors = v->error_rows;
	i->error_count = v->errors.count;
	i->counters = v->counter_rows;
	i->counter_count = v->counters.count;
	i->metrics = v->metric_rows;
	i->metric_count = v->metric_count;
}
