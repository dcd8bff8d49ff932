/*
 * Everything about a range of time is answered from the history, by series
 * and by bucket; columns rather than objects, null where nothing was
 * measured.  The document that describes it is web/openapi.json.
 */
#include "web/api.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/version.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "stats/history.h"
#include "web/context.h"
#include "web/executors.h"
#include "web/feed.h"
#include "web/live.h"
#include "web/presets.h"
#include "web/runs.h"

#define MAX_POINTS 4000

/* ---- meta ---- */

static void write_tasks(struct jsonw *j, const struct web_task *tasks,
    size_t count)
{
	jsonw_key(j, "tasks");
	jsonw_array(j);
	for (size_t i = 0; i < count; i++) {
		jsonw_object(j);
		jsonw_put_string(j, "name", tasks[i].name);
		jsonw_put_int(j, "weight", tasks[i].weight);
		jsonw_put_bool(j, "off", tasks[i].off);
		write_tasks(j, tasks[i].tasks, tasks[i].task_count);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void write_classes(struct jsonw *j, const struct snapshot *s)
{
	jsonw_key(j, "classes");
	jsonw_array(j);
	for (size_t i = 0; i < s->class_count; i++) {
		const struct web_class *c = &context_classes(s)[i];

		jsonw_object(j);
		jsonw_put_string(j, "name", c->name);
		jsonw_put_double(j, "weight", c->weight);
		jsonw_put_int(j, "fixed_count", c->fixed_count);
		jsonw_put_string(j, "host", c->host);
		jsonw_put_bool(j, "disabled", c->disabled);
		write_tasks(j, c->tasks, c->task_count);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void write_modules(struct jsonw *j, const struct web_options *o)
{
	jsonw_key(j, "modules");
	jsonw_array(j);
	for (size_t i = 0; i < o->module_count; i++) {
		jsonw_object(j);
		jsonw_put_string(j, "name", o->modules[i].name);
		jsonw_put_string(j, "version", o->modules[i].version);
		jsonw_put_string(j, "path", o->modules[i].path);
		jsonw_put_string(j, "summary", o->modules[i].summary);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void write_setting(struct jsonw *j, const struct web_setting *s)
{
	jsonw_object(j);
	jsonw_put_string(j, "module", s->module);
	jsonw_put_string(j, "name", s->name);
	jsonw_put_string(j, "type", s->type);
	jsonw_put_string(j, "value", s->value);
	jsonw_put_string(j, "help", s->help);
	jsonw_put_string(j, "choices", s->choices);
	jsonw_put_bool(j, "secret", s->secret);
	jsonw_put_string(j, "fixed", s->fixed);
	jsonw_end(j);
}

static void write_settings(struct jsonw *j, const struct http_call *call)
{
	const struct web_options *o = context_get()->options;

	jsonw_key(j, "settings");
	jsonw_array(j);
	for (size_t i = 0; i < o->setting_count; i++)
		write_setting(j, &context_settings(call->snapshot)[i]);
	jsonw_end_array(j);
}

static bool meta(struct http_call *call)
{
	const struct context *context = context_get();
	const struct web_options *o = context->options;
	struct jsonw j;

	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	jsonw_put_string(&j, "program", "swarm");
	jsonw_put_string(&j, "version", SWARM_VERSION);
	jsonw_put_double(&j, "started", context->started);
	jsonw_put_double(&j, "time", clock_wall());
	jsonw_put_string(&j, "scenario", o->scenario);
	jsonw_put_string(&j, "command_line", o->command_line);
	jsonw_put_string(&j, "user", call->user);
	jsonw_key(&j, "load");
	jsonw_object(&j);
	jsonw_put_int(&j, "users", o->load.users);
	jsonw_put_double(&j, "spawn_rate", o->load.spawn_rate);
	jsonw_put_double(&j, "run_time", o->load.run_time);
	jsonw_put_string(&j, "host", o->load.host);
	jsonw_end(&j);
	jsonw_put_int(&j, "setup", call->snapshot->setup);
	write_classes(&j, call->snapshot);
	write_modules(&j, o);
	write_settings(&j, call);
	jsonw_key(&j, "quantiles");
	jsonw_array(&j);
	for (int i = 0; i < SNAPSHOT_QUANTILES; i++)
		jsonw_double(&j, snapshot_quantiles[i]);
	jsonw_end_array(&j);
	jsonw_key(&j, "buckets_ms");
	jsonw_array(&j);
	for (unsigned i = 0; i < HISTORY_BUCKETS; i++)
		jsonw_short(&j, history_bucket_ms(i), 6);
	jsonw_end_array(&j);
	jsonw_end(&j);
	http_json(call);
	return true;
}

/* ---- the load generator ---- */

static bool generator(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	live_write_generator(&j, call->snapshot);
	jsonw_end(&j);
	http_json(call);
	return true;
}

/* ---- ranges of time ---- */

struct range {
	int64_t from, to;
	size_t points;
	uint32_t series;
};

static int64_t as_second(double value)
{
	return value < 0 ? 0 : value > 1e12 ? (int64_t)1e12 : (int64_t)value;
}

/* from, to, points and endpoint of the query; -1 with a 400 filled in. */
static int read_range(struct http_call *call, struct range *r)
{
	struct form form;
	double points, endpoint;
	int rc = 0;

	if (form_parse_query(&form, call->request->query) == -1) {
		form_release(&form);
		http_error(call, 400, NULL, "malformed query");
		return -1;
	}
	r->from = as_second(http_number(&form, "from", 0));
	r->to = as_second(ceil(http_number(&form, "to",
	    call->snapshot->time + 1)));
	points = http_number(&form, "points", 600);
	endpoint = http_number(&form, "endpoint", -1);
	r->points = points < 1 ? 1 : points > MAX_POINTS ? MAX_POINTS :
	    (size_t)points;
	r->series = HISTORY_TOTAL;
	if (form_get(&form, "endpoint") && (endpoint < 0 || endpoint >=
	    (double)call->snapshot->row_count)) {
		http_error(call, 404, "endpoint", "no such endpoint");
		rc = -1;
	} else if (form_get(&form, "endpoint")) {
		r->series = (uint32_t)endpoint;
	}
	form_release(&form);
	return rc;
}

typedef double point_value(const struct history_point *);

static void column(struct jsonw *j, const char *key,
    const struct history_point *p, size_t n, point_value *value)
{
	jsonw_key(j, key);
	jsonw_array(j);
	for (size_t i = 0; i < n; i++)
		jsonw_short(j, p[i].present ? value(&p[i]) : NAN, 6);
	jsonw_end_array(j);
}

#define POINT(name_, expression) \
	static double name_(const struct history_point *p) \
	{ \
		return (double)(expression); \
	}

POINT(point_requests, p->requests)
POINT(point_failures, p->failures)
POINT(point_bytes, p->bytes)
POINT(point_mean, p->mean)
POINT(point_p50, p->p50)
POINT(point_p95, p->p95)
POINT(point_p99, p->p99)
POINT(point_max, p->max)
POINT(point_users, p->gauges.users)
POINT(point_wanted, p->gauges.wanted)
POINT(point_workers, p->gauges.workers)
POINT(point_cpu, p->gauges.cpu)
POINT(point_delay, p->gauges.delay_ms)

static void write_points(struct jsonw *j, const struct history_point *p,
    size_t n, unsigned step, bool total)
{
	jsonw_put_int(j, "step", step);
	jsonw_key(j, "time");
	jsonw_array(j);
	for (size_t i = 0; i < n; i++)
		jsonw_int(j, p[i].time);
	jsonw_end_array(j);
	column(j, "requests", p, n, point_requests);
	column(j, "failures", p, n, point_failures);
	column(j, "bytes", p, n, point_bytes);
	column(j, "mean", p, n, point_mean);
	column(j, "p50", p, n, point_p50);
	column(j, "p95", p, n, point_p95);
	column(j, "p99", p, n, point_p99);
	column(j, "max", p, n, point_max);
	if (!total)
		return;
	column(j, "users", p, n, point_users);
	column(j, "wanted", p, n, point_wanted);
	column(j, "workers", p, n, point_workers);
	column(j, "cpu", p, n, point_cpu);
	column(j, "delay_ms", p, n, point_delay);
}

static bool history(struct http_call *call)
{
	struct history_point *p;
	struct jsonw j;
	struct range r;
	unsigned step;
	size_t n;

	if (read_range(call, &r) == -1)
		return true;
	n = history_points(context_get()->history, r.series, r.from, r.to,
	    r.points, &step, &p);
	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	write_points(&j, p, n, step, r.series == HISTORY_TOTAL);
	jsonw_end(&j);
	free(p);
	http_json(call);
	return true;
}

/* The whole table over a range: rows of [id, requests, failures, bytes, avg,
 * p50, p90, p95, p99, p999, max]. */
static void write_sum(struct jsonw *j, int64_t id,
    const struct history_sum *sum)
{
	double highest = NAN;

	for (unsigned i = HISTORY_BUCKETS; i-- > 0 && isnan(highest);)
		if (sum->buckets[i] > 0)
			highest = history_sum_quantile(sum, 1);
	jsonw_array(j);
	jsonw_int(j, id);
	jsonw_int(j, (int64_t)sum->requests);
	jsonw_int(j, (int64_t)sum->failures);
	jsonw_int(j, (int64_t)sum->bytes);
	jsonw_short(j, sum->timed ? sum->sum_ms / (double)sum->timed : NAN,
	    6);
	jsonw_short(j, history_sum_quantile(sum, 0.5), 6);
	jsonw_short(j, history_sum_quantile(sum, 0.9), 6);
	jsonw_short(j, history_sum_quantile(sum, 0.95), 6);
	jsonw_short(j, history_sum_quantile(sum, 0.99), 6);
	jsonw_short(j, history_sum_quantile(sum, 0.999), 6);
	jsonw_short(j, highest, 6);
	jsonw_end_array(j);
}

static bool metrics(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	live_write_metrics(&j, call->snapshot);
	jsonw_end(&j);
	http_json(call);
	return true;
}

static bool table(struct http_call *call)
{
	struct history *h = context_get()->history;
	struct history_sum *sum;
	struct jsonw j;
	struct range r;

	if (read_range(call, &r) == -1)
		return true;
	history_snap(h, &r.from, &r.to);
	sum = xmalloc(sizeof(*sum));
	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	jsonw_put_int(&j, "from", r.from);
	jsonw_put_int(&j, "to", r.to);
	jsonw_key(&j, "columns");
	jsonw_array(&j);
	for (const char *const *name = (const char *const[]){ "id",
	    "requests", "failures", "bytes", "avg", "p50", "p90", "p95",
	    "p99", "p999", "max", NULL }; *name; name++)
		jsonw_string(&j, *name);
	jsonw_end_array(&j);
	jsonw_key(&j, "total");
	if (history_sum(h, HISTORY_TOTAL, r.from, r.to, sum) == 0)
		write_sum(&j, -1, sum);
	else
		jsonw_null(&j);
	jsonw_key(&j, "rows");
	jsonw_array(&j);
	for (size_t i = 0; i < call->snapshot->row_count; i++)
		if (history_sum(h, (uint32_t)i, r.from, r.to, sum) == 0 &&
		    (sum->requests > 0 || sum->timed > 0))
			write_sum(&j, (int64_t)i, sum);
	jsonw_end_array(&j);
	jsonw_end(&j);
	free(sum);
	http_json(call);
	return true;
}

/* Columns of [bucket, count, ...] pairs, four buckets an octave. */
static bool heatmap(struct http_call *call)
{
	struct history *h = context_get()->history;
	struct history_sum *sum;
	struct jsonw j;
	struct range r;
	int64_t step;

	if (read_range(call, &r) == -1)
		return true;
	if (r.from < (int64_t)context_get()->started)
		r.from = (int64_t)context_get()->started;
	if (r.to > (int64_t)call->snapshot->time + 1)
		r.to = (int64_t)call->snapshot->time + 1;
	history_snap(h, &r.from, &r.to);
	step = (r.to - r.from + (int64_t)r.points - 1) / (int64_t)r.points;
	step = step <= 10 ? 10 : step <= 60 ? (step + 9) / 10 * 10 :
	    step <= 600 ? (step + 59) / 60 * 60 : (step + 599) / 600 * 600;
	sum = xmalloc(sizeof(*sum));
	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	jsonw_put_int(&j, "from", r.from);
	jsonw_put_int(&j, "to", r.to);
	jsonw_put_int(&j, "step", step);
	jsonw_put_int(&j, "per_row", 4);
	jsonw_key(&j, "columns");
	jsonw_array(&j);
	for (int64_t t = r.from; t < r.to; t += step) {
		jsonw_array(&j);
		history_sum(h, r.series, t, t + step, sum);
		for (unsigned row = 0; row < HISTORY_BUCKETS / 4; row++) {
			uint64_t n = 0;

			for (unsigned k = 0; k < 4; k++)
				n += sum->buckets[row * 4 + k];
			if (n > 0) {
				jsonw_int(&j, row);
				jsonw_int(&j, (int64_t)n);
			}
		}
		jsonw_end_array(&j);
	}
	jsonw_end_array(&j);
	jsonw_end(&j);
	free(sum);
	http_json(call);
	return true;
}

/* Buckets in use of a range: [bucket, count, ...]. */
static bool histogram(struct http_call *call)
{
	struct history *h = context_get()->history;
	struct history_sum *sum;
	struct jsonw j;
	struct range r;

	if (read_range(call, &r) == -1)
		return true;
	history_snap(h, &r.from, &r.to);
	sum = xmalloc(sizeof(*sum));
	history_sum(h, r.series, r.from, r.to, sum);
	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	jsonw_put_int(&j, "from", r.from);
	jsonw_put_int(&j, "to", r.to);
	jsonw_put_int(&j, "requests", (int64_t)sum->requests);
	jsonw_put_int(&j, "failures", (int64_t)sum->failures);
	jsonw_put_int(&j, "count", (int64_t)sum->timed);
	jsonw_key(&j, "buckets");
	jsonw_array(&j);
	for (unsigned i = 0; i < HISTORY_BUCKETS; i++) {
		if (sum->buckets[i] > 0) {
			jsonw_int(&j, i);
			jsonw_int(&j, (int64_t)sum->buckets[i]);
		}
	}
	jsonw_end_array(&j);
	jsonw_end(&j);
	free(sum);
	http_json(call);
	return true;
}

/* ---- feeds ---- */

static bool feed(struct http_call *call, enum feed_kind kind, size_t max)
{
	struct form form;
	struct jsonw j;
	int rc = form_parse_query(&form, call->request->query);
	double after = rc == 0 ? http_number(&form, "after", 0) : 0;

	form_release(&form);
	jsonw_init(&j, &call->body, 0);
	feed_write(kind, after < 0 ? 0 : (uint64_t)after, max, &j);
	http_json(call);
	return true;
}

static bool log_lines(struct http_call *call)
{
	return feed(call, FEED_LOG, FEED_LOG_LINES);
}

static bool events(struct http_call *call)
{
	return feed(call, FEED_EVENT, FEED_EVENTS);
}

static bool runs(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 0);
	runs_write(&j);
	http_json(call);
	return true;
}

static bool executors(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 0);
	jsonw_object(&j);
	executors_write(&j, call->snapshot);
	jsonw_end(&j);
	http_json(call);
	return true;
}

static bool presets(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 0);
	presets_write(&j);
	http_json(call);
	return true;
}

const struct http_route api_routes[] = {
	{ "/api/v1/meta", HTTP_READS, meta },
	{ "/api/v1/history", HTTP_READS, history },
	{ "/api/v1/table", HTTP_READS, table },
	{ "/api/v1/metrics", HTTP_READS, metrics },
	{ "/api/v1/heatmap", HTTP_READS, heatmap },
	{ "/api/v1/histogram", HTTP_READS, histogram },
	{ "/api/v1/log", HTTP_READS, log_lines },
	{ "/api/v1/events", HTTP_READS, events },
	{ "/api/v1/generator", HTTP_READS, generator },
	{ "/api/v1/runs", HTTP_READS, runs },
	{ "/api/v1/presets", HTTP_READS, presets },
	{ "/api/v1/executors", HTTP_READS, executors },
	{ NULL, 0, NULL },
};
