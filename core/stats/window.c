/*
 * Windows.  For each series: the state at the last tick and a ring of the
 * differences.  A window is added up when somebody asks; ten sparse seconds
 * of a hundred buckets take a microsecond or two, so that keeping sliding
 * sums up to date would cost more than it saves.
 *
 * A series that is idle costs one comparison a tick: an empty slot has no
 * buckets.
 */
#include "stats/window.h"

#include "base/clock.h"
#include "base/xalloc.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORT 0.5               /* seconds */
#define BEHIND 1.5              /* likewise, of workers' reports */

struct window {
	uint64_t requests;              /* at the last tick */
	uint64_t failures;
	uint64_t bytes;
	double lag;
	struct histogram before;
	struct window_slot *ring;
	unsigned size;
	unsigned next;                  /* where the next slot goes */
	unsigned used;
};

struct windows {
	unsigned seconds;
	bool started;
	int64_t first;                  /* ns; a second before the first tick */
	int64_t last;
	unsigned resets;                /* of the statistics, as last seen */
	double newest;                  /* sample at the last tick, unix */
	struct window total;
	struct window **series;         /* by id */
	size_t count;
	struct history_slot *history;
	size_t history_count;
	unsigned ticks_per_slot;        /* a power of two */
	unsigned ticks_in_slot;         /* of the newest one */
};

struct windows *windows_new(void)
{
	struct windows *w = xcalloc(1, sizeof(*w));

	w->seconds = WINDOWS_SECONDS;
	w->ticks_per_slot = 1;
	histogram_init(&w->total.before);
	return w;
}

static void window_release(struct window *one)
{
	for (unsigned i = 0; i < one->size; i++)
		sparse_release(&one->ring[i].response);
	free(one->ring);
	histogram_release(&one->before);
	memset(one, 0, sizeof(*one));
	histogram_init(&one->before);
}

void windows_clear(struct windows *w)
{
	for (size_t i = 0; i < w->count; i++) {
		window_release(w->series[i]);
		free(w->series[i]);
	}
	free(w->series);
	window_release(&w->total);
	for (size_t i = 0; i < w->history_count; i++)
		sparse_release(&w->history[i].slot.response);
	free(w->history);
	w->series = NULL;
	w->count = 0;
	w->history = NULL;
	w->history_count = 0;
	w->started = false;
	w->first = 0;
	w->last = 0;
	w->ticks_per_slot = 1;
	w->ticks_in_slot = 0;
}

void windows_free(struct windows *w)
{
	if (!w)
		return;
	windows_clear(w);
	free(w);
}

void windows_keep(struct windows *w, unsigned seconds)
{
	if (seconds > w->seconds)
		w->seconds = seconds;
}

/* The ring in order, in more room. */
static void enlarge(struct window *one, unsigned size)
{
	struct window_slot *ring = xcalloc(size, sizeof(*ring));

	for (unsigned i = 0; i < one->used; i++)
		ring[i] = one->ring[(one->next + one->size - one->used + i) %
		    one->size];
	free(one->ring);
	one->ring = ring;
	one->size = size;
	one->next = one->used;
}

static struct window_slot *next_slot(struct window *one, unsigned size)
{
	struct window_slot *slot;

	if (one->size < size)
		enlarge(one, size);
	slot = &one->ring[one->next];
	one->next = (one->next + 1) % one->size;
	if (one->used < one->size)
		one->used++;
	sparse_release(&slot->response);
	return slot;
}

/* Sums of 128 bits are exact; their difference is small. */
static double lag_of(const struct series *s)
{
	return s->response == NULL ? 0 :
	    (double)(s->response->sum - s->service.sum);
}

/* Less than before: taken back, or out of other statistics. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static void rebase_one(struct window *one)
{
	one->requests = one->failures = one->bytes = 0;
	one->lag = 0;
	histogram_clear(&one->before);
}

/* All that is there came after the reset, also where it is more already than
 * there was before. */
static void rebase(struct windows *w, const struct stats *stats)
{
	if (stats->resets == w->resets)
		return;
	w->resets = stats->resets;
	rebase_one(&w->total);
	for (size_t i = 0; i < w->count; i++)
		rebase_one(w->series[i]);
}

/* What came since the last tick, as a new slot. */
static const struct window_slot *advance(struct windows *w,
    struct window *one, const struct series *s, double end, double length)
{
	struct window_slot *slot = next_slot(one, w->seconds);

	slot->end = end;
	slot->length = length;
	slot->requests = since(s->requests, one->requests);
	slot->failures = since(s->failures, one->failures);
	slot->bytes = since(s->bytes, one->bytes);
	slot->lag = lag_of(s) >= one->lag ? lag_of(s) - one->lag : lag_of(s);
	sparse_advance(&slot->response, series_response(s), &one->before);
	one->requests = s->requests;
	one->failures = s->failures;
	one->bytes = s->bytes;
	one->lag = lag_of(s);
	return slot;
}

static void absorb(struct history_slot *into, const struct window_slot *slot)
{
	into->slot.end = slot->end;
	into->slot.length += slot->length;
	into->slot.requests += slot->requests;
	into->slot.failures += slot->failures;
	into->slot.bytes += slot->bytes;
	into->slot.lag += slot->lag;
	sparse_merge(&into->slot.response, &slot->response);
}

/* Half the resolution, so that a run of any length fits. */
static void pair_history(struct windows *w)
{
	for (size_t i = 0; i < w->history_count / 2; i++) {
		struct history_slot *second = &w->history[2 * i + 1];
		struct history_slot pair = w->history[2 * i];

		absorb(&pair, &second->slot);
		pair.users = second->users;
		sparse_release(&second->slot.response);
		w->history[i] = pair;
	}
	w->history_count /= 2;
	w->ticks_per_slot *= 2;
}

static void remember(struct windows *w, const struct window_slot *slot,
    int64_t users)
{
	/* What came in just after a tick, at the end of a test, is no stretch
	 * of its own: its rate would be a peak that never was. */
	if (w->history_count > 0 && slot->length < SHORT) {
		absorb(&w->history[w->history_count - 1], slot);
		return;
	}
	if (w->history_count == 0 ||
	    w->ticks_in_slot == w->ticks_per_slot) {
		if (w->history_count == WINDOWS_HISTORY)
			pair_history(w);
		w->ticks_in_slot = 0;
		if ((w->history_count & (w->history_count - 1)) == 0)
			w->history = xreallocarray(w->history,
			    w->history_count ? w->history_count * 2 : 1,
			    sizeof(*w->history));
		memset(&w->history[w->history_count++], 0,
		    sizeof(*w->history));
	}
	w->ticks_in_slot++;
	absorb(&w->history[w->history_count - 1], slot);
	w->history[w->history_count - 1].users = users;
}

static struct window *window_of(struct windows *w, const struct series *s)
{
	while (w->count <= s->id) {
		struct window *one = xcalloc(1, sizeof(*one));

		histogram_init(&one->before);
		if ((w->count & (w->count - 1)) == 0)
			w->series = xreallocarray(w->series,
			    w->count ? w->count * 2 : 1, sizeof(*w->series));
		w->series[w->count++] = one;
	}
	return w->series[s->id];
}

void windows_tick(struct windows *w, const struct stats *stats, int64_t now,
    int64_t users)
{
	double end, length = 1;

	rebase(w, stats);
	if (w->started)
		length = (double)(now - w->last) / (double)NS_PER_S;
	else
		w->first = now - NS_PER_S;
	w->started = true;
	w->last = now;
	end = (double)(now - w->first) / (double)NS_PER_S;
	for (size_t i = 0; i < stats->count; i++) {
		const struct series *s = stats->series[i];

		advance(w, window_of(w, s), s, end, length);
	}
	remember(w, advance(w, &w->total, &stats->total, end, length), users);
	w->newest = stats->total.last_time;
}

void windows_end(struct windows *w, const struct stats *stats, int64_t now,
    int64_t users)
{
	double length = (double)(now - w->last) / (double)NS_PER_S;
	double told = stats->total.last_time - w->newest;

	if (w->started && w->newest > 0 && told > length)
		now = w->last + (int64_t)(fmin(told, length + BEHIND) *
		    (double)NS_PER_S);
	windows_tick(w, stats, now, users);
}

static void know(struct window *one, const struct series *s)
{
	one->requests = s->requests;
	one->failures = s->failures;
	one->bytes = s->bytes;
	one->lag = lag_of(s);
	histogram_copy(&one->before, series_response(s));
}

void windows_skip(struct windows *w, const struct stats *stats)
{
	w->resets = stats->resets;
	know(&w->total, &stats->total);
	for (size_t i = 0; i < stats->count; i++)
		know(window_of(w, stats->series[i]), stats->series[i]);
}

void windows_sum(const struct windows *w, const struct series *s,
    double seconds, struct window_sum *sum)
{
	const struct window *one = &w->total;

	memset(sum, 0, sizeof(*sum));
	histogram_init(&sum->response);
	if (s && s->id >= w->count)
		return;
	if (s)
		one = w->series[s->id];
	/* Ticks are not exactly a second apart: half a one more or less. */
	for (unsigned i = 0; i < one->used && (i == 0 ||
	    sum->length < seconds - 0.5); i++) {
		const struct window_slot *slot = &one->ring[
		    (one->next + one->size - 1 - i) % one->size];

		sum->length += slot->length;
		sum->requests += slot->requests;
		sum->failures += slot->failures;
		sum->bytes += slot->bytes;
		sum->lag += slot->lag;
		sparse_add(&sum->response, &slot->response);
	}
}

void windows_last(const struct windows *w, const struct series *s,
    struct window_sum *sum)
{
	windows_sum(w, s, -1, sum);
}

const struct window_slot *windows_slot(const struct windows *w,
    const struct series *s)
{
	const struct window *one = &w->total;

	if (s && s->id >= w->count)
		return NULL;
	if (s)
		one = w->series[s->id];
	if (one->used == 0)
		return NULL;
	return &one->ring[(one->next + one->size - 1) % one->size];
}

void window_sum_release(struct window_sum *sum)
{
	histogram_release(&sum->response);
}

size_t windows_history(const struct windows *w,
    const struct history_slot **slots)
{
	*slots = w->history;
	return w->history_count;
}

double windows_elapsed(const struct windows *w)
{
	return (double)(w->last - w->first) / (double)NS_PER_S;
}

static size_t window_memory(const struct window *one)
{
	size_t bytes = sizeof(*one) + one->size * sizeof(*one->ring) +
	    histogram_memory(&one->before);

	for (unsigned i = 0; i < one->size; i++)
		bytes += sparse_memory(&one->ring[i].response);
	return bytes;
}

size_t windows_memory(const struct windows *w)
{
	size_t bytes = sizeof(*w) + window_memory(&w->total);

	for (size_t i = 0; i < w->count; i++)
		bytes += window_memory(w->series[i]);
	for (size_t i = 0; i < w->history_count; i++)
		bytes += sizeof(*w->history) +
		    sparse_memory(&w->history[i].slot.response);
	return bytes;
}
