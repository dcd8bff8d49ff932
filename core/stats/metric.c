/* Metrics of a scenario's own: see the header. */
#include "stats/metric.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The map holds the number plus one, under the kind's letter and the name. */
static void *find(const struct metrics *m, const struct buf *key)
{
	return strmap_getn(&m->by_name, key->data, key->len);
}

static void make_key(struct buf *key, enum metric_kind kind, const char *name)
{
	buf_clear(key);
	buf_putc(key, (char)('0' + kind));
	buf_add(key, name, utf8_cut(name, STATS_MAX_NAME));
}

static uint32_t add(struct metrics *m, enum metric_kind kind,
    const struct buf *key, const char *unit)
{
	struct metric *one;

	if ((m->count & (m->count - 1)) == 0)
		m->at = xreallocarray(m->at, m->count ? m->count * 2 : 1,
		    sizeof m->at[0]);
	one = &m->at[m->count];
	memset(one, 0, sizeof *one);
	one->name = xstrndup(key->data + 1, key->len - 1);
	one->unit = xstrndup(unit, utf8_cut(unit, METRIC_MAX_UNIT));
	one->kind = kind;
	histogram_init(&one->values);
	strmap_putn(&m->by_name, key->data, key->len,
	    (void *)(uintptr_t)(m->count + 1));
	return (uint32_t)m->count++;
}

uint32_t metrics_get(struct metrics *m, enum metric_kind kind,
    const char *name, const char *unit)
{
	struct buf key = BUF_INIT(STATS_MAX_NAME + 2);
	uint32_t id;
	void *found;

	make_key(&key, kind, name);
	found = find(m, &key);
	if (found == NULL && m->count >= METRICS_MAX) {
		make_key(&key, kind, STATS_OTHER);
		found = find(m, &key);
	}
	id = found != NULL ? (uint32_t)((uintptr_t)found - 1) :
	    add(m, kind, &key, unit);
	buf_release(&key);
	return id;
}

static int64_t scaled(double value)
{
	double v = value * METRIC_SCALE;

	if (v <= 0)
		return 0;
	return v < 9e18 ? llround(v) : INT64_MAX / 2;
}

void metrics_record(struct metrics *m, uint32_t id, double value)
{
	struct metric *one;

	if (id >= m->count || !isfinite(value))
		return;
	one = &m->at[id];
	if (one->kind == METRIC_RATE)
		value = value != 0;
	if (one->count == 0 || value < one->min)
		one->min = value;
	if (one->count == 0 || value > one->max)
		one->max = value;
	one->count++;
	one->sum += value;
	if (one->kind == METRIC_GAUGE) {
		one->last = value;
		one->last_time = clock_wall();
	} else if (one->kind == METRIC_DISTRIBUTION) {
		histogram_record(&one->values, scaled(value));
	}
}

void metric_merge(struct metric *into, const struct metric *delta)
{
	if (delta->count == 0)
		return;
	if (into->count == 0 || delta->min < into->min)
		into->min = delta->min;
	if (into->count == 0 || delta->max > into->max)
		into->max = delta->max;
	into->count += delta->count;
	into->sum += delta->sum;
	if (delta->last_time >= into->last_time) {
		into->last = delta->last;
		into->last_time = delta->last_time;
	}
	histogram_merge(&into->values, &delta->values);
}

void metrics_merge(struct metrics *into, const struct metrics *delta)
{
	for (size_t i = 0; i < delta->count; i++) {
		const struct metric *from = &delta->at[i];
		uint32_t to = metrics_get(into, from->kind, from->name,
		    from->unit);

		metric_merge(&into->at[to], from);
	}
}

void metrics_reset(struct metrics *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct metric *one = &m->at[i];

		one->count = 0;
		one->sum = one->min = one->max = 0;
		one->last = one->last_time = 0;
		histogram_clear(&one->values);
	}
}

void metrics_release(struct metrics *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->at[i].name);
		free(m->at[i].unit);
		histogram_release(&m->at[i].values);
	}
	free(m->at);
	strmap_release(&m->by_name);
	memset(m, 0, sizeof *m);
}

double metric_mean(const struct metric *one)
{
	return one->count > 0 ? one->sum / (double)one->count : 0;
}

double metric_quantile(const struct histogram *h, double q)
{
	return (double)histogram_quantile(h, q) / METRIC_SCALE;
}

const char *metric_kind_name(enum metric_kind kind)
{
	static const char *const names[] = { "gauge", "rate",
		"distribution" };

	return names[kind];
}
