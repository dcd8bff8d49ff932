/*
 * A snapshot copies the rows of the one before and computes anew only those
 * whose series changed, so that 5,000 quiet endpoints cost a memcpy.
 *
 * Rates are differences of counts over five seconds of the master's clock:
 * they agree with the counts beside them.  Locust's own rates, which follow
 * the workers' clocks, are kept apart for its REST interface.
 */
#include "web/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "run/executor.h"
#include "stats/locust.h"
#include "stats/stats.h"

#define RATE_WINDOW 5.0                 /* seconds */
#define MARKS 8                         /* more than ticks in the window */
#define KEPT 12                         /* histograms, one a second */

const double snapshot_quantiles[SNAPSHOT_QUANTILES] = { 0.5, 0.66, 0.75, 0.8,
	0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1 };

/* Counts of a series at past ticks, newest last. */
struct marks {
	double time[MARKS];
	uint64_t requests[MARKS];
	uint64_t failures[MARKS];
	uint64_t bytes[MARKS];
	unsigned count;
};

struct snapshot_maker {
	const struct stats *stats;
	size_t class_count;
	struct snapshot *last;
	uint64_t seq;
	uint64_t epoch;
	struct marks total;
	struct marks *marks;
	size_t mark_count;
	/* The total's histogram of the last seconds, for windows. */
	struct histogram kept[KEPT];
	double kept_time[KEPT];         /* 0: unused */
	unsigned kept_next;
	struct histogram window;
};

struct snapshot_maker *snapshot_maker_new(const struct stats *stats,
    size_t class_count)
{
	struct snapshot_maker *m = xcalloc(1, sizeof(*m));

	m->stats = stats;
	m->class_count = class_count;
	for (unsigned i = 0; i < KEPT; i++)
		histogram_init(&m->kept[i]);
	histogram_init(&m->window);
	return m;
}

void snapshot_maker_free(struct snapshot_maker *m)
{
	if (!m)
		return;
	snapshot_unref(m->last);
	for (unsigned i = 0; i < KEPT; i++)
		histogram_release(&m->kept[i]);
	histogram_release(&m->window);
	free(m->marks);
	free(m);
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	void *chunk;

	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	while ((chunk = s->memory)) {
		s->memory = *(void **)chunk;
		free(chunk);
	}
	free(s);
}

/* Zeroed memory that goes with the snapshot. */
static void *own(struct snapshot *s, size_t n, size_t size)
{
	void **chunk = xcalloc(1, 16 + n * size);

	*chunk = s->memory;
	s->memory = chunk;
	return (char *)chunk + 16;
}

static const char *own_text(struct snapshot *s, const char *text)
{
	size_t size;
	char *copy;

	if (!text)
		return NULL;
	size = strlen(text) + 1;
	copy = own(s, size, 1);
	memcpy(copy, text, size);
	return copy;
}

/* ---- rates ---- */

static void marks_add(struct marks *m, const struct snapshot *now,
    const struct series *s)
{
	unsigned at;

	if (m->count > 0 && s->requests < m->requests[m->count - 1])
		m->count = 0;           /* reset */
	if (m->count > 0 && !now->second)
		return;
	if (m->count == MARKS) {
		memmove(m->time, m->time + 1, sizeof(m->time) -
		    sizeof(m->time[0]));
		memmove(m->requests, m->requests + 1, sizeof(m->requests) -
		    sizeof(m->requests[0]));
		memmove(m->failures, m->failures + 1, sizeof(m->failures) -
		    sizeof(m->failures[0]));
		memmove(m->bytes, m->bytes + 1, sizeof(m->bytes) -
		    sizeof(m->bytes[0]));
		m->count--;
	}
	at = m->count++;
	m->time[at] = now->time;
	m->requests[at] = s->requests;
	m->failures[at] = s->failures;
	m->bytes[at] = s->bytes;
}

static void marks_rates(const struct marks *m, struct snapshot_row *row)
{
	unsigned last = m->count - 1, first = last;
	double span;

	while (first > 0 && m->time[last] - m->time[first] < RATE_WINDOW - 0.5)
		first--;
	span = m->time[last] - m->time[first];
	row->rps = row->fps = row->bps = 0;
	if (span <= 0)
		return;
	row->rps = (double)(m->requests[last] - m->requests[first]) / span;
	row->fps = (double)(m->failures[last] - m->failures[first]) / span;
	row->bps = (double)(m->bytes[last] - m->bytes[first]) / span;
}

/* ---- rows ---- */

static void fill_times(struct snapshot_row *row, const struct histogram *h)
{
	row->timed = h->count;
	row->avg = locust_average(h);
	row->min = h->count ? (double)h->min / 1e6 : 0;
	row->max = (double)h->max / 1e6;
	for (int i = 0; i < SNAPSHOT_QUANTILES; i++)
		row->quantile[i] = (double)histogram_quantile(h,
		    snapshot_quantiles[i]) / 1e6;
}

/* Rates follow the total's clock and change without the series. */
static void fill_locust(struct snapshot_row *row, const struct series *s,
    const struct series *total, bool times)
{
	const struct histogram *h = series_response(s);
	struct locust_times dictionary;

	locust_rates(s, total, &row->locust_rps, &row->locust_fps);
	if (!times)
		return;
	locust_times_init(&dictionary, h);
	row->locust_median = locust_median(&dictionary, h);
	for (int i = 0; i < SNAPSHOT_QUANTILES; i++)
		row->locust_quantile[i] = locust_percentile(&dictionary,
		    snapshot_quantiles[i]);
	locust_times_release(&dictionary);
}

static void fill_row(struct snapshot_row *row, const struct series *s,
    const struct series *total, struct marks *marks,
    const struct snapshot *now)
{
	const struct histogram *h = series_response(s);
	double rps = row->rps;
	bool changed = row->version == 0 || row->requests != s->requests ||
	    row->failures != s->failures || row->timed != h->count;

	marks_add(marks, now, s);
	if (changed) {
		row->id = s->id;
		row->phase = s->phase;
		row->type = s->type;
		row->name = s->name;
		row->requests = s->requests;
		row->failures = s->failures;
		row->bytes = s->bytes;
		fill_times(row, h);
		row->version = now->seq;
	}
	marks_rates(marks, row);
	fill_locust(row, s, total, changed);
	if (row->rps != rps)
		row->version = now->seq;
}

static void fill_rows(struct snapshot_maker *m, struct snapshot *s)
{
	const struct stats *st = m->stats;

	if (m->mark_count < st->count) {
		m->marks = xreallocarray(m->marks, st->count,
		    sizeof(*m->marks));
		memset(m->marks + m->mark_count, 0,
		    (st->count - m->mark_count) * sizeof(*m->marks));
		m->mark_count = st->count;
	}
	s->row_count = st->count;
	s->rows = own(s, st->count, sizeof(*s->rows));
	if (m->last) {
		size_t both = m->last->row_count < st->count ?
		    m->last->row_count : st->count;

		memcpy(s->rows, m->last->rows, both * sizeof(*s->rows));
		s->total = m->last->total;
	}
	fill_row(&s->total, &st->total, &st->total, &m->total, s);
	for (size_t i = 0; i < st->count; i++)
		fill_row(&s->rows[i], st->series[i], &st->total, &m->marks[i],
		    s);
	s->start_time = st->total.start_time;
	s->last_time = st->total.last_time;
}

/* The kept histogram nearest to `seconds` ago, or NULL. */
static const struct histogram *kept_at(const struct snapshot_maker *m,
    double now, double seconds, double slack)
{
	const struct histogram *best = NULL;
	double off = slack;

	for (unsigned i = 0; i < KEPT; i++) {
		double d = fabs(now - m->kept_time[i] - seconds);

		if (m->kept_time[i] > 0 && d <= off) {
			off = d;
			best = &m->kept[i];
		}
	}
	return best;
}

/* m->window becomes what came in about `seconds`; false: not known. */
static bool take_window(struct snapshot_maker *m, double now, double seconds,
    double slack)
{
	const struct histogram *all = series_response(&m->stats->total);
	const struct histogram *then = kept_at(m, now, seconds, slack);

	if (!then || then->count > all->count)
		return false;
	histogram_copy(&m->window, all);
	histogram_subtract(&m->window, then);
	return true;
}

static void fill_recent(struct snapshot_maker *m, struct snapshot *s)
{
	struct locust_times dictionary;

	for (int i = 0; i < SNAPSHOT_QUANTILES; i++)
		s->recent[i] = NAN;
	s->locust_recent_p50 = s->locust_recent_p95 = -1;
	if (take_window(m, s->time, RATE_WINDOW, RATE_WINDOW)) {
		s->recent_count = m->window.count;
		for (int i = 0; i < SNAPSHOT_QUANTILES &&
		    m->window.count > 0; i++)
			s->recent[i] = (double)histogram_quantile(&m->window,
			    snapshot_quantiles[i]) / 1e6;
	}
	if (!take_window(m, s->time, 10, 8))
		return;
	locust_times_init(&dictionary, &m->window);
	s->locust_recent_p50 = locust_percentile(&dictionary, 0.5);
	s->locust_recent_p95 = locust_percentile(&dictionary, 0.95);
	locust_times_release(&dictionary);
}

static void fill_windows(struct snapshot_maker *m, struct snapshot *s)
{
	fill_recent(m, s);
	if (!s->second)
		return;
	histogram_copy(&m->kept[m->kept_next],
	    series_response(&m->stats->total));
	m->kept_time[m->kept_next] = s->time;
	m->kept_next = (m->kept_next + 1) % KEPT;
}

static void fill_exceptions(const struct stats *st, struct snapshot *s)
{
	s->exception_count = st->exception_count;
	s->exceptions = own(s, st->exception_count, sizeof(*s->exceptions));
	for (size_t i = 0; i < st->exception_count; i++) {
		const struct exception_row *e = &st->exceptions[i];
		struct buf nodes = BUF_INIT(1u << 16);

		for (size_t k = 0; k < e->node_count; k++)
			buf_printf(&nodes, "%s%s", k > 0 ? ", " : "",
			    e->nodes[k]);
		s->exceptions[i] = (struct snapshot_exception){
			.message = own_text(s, e->message),
			.traceback = own_text(s, e->traceback),
			.count = e->count,
			.nodes = own_text(s, buf_str(&nodes)),
		};
		buf_release(&nodes);
	}
}

static void fill_errors(struct snapshot_maker *m, struct snapshot *s)
{
	const struct stats *st = m->stats;

	s->error_count = st->error_count;
	s->errors = own(s, st->error_count, sizeof(*s->errors));
	for (size_t i = 0; i < st->error_count; i++) {
		const struct error_row *e = st->errors[i];

		s->errors[i] = (struct snapshot_error){
			.series = e->series->id,
			.type = e->series->type,
			.name = e->series->name,
			.text = own_text(s, e->text),
			.occurrences = e->occurrences,
			.first_seen = e->first_seen,
			.last_seen = e->last_seen,
		};
	}
	fill_exceptions(st, s);
	s->counter_count = st->counter_count;
	s->counters = own(s, st->counter_count, sizeof(*s->counters));
	for (size_t i = 0; i < st->counter_count; i++) {
		s->counters[i].name = own_text(s, st->counters[i].name);
		s->counters[i].value = st->counters[i].value;
	}
}

static void fill_metrics(const struct metrics *all, struct snapshot *s)
{
	s->metrics = own(s, all->count, sizeof(*s->metrics));
	for (size_t i = 0; i < all->count; i++) {
		const struct metric *m = &all->at[i];

		if (m->count == 0)
			continue;
		s->metrics[s->metric_count++] = (struct snapshot_metric){
			.name = own_text(s, m->name),
			.unit = own_text(s, m->unit),
			.kind = metric_kind_name(m->kind),
			.distribution = m->kind == METRIC_DISTRIBUTION,
			.count = m->count,
			.last = m->last,
			.mean = metric_mean(m),
			.min = m->min,
			.max = m->max,
			.p50 = metric_quantile(&m->values, 0.5),
			.p95 = metric_quantile(&m->values, 0.95),
			.p99 = metric_quantile(&m->values, 0.99),
		};
	}
}

static void own_executors(struct snapshot *s, const struct web_state *state)
{
	size_t n = state->run.executor_count;
	struct executor_status *all = own(s, n, sizeof(*all));

	for (size_t i = 0; i < n; i++) {
		all[i] = state->run.executors[i];
		all[i].name = own_text(s, all[i].name);
		all[i].classes = own_text(s, all[i].classes);
		all[i].reason = own_text(s, all[i].reason);
	}
	s->run.executors = all;
}

static void fill_state(struct snapshot_maker *m, struct snapshot *s,
    const struct web_state *state)
{
	int64_t end;

	s->run = state->run;
	s->run.host = own_text(s, state->run.host);
	s->run.stop_reason = own_text(s, state->run.stop_reason);
	own_executors(s, state);
	/* These live on the loop. */
	s->run.hold = NULL;
	s->run.gaps = NULL;
	s->run.gap_count = 0;
	s->hold = state->hold;
	s->hold.text = own_text(s, state->hold.text);
	s->hold.unit = own_text(s, state->hold.unit);
	s->hold.executor = own_text(s, state->hold.executor);
	s->hold.phase = own_text(s, state->hold.phase);
	s->search = state->search;
	end = s->run.stopped ? s->run.stopped : clock_now();
	s->elapsed = s->run.started ?
	    (double)(end - s->run.started) / (double)NS_PER_S : 0;
	s->worker_count = state->worker_count;
	s->workers = own(s, state->worker_count, sizeof(*s->workers));
	for (size_t i = 0; i < state->worker_count; i++) {
		s->workers[i] = state->workers[i];
		s->workers[i].id = own_text(s, state->workers[i].id);
		s->workers[i].state = own_text(s, state->workers[i].state);
		s->workers[i].version = own_text(s, state->workers[i].version);
	}
	s->class_count = m->class_count;
	s->classes = state->classes;
	s->settings = state->settings;
	s->setup = state->setup;
	s->class_users = own(s, m->class_count, sizeof(*s->class_users));
	if (state->class_users)
		memcpy(s->class_users, state->class_users,
		    m->class_count * sizeof(*s->class_users));
}

static void fill_criteria(struct snapshot *s, const struct web_state *state)
{
	s->limited_by = own_text(s, state->limited_by);
	s->limit_reason = own_text(s, state->limit_reason);
	s->criterion_count = state->criterion_count;
	s->criteria = own(s, state->criterion_count, sizeof(*s->criteria));
	for (size_t i = 0; i < state->criterion_count; i++) {
		s->criteria[i] = state->criteria[i];
		s->criteria[i].text = own_text(s, state->criteria[i].text);
		s->criteria[i].action = own_text(s, state->criteria[i].action);
		s->criteria[i].value = own_text(s, state->criteria[i].value);
	}
}

static void fill_figures(struct snapshot *s, const struct web_state *state)
{
	s->figure_count = state->figure_count;
	s->figures = own(s, state->figure_count, sizeof(*s->figures));
	for (size_t i = 0; i < state->figure_count; i++)
		s->figures[i] = (struct web_figure){
			.name = own_text(s, state->figures[i].name),
			.unit = own_text(s, state->figures[i].unit),
			.value = state->figures[i].value,
		};
}

struct snapshot *snapshot_make(struct snapshot_maker *m,
    const struct web_state *state, double now, bool second)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));

	s->refs = 2;                    /* the maker's and the caller's */
	s->seq = ++m->seq;
	s->time = now;
	s->second = second;
	if (m->last && (m->stats->total.requests < m->last->total.requests ||
	    m->stats->error_count < m->last->error_count)) {
		m->epoch++;
		memset(m->kept_time, 0, sizeof(m->kept_time));
	}
	s->epoch = m->epoch;
	fill_rows(m, s);
	fill_windows(m, s);
	fill_errors(m, s);
	fill_metrics(&m->stats->metrics, s);
	fill_state(m, s, state);
	fill_criteria(s, state);
	fill_figures(s, state);
	snapshot_unref(m->last);
	m->last = s;
	return s;
}
