/*
 * Prometheus text: counters since the start of the test, classic histograms
 * with bounds of 1, 2.5 and 5 per decade.  As a file (--prometheus) it is
 * replaced once a second, for a collector of text files; the web page can
 * serve the same text.
 */
#include "report/prometheus.h"

#include "base/log.h"
#include "report/file.h"
#include "report/output.h"
#include "report/text.h"
#include "stats/stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const double bounds_s[] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 };

#define BOUNDS (sizeof(bounds_s) / sizeof(*bounds_s))

static bool told;                       /* that it can't be written now */

static void label(struct buf *out, const char *text)
{
	struct buf clean = BUF_INIT(8192);

	text_clean(&clean, text);
	for (const char *c = buf_str(&clean); *c; c++) {
		if (*c == '\\' || *c == '"')
			buf_putc(out, '\\');
		buf_putc(out, *c);
	}
	buf_release(&clean);
}

static void head(struct buf *out, const char *name, const char *type,
    const char *help)
{
	buf_printf(out, "# HELP swarm_%s %s\n# TYPE swarm_%s %s\n", name, help,
	    name, type);
}

static void gauge(struct buf *out, const char *name, const char *help,
    double v)
{
	head(out, name, "gauge", help);
	buf_printf(out, "swarm_%s %.10g\n", name, v);
}

static void labels(struct buf *out, const struct series *s)
{
	buf_puts(out, "{type=\"");
	label(out, s->type);
	buf_puts(out, "\",name=\"");
	label(out, s->name);
	buf_putc(out, '"');
}

static void counter(struct buf *out, const struct stats *stats,
    const char *name, const char *help,
    uint64_t (*value)(const struct series *))
{
	head(out, name, "counter", help);
	for (size_t i = 0; i < stats->count; i++) {
		if (stats->series[i]->phase)
			continue;
		buf_printf(out, "swarm_%s", name);
		labels(out, stats->series[i]);
		buf_printf(out, "} %llu\n",
		    (unsigned long long)value(stats->series[i]));
	}
}

static uint64_t requests(const struct series *s)
{
	return s->requests;
}

static uint64_t failures(const struct series *s)
{
	return s->failures;
}

static uint64_t bytes(const struct series *s)
{
	return s->bytes;
}

static void histogram(struct buf *out, const char *name,
    const struct series *s, const struct histogram *h)
{
	for (size_t i = 0; i <= BOUNDS; i++) {
		buf_printf(out, "swarm_%s_bucket", name);
		labels(out, s);
		if (i < BOUNDS)
			buf_printf(out, ",le=\"%g\"} %llu\n", bounds_s[i],
			    (unsigned long long)histogram_count_to(h,
			    (int64_t)(bounds_s[i] * 1e9)));
		else
			buf_printf(out, ",le=\"+Inf\"} %llu\n",
			    (unsigned long long)h->count);
	}
	buf_printf(out, "swarm_%s_sum", name);
	labels(out, s);
	buf_printf(out, "} %.9g\n", (double)h->sum / 1e9);
	buf_printf(out, "swarm_%s_count", name);
	labels(out, s);
	buf_printf(out, "} %llu\n", (unsigned long long)h->count);
}

static void histograms(struct buf *out, const struct stats *stats)
{
	head(out, "response_seconds", "histogram",
	    "From when a request should have started to its end.");
	for (size_t i = 0; i < stats->count; i++) {
		if (!stats->series[i]->phase)
			histogram(out, "response_seconds", stats->series[i],
			    series_response(stats->series[i]));
	}
	head(out, "phase_seconds", "histogram", "Parts of requests.");
	for (size_t i = 0; i < stats->count; i++) {
		if (stats->series[i]->phase)
			histogram(out, "phase_seconds", stats->series[i],
			    &stats->series[i]->service);
	}
}

static void errors(struct buf *out, const struct stats *stats)
{
	head(out, "errors_total", "counter", "Failed requests by reason.");
	for (size_t i = 0; i < stats->error_count; i++) {
		const struct error_row *row = stats->errors[i];

		buf_puts(out, "swarm_errors_total");
		labels(out, row->series);
		buf_puts(out, ",error=\"");
		label(out, row->text);
		buf_printf(out, "\"} %llu\n",
		    (unsigned long long)row->occurrences);
	}
	head(out, "counter", "gauge", "Counters of scenarios and plugins.");
	for (size_t i = 0; i < stats->counter_count; i++) {
		buf_puts(out, "swarm_counter{name=\"");
		label(out, stats->counters[i].name);
		buf_printf(out, "\"} %lld\n",
		    (long long)stats->counters[i].value);
	}
}

/* A name may be of several kinds; a reader refuses a file that has the same
 * labels twice. */
static bool has_twin(const struct metrics *all, const struct metric *m)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->at[i].kind != m->kind && all->at[i].count > 0 &&
		    strcmp(all->at[i].name, m->name) == 0)
			return true;
	}
	return false;
}

static void metric_labels(struct buf *out, const struct metrics *all,
    const struct metric *m)
{
	buf_puts(out, "swarm_metric{name=\"");
	label(out, m->name);
	buf_putc(out, '"');
	if (has_twin(all, m))
		buf_printf(out, ",kind=\"%s\"", metric_kind_name(m->kind));
}

/* Gauges keep their last value; a rate is its share, a distribution its
 * percentiles. */
static void metric(struct buf *out, const struct metrics *all,
    const struct metric *m)
{
	static const char *const q[] = { "0.5", "0.9", "0.95", "0.99" };
	static const double at[] = { 0.5, 0.9, 0.95, 0.99 };

	for (size_t i = 0; m->kind == METRIC_DISTRIBUTION && i < 4; i++) {
		metric_labels(out, all, m);
		buf_printf(out, ",quantile=\"%s\"} %.9g\n", q[i],
		    metric_quantile(&m->values, at[i]));
	}
	if (m->kind == METRIC_DISTRIBUTION)
		return;
	metric_labels(out, all, m);
	buf_printf(out, "} %.9g\n", m->kind == METRIC_GAUGE ? m->last :
	    metric_mean(m));
}

static void metrics(struct buf *out, const struct stats *stats)
{
	head(out, "metric", "gauge", "Metrics of scenarios.");
	for (size_t i = 0; i < stats->metrics.count; i++) {
		if (stats->metrics.at[i].count > 0)
			metric(out, &stats->metrics,
			    &stats->metrics.at[i]);
	}
}

int prometheus_write(struct buf *out, const struct stats *stats,
    const struct run_status *run, const struct report_load *load)
{
	head(out, "state", "gauge", "1 for the state that the run is in.");
	for (int i = RUN_READY; i <= RUN_STOPPED; i++)
		buf_printf(out, "swarm_state{state=\"%s\"} %d\n",
		    run_state_name((enum run_state)i),
		    run->state == (enum run_state)i);
	gauge(out, "users", "Users running.", (double)run->users_running);
	gauge(out, "users_target", "Users wanted in the end.",
	    (double)run->users_target);
	gauge(out, "workers", "Workers ready or running.", run->workers);
	if (load && load->cpu >= 0)
		gauge(out, "worker_cpu_percent",
		    "The busiest worker, of one core.", load->cpu);
	if (load && load->loop_busy >= 0)
		gauge(out, "worker_loop_busy_ratio",
		    "Share of time the busiest worker's loop was at work.",
		    load->loop_busy);
	counter(out, stats, "requests_total",
	    "Finished requests, failed ones included.", requests);
	counter(out, stats, "failures_total", "Failed requests.", failures);
	counter(out, stats, "received_bytes_total", "Bytes received.", bytes);
	histograms(out, stats);
	errors(out, stats);
	metrics(out, stats);
	return out->overflow ? -1 : 0;
}

static bool prometheus_wanted(const struct report *r)
{
	return r->options.prometheus != NULL;
}

static int prometheus_start(const struct report *r)
{
	told = false;
	return file_check(r->options.prometheus);
}

static int save(const struct report *r, bool quiet)
{
	struct buf out = BUF_INIT(PROMETHEUS_MAX);
	int rc = prometheus_write(&out, r->options.stats, &r->run, &r->load);

	if (rc == 0)
		rc = file_try_replace(r->options.prometheus, out.data,
		    out.len);
	else
		errno = EFBIG;
	if (rc == -1 && !quiet)
		log_error("cannot write %s: %m", r->options.prometheus);
	buf_release(&out);
	return rc;
}

static void prometheus_tick(const struct report *r)
{
	told = save(r, told) == -1;
}

static int prometheus_finish(const struct report *r,
    const struct result *result)
{
	(void)result;
	return save(r, false);
}

const struct output output_prometheus = {
	.name = "prometheus",
	.wanted = prometheus_wanted,
	.start = prometheus_start,
	.tick = prometheus_tick,
	.finish = prometheus_finish,
};
