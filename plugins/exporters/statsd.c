/*
 * --out statsd=HOST:PORT: counters and gauges for StatsD, over UDP.
 *
 * Quantiles go as gauges: a StatsD timer would want every request, and one
 * that is fed a part of them shows percentiles of that part.
 */
#include "udp.h"

#include <swarm/sink.h>
#include <swarm/swarm.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *prefix;
static const char *tags;

struct statsd {
	struct udp *udp;
	struct text lines;
	bool tagged;
};

static const struct {
	const char *name;
	double q;
} quantiles[] = { { "min_ms", 0 }, { "p50_ms", 0.5 }, { "p90_ms", 0.9 },
	{ "p95_ms", 0.95 }, { "p99_ms", 0.99 }, { "max_ms", 1 } };

static void statsd_stop(void *sink)
{
	struct statsd *s = sink;

	udp_free(s->udp);
	text_release(&s->lines);
	free(s);
}

static void *statsd_start(const struct swarm_sink_start *start)
{
	struct statsd *s = calloc(1, sizeof(*s));

	if (!s) {
		swarm_error("out of memory");
		return NULL;
	}
	s->tagged = strcmp(tags, "datadog") == 0;
	s->udp = udp_new(start->target, "8125");
	if (s->udp)
		return s;
	statsd_stop(s);
	return NULL;
}

static void part(struct statsd *s, const char *text)
{
	if (text[0] == '\0')
		return;
	text_name(&s->lines, text);
	text_putc(&s->lines, '.');
}

/* "swarm.GET._items.requests", or "swarm.requests" with tags behind. */
static void begin(struct statsd *s, const char *const names[3],
    const char *what)
{
	text_puts(&s->lines, prefix);
	text_putc(&s->lines, '.');
	for (int i = 0; i < 3 && !s->tagged; i++)
		part(s, names[i] ? names[i] : "");
	text_puts(&s->lines, what);
	text_putc(&s->lines, ':');
}

static void end_line(struct statsd *s, const char *const names[3], char kind)
{
	static const char *const keys[3] = { "type", "name", "error" };
	char sign = '#';

	text_putc(&s->lines, '|');
	text_putc(&s->lines, kind);
	for (int i = 0; i < 3 && s->tagged; i++) {
		if (!names[i] || names[i][0] == '\0')
			continue;
		if (sign == '#')
			text_putc(&s->lines, '|');
		text_printf(&s->lines, "%c%s:", sign, keys[i]);
		text_statsd_tag(&s->lines, names[i]);
		sign = ',';
	}
	text_putc(&s->lines, '\n');
}

static void count(struct statsd *s, const char *const names[3],
    const char *what, int64_t n)
{
	if (n == 0)
		return;
	begin(s, names, what);
	text_printf(&s->lines, "%lld", (long long)n);
	end_line(s, names, 'c');
}

/* A value with a sign changes the gauge by so much: from 0, then. */
static void gauge(struct statsd *s, const char *const names[3],
    const char *what, double v)
{
	if (signbit(v))
		gauge(s, names, what, 0);
	begin(s, names, what);
	text_number(&s->lines, v);
	end_line(s, names, 'g');
}

static void put_row(struct statsd *s, const struct swarm_sink_row *row,
    const char *const names[3])
{
	count(s, names, "requests", (int64_t)row->requests);
	count(s, names, "failures", (int64_t)row->failures);
	count(s, names, "bytes", (int64_t)row->bytes);
	if (swarm_times_count(row->times) == 0)
		return;
	gauge(s, names, "mean_ms", swarm_times_sum(row->times) / 1e6 /
	    (double)swarm_times_count(row->times));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		gauge(s, names, quantiles[i].name, (double)
		    swarm_times_quantile(row->times, quantiles[i].q) / 1e6);
}

static void put_metric(struct statsd *s, const struct swarm_sink_metric *m)
{
	const char *const names[3] = { "metric", NULL, NULL };
	struct text name = { 0 }, p95 = { 0 };

	text_name(&name, m->name);
	gauge(s, names, text_str(&name), strcmp(m->kind, "gauge") == 0 ?
	    m->last : m->mean);
	if (strcmp(m->kind, "distribution") == 0) {
		text_puts(&p95, text_str(&name));
		text_puts(&p95, ".p95");
		gauge(s, names, text_str(&p95), m->p95);
	}
	text_release(&name);
	text_release(&p95);
}

static int statsd_interval(void *sink, const struct swarm_sink_interval *i)
{
	static const char *const none[3] = { NULL, NULL, NULL };
	const char *const total[3] = { "total", NULL, NULL };
	const char *const counter[3] = { "counter", NULL, NULL };
	struct statsd *s = sink;

	text_clear(&s->lines);
	gauge(s, none, "users", (double)i->users);
	gauge(s, none, "workers", i->workers);
	put_row(s, i->total, total);
	for (size_t k = 0; k < i->row_count; k++) {
		const char *const names[3] = { i->rows[k]->type,
			i->rows[k]->name, NULL };

		put_row(s, i->rows[k], names);
	}
	for (size_t k = 0; k < i->error_count; k++) {
		const struct swarm_sink_error *e = i->errors[k];
		const char *const names[3] = { e->type, e->name, e->text };

		count(s, names, "errors", (int64_t)e->count);
	}
	for (size_t k = 0; k < i->counter_count; k++) {
		struct text name = { 0 };

		text_name(&name, i->counters[k]->name);
		count(s, counter, text_str(&name), i->counters[k]->change);
		text_release(&name);
	}
	for (size_t k = 0; k < i->metric_count; k++)
		put_metric(s, i->metrics[k]);
	return udp_send(s->udp, &s->lines);
}

/* A gauge keeps its last value until it is told otherwise. */
static int statsd_end(void *sink, const struct swarm_sink_end *e)
{
	static const char *const none[3] = { NULL, NULL, NULL };
	struct statsd *s = sink;

	(void)e;
	text_clear(&s->lines);
	gauge(s, none, "users", 0);
	gauge(s, none, "workers", 0);
	return udp_send(s->udp, &s->lines);
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "statsd",
	.help = "HOST:PORT",
	.start = statsd_start,
	.interval = statsd_interval,
	.end = statsd_end,
	.stop = statsd_stop,
};

SWARM_MODULE(
	.name = "statsd",
	.version = SWARM_VERSION,
	.summary = "output: StatsD over UDP",
	.help = "swarm --out statsd=localhost:8125",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(prefix, "swarm", "what every name begins with"),
		SWARM_OPTION(tags, "none",
			"datadog: endpoints as tags, not in the name",
			.choices = "none|datadog")),
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }),
);
