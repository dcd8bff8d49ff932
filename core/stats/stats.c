/*
 * The table of series, errors and counters.
 *
 * Series are never removed while the table lives, so that their ids can be
 * held by scenarios and plugins.  A sample is recorded in its series and in
 * the total at once: the total costs a few nanoseconds, because its lines are
 * always in the cache, and no report has to add up a thousand series.
 */
#include "stats/stats.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Series "(other)" that may come on top of the limit: one per type. */
#define SPARE_SERIES 16
#define KEY_ROOM     512

/* A key of a map, on the stack unless it is very long. */
struct key {
	char *data;
	size_t len;
	char room[KEY_ROOM];
};

static void key_make(struct key *key, size_t n, const char *const *parts,
    const size_t *lens)
{
	size_t at = 0;

	key->len = n - 1;
	for (size_t i = 0; i < n; i++)
		key->len += lens[i];
	key->data = key->len <= KEY_ROOM ? key->room : xmalloc(key->len);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			key->data[at++] = '\0';
		memcpy(key->data + at, parts[i], lens[i]);
		at += lens[i];
	}
}

static void key_release(struct key *key)
{
	if (key->data != key->room)
		free(key->data);
}

static void series_key(struct key *key, const char *type, const char *name)
{
	key_make(key, 2, (const char *const[]){ type, name },
	    (size_t[]){ utf8_cut(type, STATS_MAX_TYPE),
		utf8_cut(name, STATS_MAX_NAME) });
}

static void error_key(struct key *key, const struct series *s,
    const char *text)
{
	key_make(key, 3, (const char *const[]){ s->type, s->name, text },
	    (size_t[]){ strlen(s->type), strlen(s->name),
		utf8_cut(text, STATS_MAX_ERROR) });
}

struct stats *stats_new(size_t max_series, size_t max_errors)
{
	struct stats *stats = xcalloc(1, sizeof(*stats));

	stats->max_series = max_series;
	stats->max_errors = max_errors;
	series_init(&stats->total, "", "Aggregated");
	stats->second_begin = INT64_MIN / 2;
	return stats;
}

static void free_errors(struct stats *stats)
{
	for (size_t i = 0; i < stats->error_count; i++) {
		free(stats->errors[i]->text);
		free(stats->errors[i]);
	}
	stats->error_count = 0;
	strmap_release(&stats->by_error);
}

static void free_exceptions(struct stats *stats)
{
	for (size_t i = 0; i < stats->exception_count; i++) {
		struct exception_row *row = &stats->exceptions[i];

		for (size_t n = 0; n < row->node_count; n++)
			free(row->nodes[n]);
		free(row->nodes);
		free(row->message);
		free(row->traceback);
	}
	free(stats->exceptions);
	stats->exceptions = NULL;
	stats->exception_count = 0;
}

void stats_free(struct stats *stats)
{
	if (!stats)
		return;
	for (size_t i = 0; i < stats->count; i++) {
		series_release(stats->series[i]);
		free(stats->series[i]);
	}
	series_release(&stats->total);
	free_errors(stats);
	free_exceptions(stats);
	for (size_t i = 0; i < stats->counter_count; i++)
		free(stats->counters[i].name);
	metrics_release(&stats->metrics);
	strmap_release(&stats->by_name);
	strmap_release(&stats->by_counter);
	free(stats->series);
	free(stats->errors);
	free(stats->counters);
	free(stats);
}

/* Room for one more in an array that doubles at powers of two. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return xreallocarray(array, count ? count * 2 : 1, size);
}

static struct series *add_series(struct stats *stats, const struct key *key)
{
	struct series *s = xmalloc(sizeof(*s));
	size_t type_len = strnlen(key->data, key->len);
	char *type = xstrndup(key->data, type_len);
	char *name = xstrndup(key->data + type_len + 1,
	    key->len - type_len - 1);

	series_init(s, type, name);
	free(type);
	free(name);
	s->other = strcmp(s->name, STATS_OTHER) == 0;
	s->id = (uint32_t)stats->count;
	stats->series = grow(stats->series, stats->count,
	    sizeof(struct series *));
	stats->series[stats->count++] = s;
	strmap_putn(&stats->by_name, key->data, key->len, s);
	return s;
}

/* Where samples of this type go when there is no room for their own. */
static struct series *other_series(struct stats *stats, const char *type)
{
	struct series *s = stats_find(stats, type, STATS_OTHER);
	struct key key;

	if (s)
		return s;
	if (stats->count >= stats->max_series + SPARE_SERIES)
		type = STATS_OTHER;
	s = stats_find(stats, type, STATS_OTHER);
	if (s)
		return s;
	series_key(&key, type, STATS_OTHER);
	s = add_series(stats, &key);
	key_release(&key);
	return s;
}

struct series *stats_find(const struct stats *stats, const char *type,
    const char *name)
{
	struct series *s;
	struct key key;

	series_key(&key, type, name);
	s = strmap_getn(&stats->by_name, key.data, key.len);
	key_release(&key);
	return s;
}

struct series *stats_series(struct stats *stats, const char *type,
    const char *name)
{
	struct series *s;
	struct key key;

	series_key(&key, type, name);
	s = strmap_getn(&stats->by_name, key.data, key.len);
	if (!s && stats->count < stats->max_series)
		s = add_series(stats, &key);
	key_release(&key);
	return s ? s : other_series(stats, type);
}

/*
 * The second that `end` falls into.  The wall clock is asked once a second;
 * a sample from before is counted back from there.
 */
static int64_t second_of(struct stats *stats, int64_t end)
{
	int64_t since = end - stats->second_begin;
	double wall;

	if (since >= 0 && since < NS_PER_S)
		return stats->second;
	if (since < 0 && since > -STATS_SECONDS * NS_PER_S)
		return stats->second - 1 - (-since - 1) / NS_PER_S;
	wall = clock_wall_at(end);
	stats->second = (int64_t)floor(wall);
	stats->second_begin = end -
	    (int64_t)((wall - floor(wall)) * (double)NS_PER_S);
	return stats->second;
}

static inline void record(struct series *s, int64_t second, double last,
    int64_t service_ns, int64_t lag_ns, size_t bytes, bool failed)
{
	s->requests++;
	s->failures += failed;
	s->bytes += bytes;
	if (last > s->last_time)
		s->last_time = last;
	if (lag_ns > 0 || s->response)
		histogram_record(series_need_response(s),
		    service_ns + lag_ns);
	histogram_record(&s->service, service_ns);
	batches_add(&s->batches, service_ns + lag_ns);
	series_count_second(s, second, 1, failed);
}

static inline void prefetch(const struct series *s, int64_t second,
    int64_t service_ns)
{
	histogram_prefetch(&s->service, service_ns);
	__builtin_prefetch(&s->service, 1);
	__builtin_prefetch(&s->batches, 1);
	__builtin_prefetch(&s->batches.level[0], 1);
	__builtin_prefetch(&s->seconds[(uint64_t)second % STATS_SECONDS], 1);
}

void stats_record(struct stats *stats, struct series *s, int64_t end,
    int64_t service_ns, int64_t lag_ns, size_t bytes, bool failed)
{
	int64_t second = second_of(stats, end);
	double last = (double)stats->second +
	    (double)(end - stats->second_begin) * 1e-9;

	if (service_ns < 0)
		service_ns = 0;
	if (lag_ns < 0)
		lag_ns = 0;
	/* With many series this one's lines are far away: they are on their
	 * way while the total is done, whose lines are near. */
	prefetch(s, second, service_ns);
	if (!s->transaction)
		record(&stats->total, second, last, service_ns, lag_ns, bytes,
		    failed);
	s->phase = false;
	stats->capped += s->other;
	record(s, second, last, service_ns, lag_ns, bytes, failed);
}

void stats_observe(struct stats *stats, struct series *s, int64_t ns,
    size_t bytes)
{
	if (ns < 0)
		ns = 0;
	if (s->requests == 0)
		s->phase = true;
	stats->capped += s->other;
	s->bytes += bytes;
	histogram_record(&s->service, ns);
	if (s->response)
		histogram_record(s->response, ns);
	batches_add(&s->batches, ns);
}

static struct error_row *find_error(struct stats *stats, struct series *s,
    const char *text, size_t limit)
{
	struct error_row *row;
	struct key key;

	error_key(&key, s, text);
	row = strmap_getn(&stats->by_error, key.data, key.len);
	if (!row && stats->error_count < limit) {
		row = xcalloc(1, sizeof(*row));
		row->series = s;
		row->text = xstrndup(text, utf8_cut(text, STATS_MAX_ERROR));
		stats->errors = grow(stats->errors, stats->error_count,
		    sizeof(struct error_row *));
		stats->errors[stats->error_count++] = row;
		strmap_putn(&stats->by_error, key.data, key.len, row);
	}
	key_release(&key);
	return row;
}

void stats_error(struct stats *stats, struct series *s, const char *text,
    uint64_t occurrences, double first_seen, double last_seen)
{
	struct error_row *row = find_error(stats, s, text, stats->max_errors);

	/* One such row per series, so that these are bounded too. */
	if (!row)
		row = find_error(stats, s, STATS_OTHER_ERRORS, SIZE_MAX);
	row->occurrences += occurrences;
	if (first_seen > 0 &&
	    (row->first_seen <= 0 || first_seen < row->first_seen))
		row->first_seen = first_seen;
	if (last_seen > row->last_seen)
		row->last_seen = last_seen;
}

static struct exception_row *exception_of(struct stats *stats,
    const char *message, const char *traceback)
{
	struct exception_row *row;

	for (size_t i = 0; i < stats->exception_count; i++) {
		if (strcmp(stats->exceptions[i].traceback, traceback) == 0)
			return &stats->exceptions[i];
	}
	/* The last row takes what has no room. */
	if (stats->exception_count == STATS_MAX_EXCEPTIONS)
		return &stats->exceptions[STATS_MAX_EXCEPTIONS - 1];
	stats->exceptions = grow(stats->exceptions, stats->exception_count,
	    sizeof(*row));
	row = &stats->exceptions[stats->exception_count++];
	*row = (struct exception_row){
		.message = xstrndup(message,
		    utf8_cut(message, STATS_MAX_ERROR)),
		.traceback = xstrdup(traceback),
	};
	return row;
}

void stats_exception(struct stats *stats, const char *message,
    const char *traceback, const char *node)
{
	char *cut = xstrndup(traceback,
	    utf8_cut(traceback, STATS_MAX_TRACEBACK));
	struct exception_row *row = exception_of(stats, message, cut);

	free(cut);
	row->count++;
	for (size_t i = 0; i < row->node_count; i++) {
		if (strcmp(row->nodes[i], node) == 0)
			return;
	}
	if (row->node_count == STATS_MAX_NODES)
		return;
	row->nodes = grow(row->nodes, row->node_count, sizeof(*row->nodes));
	row->nodes[row->node_count++] = xstrdup(node);
}

uint32_t stats_counter(struct stats *stats, const char *name)
{
	char cut[STATS_MAX_NAME + 1];
	void *found;

	if (stats->counter_count >= STATS_MAX_COUNTERS &&
	    !strmap_get(&stats->by_counter, name))
		name = STATS_OTHER;
	snprintf(cut, sizeof(cut), "%.*s",
	    (int)utf8_cut(name, STATS_MAX_NAME), name);
	/* The map holds the id plus one. */
	found = strmap_get(&stats->by_counter, cut);
	if (found)
		return (uint32_t)((uintptr_t)found - 1);
	stats->counters = grow(stats->counters, stats->counter_count,
	    sizeof(*stats->counters));
	stats->counters[stats->counter_count] =
	    (struct counter){ .name = xstrdup(cut) };
	strmap_put(&stats->by_counter, cut,
	    (void *)(uintptr_t)(++stats->counter_count));
	return (uint32_t)(stats->counter_count - 1);
}

void stats_count(struct stats *stats, uint32_t counter, int64_t add)
{
	/* Wraps rather than being undefined. */
	if (counter < stats->counter_count)
		stats->counters[counter].value =
		    (int64_t)((uint64_t)stats->counters[counter].value +
		    (uint64_t)add);
}

void stats_merge(struct stats *into, const struct stats *delta)
{
	for (size_t i = 0; i < delta->count; i++) {
		const struct series *from = delta->series[i];
		struct series *to = stats_series(into, from->type, from->name);

		if (to->other && !from->other)
			into->capped += from->service.count;
		series_merge(to, from);
	}
	series_merge(&into->total, &delta->total);
	for (size_t i = 0; i < delta->error_count; i++) {
		const struct error_row *row = delta->errors[i];

		stats_error(into, stats_series(into, row->series->type,
		    row->series->name), row->text, row->occurrences,
		    row->first_seen, row->last_seen);
	}
	for (size_t i = 0; i < delta->counter_count; i++)
		stats_count(into, stats_counter(into,
		    delta->counters[i].name), delta->counters[i].value);
	metrics_merge(&into->metrics, &delta->metrics);
	into->capped += delta->capped;
}

void stats_reset(struct stats *stats)
{
	for (size_t i = 0; i < stats->count; i++)
		series_reset(stats->series[i]);
	series_reset(&stats->total);
	free_errors(stats);
	free_exceptions(stats);
	for (size_t i = 0; i < stats->counter_count; i++)
		stats->counters[i].value = 0;
	metrics_reset(&stats->metrics);
	stats->capped = 0;
	stats->resets++;
}

size_t stats_memory(const struct stats *stats)
{
	size_t bytes = sizeof(*stats) +
	    histogram_memory(series_response(&stats->total));

	for (size_t i = 0; i < stats->count; i++) {
		const struct series *s = stats->series[i];

		bytes += sizeof(*s) + histogram_memory(&s->service) -
		    sizeof(s->service);
		if (s->response)
			bytes += histogram_memory(s->response);
	}
	return bytes;
}
