/*
 * Transactions, names and tags of a user's samples; metrics.
 *
 * Names and tags take effect when a sample ends, so that they reach samples
 * that a plugin begins and ends within one call.  Tags are kept as small
 * numbers, an index into each key's list of values, and a row's name with its
 * tags is looked up once for each pair of row and tags: the cost of splitting
 * is one look-up a sample.
 */
#include "user/measure.h"

#include <swarm/measure.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "stats/stats.h"
#include "user/internal.h"

#define TYPE       "TRANSACTION"
#define ERROR_TEXT 256
#define KEY_TEXT   64

struct transaction {
	uint32_t series;
	bool failed;
	int64_t start;
	int64_t lag;
	char *reason;
};

struct measure {
	struct transaction open[MEASURE_DEEP];
	unsigned depth;
	char *name;                     /* for all samples; NULL: their own */
	/* For each key the number of a value, 0: none. */
	uint8_t tags[MEASURE_KEYS];
	uint8_t own[MEASURE_KEYS];      /* given in start() */
	uint32_t suffix;                /* of split rows; 0: none */
	uint32_t own_suffix;
};

struct key {
	char name[KEY_TEXT];
	bool split;
	char *values[MEASURE_VALUES + 1];
	size_t count;
};

static struct {
	struct key keys[MEASURE_KEYS];
	size_t key_count;
	bool splits;
	/* Suffixes of names, "[key=value]": text -> number, from 1. */
	struct strmap suffixes;
	/* (series, suffix) -> series + 1. */
	struct strmap rows;
	struct buf text;
} shared = { .text = BUF_INIT(65536) };

static struct measure *need(struct swarm_user *u)
{
	if (u->measure == NULL)
		u->measure = xcalloc(1, sizeof *u->measure);
	return u->measure;
}

/* ---- transactions ---- */

static struct transaction *innermost(struct swarm_user *u)
{
	struct measure *m = u->measure;

	return m != NULL && m->depth > 0 ? &m->open[m->depth - 1] : NULL;
}

static void set_failed(struct transaction *t, const char *reason)
{
	if (t->failed)
		return;
	t->failed = true;
	t->reason = xstrdup(reason);
}

void measure_failed(struct swarm_user *u, const char *reason)
{
	struct measure *m = u->measure;

	for (unsigned i = 0; i < m->depth; i++)
		set_failed(&m->open[i], reason);
}

SWARM_API int swarm_transaction_begin(struct swarm_user *u, const char *name)
{
	struct measure *m = need(u);
	struct series *s;

	if (m->depth == MEASURE_DEEP) {
		swarm_raise(u, "more than %d transactions in each other",
		    MEASURE_DEEP);
		return -1;
	}
	s = stats_series(users.options.stats, TYPE, name);
	s->transaction = true;
	m->open[m->depth++] = (struct transaction){
		.series = s->id, .start = clock_now(), .lag = u->lag };
	return 0;
}

static void record(struct swarm_user *u, struct transaction *t)
{
	struct stats *stats = users.options.stats;
	int64_t end = clock_now();
	uint32_t id = measure_series(u, t->series);
	struct series *s = stats->series[id];

	s->transaction = true;
	stats_record(stats, s, end, end - t->start, t->lag, 0, t->failed);
	if (t->failed) {
		double wall = clock_wall_at(end);

		stats_error(stats, s, t->reason, 1, wall, wall);
	}
	if (users.options.sampled != NULL)
		users.options.sampled(s->type, s->name, end - t->start, 0,
		    t->reason, measure_tags(u), users.options.arg);
}

static void forget(struct measure *m)
{
	free(m->open[--m->depth].reason);
}

SWARM_API int swarm_transaction_end(struct swarm_user *u)
{
	struct transaction *t = innermost(u);
	bool failed;

	if (t == NULL)
		return -1;
	failed = t->failed;
	if (!u->cancelled)
		record(u, t);
	forget(u->measure);
	return failed ? -1 : 0;
}

SWARM_API void swarm_transaction_fail(struct swarm_user *u, const char *fmt,
    ...)
{
	struct transaction *t = innermost(u);
	char text[ERROR_TEXT];
	va_list ap;

	if (t == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	set_failed(t, text);
}

SWARM_API void swarm_transaction_drop(struct swarm_user *u)
{
	if (innermost(u) != NULL)
		forget(u->measure);
}

/* ---- names ---- */

SWARM_API void swarm_rename(struct swarm_timer *t, const char *type,
    const char *name)
{
	struct stats *stats = users.options.stats;
	const struct series *s;

	if (t->state == 0)
		return;
	s = stats->series[t->series];
	t->series = stats_series(stats, type != NULL ? type : s->type,
	    name != NULL ? name : s->name)->id;
}

SWARM_API void swarm_name(struct swarm_user *u, const char *name)
{
	struct measure *m = need(u);

	free(m->name);
	m->name = name != NULL ? xstrdup(name) : NULL;
}

static uint32_t named(const struct measure *m, uint32_t series)
{
	struct stats *stats = users.options.stats;
	const struct series *s = stats->series[series];

	if (m->name == NULL || s->transaction)
		return series;
	return stats_series(stats, s->type, m->name)->id;
}

/* ---- tags ---- */

static uint32_t split_row(uint32_t series, uint32_t suffix)
{
	struct stats *stats = users.options.stats;
	const struct series *s = stats->series[series];
	struct buf name = BUF_INIT(STATS_MAX_NAME + 4096);
	struct series *row;

	buf_puts(&name, s->name);
	buf_putc(&name, ' ');
	buf_puts(&name, shared.suffixes.entries[suffix - 1].key);
	row = stats_series(stats, s->type, buf_str(&name));
	row->transaction = s->transaction;
	buf_release(&name);
	return row->id;
}

uint32_t measure_series(struct swarm_user *u, uint32_t series)
{
	const struct measure *m = u->measure;
	uint32_t pair[2];
	uintptr_t row;

	series = named(m, series);
	if (m->suffix == 0 || users.options.stats->series[series]->other)
		return series;
	pair[0] = series;
	pair[1] = m->suffix;
	row = (uintptr_t)strmap_getn(&shared.rows, pair, sizeof pair);
	if (row == 0) {
		row = (uintptr_t)split_row(series, m->suffix) + 1;
		strmap_putn(&shared.rows, pair, sizeof pair, (void *)row);
	}
	return (uint32_t)(row - 1);
}

static bool key_is_good(const char *key)
{
	size_t len = 0;

	for (; key[len] != '\0'; len++) {
		if (!isalnum((unsigned char)key[len]) &&
		    strchr("_-.", key[len]) == NULL)
			return false;
	}
	return len > 0 && len < KEY_TEXT;
}

/* NULL when it cannot be. */
static struct key *find_key(const char *name)
{
	struct key *k;

	for (size_t i = 0; i < shared.key_count; i++) {
		if (strcmp(shared.keys[i].name, name) == 0)
			return &shared.keys[i];
	}
	if (shared.key_count == MEASURE_KEYS || !key_is_good(name))
		return NULL;
	k = &shared.keys[shared.key_count++];
	snprintf(k->name, sizeof k->name, "%s", name);
	return k;
}

static uint8_t find_value(struct key *k, const char *value)
{
	size_t len = utf8_cut(value, MEASURE_TAG_TEXT);

	for (size_t i = 0; i < k->count; i++) {
		if (strlen(k->values[i]) == len &&
		    memcmp(k->values[i], value, len) == 0)
			return (uint8_t)(i + 1);
	}
	if (k->count > MEASURE_VALUES)
		return (uint8_t)k->count;
	k->values[k->count] = k->count == MEASURE_VALUES ?
	    xstrdup(STATS_OTHER) : xstrndup(value, len);
	return (uint8_t)++k->count;
}

/* "key=value,..." of the keys that split, or of all. */
static void write_tags(struct buf *out, const uint8_t *tags, bool all)
{
	for (size_t i = 0; i < shared.key_count; i++) {
		const struct key *k = &shared.keys[i];

		if (tags[i] != 0 && (all || k->split))
			buf_printf(out, "%s%s=%s", out->len > 1 ? "," : "",
			    k->name, k->values[tags[i] - 1]);
	}
}

static uint32_t suffix_of(const uint8_t *tags)
{
	struct buf text = BUF_INIT(4096);
	uintptr_t number = 0;

	buf_putc(&text, '[');
	write_tags(&text, tags, false);
	if (text.len > 1) {
		buf_putc(&text, ']');
		number = (uintptr_t)strmap_get(&shared.suffixes,
		    buf_str(&text));
		if (number == 0) {
			number = shared.suffixes.count + 1;
			strmap_put(&shared.suffixes, buf_str(&text),
			    (void *)number);
		}
	}
	buf_release(&text);
	return (uint32_t)number;
}

const char *measure_tags(const struct swarm_user *u)
{
	if (u->measure == NULL || shared.key_count == 0)
		return NULL;
	buf_clear(&shared.text);
	/* Begins with a blank, that what is there can be told by length. */
	buf_putc(&shared.text, ' ');
	write_tags(&shared.text, u->measure->tags, true);
	return shared.text.len > 1 ? shared.text.data + 1 : NULL;
}

SWARM_API int swarm_tag(struct swarm_user *u, const char *key,
    const char *value)
{
	struct measure *m = need(u);
	struct key *k = find_key(key);

	if (k == NULL) {
		swarm_raise(u, "\"%.64s\" cannot be the key of a tag: letters, "
		    "digits, \"_\", \"-\" and \".\", and %d keys at most", key,
		    MEASURE_KEYS);
		return -1;
	}
	m->tags[k - shared.keys] = value != NULL ? find_value(k, value) : 0;
	if (k->split)
		m->suffix = suffix_of(m->tags);
	return 0;
}

/* ---- life ---- */

void measure_init(const char *const *split_by)
{
	measure_release();
	for (; split_by != NULL && *split_by != NULL; split_by++) {
		struct key *k = find_key(*split_by);

		if (k != NULL)
			k->split = true;
		else
			log_warn("--split-by %s: not a tag's key, or too many",
			    *split_by);
	}
}

void measure_release(void)
{
	for (size_t i = 0; i < shared.key_count; i++) {
		for (size_t v = 0; v < shared.keys[i].count; v++)
			free(shared.keys[i].values[v]);
	}
	memset(shared.keys, 0, sizeof shared.keys);
	shared.key_count = 0;
	strmap_release(&shared.suffixes);
	strmap_release(&shared.rows);
	buf_release(&shared.text);
}

void measure_end_task(struct swarm_user *u, bool keep)
{
	struct measure *m = u->measure;

	while (m->depth > 0) {
		swarm_transaction_fail(u, "left before its end");
		swarm_transaction_end(u);
	}
	free(m->name);
	m->name = NULL;
	if (keep) {
		memcpy(m->own, m->tags, sizeof m->own);
		m->own_suffix = m->suffix;
	} else {
		memcpy(m->tags, m->own, sizeof m->tags);
		m->suffix = m->own_suffix;
	}
}

void measure_free(struct swarm_user *u)
{
	struct measure *m = u->measure;

	if (m == NULL)
		return;
	while (m->depth > 0)
		forget(m);
	free(m->name);
	free(m);
	u->measure = NULL;
}

/* ---- metrics ---- */

SWARM_API uint32_t swarm_metric(enum swarm_metric_kind kind, const char *name,
    const char *unit)
{
	static const enum metric_kind kinds[] = {
		[SWARM_GAUGE] = METRIC_GAUGE,
		[SWARM_RATE] = METRIC_RATE,
		[SWARM_DISTRIBUTION] = METRIC_DISTRIBUTION,
	};

	if ((unsigned)kind >= sizeof kinds / sizeof kinds[0])
		kind = SWARM_DISTRIBUTION;
	return metrics_get(&sample_stats(__func__)->metrics, kinds[kind],
	    name, unit != NULL ? unit : "");
}

SWARM_API void swarm_record(uint32_t metric, double value)
{
	metrics_record(&users.options.stats->metrics, metric, value);
}
