/*
 * --out otlp=URL: OpenTelemetry metrics, OTLP over HTTP in its JSON encoding.
 *
 * Sums are cumulative since the start of the test, unless deltas are asked
 * for.  A repeated interval does no harm to the first; a receiver of deltas
 * that answered too late counts it twice.
 */
#include "exponential.h"
#include "post.h"

#include <swarm/sink.h>
#include <swarm/swarm.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *headers;
static const char *temporality;
static const char *service;

struct otlp {
	struct post *post;
	struct text out;
	char *run_id;
	char *scenario;
	bool delta;
	/* The window of the points at hand. */
	double from;
	double to;
	double last;                    /* end of the interval before */
	unsigned test;
	bool comma;                     /* a metric came before */
	bool told;                      /* that points are rejected */
};

static void otlp_stop(void *sink)
{
	struct otlp *s = sink;

	if (s->post)
		post_free(s->post);
	text_release(&s->out);
	free(s->run_id);
	free(s->scenario);
	free(s);
}

static void *otlp_start(const struct swarm_sink_start *start)
{
	static const char *const json[] = { "Content-Type: application/json",
		NULL };
	struct otlp *s = calloc(1, sizeof(*s));

	if (!s) {
		swarm_error("out of memory");
		return NULL;
	}
	s->delta = strcmp(temporality, "delta") == 0;
	s->run_id = strdup(start->run_id);
	s->scenario = strdup(start->scenario);
	s->post = post_new(start->target, "/v1/metrics", json);
	if (s->post && s->run_id && s->scenario) {
		post_add_headers(s->post, headers);
		return s;
	}
	otlp_stop(s);
	return NULL;
}

/* ---- pieces of JSON ---- */

static void attribute(struct text *t, const char *key, const char *value,
    bool first)
{
	text_printf(t, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":",
	    first ? "" : ",", key);
	text_json(t, value);
	text_puts(t, "}}");
}

/* What a point is about; NULL: nothing of that kind. */
struct labels {
	const char *type;
	const char *name;
	const char *error;
	const char *counter;
	const char *metric;
	const char *quantile;
};

static void attributes(struct text *t, const struct labels *l)
{
	bool first = true;

	text_puts(t, "\"attributes\":[");
	if (l->type) {
		attribute(t, "swarm.type", l->type, first);
		first = false;
	}
	if (l->name) {
		attribute(t, "swarm.name", l->name, first);
		first = false;
	}
	if (l->error)
		attribute(t, "error.message", l->error, first);
	if (l->counter)
		attribute(t, "swarm.counter", l->counter, first);
	if (l->metric)
		attribute(t, "swarm.metric", l->metric, first);
	if (l->quantile)
		attribute(t, "quantile", l->quantile, false);
	text_puts(t, "],");
}

/* 64 bits are strings in OTLP's JSON. */
static void times(struct otlp *s, bool start)
{
	if (start)
		text_printf(&s->out, "\"startTimeUnixNano\":\"%.0f\",",
		    s->from * 1e9);
	text_printf(&s->out, "\"timeUnixNano\":\"%.0f\"", s->to * 1e9);
}

static void metric(struct otlp *s, const char *name, const char *unit,
    const char *description)
{
	text_printf(&s->out, "%s{\"name\":\"%s\",\"unit\":\"%s\","
	    "\"description\":\"%s\",", s->comma ? "," : "", name, unit,
	    description);
	s->comma = true;
}

static void gauge(struct otlp *s, const char *name, const char *unit,
    const char *description, double v)
{
	metric(s, name, unit, description);
	text_puts(&s->out, "\"gauge\":{\"dataPoints\":[{");
	times(s, false);
	text_puts(&s->out, ",\"asDouble\":");
	text_number(&s->out, v);
	text_puts(&s->out, "}]}}");
}

static void open_sum(struct otlp *s, bool monotonic)
{
	text_printf(&s->out, "\"sum\":{\"aggregationTemporality\":%d,"
	    "\"isMonotonic\":%s,\"dataPoints\":[", s->delta ? 1 : 2,
	    monotonic ? "true" : "false");
}

static void point(struct otlp *s, const struct labels *l, long long change,
    long long total, bool first)
{
	text_puts(&s->out, first ? "{" : ",{");
	attributes(&s->out, l);
	times(s, true);
	text_printf(&s->out, ",\"asInt\":\"%lld\"}",
	    s->delta ? change : total);
}

static void close_points(struct otlp *s)
{
	text_puts(&s->out, "]}}");
}

/* ---- metrics ---- */

static void requests(struct otlp *s, const struct swarm_sink_interval *i)
{
	static const struct {
		const char *name;
		const char *unit;
		const char *description;
	} sums[] = {
		{ "swarm.requests", "{request}",
		  "Finished requests, failed ones included." },
		{ "swarm.failures", "{request}", "Failed requests." },
		{ "swarm.received", "By", "Bytes received." },
	};

	for (size_t k = 0; k < 3; k++) {
		bool first = true;

		metric(s, sums[k].name, sums[k].unit, sums[k].description);
		open_sum(s, true);
		for (size_t j = 0; j < i->row_count; j++) {
			const struct swarm_sink_row *r = i->rows[j];
			struct labels l = { .type = r->type, .name = r->name };
			const uint64_t change[3] = { r->requests, r->failures,
				r->bytes };
			const uint64_t total[3] = { r->total_requests,
				r->total_failures, r->total_bytes };

			if (r->phase)
				continue;
			point(s, &l, (long long)change[k],
			    (long long)total[k], first);
			first = false;
		}
		close_points(s);
	}
}

static void distribution(struct otlp *s, const struct swarm_sink_row *r,
    bool first)
{
	const struct swarm_times *t = s->delta ? r->times : r->total_times;
	struct labels l = { .type = r->type, .name = r->name };
	uint64_t count = swarm_times_count(t);
	struct exponential e;

	exponential_from(&e, t);
	text_puts(&s->out, first ? "{" : ",{");
	attributes(&s->out, &l);
	times(s, true);
	text_printf(&s->out, ",\"count\":\"%llu\",\"sum\":",
	    (unsigned long long)count);
	text_number(&s->out, swarm_times_sum(t) / 1e9);
	text_printf(&s->out, ",\"scale\":%d,\"zeroCount\":\"%llu\","
	    "\"positive\":{\"offset\":%d,\"bucketCounts\":[", e.scale,
	    (unsigned long long)e.zero, e.first);
	for (size_t i = 0; i < e.count; i++)
		text_printf(&s->out, "%s\"%llu\"", i ? "," : "",
		    (unsigned long long)e.counts[i]);
	text_puts(&s->out, "]}");
	if (count > 0) {
		text_puts(&s->out, ",\"min\":");
		text_number(&s->out,
		    (double)swarm_times_quantile(t, 0) / 1e9);
		text_puts(&s->out, ",\"max\":");
		text_number(&s->out,
		    (double)swarm_times_quantile(t, 1) / 1e9);
	}
	text_putc(&s->out, '}');
}

static void distributions(struct otlp *s, const struct swarm_sink_interval *i,
    bool phases)
{
	bool first = true;

	metric(s, phases ? "swarm.phase.duration" : "swarm.response.duration",
	    "s", phases ? "Parts of requests." :
	    "From when a request should have started to its end.");
	text_printf(&s->out, "\"exponentialHistogram\":"
	    "{\"aggregationTemporality\":%d,\"dataPoints\":[",
	    s->delta ? 1 : 2);
	for (size_t k = 0; k < i->row_count; k++) {
		if (i->rows[k]->phase != phases)
			continue;
		distribution(s, i->rows[k], first);
		first = false;
	}
	close_points(s);
}

static void errors(struct otlp *s, const struct swarm_sink_interval *i)
{
	if (i->error_count == 0)
		return;
	metric(s, "swarm.errors", "{request}", "Failed requests by reason.");
	open_sum(s, true);
	for (size_t k = 0; k < i->error_count; k++) {
		const struct swarm_sink_error *e = i->errors[k];
		struct labels l = { .type = e->type, .name = e->name,
			.error = e->text };

		point(s, &l, (long long)e->count, (long long)e->total, k == 0);
	}
	close_points(s);
}

static void counters(struct otlp *s, const struct swarm_sink_interval *i)
{
	if (i->counter_count == 0)
		return;
	metric(s, "swarm.counter", "1", "Counters of scenarios and plugins.");
	open_sum(s, false);
	for (size_t k = 0; k < i->counter_count; k++) {
		const struct swarm_sink_counter *c = i->counters[k];
		struct labels l = { .counter = c->name };

		point(s, &l, c->change, c->total, k == 0);
	}
	close_points(s);
}

static void value(struct otlp *s, const char *name, const char *quantile,
    double v, bool first)
{
	struct labels l = { .metric = name, .quantile = quantile };

	text_puts(&s->out, first ? "{" : ",{");
	attributes(&s->out, &l);
	times(s, false);
	text_puts(&s->out, ",\"asDouble\":");
	text_number(&s->out, v);
	text_putc(&s->out, '}');
}

/* Gauges by their last value, rates by their share, distributions by
 * percentiles: all of them over the test so far. */
static void metrics(struct otlp *s, const struct swarm_sink_interval *i)
{
	if (i->metric_count == 0)
		return;
	metric(s, "swarm.metric", "1", "Metrics of scenarios.");
	text_puts(&s->out, "\"gauge\":{\"dataPoints\":[");
	for (size_t k = 0; k < i->metric_count; k++) {
		const struct swarm_sink_metric *m = i->metrics[k];

		if (strcmp(m->kind, "distribution") != 0) {
			value(s, m->name, NULL, strcmp(m->kind, "gauge") == 0 ?
			    m->last : m->mean, k == 0);
			continue;
		}
		value(s, m->name, "0.5", m->p50, k == 0);
		value(s, m->name, "0.9", m->p90, false);
		value(s, m->name, "0.95", m->p95, false);
		value(s, m->name, "0.99", m->p99, false);
	}
	close_points(s);
}

static void resource(struct otlp *s)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	text_puts(&s->out, "{\"resourceMetrics\":[{\"resource\":"
	    "{\"attributes\":[");
	attribute(&s->out, "service.name", service, true);
	attribute(&s->out, "service.instance.id", s->run_id, false);
	attribute(&s->out, "host.name", host, false);
	if (s->scenario[0] != '\0')
		attribute(&s->out, "swarm.scenario", s->scenario, false);
	text_puts(&s->out, "]},\"scopeMetrics\":[{\"scope\":{\"name\":"
	    "\"swarm\",\"version\":\"" SWARM_VERSION "\"},\"metrics\":[");
}

/* A receiver may take a part and say so with a status of success: sending all
 * of it again would not help. */
static void check_answer(struct otlp *s, const char *answer)
{
	const char *said = strstr(answer, "\"rejectedDataPoints\"");
	const char *digit = said ? strpbrk(said, "123456789") : NULL;

	if (!digit || digit >= said + 40 || s->told)
		return;
	swarm_warn("the receiver rejected some of the points: %.200s; if it "
	    "rejects more, that is not said again", answer);
	s->told = true;
}

static int otlp_interval(void *sink, const struct swarm_sink_interval *i)
{
	struct otlp *s = sink;
	const char *answer;

	if (i->test != s->test)
		s->last = i->test_started;
	s->test = i->test;
	s->from = s->delta ? s->last : i->test_started;
	s->to = i->time;
	s->comma = false;
	text_clear(&s->out);
	resource(s);
	requests(s, i);
	distributions(s, i, false);
	distributions(s, i, true);
	errors(s, i);
	counters(s, i);
	metrics(s, i);
	gauge(s, "swarm.users", "{user}", "Users running.", (double)i->users);
	gauge(s, "swarm.users.target", "{user}", "Users wanted in the end.",
	    (double)i->users_target);
	gauge(s, "swarm.workers", "{worker}", "Workers ready or running.",
	    i->workers);
	if (i->loop_busy >= 0)
		gauge(s, "swarm.worker.loop.busy", "1", "Share of time the "
		    "busiest worker's loop was at work.", i->loop_busy);
	text_puts(&s->out, "]}]}]}");
	if (s->out.failed)
		return swarm_sink_fail("too much for one interval");
	if (post_send(s->post, s->out.data, s->out.len, &answer) == -1)
		return -1;
	s->last = i->time;
	check_answer(s, answer);
	return 0;
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "otlp",
	.help = "http://HOST:4318",
	.start = otlp_start,
	.interval = otlp_interval,
	.stop = otlp_stop,
};

SWARM_MODULE(
	.name = "otlp",
	.version = SWARM_VERSION,
	.summary = "output: OpenTelemetry metrics, OTLP over HTTP",
	.help = "swarm --out otlp=http://localhost:4318",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(headers, NULL,
			"more headers, for example \"Api-Key: X|Tenant: Y\"",
			.flags = SWARM_SECRET),
		SWARM_OPTION(temporality, "cumulative",
			"sums since the start, or of each interval",
			.choices = "cumulative|delta"),
		SWARM_OPTION(service, "swarm", "the resource's service.name")),
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }),
);
