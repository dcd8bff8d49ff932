/*
 * Writing JSON.  Times are milliseconds and seconds, as the names say;
 * histograms come with their buckets, so that whoever reads the file can ask
 * for any percentile, merge runs and compare them.
 *
 * At most HISTORY slots of the run's history are written: neighbours are put
 * together, which loses nothing but resolution in time.
 */
#include "report/json.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "report/execution.h"
#include "report/file.h"
#include "report/gap.h"
#include "report/generator_show.h"
#include "report/metric_view.h"
#include "report/output.h"
#include "report/property.h"
#include "report/text.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY 600

static void set_time(json_t *object, const char *key, double unix_time)
{
	struct buf text = BUF_INIT(100);

	if (unix_time > 0)
		text_utc(&text, unix_time);
	property_set_text(object, key, unix_time > 0 ? buf_str(&text) : NULL);
	buf_release(&text);
}

static const struct {
	const char *name;
	double q;
} quantiles[] = {
	{ "p50", 0.5 }, { "p66", 0.66 }, { "p75", 0.75 }, { "p80", 0.8 },
	{ "p90", 0.9 }, { "p95", 0.95 }, { "p98", 0.98 }, { "p99", 0.99 },
	{ "p99.9", 0.999 }, { "p99.99", 0.9999 },
};

#define QUANTILES (sizeof(quantiles) / sizeof(*quantiles))

static json_t *interval(struct interval i, double unit)
{
	json_t *array = json_array();

	json_array_append_new(array, json_real(i.lo / unit));
	json_array_append_new(array, json_real(i.hi / unit));
	return array;
}

/* How sure the response times are. */
static json_t *confidence(const struct result_series *s)
{
	json_t *o = json_object(), *few = json_array();

	for (size_t i = 0; i < QUANTILES; i++) {
		property_set(o, quantiles[i].name, interval(confidence_quantile(
		    &s->response, quantiles[i].q, s->effective), 1e6));
		if (confidence_sufficiency(quantiles[i].q, s->effective) ==
		    INSUFFICIENT)
			json_array_append_new(few,
			    json_string(quantiles[i].name));
	}
	property_set(o, "mean", interval(confidence_mean(&s->response,
	    s->effective), 1e6));
	property_set(o, "insufficient", few);
	return o;
}

static json_t *times_ms(const struct histogram *h)
{
	json_t *o = json_object();

	property_set_count(o, "count", h->count);
	if (h->count == 0)
		return o;
	property_set_real(o, "mean", histogram_mean(h) / 1e6);
	property_set_real(o, "stddev", histogram_stddev(h) / 1e6);
	property_set_real(o, "min", (double)h->min / 1e6);
	property_set_real(o, "max", (double)h->max / 1e6);
	for (size_t i = 0; i < QUANTILES; i++)
		property_set_real(o, quantiles[i].name,
		    (double)histogram_quantile(h, quantiles[i].q) / 1e6);
	return o;
}

static json_t *buckets(const struct histogram *h)
{
	json_t *array = json_array();
	uint64_t n;

	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n)) {
		json_array_append_new(array, json_integer(i));
		json_array_append_new(array, json_integer((json_int_t)n));
	}
	/* One past the last bucket stands for the overflow. */
	if (h->overflow) {
		json_array_append_new(array,
		    json_integer(HISTOGRAM_BUCKETS));
		json_array_append_new(array,
		    json_integer((json_int_t)h->overflow));
	}
	return array;
}

static json_t *series(const struct result_series *s)
{
	json_t *o = json_object();

	property_set_text(o, "type", s->type);
	property_set_text(o, "name", s->name);
	property_set(o, "phase", json_boolean(s->phase));
	property_set(o, "transaction", json_boolean(s->transaction));
	property_set_count(o, "requests", s->requests);
	property_set_count(o, "failures", s->failures);
	property_set_real(o, "fail_ratio", s->requests ?
	    (double)s->failures / (double)s->requests : 0);
	property_set_count(o, "untimed", s->untimed);
	property_set_count(o, "bytes", s->bytes);
	property_set_real(o, "requests_per_s", s->rps);
	property_set(o, "response_ms", times_ms(&s->response));
	property_set(o, "service_ms", times_ms(&s->service));
	if (s->response.count > 0) {
		property_set_real(o, "effective_samples", s->effective);
		property_set(o, "response_confidence_ms", confidence(s));
	}
	if (s->requests > 0)
		property_set(o, "fail_ratio_confidence",
		    interval(confidence_share(
		    (double)s->failures / (double)s->requests,
		    s->effective > 0 ? s->effective : (double)s->requests),
		    1));
	property_set(o, "response_buckets", buckets(&s->response));
	if (s->lagged)
		property_set(o, "service_buckets", buckets(&s->service));
	return o;
}

static json_t *all_series(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->series_count; i++)
		json_array_append_new(array, series(&r->series[i]));
	return array;
}

static json_t *failures(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->error_count; i++) {
		const struct result_error *e = &r->errors[i];
		json_t *o = json_object();

		property_set_text(o, "type", e->type);
		property_set_text(o, "name", e->name);
		property_set_text(o, "error", e->text);
		property_set_count(o, "occurrences", e->occurrences);
		set_time(o, "first_seen", e->first_seen);
		set_time(o, "last_seen", e->last_seen);
		property_set_real(o, "first_seen_unix", e->first_seen);
		property_set_real(o, "last_seen_unix", e->last_seen);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *exceptions(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->exception_count; i++) {
		json_t *o = json_object();

		property_set_text(o, "message", r->exceptions[i].message);
		property_set_text(o, "traceback", r->exceptions[i].traceback);
		property_set_count(o, "count", r->exceptions[i].count);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *counters(const struct result *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < r->counter_count; i++)
		property_set(o, r->counters[i].name,
		    json_integer(r->counters[i].value));
	return o;
}

static json_t *metrics(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->metric_count; i++) {
		json_t *o = json_object();

		metric_view_json(o, &r->metrics[i]);
		if (r->metrics[i].kind == METRIC_DISTRIBUTION)
			property_set(o, "thousandths_buckets",
			    buckets(&r->metrics[i].values));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *criteria(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->criterion_count; i++) {
		const struct result_criterion *c = &r->criteria[i];
		json_t *o = json_object();

		property_set_text(o, "criterion", c->text);
		property_set_text(o, "action", c->action);
		property_set(o, "failed", json_boolean(c->failed));
		property_set(o, "met", json_boolean(c->broken));
		property_set(o, "value", c->known ? json_real(c->value) : NULL);
		property_set_text(o, "shown", c->shown);
		property_set(o, "first_met_s", c->first_s >= 0 ?
		    json_real(c->first_s) : NULL);
		property_set_real(o, "share_of_time", c->share);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *events(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->event_count; i++) {
		json_t *o = json_object();

		property_set_real(o, "at_s", r->events[i].at);
		property_set_text(o, "text", r->events[i].text);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *notes(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->note_count; i++)
		json_array_append_new(array, json_string(r->notes[i]));
	return array;
}

/* A group of neighbouring points as one. */
static json_t *point(const struct result_point *points, size_t count)
{
	struct histogram h;
	json_t *o = json_object();
	uint64_t requests = 0, failed = 0, bytes = 0;
	double length = 0;

	histogram_init(&h);
	for (size_t i = 0; i < count; i++) {
		length += points[i].length;
		requests += points[i].requests;
		failed += points[i].failures;
		bytes += points[i].bytes;
		sparse_add(&h, &points[i].response);
	}
	property_set_real(o, "end_s", points[count - 1].end);
	property_set_real(o, "length_s", length);
	property_set(o, "users", json_integer(points[count - 1].users));
	property_set_count(o, "requests", requests);
	property_set_count(o, "failures", failed);
	property_set_count(o, "bytes", bytes);
	property_set_real(o, "mean_ms", histogram_mean(&h) / 1e6);
	property_set(o, "response_buckets", buckets(&h));
	histogram_release(&h);
	return o;
}

static json_t *history(const struct result *r)
{
	size_t group = (r->point_count + HISTORY - 1) / HISTORY;
	json_t *array = json_array();

	for (size_t i = 0; i < r->point_count; i += group) {
		size_t left = r->point_count - i;

		json_array_append_new(array, point(&r->points[i],
		    left < group ? left : group));
	}
	return array;
}

static json_t *run(const struct result *r)
{
	json_t *o = json_object();

	property_set_text(o, "scenario", r->scenario);
	property_set_text(o, "host", r->host);
	property_set_text(o, "command", r->command);
	set_time(o, "started", r->started);
	property_set_real(o, "started_unix", r->started);
	property_set_real(o, "duration_s", r->duration);
	property_set_real(o, "paused_s", r->paused);
	property_set(o, "users_max", json_integer(r->users));
	property_set_count(o, "workers_max", r->workers);
	property_set_count(o, "workers_lost", r->workers_lost);
	property_set(o, "gaps", gap_json(r));
	property_set_text(o, "stop_reason", r->stop_reason);
	if (r->throughput.hi > 0)
		property_set(o, "requests_per_s_confidence",
		    interval(r->throughput, 1));
	return o;
}

static json_t *verdict(const struct result *r)
{
	json_t *o = json_object();

	property_set_text(o, "result", result_verdict_name(r->verdict));
	property_set(o, "exit_code", json_integer(r->exit_code));
	property_set_text(o, "reason", r->sentence);
	return o;
}

static int dump(const char *data, size_t len, void *arg)
{
	return buf_add(arg, data, len);
}

int json_write(struct buf *out, const struct result *r)
{
	json_t *o = json_object();
	int rc;

	property_set_text(o, "schema", JSON_SCHEMA);
	property_set_text(o, "swarm_version", r->version);
	property_set(o, "complete", json_boolean(r->complete));
	property_set(o, "run", run(r));
	property_set(o, "card", card_json(&r->card));
	property_set(o, "verdict", verdict(r));
	property_set(o, "capacity", capacity_view_json(&r->capacity));
	property_set(o, "hold", hold_view_json(&r->hold));
	property_set(o, "generator", generator_show_json(&r->generator));
	property_set(o, "steady_state", warm_up_json(&r->warm_up));
	if (r->comparison)
		property_set_text(o, "comparison", r->comparison);
	property_set(o, "criteria", criteria(r));
	property_set(o, "total", series(&r->total));
	property_set(o, "series", all_series(r));
	property_set(o, "failures", failures(r));
	property_set(o, "exceptions", exceptions(r));
	property_set(o, "counters", counters(r));
	property_set(o, "metrics", metrics(r));
	if (r->resources.count > 0)
		property_set(o, "resources", resources_json(&r->resources));
	property_set(o, "executors", execution_json(r));
	property_set(o, "events", events(r));
	property_set(o, "notes", notes(r));
	if (r->flight != NULL && r->flight->count > 0)
		property_set(o, "flight", flight_json(r->flight));
	property_set(o, "history", history(r));
	if (r->past.row_count > 0)
		property_set(o, "endpoint_history", past_json(&r->past));
	rc = json_dump_callback(o, dump, out, JSON_COMPACT |
	    JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(16));
	json_decref(o);
	return rc == 0 ? buf_putc(out, '\n') : -1;
}

static bool json_wanted(const struct report *r)
{
	return r->options.json || r->options.json_file;
}

char *json_path(const char *name)
{
	size_t len = strlen(name);

	if (len > 5 && strcmp(name + len - 5, ".json") == 0)
		return xstrdup(name);
	return xasprintf("%s.json", name);
}

static int json_start(const struct report *r)
{
	char *path;
	int rc;

	if (!r->options.json_file)
		return 0;
	if (strcmp(r->options.json_file, "-") == 0) {
		log_error("--json-file -: results on standard output are "
		    "--json, in place of the summary");
		return -1;
	}
	path = json_path(r->options.json_file);
	rc = file_check(path);
	free(path);
	return rc;
}

static int json_save(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(JSON_MAX);
	int rc = 0;

	if (r->options.json_file) {
		char *path = json_path(r->options.json_file);

		rc = json_write(&out, result);
		if (rc == 0)
			rc = file_try_replace(path, out.data, out.len);
		free(path);
	}
	buf_release(&out);
	return rc;
}

static int json_finish(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(JSON_MAX);
	int rc = json_write(&out, result);

	if (rc == -1)
		log_error("the results are too large for JSON");
	if (rc == 0 && r->options.json) {
		fwrite(out.data, 1, out.len, stdout);
		rc = fflush(stdout);
	}
	if (rc == 0 && r->options.json_file) {
		char *path = json_path(r->options.json_file);

		rc = file_replace(path, out.data, out.len);
		free(path);
	}
	buf_release(&out);
	return rc == 0 ? 0 : -1;
}

const struct output output_json = {
	.name = "json",
	.wanted = json_wanted,
	.start = json_start,
	.save = json_save,
	.finish = json_finish,
};
