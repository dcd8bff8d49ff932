/*
 * --out influxdb=URL: InfluxDB's line protocol, over HTTP (POST to the URL as
 * it is given, for any version) or in datagrams (udp://HOST:PORT).
 *
 * Each point says what came in its interval, so that a sum over time is a
 * count; quantiles are exact for the interval.  Sending a point again replaces
 * it, and so a repeated interval does no harm.
 */
#include "post.h"
#include "udp.h"

#include <swarm/sink.h>
#include <swarm/swarm.h>

#include <stdlib.h>
#include <string.h>

static const char *token;
static const char *measurement;
static const char *tags;

struct influx {
	struct post *post;
	struct udp *udp;                /* either */
	struct text lines;
	struct text tags;               /* ",key=value" of the user's */
};

static const struct {
	const char *name;
	double q;
} quantiles[] = { { "min", 0 }, { "p50", 0.5 }, { "p75", 0.75 },
	{ "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 },
	{ "p999", 0.999 }, { "max", 1 } };

/* "a=b,c=d" of the option, escaped; -1 when it is not of that form. */
static int add_tags(struct influx *s, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		char *key = strndup(text, len);
		char *value = key ? strchr(key, '=') : NULL;

		if (!value || value == key || value[1] == '\0') {
			free(key);
			return -1;
		}
		*value++ = '\0';
		text_putc(&s->tags, ',');
		text_influx_tag(&s->tags, key);
		text_putc(&s->tags, '=');
		text_influx_tag(&s->tags, value);
		free(key);
		text += len + (text[len] == ',');
	}
	return 0;
}

static void influx_stop(void *sink)
{
	struct influx *s = sink;

	if (s->post)
		post_free(s->post);
	udp_free(s->udp);
	text_release(&s->lines);
	text_release(&s->tags);
	free(s);
}

static void *influx_start(const struct swarm_sink_start *start)
{
	static const char *const headers[] = {
		"Content-Type: text/plain; charset=utf-8", NULL };
	struct influx *s = calloc(1, sizeof(*s));

	if (!s) {
		swarm_error("out of memory");
		return NULL;
	}
	if (tags && add_tags(s, tags) == -1) {
		swarm_error("tags: write name=value,name=value");
	} else if (strncmp(start->target, "udp://", 6) == 0) {
		s->udp = udp_new(start->target + 6, "8089");
		if (s->udp)
			return s;
	} else {
		s->post = post_new(start->target, NULL, headers);
		if (s->post) {
			post_authorize(s->post, "Token", token);
			return s;
		}
	}
	influx_stop(s);
	return NULL;
}

static void begin(struct influx *s, const char *suffix)
{
	text_influx_tag(&s->lines, measurement);
	text_puts(&s->lines, suffix);
	text_puts(&s->lines, text_str(&s->tags));
}

/* An empty tag is none. */
static void tag(struct influx *s, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	text_printf(&s->lines, ",%s=", key);
	text_influx_tag(&s->lines, value);
}

static void end_line(struct influx *s, double time)
{
	text_printf(&s->lines, " %.0f\n", time * 1e9);
}

static void figures(struct influx *s, const struct swarm_sink_row *row)
{
	uint64_t count = swarm_times_count(row->times);

	text_printf(&s->lines, "requests=%llui,failures=%llui,bytes=%llui,"
	    "samples=%llui", (unsigned long long)row->requests,
	    (unsigned long long)row->failures,
	    (unsigned long long)row->bytes, (unsigned long long)count);
	if (count == 0)
		return;
	text_puts(&s->lines, ",mean_ms=");
	text_number(&s->lines, swarm_times_sum(row->times) / 1e6 /
	    (double)count);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		text_printf(&s->lines, ",%s_ms=", quantiles[i].name);
		text_number(&s->lines, (double)swarm_times_quantile(row->times,
		    quantiles[i].q) / 1e6);
	}
}

static void known(struct influx *s, const char *name, double v)
{
	if (v < 0)
		return;
	text_printf(&s->lines, ",%s=", name);
	text_number(&s->lines, v);
}

static void put_total(struct influx *s, const struct swarm_sink_interval *i)
{
	begin(s, "");
	text_putc(&s->lines, ' ');
	figures(s, i->total);
	text_printf(&s->lines, ",users=%lldi,users_target=%lldi,workers=%ui",
	    (long long)i->users, (long long)i->users_target, i->workers);
	known(s, "length_s", i->length);
	known(s, "worker_cpu_percent", i->cpu_percent);
	known(s, "worker_loop_busy", i->loop_busy);
	known(s, "worker_loop_delay_ms", i->loop_delay_ms);
	text_puts(&s->lines, ",state=");
	text_influx_string(&s->lines, i->state);
	end_line(s, i->time);
}

static void put_row(struct influx *s, const struct swarm_sink_row *row,
    double time)
{
	if (row->requests == 0 && swarm_times_count(row->times) == 0)
		return;
	begin(s, row->phase ? "_phase" : row->transaction ? "_transaction" :
	    "_endpoint");
	tag(s, "name", row->name);
	tag(s, "type", row->type);
	text_putc(&s->lines, ' ');
	figures(s, row);
	end_line(s, time);
}

static int deliver(struct influx *s)
{
	if (s->lines.failed)
		return swarm_sink_fail("too much for one interval");
	if (s->udp)
		return udp_send(s->udp, &s->lines);
	return post_send(s->post, text_str(&s->lines), s->lines.len, NULL);
}

static void put_metric(struct influx *s, const struct swarm_sink_metric *m,
    double time)
{
	begin(s, "_metric");
	tag(s, "kind", m->kind);
	tag(s, "metric", m->name);
	tag(s, "unit", m->unit);
	text_printf(&s->lines, " count=%llui,value=",
	    (unsigned long long)m->count);
	text_number(&s->lines, strcmp(m->kind, "gauge") == 0 ? m->last :
	    m->mean);
	if (strcmp(m->kind, "distribution") == 0) {
		text_puts(&s->lines, ",p50=");
		text_number(&s->lines, m->p50);
		text_puts(&s->lines, ",p90=");
		text_number(&s->lines, m->p90);
		text_puts(&s->lines, ",p99=");
		text_number(&s->lines, m->p99);
	}
	text_puts(&s->lines, ",min=");
	text_number(&s->lines, m->min);
	text_puts(&s->lines, ",max=");
	text_number(&s->lines, m->max);
	end_line(s, time);
}

static int influx_interval(void *sink, const struct swarm_sink_interval *i)
{
	struct influx *s = sink;

	text_clear(&s->lines);
	put_total(s, i);
	for (size_t k = 0; k < i->row_count; k++)
		put_row(s, i->rows[k], i->time);
	for (size_t k = 0; k < i->error_count; k++) {
		const struct swarm_sink_error *e = i->errors[k];

		if (e->count == 0)
			continue;
		begin(s, "_error");
		tag(s, "error", e->text);
		tag(s, "name", e->name);
		tag(s, "type", e->type);
		text_printf(&s->lines, " count=%llui",
		    (unsigned long long)e->count);
		end_line(s, i->time);
	}
	for (size_t k = 0; k < i->counter_count; k++) {
		begin(s, "_counter");
		tag(s, "counter", i->counters[k]->name);
		text_printf(&s->lines, " change=%lldi,total=%lldi",
		    (long long)i->counters[k]->change,
		    (long long)i->counters[k]->total);
		end_line(s, i->time);
	}
	for (size_t k = 0; k < i->metric_count; k++)
		put_metric(s, i->metrics[k], i->time);
	return deliver(s);
}

static int say(struct influx *s, const char *kind, const char *text,
    double time)
{
	text_clear(&s->lines);
	begin(s, "_event");
	tag(s, "kind", kind);
	text_puts(&s->lines, " text=");
	text_influx_string(&s->lines, text);
	end_line(s, time);
	return deliver(s);
}

static int influx_event(void *sink, const struct swarm_sink_event *e)
{
	return say(sink, "event", e->text, e->time);
}

static int influx_end(void *sink, const struct swarm_sink_end *e)
{
	return say(sink, e->verdict, e->reason, e->time);
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "influxdb",
	.help = "http://HOST:8086/write?db=NAME or udp://HOST:PORT",
	.start = influx_start,
	.interval = influx_interval,
	.event = influx_event,
	.end = influx_end,
	.stop = influx_stop,
};

SWARM_MODULE(
	.name = "influxdb",
	.version = SWARM_VERSION,
	.summary = "output: InfluxDB's line protocol over HTTP or UDP",
	.help = "swarm --out influxdb=http://localhost:8086/write?db=swarm",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(token, NULL, "API token of InfluxDB 2",
			.flags = SWARM_SECRET),
		SWARM_OPTION(measurement, "swarm",
			"name of the measurement, and what others begin with"),
		SWARM_OPTION(tags, NULL,
			"tags of every point: name=value,name=value")),
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }),
);
