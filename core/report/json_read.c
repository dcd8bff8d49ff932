/*
 * Reading results back: a JSON file, or an HTML report, which has the same
 * JSON inside.  Everything is checked, since files come from elsewhere; what
 * is not there is empty, what has the wrong type is refused.
 */
#include "report/json.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "report/execution.h"
#include "report/flight.h"
#include "report/gap.h"
#include "report/generator_show.h"
#include "report/html.h"
#include "report/property.h"
#include "report/text.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 1000000

static char *word_of(const json_t *o, const char *key)
{
	char *text = property_text(o, key);

	return text ? text : xstrdup("");
}

static size_t rows_of(const json_t *o, const char *key)
{
	size_t n = json_array_size(json_object_get(o, key));

	return n < MAX_ROWS ? n : MAX_ROWS;
}

static const json_t *row_of(const json_t *o, const char *key, size_t i)
{
	return json_array_get(json_object_get(o, key), i);
}

/* 0, or -1: not pairs of bucket and count in rising order. */
static int read_buckets(struct histogram *h, const json_t *array)
{
	json_int_t last = -1;
	size_t size = json_array_size(array);

	if (size % 2)
		return -1;
	for (size_t i = 0; i < size; i += 2) {
		json_int_t index = json_integer_value(
		    json_array_get(array, i));
		json_int_t n = json_integer_value(
		    json_array_get(array, i + 1));

		if (!json_is_integer(json_array_get(array, i)) ||
		    !json_is_integer(json_array_get(array, i + 1)) ||
		    index <= last || index > HISTOGRAM_BUCKETS || n <= 0 ||
		    (uint64_t)n > (UINT64_C(1) << 62) - h->count)
			return -1;
		if (index == HISTOGRAM_BUCKETS)
			h->overflow = (uint64_t)n;
		else
			histogram_add_at(h, (unsigned)index, (uint64_t)n);
		h->count += (uint64_t)n;
		last = index;
	}
	return 0;
}

/* A finite number of nanoseconds that fits. */
static int64_t ns_of(const json_t *o, const char *key)
{
	double ns = property_real(o, key, 0) * 1e6;

	if (!(ns > 0))
		return 0;
	return ns < 9e18 ? llround(ns) : INT64_MAX;
}

/* What the buckets alone say of sums and extremes. */
static void estimate(struct histogram *h)
{
	uint64_t n;
	int64_t lo, hi;

	if (h->count == 0)
		return;
	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n)) {
		histogram_wide middle;

		histogram_bounds(i, &lo, &hi);
		middle = (histogram_wide)(lo + (hi - lo) / 2);
		h->sum += middle * n;
		h->sum_squares += middle * middle * n;
		if (lo < h->min)
			h->min = lo;
		if (hi > h->max)
			h->max = hi;
	}
	if (h->overflow)
		h->max = INT64_MAX;
	if (h->min == INT64_MAX)
		h->min = 0;
}

static int read_histogram(struct histogram *h, const json_t *times,
    const json_t *array)
{
	double mean = property_real(times, "mean", 0) * 1e6;
	double deviation = property_real(times, "stddev", 0) * 1e6;
	double squares;

	histogram_init(h);
	if (read_buckets(h, array) == -1)
		return -1;
	if (h->count == 0)
		return 0;
	estimate(h);
	histogram_correct(h, mean * (double)h->count, ns_of(times, "min"),
	    ns_of(times, "max"));
	squares = (mean * mean + deviation * deviation) * (double)h->count;
	if (isfinite(squares) && squares >= 0 && squares < 1e36)
		h->sum_squares = (histogram_wide)squares;
	return 0;
}

static int read_series(struct result_series *s, const json_t *o)
{
	const json_t *service = json_object_get(o, "service_buckets");

	memset(s, 0, sizeof(*s));
	histogram_init(&s->service);
	histogram_init(&s->response);
	s->type = word_of(o, "type");
	s->name = word_of(o, "name");
	s->phase = property_true(o, "phase");
	s->transaction = property_true(o, "transaction");
	s->lagged = service != NULL;
	s->requests = property_count(o, "requests");
	s->failures = property_count(o, "failures");
	s->untimed = property_count(o, "untimed");
	s->bytes = property_count(o, "bytes");
	s->rps = property_real(o, "requests_per_s", 0);
	s->effective = property_real(o, "effective_samples", 0);
	if (s->failures > s->requests || s->effective < 0 || s->rps < 0 ||
	    read_histogram(&s->response, json_object_get(o, "response_ms"),
	    json_object_get(o, "response_buckets")) == -1 ||
	    read_histogram(&s->service, json_object_get(o, "service_ms"),
	    service ? service : json_object_get(o, "response_buckets")) == -1)
		return -1;
	return 0;
}

static int read_all_series(struct result *r, const json_t *o)
{
	size_t count = rows_of(o, "series");

	if (read_series(&r->total, json_object_get(o, "total")) == -1)
		return -1;
	r->series = xcalloc(count + 1, sizeof(*r->series));
	for (size_t i = 0; i < count; i++) {
		struct result_series *s = &r->series[r->series_count++];

		if (read_series(s, row_of(o, "series", i)) == -1)
			return -1;
	}
	return 0;
}

static int read_history(struct result *r, const json_t *o)
{
	size_t count = rows_of(o, "history");

	r->points = xcalloc(count + 1, sizeof(*r->points));
	for (size_t i = 0; i < count; i++) {
		const json_t *row = row_of(o, "history", i);
		struct result_point *p = &r->points[r->point_count++];
		struct histogram h;
		int rc;

		p->end = property_real(row, "end_s", 0);
		p->length = property_real(row, "length_s", 0);
		p->users = (int64_t)property_count(row, "users");
		p->requests = property_count(row, "requests");
		p->failures = property_count(row, "failures");
		p->bytes = property_count(row, "bytes");
		histogram_init(&h);
		rc = read_buckets(&h, json_object_get(row,
		    "response_buckets"));
		if (rc == 0) {
			estimate(&h);
			sparse_from(&p->response, &h);
		}
		histogram_release(&h);
		if (rc == -1 || p->failures > p->requests || p->length < 0)
			return -1;
	}
	return 0;
}

static void read_failures(struct result *r, const json_t *o)
{
	size_t count = rows_of(o, "failures");

	r->errors = xcalloc(count + 1, sizeof(*r->errors));
	for (size_t i = 0; i < count; i++) {
		const json_t *row = row_of(o, "failures", i);

		r->errors[r->error_count++] = (struct result_error){
			.type = word_of(row, "type"),
			.name = word_of(row, "name"),
			.text = word_of(row, "error"),
			.occurrences = property_count(row, "occurrences"),
			.first_seen = property_real(row, "first_seen_unix", 0),
			.last_seen = property_real(row, "last_seen_unix", 0),
		};
	}
	count = rows_of(o, "exceptions");
	r->exceptions = xcalloc(count + 1, sizeof(*r->exceptions));
	for (size_t i = 0; i < count; i++) {
		const json_t *row = row_of(o, "exceptions", i);

		r->exceptions[r->exception_count++] =
		    (struct result_exception){
			.message = word_of(row, "message"),
			.traceback = word_of(row, "traceback"),
			.count = property_count(row, "count"),
		};
	}
}

static void read_counters(struct result *r, const json_t *o)
{
	const json_t *all = json_object_get(o, "counters");
	const char *name;
	json_t *value;

	r->counters = xcalloc(json_object_size(all) + 1,
	    sizeof(*r->counters));
	json_object_foreach((json_t *)all, name, value) {
		struct buf text = BUF_INIT(JSON_MAX);

		text_clean(&text, name);
		r->counters[r->counter_count++] = (struct result_counter){
			.name = buf_detach(&text),
			.value = json_integer_value(value),
		};
	}
}

static int read_metric(struct result_metric *m, const json_t *row)
{
	const char *kind = json_string_value(json_object_get(row, "kind"));

	m->name = word_of(row, "name");
	m->unit = word_of(row, "unit");
	m->count = property_count(row, "count");
	m->last = property_real(row, "last", 0);
	m->min = property_real(row, "min", 0);
	m->max = property_real(row, "max", 0);
	m->mean = property_real(row, "mean", 0);
	histogram_init(&m->values);
	if (read_buckets(&m->values, json_object_get(row,
	    "thousandths_buckets")) == -1)
		return -1;
	estimate(&m->values);
	for (int i = 0; kind != NULL && i < METRIC_KINDS; i++) {
		m->kind = (enum metric_kind)i;
		if (strcmp(kind, metric_kind_name(m->kind)) == 0)
			return 0;
	}
	return -1;
}

static int read_metrics(struct result *r, const json_t *o)
{
	size_t count = rows_of(o, "metrics");

	r->metrics = xcalloc(count + 1, sizeof(*r->metrics));
	for (size_t i = 0; i < count; i++) {
		if (read_metric(&r->metrics[r->metric_count++],
		    row_of(o, "metrics", i)) == -1)
			return -1;
	}
	return 0;
}

static void read_criteria(struct result *r, const json_t *o)
{
	size_t count = rows_of(o, "criteria");

	r->criteria = xcalloc(count + 1, sizeof(*r->criteria));
	for (size_t i = 0; i < count; i++) {
		const json_t *row = row_of(o, "criteria", i);
		const json_t *value = json_object_get(row, "value");
		const json_t *first = json_object_get(row, "first_met_s");

		r->criteria[r->criterion_count++] =
		    (struct result_criterion){
			.text = word_of(row, "criterion"),
			.action = word_of(row, "action"),
			.failed = property_true(row, "failed"),
			.broken = property_true(row, "met"),
			.known = json_is_number(value),
			.value = json_number_value(value),
			.shown = word_of(row, "shown"),
			.first_s = property_number(first, -1),
			.share = property_real(row, "share_of_time", 0),
		};
	}
}

static void read_story(struct result *r, const json_t *o)
{
	size_t count = rows_of(o, "events");

	r->events = xcalloc(count + 1, sizeof(*r->events));
	for (size_t i = 0; i < count; i++) {
		const json_t *row = row_of(o, "events", i);

		r->events[r->event_count++] = (struct result_event){
			property_real(row, "at_s", 0), word_of(row, "text") };
	}
	count = rows_of(o, "notes");
	r->notes = xcalloc(count + 1, sizeof(*r->notes));
	for (size_t i = 0; i < count; i++) {
		const char *note = json_string_value(row_of(o, "notes", i));

		r->notes[r->note_count++] = xstrdup(note ? note : "");
	}
}

static void read_run(struct result *r, const json_t *o)
{
	const json_t *run = json_object_get(o, "run");
	const json_t *rate = json_object_get(run,
	    "requests_per_s_confidence");

	r->scenario = property_text(run, "scenario");
	r->host = property_text(run, "host");
	r->command = word_of(run, "command");
	r->started = property_real(run, "started_unix", 0);
	r->duration = property_real(run, "duration_s", 0);
	r->paused = property_real(run, "paused_s", 0);
	r->users = (int64_t)property_count(run, "users_max");
	r->workers = (unsigned)property_count(run, "workers_max");
	r->workers_lost = (unsigned)property_count(run, "workers_lost");
	gap_read(r, run);
	r->stop_reason = property_text(run, "stop_reason");
	r->throughput.lo = property_number(json_array_get(rate, 0), 0);
	r->throughput.hi = property_number(json_array_get(rate, 1), 0);
}

static int read_verdict(struct result *r, const json_t *o)
{
	const json_t *v = json_object_get(o, "verdict");
	const char *name = json_string_value(json_object_get(v, "result"));

	r->exit_code = (int)property_count(v, "exit_code");
	r->sentence = word_of(v, "reason");
	for (int i = VERDICT_PASSED; i <= VERDICT_INCONCLUSIVE; i++) {
		if (name && strcmp(name,
		    result_verdict_name((enum verdict)i)) == 0) {
			r->verdict = (enum verdict)i;
			return 0;
		}
	}
	return -1;
}

static int read_result(struct result *r, const json_t *o)
{
	memset(r, 0, sizeof(*r));
	r->version = word_of(o, "swarm_version");
	r->comparison = property_text(o, "comparison");
	/* Older files were only ever written at the end. */
	r->complete = !json_is_false(json_object_get(o, "complete"));
	card_read(&r->card, json_object_get(o, "card"));
	capacity_view_read(&r->capacity, json_object_get(o, "capacity"));
	hold_view_read(&r->hold, json_object_get(o, "hold"));
	r->flight_of_file = flight_read(json_object_get(o, "flight"));
	r->flight = r->flight_of_file;
	read_run(r, o);
	if (read_verdict(r, o) == -1 || read_all_series(r, o) == -1 ||
	    read_history(r, o) == -1 || read_metrics(r, o) == -1) {
		result_release(r);
		return -1;
	}
	read_failures(r, o);
	read_counters(r, o);
	read_criteria(r, o);
	read_story(r, o);
	warm_up_read(&r->warm_up, json_object_get(o, "steady_state"));
	generator_show_read(&r->generator, json_object_get(o, "generator"));
	resources_read(&r->resources, json_object_get(o, "resources"));
	past_read(&r->past, json_object_get(o, "endpoint_history"));
	execution_read(r, o);
	return 0;
}

static int read_whole(struct buf *out, const char *path)
{
	FILE *file = fopen(path, "re");
	int rc = 0;

	if (!file) {
		log_error("cannot read %s: %m", path);
		return -1;
	}
	while (rc == 0 && !feof(file)) {
		char *room = buf_reserve(out, 65536);

		if (!room) {
			log_error("%s is too large", path);
			rc = -1;
			break;
		}
		out->len += fread(room, 1, 65536, file);
		if (ferror(file)) {
			log_error("cannot read %s: %m", path);
			rc = -1;
		}
	}
	fclose(file);
	if (out->data)
		out->data[out->len] = '\0';
	return rc;
}

static int inflate_gzip(struct buf *out, unsigned char *data, size_t len)
{
	z_stream z = { .next_in = data, .avail_in = (uInt)len };
	int rc = Z_OK;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return -1;
	while (rc == Z_OK) {
		char *room = buf_reserve(out, 65536);

		if (!room)
			break;
		z.next_out = (Bytef *)room;
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += 65536 - z.avail_out;
	}
	inflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -1;
}

/* The JSON inside of a report; -1 when there is none. */
static int unpack(struct buf *out, const char *html)
{
	const char *begin = strstr(html, HTML_DATA_BEGIN), *end;
	unsigned char *raw;
	size_t len;
	int n, rc = -1;

	if (!begin)
		return -1;
	begin += strlen(HTML_DATA_BEGIN);
	end = strstr(begin, HTML_DATA_END);
	if (!end || end - begin > INT32_MAX || (end - begin) % 4)
		return -1;
	len = (size_t)(end - begin);
	raw = xmalloc(len / 4 * 3 + 1);
	n = EVP_DecodeBlock(raw, (const unsigned char *)begin, (int)len);
	/* Padding decodes to zeros, which gzip does not mind at its end. */
	if (n > 0)
		rc = inflate_gzip(out, raw, (size_t)n);
	free(raw);
	return rc;
}

/* Texts are made safe to show once, here.  `lines`: of several. */
static void clean(json_t *value, bool lines)
{
	struct buf text = BUF_INIT(JSON_MAX);
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(value)) {
		if (lines)
			text_clean_lines(&text, json_string_value(value));
		else
			text_clean(&text, json_string_value(value));
		json_string_set(value, buf_str(&text));
	}
	json_array_foreach(value, i, member)
		clean(member, lines);
	json_object_foreach(value, key, member)
		clean(member, strcmp(key, "traceback") == 0 ||
		    strcmp(key, "comparison") == 0);
	buf_release(&text);
}

static int parse(struct result *r, const char *text, size_t len,
    const char *path)
{
	json_error_t error;
	json_t *o = json_loadb(text, len, 0, &error);
	const char *schema;
	int rc = -1;

	clean(o, false);
	schema = json_string_value(json_object_get(o, "schema"));
	if (!o)
		log_error("%s is no JSON: line %d: %s", path, error.line,
		    error.text);
	else if (!schema || strcmp(schema, JSON_SCHEMA) != 0)
		log_error("%s is no result of swarm (schema %s, wanted "
		    JSON_SCHEMA ")", path, schema ? schema : "missing");
	else if (read_result(r, o) == -1)
		log_error("%s is damaged: its figures are impossible", path);
	else
		rc = 0;
	json_decref(o);
	return rc;
}

int json_read_text(struct result *r, const char *text, size_t len,
    const char *name)
{
	struct buf inside = BUF_INIT(JSON_MAX);
	int rc = -1;

	if (len == 0)
		log_error("%s is empty", name);
	else if (text[strspn(text, " \t\r\n")] != '<')
		rc = parse(r, text, len, name);
	else if (unpack(&inside, text) == 0)
		rc = parse(r, buf_str(&inside), inside.len, name);
	else
		log_error("%s has no results of swarm inside", name);
	buf_release(&inside);
	return rc;
}

int json_read(struct result *r, const char *path)
{
	struct buf text = BUF_INIT(JSON_MAX);
	int rc = read_whole(&text, path);

	if (rc == 0)
		rc = json_read_text(r, buf_str(&text), text.len, path);
	buf_release(&text);
	return rc;
}
