/*
 * --ndjson: one JSON object per line and second while the run goes on, for
 * programs that follow it: what came in that second, of all requests and of
 * each endpoint that had any; events between them.  docs/results-json.md
 * describes the fields.
 */
#include "base/jsonw.h"
#include "report/append.h"
#include "report/output.h"

#include <stdio.h>
#include <string.h>

#define TICK_MAX (256u << 20)

static struct append stream;

static void put_sum(struct jsonw *w, const struct window_sum *sum)
{
	static const struct {
		const char *name;
		double q;
	} shown[] = { { "p50_ms", 0.5 }, { "p90_ms", 0.9 },
		{ "p95_ms", 0.95 }, { "p99_ms", 0.99 }, { "max_ms", 1 } };
	const struct histogram *h = &sum->response;

	jsonw_put_int(w, "requests", (int64_t)sum->requests);
	jsonw_put_int(w, "failures", (int64_t)sum->failures);
	jsonw_put_int(w, "bytes", (int64_t)sum->bytes);
	if (h->count == 0)
		return;
	jsonw_put_double(w, "mean_ms", histogram_mean(h) / 1e6);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		jsonw_put_double(w, shown[i].name,
		    (double)histogram_quantile(h, shown[i].q) / 1e6);
}

static void put_series(struct jsonw *w, const struct report *r)
{
	const struct stats *stats = r->options.stats;

	jsonw_key(w, "series");
	jsonw_array(w);
	for (size_t i = 0; i < stats->count; i++) {
		struct window_sum sum;

		windows_last(r->windows, stats->series[i], &sum);
		if (sum.requests + sum.response.count > 0) {
			jsonw_object(w);
			jsonw_put_string(w, "type", stats->series[i]->type);
			jsonw_put_string(w, "name", stats->series[i]->name);
			jsonw_put_bool(w, "phase", stats->series[i]->phase);
			put_sum(w, &sum);
			jsonw_end(w);
		}
		window_sum_release(&sum);
	}
	jsonw_end_array(w);
}

static void begin(struct jsonw *w, struct buf *line, const char *kind,
    double wall, double elapsed)
{
	jsonw_init(w, line, 0);
	jsonw_object(w);
	jsonw_put_string(w, "kind", kind);
	jsonw_put_double(w, "time_unix", wall);
	jsonw_put_double(w, "elapsed_s", elapsed);
}

/* Says what is missing in front of the first line that fits again. */
static void put_gap(const struct report *r, struct buf *line)
{
	struct jsonw w;

	begin(&w, line, "gap", r->wall, r->elapsed);
	jsonw_put_int(&w, "lines", stream.missing);
	jsonw_put_string(&w, "reason", "they could not be written");
	jsonw_end(&w);
	buf_putc(line, '\n');
}

static void write_line(const struct report *r, struct buf *line)
{
	struct buf both = BUF_INIT(TICK_MAX + 4096);

	buf_putc(line, '\n');
	if (line->overflow)
		return;
	if (stream.missing > 0)
		put_gap(r, &both);
	buf_add(&both, line->data, line->len);
	if (append_lines(&stream, both.data, both.len) == 0)
		append_gap(&stream);
	buf_release(&both);
}

static void ndjson_tick(const struct report *r)
{
	struct buf line = BUF_INIT(TICK_MAX);
	struct window_sum sum;
	struct jsonw w;

	if (!r->run.started || !r->fresh)
		return;
	windows_last(r->windows, NULL, &sum);
	begin(&w, &line, "second", r->wall, r->elapsed);
	jsonw_put_double(&w, "length_s", sum.length);
	jsonw_put_string(&w, "state", run_state_name(r->run.state));
	jsonw_put_int(&w, "users", r->run.users_running);
	jsonw_put_int(&w, "workers", r->run.workers);
	put_sum(&w, &sum);
	jsonw_put_int(&w, "total_requests",
	    (int64_t)r->options.stats->total.requests);
	jsonw_put_int(&w, "total_failures",
	    (int64_t)r->options.stats->total.failures);
	put_series(&w, r);
	jsonw_end(&w);
	write_line(r, &line);
	window_sum_release(&sum);
	buf_release(&line);
}

static void ndjson_event(const struct report *r,
    const struct result_event *event)
{
	struct buf line = BUF_INIT(65536);
	struct jsonw w;

	begin(&w, &line, "event", r->wall, event->at);
	jsonw_put_string(&w, "text", event->text);
	jsonw_end(&w);
	write_line(r, &line);
	buf_release(&line);
}

static bool ndjson_wanted(const struct report *r)
{
	return r->options.ndjson != NULL;
}

static int ndjson_start(const struct report *r)
{
	return append_open(&stream, r->options.ndjson, "", 0);
}

static int ndjson_finish(const struct report *r, const struct result *result)
{
	struct buf line = BUF_INIT(65536);
	struct jsonw w;

	ndjson_tick(r);
	begin(&w, &line, "verdict", r->wall, r->elapsed);
	jsonw_put_string(&w, "result", result_verdict_name(result->verdict));
	jsonw_put_int(&w, "exit_code", result->exit_code);
	jsonw_put_string(&w, "reason", result->sentence);
	jsonw_end(&w);
	write_line(r, &line);
	buf_release(&line);
	return append_close(&stream);
}

const struct output output_ndjson = {
	.name = "ndjson",
	.wanted = ndjson_wanted,
	.start = ndjson_start,
	.tick = ndjson_tick,
	.event = ndjson_event,
	.finish = ndjson_finish,
};
