/*
 * --out prometheus-rw=URL: Prometheus' remote write 1.0, a protobuf message in
 * snappy's block format.  The message has four kinds of fields, written here
 * by hand; names and labels are those of the scrape page (/metrics).
 *
 * Counters are cumulative since the start of the test, so that a repeated or
 * longer interval does no harm.
 */
#include "exponential.h"
#include "post.h"

#include <snappy-c.h>

#include <swarm/sink.h>
#include <swarm/swarm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *bearer;
static const char *headers;
static const char *labels;
static const char *histograms;

#define MAX_LABELS 32

struct label {
	char *name;
	char *value;
};

struct rw {
	struct post *post;
	struct text out;
	struct text packed;
	struct text series;
	struct text scratch;
	struct label own[MAX_LABELS];   /* of every series */
	size_t own_count;
	bool native;
	int64_t time_ms;
};

/* The buckets of the scrape page. */
static const double bounds_s[] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 };

#define BOUNDS (sizeof(bounds_s) / sizeof(*bounds_s))

/* ---- protobuf ---- */

static void varint(struct text *t, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		text_putc(t, (char)(v | 0x80));
	text_putc(t, (char)v);
}

static void key(struct text *t, unsigned field, unsigned wire)
{
	varint(t, (uint64_t)field << 3 | wire);
}

static void put_uint(struct text *t, unsigned field, uint64_t v)
{
	key(t, field, 0);
	varint(t, v);
}

static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static void put_double(struct text *t, unsigned field, double v)
{
	uint64_t bits;
	char bytes[8];

	memcpy(&bits, &v, sizeof(bits));
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(bits >> (8 * i));
	key(t, field, 1);
	text_add(t, bytes, sizeof(bytes));
}

static void put_bytes(struct text *t, unsigned field, const void *data,
    size_t len)
{
	key(t, field, 2);
	varint(t, len);
	text_add(t, data, len);
}

/* ---- labels ---- */

static int compare(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool is(const char *word, const char *text, size_t len)
{
	return strlen(word) == len && memcmp(word, text, len) == 0;
}

/* Twice the same name is what a receiver refuses, with all that comes with
 * it: the later value counts.  0, or -1 after swarm_error(). */
static int add_own(struct rw *s, const char *name, size_t len,
    const char *value, size_t value_len)
{
	struct label *l = s->own;
	struct label *end = l + s->own_count;

	while (l < end && !is(l->name, name, len))
		l++;
	if (l == s->own + MAX_LABELS) {
		swarm_error("labels: %d are possible", MAX_LABELS - 2);
		return -1;
	}
	if (l == end) {
		l->name = strndup(name, len);
		s->own_count++;
	}
	free(l->value);
	l->value = strndup(value, value_len);
	if (l->name && l->value)
		return 0;
	swarm_error("out of memory");
	return -1;
}

/* Letters, digits and "_", and none that series have of their own. */
static bool good_label(const char *name, size_t len)
{
	static const char *const taken[] = { "type", "name", "error", "le",
		"quantile" };

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (is(taken[i], name, len))
			return false;
	return len > 0 && !(name[0] >= '0' && name[0] <= '9') &&
	    !(len > 1 && name[0] == '_' && name[1] == '_') &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

/* "name=value,name=value" */
static int add_labels(struct rw *s, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");
		size_t name = strcspn(text, "=,");

		if (name + 1 >= len || !good_label(text, name)) {
			swarm_error("labels: \"%.*s\": write "
			    "name=value,name=value; names are letters, "
			    "digits and \"_\", and not type, name, error, "
			    "le, quantile, which series have themselves",
			    (int)len, text);
			return -1;
		}
		if (add_own(s, text, name, text + name + 1, len - name - 1) ==
		    -1)
			return -1;
		text += len + (text[len] == ',');
	}
	return 0;
}

/* One label of the series at hand; values may be of any length. */
static void put_label(struct rw *s, const char *name, const char *value)
{
	struct text clean = { 0 };

	text_clear(&s->scratch);
	text_clean(&clean, value);
	put_bytes(&s->scratch, 1, name, strlen(name));
	put_bytes(&s->scratch, 2, text_str(&clean), clean.len);
	put_bytes(&s->series, 1, text_str(&s->scratch), s->scratch.len);
	text_release(&clean);
}

/* ---- series ---- */

/* Labels must be sorted; an empty value is no label. */
static void begin(struct rw *s, const char *metric, const struct label *more,
    size_t count)
{
	struct label all[MAX_LABELS + 8];
	char name[128];
	size_t n = 0;

	snprintf(name, sizeof(name), "swarm_%s", metric);
	all[n++] = (struct label){ (char[]){ "__name__" }, name };
	for (size_t i = 0; i < s->own_count; i++)
		all[n++] = s->own[i];
	for (size_t i = 0; i < count; i++)
		if (more[i].value[0] != '\0')
			all[n++] = more[i];
	qsort(all, n, sizeof(*all), compare);
	text_clear(&s->series);
	for (size_t i = 0; i < n; i++)
		put_label(s, all[i].name, all[i].value);
}

static void finish(struct rw *s)
{
	put_bytes(&s->out, 1, s->series.data, s->series.len);
}

static void sample(struct rw *s, const char *metric, const struct label *more,
    size_t count, double v)
{
	begin(s, metric, more, count);
	text_clear(&s->scratch);
	put_double(&s->scratch, 1, v);
	put_uint(&s->scratch, 2, (uint64_t)s->time_ms);
	put_bytes(&s->series, 2, s->scratch.data, s->scratch.len);
	finish(s);
}

static void gauge(struct rw *s, const char *metric, double v)
{
	if (v >= 0)
		sample(s, metric, NULL, 0, v);
}

static void classic(struct rw *s, const char *metric,
    const struct label *more, const struct swarm_times *t)
{
	char name[64], bound[32];
	struct label with[3] = { more[0], more[1],
		{ (char[]){ "le" }, bound } };

	snprintf(name, sizeof(name), "%s_bucket", metric);
	for (size_t i = 0; i <= BOUNDS; i++) {
		if (i < BOUNDS)
			snprintf(bound, sizeof(bound), "%g", bounds_s[i]);
		else
			snprintf(bound, sizeof(bound), "+Inf");
		sample(s, name, with, 3, (double)(i < BOUNDS ?
		    swarm_times_count_to(t, (int64_t)(bounds_s[i] * 1e9)) :
		    swarm_times_count(t)));
	}
	snprintf(name, sizeof(name), "%s_sum", metric);
	sample(s, name, more, 2, swarm_times_sum(t) / 1e9);
	snprintf(name, sizeof(name), "%s_count", metric);
	sample(s, name, more, 2, (double)swarm_times_count(t));
}

/* The message Histogram: bucket i is (2^((i-1)/8), 2^(i/8)] here, one more
 * than in OpenTelemetry; counts are differences from their neighbour. */
static void native(struct rw *s, const char *metric, const struct label *more,
    const struct swarm_times *t)
{
	struct text span = { 0 }, deltas = { 0 };
	struct exponential e;
	int64_t before = 0;

	exponential_from(&e, t);
	begin(s, metric, more, 2);
	text_clear(&s->scratch);
	put_uint(&s->scratch, 1, swarm_times_count(t));
	put_double(&s->scratch, 3, swarm_times_sum(t) / 1e9);
	put_uint(&s->scratch, 4, zigzag(e.scale));
	put_double(&s->scratch, 5, 1e-9);
	put_uint(&s->scratch, 6, e.zero);
	if (e.count > 0) {
		put_uint(&span, 1, zigzag(e.first + 1));
		put_uint(&span, 2, e.count);
		put_bytes(&s->scratch, 11, span.data, span.len);
		for (size_t i = 0; i < e.count; i++) {
			varint(&deltas, zigzag((int64_t)e.counts[i] - before));
			before = (int64_t)e.counts[i];
		}
		put_bytes(&s->scratch, 12, deltas.data, deltas.len);
	}
	put_uint(&s->scratch, 15, (uint64_t)s->time_ms);
	put_bytes(&s->series, 4, s->scratch.data, s->scratch.len);
	finish(s);
	text_release(&span);
	text_release(&deltas);
}

static void put_row(struct rw *s, const struct swarm_sink_row *r)
{
	const struct label l[2] = {
		{ (char[]){ "type" }, (char *)(uintptr_t)r->type },
		{ (char[]){ "name" }, (char *)(uintptr_t)r->name },
	};
	const char *metric = r->phase ? "phase_seconds" : "response_seconds";

	if (!r->phase) {
		sample(s, "requests_total", l, 2, (double)r->total_requests);
		sample(s, "failures_total", l, 2, (double)r->total_failures);
		sample(s, "received_bytes_total", l, 2,
		    (double)r->total_bytes);
	}
	if (s->native)
		native(s, metric, l, r->total_times);
	else
		classic(s, metric, l, r->total_times);
}

static void put_metric(struct rw *s, const struct swarm_sink_metric *m)
{
	static const char *const q[4] = { "0.5", "0.9", "0.95", "0.99" };
	const double at[4] = { m->p50, m->p90, m->p95, m->p99 };
	bool spread = strcmp(m->kind, "distribution") == 0;

	for (int i = 0; i < (spread ? 4 : 1); i++) {
		const struct label l[2] = {
			{ (char[]){ "name" }, (char *)(uintptr_t)m->name },
			{ (char[]){ "quantile" },
			  (char *)(uintptr_t)(spread ? q[i] : "") },
		};

		sample(s, "metric", l, 2, spread ? at[i] :
		    strcmp(m->kind, "gauge") == 0 ? m->last : m->mean);
	}
}

static void put_all(struct rw *s, const struct swarm_sink_interval *i)
{
	gauge(s, "users", (double)i->users);
	gauge(s, "users_target", (double)i->users_target);
	gauge(s, "workers", i->workers);
	gauge(s, "worker_cpu_percent", i->cpu_percent);
	gauge(s, "worker_loop_busy_ratio", i->loop_busy);
	for (size_t k = 0; k < i->row_count; k++)
		put_row(s, i->rows[k]);
	for (size_t k = 0; k < i->error_count; k++) {
		const struct swarm_sink_error *e = i->errors[k];
		const struct label l[3] = {
			{ (char[]){ "type" }, (char *)(uintptr_t)e->type },
			{ (char[]){ "name" }, (char *)(uintptr_t)e->name },
			{ (char[]){ "error" }, (char *)(uintptr_t)e->text },
		};

		sample(s, "errors_total", l, 3, (double)e->total);
	}
	for (size_t k = 0; k < i->counter_count; k++) {
		const struct label l = { (char[]){ "name" },
			(char *)(uintptr_t)i->counters[k]->name };

		sample(s, "counter", &l, 1, (double)i->counters[k]->total);
	}
	for (size_t k = 0; k < i->metric_count; k++)
		put_metric(s, i->metrics[k]);
}

/* ---- the sink ---- */

static int pack(struct rw *s)
{
	size_t len = snappy_max_compressed_length(s->out.len);
	char *data;

	if (s->out.failed || s->series.failed || s->scratch.failed)
		return swarm_sink_fail("too much for one interval");
	if (s->packed.cap < len) {
		data = realloc(s->packed.data, len);
		if (!data)
			return swarm_sink_fail("out of memory");
		s->packed.data = data;
		s->packed.cap = len;
	}
	if (snappy_compress(s->out.data, s->out.len, s->packed.data, &len) !=
	    SNAPPY_OK)
		return swarm_sink_fail("snappy cannot compress");
	s->packed.len = len;
	return 0;
}

static int deliver(struct rw *s)
{
	if (pack(s) == -1)
		return -1;
	return post_send(s->post, s->packed.data, s->packed.len, NULL);
}

static int rw_interval(void *sink, const struct swarm_sink_interval *i)
{
	struct rw *s = sink;

	s->time_ms = (int64_t)(i->time * 1000);
	text_clear(&s->out);
	put_all(s, i);
	return deliver(s);
}

/* Queries look back for five minutes, in which the users would go on. */
static int rw_end(void *sink, const struct swarm_sink_end *e)
{
	struct rw *s = sink;
	int64_t now = (int64_t)(e->time * 1000);

	s->time_ms = now > s->time_ms ? now : s->time_ms + 1;
	text_clear(&s->out);
	gauge(s, "users", 0);
	gauge(s, "users_target", 0);
	gauge(s, "workers", 0);
	return deliver(s);
}

static void rw_stop(void *sink)
{
	struct rw *s = sink;

	for (size_t i = 0; i < s->own_count; i++) {
		free(s->own[i].name);
		free(s->own[i].value);
	}
	if (s->post)
		post_free(s->post);
	text_release(&s->out);
	text_release(&s->packed);
	text_release(&s->series);
	text_release(&s->scratch);
	free(s);
}

static void *rw_start(const struct swarm_sink_start *start)
{
	static const char *const fixed[] = {
		"Content-Type: application/x-protobuf",
		"Content-Encoding: snappy",
		"X-Prometheus-Remote-Write-Version: 0.1.0", NULL };
	struct rw *s = calloc(1, sizeof(*s));
	char host[256] = "";

	if (!s) {
		swarm_error("out of memory");
		return NULL;
	}
	gethostname(host, sizeof(host) - 1);
	s->native = strcmp(histograms, "native") == 0;
	if (add_own(s, "job", 3, "swarm", 5) == 0 &&
	    add_own(s, "instance", 8, host, strlen(host)) == 0 &&
	    add_labels(s, labels) == 0)
		s->post = post_new(start->target, "/api/v1/write", fixed);
	if (!s->post) {
		rw_stop(s);
		return NULL;
	}
	post_authorize(s->post, "Bearer", bearer);
	post_add_headers(s->post, headers);
	return s;
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "prometheus-rw",
	.help = "http://HOST:9090/api/v1/write",
	.start = rw_start,
	.interval = rw_interval,
	.end = rw_end,
	.stop = rw_stop,
};

SWARM_MODULE(
	.name = "prometheus-rw",
	.version = SWARM_VERSION,
	.summary = "output: Prometheus remote write",
	.help = "swarm --out prometheus-rw=http://localhost:9090/api/v1/write",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(bearer, NULL, "a token that lets in",
			.flags = SWARM_SECRET),
		SWARM_OPTION(headers, NULL,
			"more headers, for example \"X-Scope-OrgID: X\"",
			.flags = SWARM_SECRET),
		SWARM_OPTION(labels, NULL,
			"labels of every series: name=value,name=value"),
		SWARM_OPTION(histograms, "classic",
			"buckets of fixed bounds, or native ones",
			.choices = "classic|native")),
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }),
);
