/*
 * Messages are columns, not objects: one array for each figure, all in the
 * order of "id".  A client that keeps the last row of every id has the whole
 * table after a "full" and any number of "tick"s.
 */
#include "web/live.h"
#include "web/executors.h"

#include <math.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/xalloc.h"
#include "web/context.h"
#include "web/feed.h"

#define MAX_MESSAGE (64u << 20)
#define MAX_LOG_LINES 200               /* in one message */
#define MAX_ERRORS 500

struct viewer {
	uint64_t seq;                   /* last one sent; 0: none */
};

static struct {
	struct snapshot *now;
	struct snapshot *before;
	struct buf full, tick;
	uint64_t full_seq;              /* which moment each was made of */
	uint64_t log, event;            /* newest lines already sent */
	uint64_t log_now, event_now;
} live;

static void number(struct jsonw *j, double value)
{
	jsonw_short(j, value, 6);
}

static void put_short(struct jsonw *j, const char *key, double value)
{
	jsonw_key(j, key);
	number(j, value);
}

/* ---- parts ---- */

static void put_load_unit(struct jsonw *j, bool users)
{
	jsonw_put_string(j, "load_unit", users ? "users" : "arrivals/s");
}

static void write_hold(struct jsonw *j, const struct web_hold *h)
{
	jsonw_key(j, "hold");
	if (h->text == NULL) {
		jsonw_null(j);
		return;
	}
	jsonw_object(j);
	jsonw_put_string(j, "hold", h->text);
	jsonw_put_string(j, "executor", h->executor);
	jsonw_put_string(j, "unit", h->unit);
	put_short(j, "set_point", h->set_point);
	put_short(j, "value", h->value);
	put_load_unit(j, h->users);
	put_short(j, "load", h->load);
	put_short(j, "least", h->least);
	put_short(j, "most", h->most);
	put_short(j, "generator_limited_at", h->limit);
	jsonw_put_string(j, "phase", h->phase);
	jsonw_end(j);
}

static void write_search(struct jsonw *j, const struct web_search *s)
{
	jsonw_key(j, "capacity");
	if (s->stage == NULL) {
		jsonw_null(j);
		return;
	}
	jsonw_object(j);
	jsonw_put_string(j, "stage", s->stage);
	put_load_unit(j, s->users);
	put_short(j, "load", s->load);
	put_short(j, "seconds", s->seconds);
	jsonw_put_int(j, "probes", (int64_t)s->probes);
	put_short(j, "good", s->good);
	put_short(j, "bad", s->bad);
	jsonw_end(j);
}

static void write_run(struct jsonw *j, const struct snapshot *s)
{
	const struct run_status *r = &s->run;

	jsonw_key(j, "run");
	jsonw_object(j);
	jsonw_put_string(j, "state", run_state_name(r->state));
	jsonw_put_bool(j, "waiting", r->waiting);
	jsonw_put_bool(j, "paused", r->paused);
	put_short(j, "paused_s", r->paused_s);
	jsonw_put_double(j, "started", r->started_wall);
	put_short(j, "elapsed", s->elapsed);
	jsonw_put_int(j, "users", r->users_running);
	jsonw_put_int(j, "wanted", r->users_wanted);
	jsonw_put_int(j, "target", r->users_target);
	put_short(j, "spawn_rate", r->spawn_rate);
	put_short(j, "run_time", r->run_time);
	put_short(j, "stop_left", r->stop_left);
	jsonw_put_string(j, "host", r->host);
	jsonw_put_string(j, "stop_reason", r->stop_reason);
	jsonw_put_int(j, "workers", r->workers);
	jsonw_put_int(j, "workers_lost", r->workers_lost);
	jsonw_put_int(j, "workers_crashed", r->workers_crashed);
	jsonw_put_int(j, "setup", s->setup);
	executors_write(j, s);
	write_hold(j, &s->hold);
	write_search(j, &s->search);
	jsonw_end(j);
}

static void write_quantiles(struct jsonw *j, const char *key, const double *q)
{
	jsonw_key(j, key);
	jsonw_array(j);
	for (int i = 0; i < SNAPSHOT_QUANTILES; i++)
		number(j, q[i]);
	jsonw_end_array(j);
}

static void write_total(struct jsonw *j, const struct snapshot *s)
{
	const struct snapshot_row *t = &s->total;

	jsonw_key(j, "total");
	jsonw_object(j);
	jsonw_put_int(j, "requests", (int64_t)t->requests);
	jsonw_put_int(j, "failures", (int64_t)t->failures);
	jsonw_put_int(j, "bytes", (int64_t)t->bytes);
	put_short(j, "rps", t->rps);
	put_short(j, "fps", t->fps);
	put_short(j, "bps", t->bps);
	put_short(j, "avg", t->timed ? t->avg : NAN);
	put_short(j, "min", t->timed ? t->min : NAN);
	put_short(j, "max", t->timed ? t->max : NAN);
	write_quantiles(j, "q", t->quantile);
	write_quantiles(j, "recent", s->recent);
	jsonw_put_int(j, "recent_count", (int64_t)s->recent_count);
	jsonw_end(j);
}

/* The rows of a message: those younger than a moment. */
struct choice {
	const struct snapshot *s;
	uint64_t after;                 /* sequence number */
};

static bool chosen(const struct choice *c, const struct snapshot_row *r)
{
	return r->version > c->after && (r->requests > 0 || r->timed > 0);
}

static void column(struct jsonw *j, const char *key, const struct choice *c,
    double (*value)(const struct snapshot_row *))
{
	jsonw_key(j, key);
	jsonw_array(j);
	for (size_t i = 0; i < c->s->row_count; i++)
		if (chosen(c, &c->s->rows[i]))
			number(j, value(&c->s->rows[i]));
	jsonw_end_array(j);
}

static void int_column(struct jsonw *j, const char *key,
    const struct choice *c, uint64_t (*value)(const struct snapshot_row *))
{
	jsonw_key(j, key);
	jsonw_array(j);
	for (size_t i = 0; i < c->s->row_count; i++)
		if (chosen(c, &c->s->rows[i]))
			jsonw_int(j, (int64_t)value(&c->s->rows[i]));
	jsonw_end_array(j);
}

#define FIGURE(type_, name_, expression) \
	static type_ name_(const struct snapshot_row *r) \
	{ \
		return expression; \
	}

FIGURE(uint64_t, row_id, r->id)
FIGURE(uint64_t, row_requests, r->requests)
FIGURE(uint64_t, row_failures, r->failures)
FIGURE(uint64_t, row_bytes, r->bytes)
FIGURE(double, row_rps, r->rps)
FIGURE(double, row_fps, r->fps)
FIGURE(double, row_avg, r->timed ? r->avg : NAN)
FIGURE(double, row_min, r->timed ? r->min : NAN)
FIGURE(double, row_max, r->timed ? r->max : NAN)
FIGURE(double, row_p50, r->timed ? r->quantile[SNAPSHOT_P50] : NAN)
FIGURE(double, row_p90, r->timed ? r->quantile[SNAPSHOT_P90] : NAN)
FIGURE(double, row_p95, r->timed ? r->quantile[SNAPSHOT_P95] : NAN)
FIGURE(double, row_p99, r->timed ? r->quantile[SNAPSHOT_P99] : NAN)
FIGURE(double, row_p999, r->timed ? r->quantile[8] : NAN)

static void write_rows(struct jsonw *j, const struct choice *c)
{
	jsonw_key(j, "rows");
	jsonw_object(j);
	int_column(j, "id", c, row_id);
	int_column(j, "requests", c, row_requests);
	int_column(j, "failures", c, row_failures);
	int_column(j, "bytes", c, row_bytes);
	column(j, "rps", c, row_rps);
	column(j, "fps", c, row_fps);
	column(j, "avg", c, row_avg);
	column(j, "min", c, row_min);
	column(j, "max", c, row_max);
	column(j, "p50", c, row_p50);
	column(j, "p90", c, row_p90);
	column(j, "p95", c, row_p95);
	column(j, "p99", c, row_p99);
	column(j, "p999", c, row_p999);
	jsonw_end(j);
}

/* [id, type, name, is a phase] of the rows that a client has not met. */
static void write_names(struct jsonw *j, const struct snapshot *s,
    const struct snapshot *before)
{
	jsonw_key(j, "names");
	jsonw_array(j);
	for (size_t i = 0; i < s->row_count; i++) {
		const struct snapshot_row *r = &s->rows[i];
		const struct snapshot_row *b = before && i < before->row_count
		    ? &before->rows[i] : NULL;

		if ((r->requests == 0 && r->timed == 0) ||
		    (b && (b->requests > 0 || b->timed > 0)))
			continue;
		jsonw_array(j);
		jsonw_int(j, r->id);
		jsonw_string(j, r->type);
		jsonw_string(j, r->name);
		jsonw_bool(j, r->phase);
		jsonw_end_array(j);
	}
	jsonw_end_array(j);
}

/* null where it is not. */
static void put_known(struct jsonw *j, const char *key, double value)
{
	put_short(j, key, value >= 0 ? value : NAN);
}

static void write_workers(struct jsonw *j, const struct snapshot *s)
{
	jsonw_key(j, "workers");
	jsonw_array(j);
	for (size_t i = 0; i < s->worker_count; i++) {
		const struct web_worker *w = &s->workers[i];

		jsonw_object(j);
		jsonw_put_string(j, "id", w->id);
		jsonw_put_string(j, "state", w->state);
		jsonw_put_bool(j, "drained", w->drained);
		jsonw_put_string(j, "version", w->version);
		jsonw_put_bool(j, "local", w->local);
		jsonw_put_int(j, "users", w->users);
		put_short(j, "cpu", w->cpu);
		jsonw_put_int(j, "memory", w->memory);
		put_short(j, "busy", w->loop_busy);
		put_short(j, "delay_ms", w->loop_delay_ms);
		put_known(j, "delay_p99_ms", w->delay_p99_ms);
		put_known(j, "descriptors", (double)w->descriptors);
		put_known(j, "descriptors_max", (double)w->descriptors_max);
		put_known(j, "sockets", (double)w->ports);
		put_known(j, "ports_max", (double)w->ports_max);
		put_short(j, "dropped_arrivals", (double)w->dropped);
		put_known(j, "segments_resent", w->resent);
		put_short(j, "clock_offset_ms", w->clock_error_ms >= 0 ?
		    w->clock_offset_ms : NAN);
		put_known(j, "clock_error_ms", w->clock_error_ms);
		put_short(j, "age", w->age);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

void live_write_generator(struct jsonw *j, const struct snapshot *s)
{
	write_workers(j, s);
	jsonw_key(j, "generator");
	jsonw_object(j);
	jsonw_put_string(j, "limited_by", s->limited_by);
	jsonw_put_string(j, "reason", s->limit_reason);
	jsonw_end(j);
}

/* [index, series, type, name, text, count, first, last] */
static void write_errors(struct jsonw *j, const struct snapshot *s,
    const struct snapshot *before)
{
	size_t sent = 0;

	jsonw_key(j, "errors");
	jsonw_array(j);
	for (size_t i = 0; i < s->error_count && sent < MAX_ERRORS; i++) {
		const struct snapshot_error *e = &s->errors[i];

		if (before && i < before->error_count &&
		    before->errors[i].occurrences == e->occurrences)
			continue;
		sent++;
		jsonw_array(j);
		jsonw_int(j, (int64_t)i);
		jsonw_int(j, e->series);
		jsonw_string(j, e->type);
		jsonw_string(j, e->name);
		jsonw_string(j, e->text);
		jsonw_int(j, (int64_t)e->occurrences);
		jsonw_double(j, e->first_seen);
		jsonw_double(j, e->last_seen);
		jsonw_end_array(j);
	}
	jsonw_end_array(j);
	jsonw_put_int(j, "error_count", (int64_t)s->error_count);
}

static void write_metric(struct jsonw *j, const struct snapshot_metric *m)
{
	jsonw_object(j);
	jsonw_put_string(j, "name", m->name);
	jsonw_put_string(j, "kind", m->kind);
	jsonw_put_string(j, "unit", m->unit);
	jsonw_put_int(j, "count", (int64_t)m->count);
	jsonw_put_double(j, "last", m->last);
	jsonw_put_double(j, "mean", m->mean);
	jsonw_put_double(j, "min", m->min);
	jsonw_put_double(j, "max", m->max);
	if (m->distribution) {
		jsonw_put_double(j, "p50", m->p50);
		jsonw_put_double(j, "p95", m->p95);
		jsonw_put_double(j, "p99", m->p99);
	}
	jsonw_end(j);
}

void live_write_metrics(struct jsonw *j, const struct snapshot *s)
{
	jsonw_key(j, "counters");
	jsonw_object(j);
	for (size_t i = 0; i < s->counter_count; i++)
		jsonw_put_int(j, s->counters[i].name, s->counters[i].value);
	jsonw_end(j);
	jsonw_key(j, "metrics");
	jsonw_array(j);
	for (size_t i = 0; i < s->metric_count; i++)
		write_metric(j, &s->metrics[i]);
	jsonw_end_array(j);
}

static void write_classes(struct jsonw *j, const struct snapshot *s)
{
	jsonw_key(j, "classes");
	jsonw_array(j);
	for (size_t i = 0; i < s->class_count; i++)
		jsonw_int(j, s->class_users[i]);
	jsonw_end_array(j);
}

/* The last second of the history: what a chart appends. */
static void write_second(struct jsonw *j, const struct snapshot *s)
{
	struct history_point *p;
	int64_t now = (int64_t)s->time;
	unsigned step;
	size_t n = history_points(context_get()->history, HISTORY_TOTAL,
	    now - 2, now + 2, 10, &step, &p);

	jsonw_key(j, "second");
	if (n == 0) {
		jsonw_null(j);
		return;
	}
	jsonw_object(j);
	jsonw_put_int(j, "time", p[n - 1].time);
	put_short(j, "requests", (double)p[n - 1].requests);
	put_short(j, "failures", (double)p[n - 1].failures);
	put_short(j, "bytes", (double)p[n - 1].bytes);
	put_short(j, "mean", p[n - 1].mean);
	put_short(j, "p50", p[n - 1].p50);
	put_short(j, "p95", p[n - 1].p95);
	put_short(j, "p99", p[n - 1].p99);
	put_short(j, "max", p[n - 1].max);
	put_short(j, "users", (double)p[n - 1].gauges.users);
	put_short(j, "wanted", (double)p[n - 1].gauges.wanted);
	put_short(j, "workers", p[n - 1].gauges.workers);
	put_short(j, "cpu", p[n - 1].gauges.cpu);
	put_short(j, "delay_ms", p[n - 1].gauges.delay_ms);
	jsonw_end(j);
	free(p);
}

static void write_criteria(struct jsonw *j, const struct snapshot *s)
{
	jsonw_key(j, "criteria");
	jsonw_array(j);
	for (size_t i = 0; i < s->criterion_count; i++) {
		const struct web_criterion *c = &s->criteria[i];

		jsonw_object(j);
		jsonw_put_string(j, "text", c->text);
		jsonw_put_string(j, "action", c->action);
		jsonw_put_string(j, "value", c->value);
		jsonw_put_bool(j, "broken", c->broken);
		put_short(j, "first", c->first_s);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

/* [name, unit, value] of the watched machines; not there without any. */
static void write_figures(struct jsonw *j, const struct snapshot *s)
{
	if (s->figure_count == 0)
		return;
	jsonw_key(j, "resources");
	jsonw_array(j);
	for (size_t i = 0; i < s->figure_count; i++) {
		jsonw_array(j);
		jsonw_string(j, s->figures[i].name);
		jsonw_string(j, s->figures[i].unit);
		number(j, s->figures[i].value);
		jsonw_end_array(j);
	}
	jsonw_end_array(j);
}

static void write_message(struct buf *out, const struct snapshot *s,
    const struct snapshot *before, uint64_t log_after, uint64_t event_after)
{
	struct choice choice = { s, before ? before->seq : 0 };
	struct jsonw j;

	buf_clear(out);
	jsonw_init(&j, out, 0);
	jsonw_object(&j);
	jsonw_put_string(&j, "type", before ? "tick" : "full");
	jsonw_put_int(&j, "seq", (int64_t)s->seq);
	jsonw_put_int(&j, "epoch", (int64_t)s->epoch);
	jsonw_put_double(&j, "time", s->time);
	write_run(&j, s);
	write_total(&j, s);
	write_second(&j, s);
	write_names(&j, s, before);
	write_rows(&j, &choice);
	write_errors(&j, s, before);
	live_write_generator(&j, s);
	live_write_metrics(&j, s);
	write_classes(&j, s);
	write_criteria(&j, s);
	write_figures(&j, s);
	jsonw_key(&j, "log");
	feed_write(FEED_LOG, log_after, MAX_LOG_LINES, &j);
	jsonw_key(&j, "events");
	feed_write(FEED_EVENT, event_after, FEED_EVENTS, &j);
	jsonw_end(&j);
}

void live_write_full(struct buf *out, const struct snapshot *s)
{
	write_message(out, s, NULL, 0, 0);
}

/* ---- viewers ---- */

bool live_update(void)
{
	struct snapshot *s = context_snapshot();

	if (!s || (live.now && s->seq == live.now->seq)) {
		snapshot_unref(s);
		return false;
	}
	snapshot_unref(live.before);
	live.before = live.now;
	live.now = s;
	live.log = live.log_now;
	live.event = live.event_now;
	live.log_now = feed_newest(FEED_LOG);
	live.event_now = feed_newest(FEED_EVENT);
	/* A change of epoch makes everyone begin anew. */
	if (live.before && live.before->epoch != s->epoch) {
		snapshot_unref(live.before);
		live.before = NULL;
	}
	buf_clear(&live.tick);
	live.tick.max = MAX_MESSAGE;
	return true;
}

void *live_open(struct web_viewer *v, void *arg)
{
	(void)v;
	(void)arg;
	return xcalloc(1, sizeof(struct viewer));
}

const char *live_next(void *viewer, size_t *len, void *arg)
{
	struct viewer *v = viewer;
	struct buf *message;

	(void)arg;
	if (!live.now || v->seq == live.now->seq)
		return NULL;
	if (live.before && v->seq == live.before->seq) {
		message = &live.tick;
		if (message->len == 0)
			write_message(message, live.now, live.before,
			    live.log, live.event);
	} else {
		message = &live.full;
		if (live.full_seq != live.now->seq) {
			live.full.max = MAX_MESSAGE;
			write_message(message, live.now, NULL, 0, 0);
			live.full_seq = live.now->seq;
		}
	}
	v->seq = live.now->seq;
	*len = message->len;
	return message->data;
}

void live_closed(void *viewer, void *arg)
{
	(void)arg;
	free(viewer);
}

void live_release(void)
{
	snapshot_unref(live.now);
	snapshot_unref(live.before);
	buf_release(&live.full);
	buf_release(&live.tick);
	live.now = live.before = NULL;
	live.full_seq = live.log = live.event = 0;
	live.log_now = live.event_now = 0;
}
