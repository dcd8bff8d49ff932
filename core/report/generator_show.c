/*
 * Showing what the generator did.  The verdict comes first and in words,
 * because the figures below it only matter to who doubts it.
 */
#include "report/generator_show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/property.h"
#include "report/svg.h"
#include "report/text.h"

static json_t *delays(const double ms[3])
{
	static const char *const names[] = { "p50", "p99", "max" };
	json_t *o = json_object();

	for (int i = 0; i < 3; i++)
		property_set_known(o, names[i], ms[i]);
	return o;
}

static json_t *worker(const struct generator_row *w)
{
	json_t *o = json_object();

	property_set(o, "worker", json_integer(w->index));
	property_set_known_count(o, "seconds", w->seconds);
	property_set_known_count(o, "busy_seconds", w->busy_seconds);
	property_set_known(o, "cpu_percent", w->cpu);
	property_set_known(o, "cpu_percent_max", w->cpu_max);
	property_set_known(o, "loop_busy", w->busy);
	property_set_known(o, "loop_busy_max", w->busy_max);
	property_set(o, "loop_delay_ms", delays(w->delay_ms));
	property_set_known_count(o, "memory_bytes_max", w->memory);
	property_set_known_count(o, "descriptors_max", w->descriptors);
	property_set_known_count(o, "descriptors_limit", w->descriptors_max);
	property_set_known_count(o, "arrivals", (int64_t)w->arrivals);
	property_set_known_count(o, "dropped_arrivals", (int64_t)w->dropped);
	return o;
}

json_t *generator_show_json(const struct generator_result *g)
{
	json_t *o = json_object(), *rows = json_array();

	property_set(o, "limited_by", json_string(limit_name(g->limit)));
	property_set(o, "reason", g->why ? json_string(g->why) : NULL);
	property_set_known_count(o, "seconds", g->seconds);
	property_set_known_count(o, "busy_seconds", g->busy_seconds);
	property_set(o, "loop_delay_ms", delays(g->delay_ms));
	property_set_known(o, "users_waiting", g->waiting);
	property_set_known(o, "late_ms", g->late_ms);
	property_set_known(o, "segments_resent", g->resent);
	property_set_known_count(o, "sockets_max", g->ports);
	property_set_known_count(o, "ports_limit", g->ports_max);
	property_set_known_count(o, "arrivals", (int64_t)g->arrivals);
	property_set_known_count(o, "dropped_arrivals", (int64_t)g->dropped);
	for (size_t i = 0; i < g->worker_count; i++)
		json_array_append_new(rows, worker(&g->workers[i]));
	property_set(o, "workers", rows);
	return o;
}

/* ---- reading back ---- */

static double real_of(const json_t *o, const char *key)
{
	double d = property_real(o, key, -1);

	return d >= 0 ? d : -1;
}

static int64_t count_of(const json_t *o, const char *key)
{
	return (int64_t)real_of(o, key);
}

/* Where "not known" is none. */
static uint64_t sum_of(const json_t *o, const char *key)
{
	int64_t n = count_of(o, key);

	return n > 0 ? (uint64_t)n : 0;
}

static void read_delays(double ms[3], const json_t *o)
{
	const json_t *d = json_object_get(o, "loop_delay_ms");

	ms[0] = real_of(d, "p50");
	ms[1] = real_of(d, "p99");
	ms[2] = real_of(d, "max");
}

static void read_worker(struct generator_row *w, const json_t *o)
{
	*w = (struct generator_row){
		.index = json_integer_value(json_object_get(o, "worker")),
		.seconds = (unsigned)sum_of(o, "seconds"),
		.busy_seconds = (unsigned)sum_of(o, "busy_seconds"),
		.cpu = real_of(o, "cpu_percent"),
		.cpu_max = real_of(o, "cpu_percent_max"),
		.busy = real_of(o, "loop_busy"),
		.busy_max = real_of(o, "loop_busy_max"),
		.memory = count_of(o, "memory_bytes_max"),
		.descriptors = count_of(o, "descriptors_max"),
		.descriptors_max = count_of(o, "descriptors_limit"),
		.arrivals = sum_of(o, "arrivals"),
		.dropped = sum_of(o, "dropped_arrivals"),
	};
	read_delays(w->delay_ms, o);
}

void generator_show_read(struct generator_result *g, const json_t *o)
{
	const json_t *rows = json_object_get(o, "workers");
	const char *why = json_string_value(json_object_get(o, "reason"));
	size_t count = json_array_size(rows);

	*g = (struct generator_result){
		.limit = limit_of_name(json_string_value(
		    json_object_get(o, "limited_by"))),
		.why = why ? xstrdup(why) : NULL,
		.seconds = (unsigned)sum_of(o, "seconds"),
		.busy_seconds = (unsigned)sum_of(o, "busy_seconds"),
		.resent = real_of(o, "segments_resent"),
		.ports = count_of(o, "sockets_max"),
		.ports_max = count_of(o, "ports_limit"),
		.arrivals = sum_of(o, "arrivals"),
		.dropped = sum_of(o, "dropped_arrivals"),
		.waiting = real_of(o, "users_waiting"),
		.late_ms = real_of(o, "late_ms"),
		.worker_count = count < GENERATOR_WORKERS ? count :
		    GENERATOR_WORKERS,
	};
	read_delays(g->delay_ms, o);
	g->workers = xcalloc(g->worker_count + 1, sizeof *g->workers);
	for (size_t i = 0; i < g->worker_count; i++)
		read_worker(&g->workers[i], json_array_get(rows, i));
}

/* ---- for people ---- */

void generator_show_sentence(struct buf *out,
    const struct generator_result *g)
{
	if (g->limit == LIMIT_NONE)
		buf_puts(out, "not limited: ");
	else if (g->limit != LIMIT_UNKNOWN)
		buf_printf(out, "%s-limited: ", limit_name(g->limit));
	buf_puts(out, g->why ? g->why : "");
}

static void number(struct buf *out, double v, int decimals, const char *unit)
{
	buf_puts(out, "<td class=\"n\">");
	if (v >= 0)
		buf_printf(out, "%.*f%s", decimals, v, unit);
}

static void share(struct buf *out, double v)
{
	number(out, v * 100, 0, " %");
}

static void used(struct buf *out, int64_t n, int64_t most)
{
	buf_puts(out, "<td class=\"n\">");
	if (n < 0)
		return;
	text_count(out, (uint64_t)n);
	if (most <= 0)
		return;
	buf_puts(out, " of ");
	text_count(out, (uint64_t)most);
}

static void html_worker(struct buf *out, const struct generator_row *w)
{
	buf_printf(out, "<tr><td class=\"n\">%lld", (long long)w->index);
	number(out, w->cpu, 0, " %");
	number(out, w->cpu_max, 0, " %");
	share(out, w->busy);
	share(out, w->busy_max);
	for (int i = 0; i < 3; i++)
		number(out, w->delay_ms[i], 1, "");
	number(out, (double)w->memory / 1e6, 0, " MB");
	used(out, w->descriptors, w->descriptors_max);
	number(out, (double)w->dropped, 0, "");
	buf_puts(out, "</tr>\n");
}

void generator_show_html(struct buf *out, const struct generator_result *g)
{
	struct buf text = BUF_INIT(4000);

	if (g->why == NULL)
		return;
	generator_show_sentence(&text, g);
	buf_puts(out, "<section><h2>What limited the run</h2><p>");
	svg_escape(out, buf_str(&text));
	buf_puts(out, "</p>\n");
	buf_release(&text);
	if (g->worker_count > 0)
		buf_puts(out, "<div class=\"wide\"><table><thead><tr>"
		    "<th class=\"n\">Worker<th class=\"n\">CPU<th class=\"n\">"
		    "most<th class=\"n\">Loop busy<th class=\"n\">most"
		    "<th class=\"n\">Delay p50 ms<th class=\"n\">p99"
		    "<th class=\"n\">max<th class=\"n\">Memory"
		    "<th class=\"n\">Descriptors<th class=\"n\">Dropped "
		    "arrivals</tr></thead>\n");
	for (size_t i = 0; i < g->worker_count; i++)
		html_worker(out, &g->workers[i]);
	if (g->worker_count > 0)
		buf_puts(out, "</table></div>");
	buf_puts(out, "</section>\n");
}
