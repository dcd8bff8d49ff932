/*
 * A worker's report: the delta since the last one, in swarm's own form or in
 * Locust's.
 *
 * Swarm's form holds each histogram as one binary value: a report with 150
 * series costs the master a fifth of what the same report costs as maps of
 * integers.  Its keys for Locust are there but empty, so that a report that
 * reaches a Locust master by accident does no harm.
 */
#include "cluster/wire.h"

#include <math.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/clock.h"
#include "cluster/wire_metric.h"
#include "cluster/wire_object.h"

struct report {
	msgpack_packer pk;
	struct buf scratch;             /* one histogram, one error's key */
};

static void put_key(struct report *r, const char *key)
{
	wire_object_put_text(&r->pk, key);
}

static bool has_news(const struct series *s)
{
	return s->requests > 0 || s->failures > 0 || s->service.count > 0 ||
	    s->bytes > 0;
}

static size_t used_seconds(const struct series *s, bool failures)
{
	size_t n = 0;

	for (size_t i = 0; i < STATS_SECONDS; i++) {
		const struct stats_second *sec = &s->seconds[i];

		n += sec->second != 0 &&
		    (failures ? sec->failures : sec->requests) > 0;
	}
	return n;
}

static void put_user_counts(struct report *r, const struct wire_count *counts,
    size_t count)
{
	int64_t sum = 0;

	put_key(r, "user_classes_count");
	msgpack_pack_map(&r->pk, count);
	for (size_t i = 0; i < count; i++) {
		put_key(r, counts[i].name);
		msgpack_pack_int64(&r->pk, counts[i].count);
		sum += counts[i].count;
	}
	put_key(r, "user_count");
	msgpack_pack_int64(&r->pk, sum);
}

/* ---- Locust's form ---- */

int64_t wire_stats_bucket_ms(double ms)
{
	double unit = ms < 100 ? 1 : ms < 1000 ? 10 : ms < 10000 ? 100 : 1000;

	/* rint() rounds half to even, as Python's round() does. */
	return (int64_t)(rint(ms / unit) * unit);
}

/* The buckets of Locust that a histogram fills, in ascending order. */
struct buckets {
	const struct histogram *h;
	unsigned next;
	int64_t ms;
	uint64_t n;
};

/* Moves on to the next bucket in use; false when there is none.  Several of
 * ours make one of Locust's; what lies beyond ours counts as the maximum. */
static bool next_bucket(struct buckets *b)
{
	uint64_t n;

	b->n = 0;
	while (b->next <= HISTOGRAM_BUCKETS) {
		unsigned i = histogram_next(b->h, b->next, &n);
		int64_t ns = b->h->max;
		int64_t ms;

		if (i < HISTOGRAM_BUCKETS)
			ns = histogram_value(b->h, i);
		else
			n = b->h->overflow;
		ms = wire_stats_bucket_ms((double)ns / NS_PER_MS);
		if (b->n > 0 && n > 0 && ms != b->ms)
			return true;
		if (n > 0)
			b->ms = ms;
		b->n += n;
		b->next = i + 1;
	}
	return b->n > 0;
}

static void put_response_times(struct report *r, const struct histogram *h)
{
	struct buckets b = { .h = h };
	size_t used = 0;

	while (next_bucket(&b))
		used++;
	msgpack_pack_map(&r->pk, used);
	b = (struct buckets){ .h = h };
	while (next_bucket(&b)) {
		msgpack_pack_int64(&r->pk, b.ms);
		msgpack_pack_uint64(&r->pk, b.n);
	}
}

static void put_seconds_map(struct report *r, const struct series *s,
    bool failures)
{
	msgpack_pack_map(&r->pk, used_seconds(s, failures));
	for (size_t i = 0; i < STATS_SECONDS; i++) {
		const struct stats_second *sec = &s->seconds[i];
		uint32_t n = failures ? sec->failures : sec->requests;

		if (sec->second == 0 || n == 0)
			continue;
		msgpack_pack_int64(&r->pk, sec->second);
		msgpack_pack_uint32(&r->pk, n);
	}
}

static void put_time_or_nil(struct report *r, double time)
{
	if (time > 0)
		msgpack_pack_double(&r->pk, time);
	else
		msgpack_pack_nil(&r->pk);
}

/* The 14 keys, in Locust's order. */
static void put_entry(struct report *r, const struct series *s, double now)
{
	const struct histogram *h = &s->service;

	msgpack_pack_map(&r->pk, 14);
	put_key(r, "name");
	put_key(r, s->name);
	put_key(r, "method");
	put_key(r, s->type);
	put_key(r, "last_request_timestamp");
	put_time_or_nil(r, s->last_time);
	put_key(r, "start_time");
	/* A master takes the minimum of all: 0 would ruin every rate. */
	msgpack_pack_double(&r->pk, s->start_time > 0 ? s->start_time : now);
	put_key(r, "num_requests");
	msgpack_pack_uint64(&r->pk, s->requests);
	put_key(r, "num_none_requests");
	msgpack_pack_uint64(&r->pk, s->untimed);
	put_key(r, "num_failures");
	msgpack_pack_uint64(&r->pk, s->failures);
	put_key(r, "total_response_time");
	msgpack_pack_double(&r->pk, (double)h->sum / NS_PER_MS);
	put_key(r, "max_response_time");
	msgpack_pack_double(&r->pk, (double)h->max / NS_PER_MS);
	put_key(r, "min_response_time");
	if (h->count == 0)
		msgpack_pack_nil(&r->pk);
	else
		msgpack_pack_double(&r->pk, (double)h->min / NS_PER_MS);
	put_key(r, "total_content_length");
	msgpack_pack_uint64(&r->pk, s->bytes);
	put_key(r, "response_times");
	put_response_times(r, h);
	put_key(r, "num_reqs_per_sec");
	put_seconds_map(r, s, false);
	put_key(r, "num_fail_per_sec");
	put_seconds_map(r, s, true);
}

/* Python's repr() of a text, without its choice of which rare characters
 * count as printable. */
static void add_repr(struct buf *out, const char *text)
{
	char quote = strchr(text, '\'') != NULL && strchr(text, '"') == NULL ?
	    '"' : '\'';

	buf_putc(out, quote);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '\\' || *p == quote)
			buf_printf(out, "\\%c", *p);
		else if (*p == '\n' || *p == '\r' || *p == '\t')
			buf_puts(out, *p == '\n' ? "\\n" : *p == '\r' ? "\\r" :
			    "\\t");
		else if (*p < ' ' || *p == 0x7f)
			buf_printf(out, "\\x%02x", *p);
		else
			buf_putc(out, (char)*p);
	}
	buf_putc(out, quote);
}

/* Locust's key: SHA-256 of method, name and the error's repr.  The same
 * failure seen by a Locust worker then falls into the same row. */
static void put_error_key(struct report *r, const struct error_row *e)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH];

	buf_clear(&r->scratch);
	buf_printf(&r->scratch, "%s.%s.", e->series->type, e->series->name);
	add_repr(&r->scratch, e->text);
	SHA256((const unsigned char *)buf_str(&r->scratch), r->scratch.len,
	    digest);
	for (size_t i = 0; i < sizeof digest; i++) {
		hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	msgpack_pack_str_with_body(&r->pk, hex, sizeof hex);
}

static void put_error(struct report *r, const struct error_row *e)
{
	put_error_key(r, e);
	msgpack_pack_map(&r->pk, 6);
	put_key(r, "name");
	put_key(r, e->series->name);
	put_key(r, "method");
	put_key(r, e->series->type);
	put_key(r, "error");
	put_key(r, e->text);
	put_key(r, "occurrences");
	msgpack_pack_uint64(&r->pk, e->occurrences);
	put_key(r, "first_seen");
	put_time_or_nil(r, e->first_seen);
	put_key(r, "last_seen");
	put_time_or_nil(r, e->last_seen);
}

void wire_stats_encode_locust(struct buf *out, const char *node_id,
    const struct stats *delta, const struct wire_count *counts, size_t count)
{
	struct report r = { .scratch = BUF_INIT(64u << 10) };
	double now = clock_wall();
	size_t used = 0;

	for (size_t i = 0; i < delta->count; i++)
		used += !delta->series[i]->phase && has_news(delta->series[i]);
	wire_object_packer(&r.pk, out);
	msgpack_pack_array(&r.pk, 3);
	put_key(&r, "stats");
	msgpack_pack_map(&r.pk, 5);
	put_key(&r, "stats");
	msgpack_pack_array(&r.pk, used);
	for (size_t i = 0; i < delta->count; i++) {
		if (!delta->series[i]->phase && has_news(delta->series[i]))
			put_entry(&r, delta->series[i], now);
	}
	put_key(&r, "stats_total");
	put_entry(&r, &delta->total, now);
	put_key(&r, "errors");
	msgpack_pack_map(&r.pk, delta->error_count);
	for (size_t i = 0; i < delta->error_count; i++)
		put_error(&r, delta->errors[i]);
	put_user_counts(&r, counts, count);
	put_key(&r, node_id);
	buf_release(&r.scratch);
}

/* ---- swarm's form ---- */

static void put_histogram(struct report *r, const struct histogram *h)
{
	if (h == NULL || h->count == 0) {
		msgpack_pack_nil(&r->pk);
		return;
	}
	buf_clear(&r->scratch);
	histogram_encode(h, &r->scratch);
	wire_object_put_bin(&r->pk, r->scratch.data, r->scratch.len);
}

static void put_batches(struct report *r, const struct batches *b)
{
	buf_clear(&r->scratch);
	batches_encode(b, &r->scratch);
	wire_object_put_bin(&r->pk, r->scratch.data, r->scratch.len);
}

static void put_series(struct report *r, const struct series *s)
{
	msgpack_pack_array(&r->pk, 13);
	put_key(r, s->type);
	put_key(r, s->name);
	msgpack_pack_int(&r->pk, (s->phase ? 1 : 0) |
	    (s->transaction ? 2 : 0));
	msgpack_pack_uint64(&r->pk, s->requests);
	msgpack_pack_uint64(&r->pk, s->failures);
	msgpack_pack_uint64(&r->pk, s->untimed);
	msgpack_pack_uint64(&r->pk, s->bytes);
	msgpack_pack_double(&r->pk, s->start_time);
	msgpack_pack_double(&r->pk, s->last_time);
	put_histogram(r, &s->service);
	put_histogram(r, s->response);
	put_batches(r, &s->batches);
	msgpack_pack_array(&r->pk, 3 * used_seconds(s, false));
	for (size_t i = 0; i < STATS_SECONDS; i++) {
		const struct stats_second *sec = &s->seconds[i];

		if (sec->second == 0 || sec->requests == 0)
			continue;
		msgpack_pack_int64(&r->pk, sec->second);
		msgpack_pack_uint32(&r->pk, sec->requests);
		msgpack_pack_uint32(&r->pk, sec->failures);
	}
}

static void put_errors(struct report *r, const struct stats *delta)
{
	put_key(r, "errors");
	msgpack_pack_array(&r->pk, delta->error_count);
	for (size_t i = 0; i < delta->error_count; i++) {
		const struct error_row *e = delta->errors[i];

		msgpack_pack_array(&r->pk, 6);
		put_key(r, e->series->type);
		put_key(r, e->series->name);
		put_key(r, e->text);
		msgpack_pack_uint64(&r->pk, e->occurrences);
		msgpack_pack_double(&r->pk, e->first_seen);
		msgpack_pack_double(&r->pk, e->last_seen);
	}
}

static void put_counters(struct report *r, const struct stats *delta)
{
	size_t used = 0;

	for (size_t i = 0; i < delta->counter_count; i++)
		used += delta->counters[i].value != 0;
	put_key(r, "counters");
	msgpack_pack_map(&r->pk, used);
	for (size_t i = 0; i < delta->counter_count; i++) {
		if (delta->counters[i].value == 0)
			continue;
		put_key(r, delta->counters[i].name);
		msgpack_pack_int64(&r->pk, delta->counters[i].value);
	}
}

/* The total has a row of its own: its batches are not the sum of others'. */
static void put_swarm_map(struct report *r, const struct stats *delta,
    const struct wire_ticket *t, double now)
{
	const struct wire_words *words = t != NULL ? t->words : NULL;
	size_t used = 0;

	for (size_t i = 0; i < delta->count; i++)
		used += has_news(delta->series[i]);
	put_key(r, "swarm");
	msgpack_pack_map(&r->pk, (t != NULL ? 11 : 7) +
	    (words != NULL ? wire_words_count(words) : 0));
	put_key(r, "time");
	msgpack_pack_double(&r->pk, now);
	if (t != NULL) {
		put_key(r, "seq");
		msgpack_pack_uint64(&r->pk, t->seq);
		put_key(r, "since");
		msgpack_pack_uint64(&r->pk, t->since);
		put_key(r, "at");
		msgpack_pack_int64(&r->pk, t->at);
		put_key(r, "test");
		msgpack_pack_uint64(&r->pk, t->test);
	}
	put_key(r, "total");
	put_series(r, &delta->total);
	put_key(r, "series");
	msgpack_pack_array(&r->pk, used);
	for (size_t i = 0; i < delta->count; i++) {
		if (has_news(delta->series[i]))
			put_series(r, delta->series[i]);
	}
	put_errors(r, delta);
	put_counters(r, delta);
	put_key(r, "metrics");
	wire_metrics_put(&r->pk, &delta->metrics);
	put_key(r, "capped");
	msgpack_pack_uint64(&r->pk, delta->capped);
	if (words != NULL)
		wire_words_put(&r->pk, words);
}

void wire_stats_encode(struct buf *out, const char *node_id,
    const struct stats *delta, const struct wire_ticket *ticket,
    const struct wire_count *counts, size_t count)
{
	struct series empty;
	struct report r = { .scratch = BUF_INIT(256u << 10) };
	double now = clock_wall();

	wire_object_packer(&r.pk, out);
	msgpack_pack_array(&r.pk, 3);
	put_key(&r, "stats");
	msgpack_pack_map(&r.pk, 6);
	put_key(&r, "stats");
	msgpack_pack_array(&r.pk, 0);
	put_key(&r, "stats_total");
	series_init(&empty, "", "Aggregated");
	put_entry(&r, &empty, now);
	series_release(&empty);
	put_key(&r, "errors");
	msgpack_pack_map(&r.pk, 0);
	put_user_counts(&r, counts, count);
	put_swarm_map(&r, delta, ticket, now);
	put_key(&r, node_id);
	buf_release(&r.scratch);
}
