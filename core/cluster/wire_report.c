/*
 * Reading a worker's report into the totals.
 *
 * A report is walked twice by the same code: first with nowhere to put
 * anything, which finds every fault, then for good, when nothing can fail any
 * more.  That is cheaper than a copy of the totals to fall back on, and the
 * two walks cannot disagree.
 */
#include "cluster/wire.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/wire_metric.h"
#include "cluster/wire_object.h"

/* Response times of more (3 years) are nonsense. */
#define MAX_MS 1e11
/* A worker's clock this far off ours (seconds) is wrong, not late. */
#define CLOCK_OFF 30.0

struct walk {
	struct stats *into;             /* NULL: only checking */
	struct series *scratch;         /* one row, to check or to fill */
	double shift;                   /* added to the worker's times */
	double now;
};

/* A series' numbers, checked, before they are added. */
struct entry {
	char type[WIRE_MAX_NAME];
	char name[WIRE_MAX_NAME];
	bool phase;
	bool transaction;
	uint64_t requests;
	uint64_t failures;
	uint64_t untimed;
	uint64_t bytes;
	double start_time;
	double last_time;
};

static int read_name(const msgpack_object *o, char *out)
{
	if (o == NULL) {
		*out = '\0';
		return 0;
	}
	return wire_object_text(o, out, WIRE_MAX_NAME);
}

/* ---- adding ---- */

static double shifted(const struct walk *w, double time)
{
	return time > 0 ? time + w->shift : 0;
}

static void add_times(struct series *s, double start, double last)
{
	if (start > 0 && (s->start_time <= 0 || start < s->start_time))
		s->start_time = start;
	if (last > s->last_time)
		s->last_time = last;
}

static void add_numbers(struct series *s, const struct walk *w,
    const struct entry *e)
{
	s->requests += e->requests;
	s->failures += e->failures;
	s->untimed += e->untimed;
	s->bytes += e->bytes;
	add_times(s, shifted(w, e->start_time), shifted(w, e->last_time));
}

/* A second that is nowhere near now would only take a better one's place. */
static void add_second(struct series *s, const struct walk *w, double second,
    uint32_t requests, uint32_t failures)
{
	double at = floor(second + w->shift + 0.5);

	if (fabs(at - w->now) < STATS_SECONDS)
		series_count_second(s, (int64_t)at, requests, failures);
}

/* As series_merge() decides it. */
static void add_phase(struct series *s, const struct entry *e)
{
	s->transaction = s->transaction || e->transaction;
	if (e->phase && s->requests == 0)
		s->phase = true;
	if (e->requests > 0)
		s->phase = false;
}

/* The row to add to; samples that had no room for their own are counted. */
static struct series *find_row(struct walk *w, const struct entry *e,
    uint64_t samples)
{
	struct series *s = stats_series(w->into, e->type, e->name);

	if (s->other && strcmp(e->name, STATS_OTHER) != 0)
		w->into->capped += samples;
	return s;
}

/* ---- swarm's form ---- */

static bool is_bin(const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_BIN;
}

static int check_histogram(const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_NIL)
		return 0;
	if (!is_bin(o))
		return -1;
	return histogram_decode_check(o->via.bin.ptr, o->via.bin.size);
}

static int check_batches(const struct walk *w, const msgpack_object *o)
{
	batches_init(&w->scratch->batches);
	return !is_bin(o) ? -1 : batches_decode_add(&w->scratch->batches,
	    o->via.bin.ptr, o->via.bin.size);
}

static void add_histogram(struct histogram *into, const msgpack_object *o)
{
	if (is_bin(o))
		histogram_decode_add(into, o->via.bin.ptr, o->via.bin.size);
}

/* The response time first: it starts as a copy of the service time. */
static void add_histograms(struct series *s, const msgpack_object *service,
    const msgpack_object *response)
{
	if (is_bin(response))
		series_need_response(s);
	if (s->response != NULL)
		add_histogram(s->response,
		    is_bin(response) ? response : service);
	add_histogram(&s->service, service);
}

/* A flat array of (second, requests, failures). */
static int walk_seconds(struct walk *w, const msgpack_object *o,
    struct series *s)
{
	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size % 3 != 0)
		return -1;
	for (uint32_t i = 0; i < o->via.array.size; i += 3) {
		const msgpack_object *at = &o->via.array.ptr[i];
		double second;
		uint64_t requests;
		uint64_t failures;

		if (wire_object_double(&at[0], 0, WIRE_MAX_TIME,
		    &second) == -1 ||
		    wire_object_uint(&at[1], UINT32_MAX, &requests) == -1 ||
		    wire_object_uint(&at[2], UINT32_MAX, &failures) == -1)
			return -1;
		if (s != NULL)
			add_second(s, w, second, (uint32_t)requests,
			    (uint32_t)failures);
	}
	return 0;
}

static int read_series(const msgpack_object *f, struct entry *e)
{
	uint64_t flags;

	if (read_name(&f[0], e->type) == -1 ||
	    read_name(&f[1], e->name) == -1 ||
	    wire_object_uint(&f[2], UINT32_MAX, &flags) == -1 ||
	    wire_object_uint(&f[3], WIRE_MAX_COUNT, &e->requests) == -1 ||
	    wire_object_uint(&f[4], WIRE_MAX_COUNT, &e->failures) == -1 ||
	    wire_object_uint(&f[5], WIRE_MAX_COUNT, &e->untimed) == -1 ||
	    wire_object_uint(&f[6], WIRE_MAX_COUNT, &e->bytes) == -1 ||
	    wire_object_double(&f[7], 0, WIRE_MAX_TIME,
	    &e->start_time) == -1 ||
	    wire_object_double(&f[8], 0, WIRE_MAX_TIME, &e->last_time) == -1)
		return -1;
	e->phase = (flags & 1) != 0;
	e->transaction = (flags & 2) != 0;
	return 0;
}

static int check_series(struct walk *w, const msgpack_object *o,
    struct entry *e)
{
	const msgpack_object *f = o->via.array.ptr;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 13 ||
	    read_series(f, e) == -1 || check_histogram(&f[9]) == -1 ||
	    check_histogram(&f[10]) == -1 || check_batches(w, &f[11]) == -1)
		return -1;
	return walk_seconds(w, &f[12], NULL);
}

static void add_series(struct walk *w, const msgpack_object *o,
    struct series *s, const struct entry *e)
{
	const msgpack_object *f = o->via.array.ptr;

	add_phase(s, e);
	add_histograms(s, &f[9], &f[10]);
	batches_decode_add(&s->batches, f[11].via.bin.ptr, f[11].via.bin.size);
	add_numbers(s, w, e);
	walk_seconds(w, &f[12], s);
}

static int walk_series(struct walk *w, const msgpack_object *o)
{
	struct entry e;

	if (w->into == NULL)
		return check_series(w, o, &e);
	if (read_series(o->via.array.ptr, &e) == 0)
		add_series(w, o, find_row(w, &e, e.requests), &e);
	return 0;
}

static int walk_total(struct walk *w, const msgpack_object *o)
{
	struct entry e;

	if (o == NULL)
		return -1;
	if (w->into == NULL)
		return check_series(w, o, &e);
	if (read_series(o->via.array.ptr, &e) == 0)
		add_series(w, o, &w->into->total, &e);
	return 0;
}

static int walk_swarm_error(struct walk *w, const msgpack_object *o)
{
	const msgpack_object *f = o->via.array.ptr;
	char type[WIRE_MAX_NAME];
	char name[WIRE_MAX_NAME];
	char text[WIRE_MAX_TEXT];
	uint64_t occurrences;
	double first;
	double last;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 6 ||
	    read_name(&f[0], type) == -1 || read_name(&f[1], name) == -1 ||
	    wire_object_text(&f[2], text, sizeof text) == -1 ||
	    wire_object_uint(&f[3], WIRE_MAX_COUNT, &occurrences) == -1 ||
	    wire_object_double(&f[4], 0, WIRE_MAX_TIME, &first) == -1 ||
	    wire_object_double(&f[5], 0, WIRE_MAX_TIME, &last) == -1)
		return -1;
	if (w->into != NULL)
		stats_error(w->into, stats_series(w->into, type, name), text,
		    occurrences, shifted(w, first), shifted(w, last));
	return 0;
}

/* Whatever a scenario may add: it may count in nanoseconds. */
static int read_counter(const msgpack_object *o, int64_t *out)
{
	uint64_t n;

	if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		*out = o->via.i64;
		return 0;
	}
	if (wire_object_uint(o, INT64_MAX, &n) == -1)
		return -1;
	*out = (int64_t)n;
	return 0;
}

static int walk_counters(struct walk *w, const msgpack_object *o)
{
	char name[WIRE_MAX_NAME];
	int64_t value;

	if (o == NULL)
		return 0;
	if (o->type != MSGPACK_OBJECT_MAP)
		return -1;
	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];

		if (wire_object_text(&kv->key, name, sizeof name) == -1 ||
		    read_counter(&kv->val, &value) == -1)
			return -1;
		if (w->into != NULL)
			stats_count(w->into, stats_counter(w->into, name),
			    value);
	}
	return 0;
}

static int walk_array(struct walk *w, const msgpack_object *o,
    int (*each)(struct walk *, const msgpack_object *))
{
	if (o == NULL)
		return 0;
	if (o->type != MSGPACK_OBJECT_ARRAY)
		return -1;
	for (uint32_t i = 0; i < o->via.array.size; i++) {
		if (each(w, &o->via.array.ptr[i]) == -1)
			return -1;
	}
	return 0;
}

static int walk_swarm(struct walk *w, const msgpack_object *swarm)
{
	uint64_t capped;
	double time;

	if (wire_object_get_double(swarm, "time", 0, WIRE_MAX_TIME, 0,
	    &time) == -1 ||
	    wire_object_get_uint(swarm, "capped", 0, &capped) == -1)
		return -1;
	/* Less than a second is the way here, not the clock. */
	if (time > 0 && fabs(w->now - time) > 1)
		w->shift = w->now - time;
	if (walk_total(w, wire_object_get(swarm, "total")) == -1 ||
	    walk_array(w, wire_object_get(swarm, "series"),
	    walk_series) == -1 ||
	    walk_array(w, wire_object_get(swarm, "errors"),
	    walk_swarm_error) == -1 ||
	    walk_counters(w, wire_object_get(swarm, "counters")) == -1 ||
	    wire_metrics_read(wire_object_get(swarm, "metrics"),
	    w->into != NULL ? &w->into->metrics : NULL, w->shift) == -1)
		return -1;
	if (w->into != NULL)
		w->into->capped += capped;
	return 0;
}

/* ---- Locust's form ---- */

/* {bucket in ms: samples}; keys are integers or floats. */
static int walk_response_times(const msgpack_object *o, struct histogram *h)
{
	uint64_t samples = 0;

	if (o == NULL)
		return 0;
	if (o->type != MSGPACK_OBJECT_MAP)
		return -1;
	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];
		double ms;
		uint64_t n;

		if (wire_object_double(&kv->key, 0, MAX_MS, &ms) == -1 ||
		    wire_object_uint(&kv->val, WIRE_MAX_COUNT, &n) == -1 ||
		    samples + n > WIRE_MAX_COUNT)
			return -1;
		samples += n;
		if (h != NULL)
			histogram_record_n(h, llrint(ms * NS_PER_MS), n);
	}
	return 0;
}

/* {second: requests}; two maps hold requests and failures. */
static int walk_second_map(struct walk *w, const msgpack_object *o,
    struct series *s, bool failures)
{
	if (o == NULL)
		return 0;
	if (o->type != MSGPACK_OBJECT_MAP)
		return -1;
	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];
		double second;
		uint64_t n;

		if (wire_object_double(&kv->key, 0, WIRE_MAX_TIME,
		    &second) == -1 ||
		    wire_object_uint(&kv->val, UINT32_MAX, &n) == -1)
			return -1;
		if (s != NULL)
			add_second(s, w, second, failures ? 0 : (uint32_t)n,
			    failures ? (uint32_t)n : 0);
	}
	return 0;
}

static int read_entry(const msgpack_object *o, struct entry *e)
{
	if (o->type != MSGPACK_OBJECT_MAP ||
	    read_name(wire_object_get(o, "method"), e->type) == -1 ||
	    read_name(wire_object_get(o, "name"), e->name) == -1 ||
	    wire_object_get_uint(o, "num_requests", 0, &e->requests) == -1 ||
	    wire_object_get_uint(o, "num_failures", 0, &e->failures) == -1 ||
	    wire_object_get_uint(o, "num_none_requests", 0,
	    &e->untimed) == -1 ||
	    wire_object_get_uint(o, "total_content_length", 0,
	    &e->bytes) == -1 ||
	    wire_object_get_double(o, "start_time", 0, WIRE_MAX_TIME, 0,
	    &e->start_time) == -1 ||
	    wire_object_get_double(o, "last_request_timestamp", 0,
	    WIRE_MAX_TIME, 0, &e->last_time) == -1)
		return -1;
	e->phase = false;
	e->transaction = false;
	return 0;
}

/* Sum, least and greatest response time, in ms. */
struct extent {
	double sum;
	double min;
	double max;
};

static int read_extent(const msgpack_object *o, struct extent *x)
{
	if (wire_object_get_double(o, "total_response_time", 0, 1e18, 0,
	    &x->sum) == -1 ||
	    wire_object_get_double(o, "min_response_time", 0, MAX_MS, 0,
	    &x->min) == -1 ||
	    wire_object_get_double(o, "max_response_time", 0, MAX_MS, 0,
	    &x->max) == -1)
		return -1;
	return 0;
}

static int check_entry(struct walk *w, const msgpack_object *o,
    struct entry *e, struct extent *x)
{
	if (read_entry(o, e) == -1 || read_extent(o, x) == -1 ||
	    walk_response_times(wire_object_get(o, "response_times"),
	    NULL) == -1 ||
	    walk_second_map(w, wire_object_get(o, "num_reqs_per_sec"), NULL,
	    false) == -1)
		return -1;
	return walk_second_map(w, wire_object_get(o, "num_fail_per_sec"), NULL,
	    true);
}

/* The buckets are rounded; sum, least and greatest are exact. */
static void add_entry(struct walk *w, const msgpack_object *o,
    struct series *s, const struct entry *e, const struct extent *x)
{
	struct histogram *h = &w->scratch->service;

	histogram_clear(h);
	walk_response_times(wire_object_get(o, "response_times"), h);
	histogram_correct(h, x->sum * NS_PER_MS, llrint(x->min * NS_PER_MS),
	    llrint(x->max * NS_PER_MS));
	add_phase(s, e);
	if (s->response != NULL)
		histogram_merge(s->response, h);
	histogram_merge(&s->service, h);
	add_numbers(s, w, e);
	walk_second_map(w, wire_object_get(o, "num_reqs_per_sec"), s, false);
	walk_second_map(w, wire_object_get(o, "num_fail_per_sec"), s, true);
}

static int walk_entry(struct walk *w, const msgpack_object *o)
{
	struct entry e;
	struct extent x;

	if (w->into == NULL)
		return check_entry(w, o, &e, &x);
	if (read_entry(o, &e) == 0 && read_extent(o, &x) == 0)
		add_entry(w, o, find_row(w, &e, e.requests), &e, &x);
	return 0;
}

/* Whatever a peer calls it: some say "Total", some give no method. */
static int walk_locust_total(struct walk *w, const msgpack_object *o)
{
	struct entry e;
	struct extent x;

	if (o == NULL)
		return -1;
	if (w->into == NULL)
		return check_entry(w, o, &e, &x);
	if (read_entry(o, &e) == 0 && read_extent(o, &x) == 0)
		add_entry(w, o, &w->into->total, &e, &x);
	return 0;
}

static int walk_locust_error(struct walk *w, const msgpack_object *o)
{
	const msgpack_object *error = wire_object_get(o, "error");
	char type[WIRE_MAX_NAME];
	char name[WIRE_MAX_NAME];
	char text[WIRE_MAX_TEXT];
	uint64_t occurrences;
	double first;
	double last;

	if (o->type != MSGPACK_OBJECT_MAP || error == NULL ||
	    read_name(wire_object_get(o, "method"), type) == -1 ||
	    read_name(wire_object_get(o, "name"), name) == -1 ||
	    wire_object_text(error, text, sizeof text) == -1 ||
	    wire_object_get_uint(o, "occurrences", 0, &occurrences) == -1 ||
	    wire_object_get_double(o, "first_seen", 0, WIRE_MAX_TIME, 0,
	    &first) == -1 ||
	    wire_object_get_double(o, "last_seen", 0, WIRE_MAX_TIME, 0,
	    &last) == -1)
		return -1;
	if (w->into == NULL)
		return 0;
	stats_error(w->into, stats_series(w->into, type, name), text,
	    occurrences, first > 0 ? shifted(w, first) : w->now,
	    last > 0 ? shifted(w, last) : w->now);
	return 0;
}

/* Locust does not say its time; the last request was a moment ago. */
static int find_shift(struct walk *w, const msgpack_object *data)
{
	double last;

	if (wire_object_get_double(wire_object_get(data, "stats_total"),
	    "last_request_timestamp", 0, WIRE_MAX_TIME, 0, &last) == -1)
		return -1;
	if (last > 0 && fabs(w->now - last) > CLOCK_OFF)
		w->shift = w->now - last;
	return 0;
}

static int walk_locust(struct walk *w, const msgpack_object *data)
{
	const msgpack_object *errors = wire_object_get(data, "errors");

	if (find_shift(w, data) == -1 ||
	    walk_locust_total(w, wire_object_get(data, "stats_total")) == -1 ||
	    walk_array(w, wire_object_get(data, "stats"), walk_entry) == -1)
		return -1;
	if (errors == NULL)
		return 0;
	if (errors->type != MSGPACK_OBJECT_MAP)
		return -1;
	for (uint32_t i = 0; i < errors->via.map.size; i++) {
		if (walk_locust_error(w, &errors->via.map.ptr[i].val) == -1)
			return -1;
	}
	return 0;
}

int wire_report_read(const msgpack_object *data, struct stats *into,
    double now,
    void (*on_count)(const char *name, int64_t count, void *), void *arg)
{
	const msgpack_object *counts =
	    wire_object_get(data, "user_classes_count");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	int (*walk)(struct walk *, const msgpack_object *) =
	    swarm != NULL ? walk_swarm : walk_locust;
	const msgpack_object *form = swarm != NULL ? swarm : data;
	struct series scratch;
	struct walk check = { .now = now, .scratch = &scratch };
	struct walk apply = { .now = now, .scratch = &scratch, .into = into };
	int result = -1;

	if (data->type != MSGPACK_OBJECT_MAP)
		return -1;
	series_init(&scratch, "", "");
	if (walk(&check, form) == -1 ||
	    wire_read_counts(counts, NULL, NULL) == -1)
		goto release;
	walk(&apply, form);
	if (on_count != NULL)
		wire_read_counts(counts, on_count, arg);
	result = 0;

release:
	series_release(&scratch);
	return result;
}
