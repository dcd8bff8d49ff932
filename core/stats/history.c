/*
 * A track for the total and one for every series.  A tick takes the coarse
 * form of each histogram that changed and the difference from the tick before;
 * at the end of 10 s the difference from their beginning becomes a slot, and
 * slots of 10 s are added up to those of a minute and of ten.  Everything
 * that is asked for is added up from the largest slots that fit.
 */
#include "stats/history.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "stats/history_level.h"
#include "stats/stats.h"

#define LEVELS 4
#define FULL_TRACKS 500                 /* the others keep less */

static const unsigned steps[LEVELS] = { 1, 10, 60, 600 };
static const size_t total_slots[LEVELS] = { 14400, 8640, 10080, 4320 };
static const size_t series_slots[LEVELS] = { 900, 360, 1440, 1008 };
static const size_t small_slots[LEVELS] = { 60, 60, 120, 288 };

/* Cumulative figures at some instant. */
struct mark {
	uint64_t requests, failures, bytes, timed;
	double sum_ms;
	uint32_t buckets[HISTORY_BUCKETS];
};

struct track {
	struct history_level level[LEVELS];
	struct mark last;               /* at the last tick */
	struct mark base;               /* at the start of the open 10 s */
};

struct history {
	pthread_mutex_t lock;
	struct track *total;
	struct track **tracks;          /* by series id */
	size_t track_count;
	int64_t first;                  /* second of the first tick; 0: none */
	int64_t second;                 /* of the last tick */
	unsigned resets;                /* of the statistics, as last seen */
	struct history_gauges gauges;
	bool open;                      /* the open 10 s had a tick */
	struct history_gauges open_gauges;
};

struct history *history_new(void)
{
	struct history *h = xcalloc(1, sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static struct track *track_new(const size_t *caps, bool gauges)
{
	struct track *t = xcalloc(1, sizeof(*t));

	for (int i = 0; i < LEVELS; i++) {
		t->level[i].cap = caps[i];
		t->level[i].closed = INT64_MIN;
		/* Marked here, allocated with the slots. */
		if (gauges)
			t->level[i].gauges = xmalloc(1);
	}
	return t;
}

static void track_free(struct track *t)
{
	if (!t)
		return;
	for (int i = 0; i < LEVELS; i++) {
		struct history_level *l = &t->level[i];

		for (size_t k = 0; k < l->alloc; k++)
			free(l->slots[k].blob);
		free(l->slots);
		free(l->gauges);
	}
	free(t);
}

void history_free(struct history *h)
{
	if (!h)
		return;
	track_free(h->total);
	for (size_t i = 0; i < h->track_count; i++)
		track_free(h->tracks[i]);
	free(h->tracks);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* ---- buckets ---- */

double history_bucket_ms(unsigned bucket)
{
	int64_t lo, hi;

	/* 128 sub-buckets an octave become 16. */
	histogram_bounds(bucket * 8, &lo, &hi);
	return (double)lo / 1e6;
}

/* A sample of this bucket stands for its middle. */
static double bucket_middle(unsigned bucket)
{
	int64_t lo, hi, last;

	histogram_bounds(bucket * 8, &lo, &hi);
	histogram_bounds(bucket * 8 + 7, &last, &hi);
	return ((double)lo + (double)hi) / 2e6;
}

double history_sum_quantile(const struct history_sum *sum, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)sum->timed), seen = 0;

	if (sum->timed == 0)
		return NAN;
	if (rank == 0)
		rank = 1;
	for (unsigned i = 0; i < HISTORY_BUCKETS; i++) {
		seen += sum->buckets[i];
		if (seen >= rank)
			return bucket_middle(i);
	}
	return bucket_middle(HISTORY_BUCKETS - 1);
}

/* ---- ticking ---- */

static void mark_take(struct mark *m, const struct series *s)
{
	const struct histogram *h = series_response(s);
	uint64_t n;

	memset(m, 0, sizeof(*m));
	m->requests = s->requests;
	m->failures = s->failures;
	m->bytes = s->bytes;
	m->timed = h->count;
	m->sum_ms = histogram_mean(h) * (double)h->count / 1e6;
	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n))
		m->buckets[i / 8] += (uint32_t)n;
}

static bool mark_unchanged(const struct mark *m, const struct series *s)
{
	return m->requests == s->requests && m->failures == s->failures &&
	    m->timed == series_response(s)->count;
}

static void sum_marks(struct history_sum *sum, const struct mark *from,
    const struct mark *to)
{
	sum->requests += to->requests - from->requests;
	sum->failures += to->failures - from->failures;
	sum->bytes += to->bytes - from->bytes;
	if (to->sum_ms > from->sum_ms)
		sum->sum_ms += to->sum_ms - from->sum_ms;
	for (unsigned i = 0; i < HISTORY_BUCKETS; i++) {
		/* Unsigned: right even when a count has wrapped. */
		uint32_t n = to->buckets[i] - from->buckets[i];

		sum->buckets[i] += n;
		sum->timed += n;
	}
}

static double highest(const struct history_sum *sum)
{
	for (unsigned i = HISTORY_BUCKETS; i-- > 0;)
		if (sum->buckets[i] > 0)
			return bucket_middle(i);
	return NAN;
}

static void push_sum(struct history_level *l, int64_t index,
    const struct history_sum *sum, const struct history_gauges *gauges,
    bool keep_blob)
{
	struct level_slot slot = {
		.index = index,
		.requests = (uint32_t)sum->requests,
		.failures = (uint32_t)sum->failures,
		.bytes = sum->bytes, .sum_ms = sum->sum_ms,
		.timed = (uint32_t)sum->timed,
	};

	if (keep_blob) {
		slot.blob = history_blob_encode(sum->buckets);
	} else {
		slot.p50 = (float)history_sum_quantile(sum, 0.5);
		slot.p95 = (float)history_sum_quantile(sum, 0.95);
		slot.p99 = (float)history_sum_quantile(sum, 0.99);
		slot.max = (float)highest(sum);
	}
	history_level_push(l, &slot, gauges);
}

static void sum_gauges(struct history_gauges *into,
    const struct history_gauges *g)
{
	into->users = g->users;
	into->wanted = g->wanted;
	into->workers = g->workers;
	if (g->cpu > into->cpu)
		into->cpu = g->cpu;
	if (g->delay_ms > into->delay_ms)
		into->delay_ms = g->delay_ms;
}

static void sum_slot(struct history_sum *sum,
    const struct history_level *l, size_t i)
{
	const struct level_slot *s = &l->slots[history_level_at(l, i)];

	sum->requests += s->requests;
	sum->failures += s->failures;
	sum->bytes += s->bytes;
	sum->sum_ms += s->sum_ms;
	sum->present = true;
	history_blob_add(s->blob, sum);
	if (l->gauges)
		sum_gauges(&sum->gauges, &l->gauges[history_level_at(l, i)]);
}

static bool sum_index(struct history_sum *sum, const struct history_level *l,
    int64_t index)
{
	bool found = false;

	if (l->count == 0)
		return false;
	for (size_t i = history_level_find(l, index); i < l->count &&
	    l->slots[history_level_at(l, i)].index == index; i++) {
		sum_slot(sum, l, i);
		found = true;
	}
	return found;
}

/* Turns the open 10 s, which began at `index`, into a slot. */
static void close_ten(struct history *h, struct track *t, int64_t index,
    bool whole)
{
	struct history_sum sum = { 0 };

	sum_marks(&sum, &t->base, &t->last);
	if (sum.requests > 0 || sum.timed > 0 || (t == h->total && h->open))
		push_sum(&t->level[1], index, &sum, &h->open_gauges, true);
	t->base = t->last;
	if (whole)
		t->level[1].closed = index;
}

/* Adds the slots of a finer level up to one of level n. */
static void close_level_of(struct track *t, int n, int64_t index)
{
	unsigned per = steps[n] / steps[n - 1];
	struct history_sum sum = { 0 };

	for (unsigned i = 0; i < per; i++)
		sum_index(&sum, &t->level[n - 1], index * per + i);
	if (sum.present)
		push_sum(&t->level[n], index, &sum, &sum.gauges, true);
	t->level[n].closed = index;
}

static void close_slots(struct history *h, struct track *t, int64_t now)
{
	int64_t before = h->second;

	if (before / 10 != now / 10)
		close_ten(h, t, before / 10, true);
	for (int n = 2; n < LEVELS; n++)
		if (before / steps[n] != now / steps[n])
			close_level_of(t, n, before / steps[n]);
}

static void tick_track(struct history *h, struct track *t,
    const struct series *s, int64_t second)
{
	struct history_sum sum = { 0 };
	struct mark now;

	if (mark_unchanged(&t->last, s)) {
		if (t == h->total)
			push_sum(&t->level[0], second, &sum, &h->gauges,
			    false);
		return;
	}
	mark_take(&now, s);
	sum_marks(&sum, &t->last, &now);
	t->last = now;
	push_sum(&t->level[0], second, &sum, &h->gauges, false);
}

/* What came before a reset, or beside a merge, is a slot of its own. */
static void rebase_track(struct history *h, struct track *t,
    const struct series *s)
{
	close_ten(h, t, h->second / 10, false);
	mark_take(&t->last, s);
	t->base = t->last;
}

static void rebase(struct history *h, const struct stats *st)
{
	static const struct series empty;

	if (h->second == 0)
		return;
	rebase_track(h, h->total, st ? &st->total : &empty);
	for (size_t i = 0; i < h->track_count; i++)
		rebase_track(h, h->tracks[i], st && i < st->count ?
		    st->series[i] : &empty);
}

static void add_tracks(struct history *h, const struct stats *st)
{
	if (!h->total)
		h->total = track_new(total_slots, true);
	if (st->count <= h->track_count)
		return;
	h->tracks = xreallocarray(h->tracks, st->count, sizeof(*h->tracks));
	while (h->track_count < st->count) {
		h->tracks[h->track_count] = track_new(
		    h->track_count < FULL_TRACKS ? series_slots : small_slots,
		    false);
		h->track_count++;
	}
}

void history_tick(struct history *h, int64_t second, const struct stats *st,
    const struct history_gauges *gauges)
{
	pthread_mutex_lock(&h->lock);
	if (second <= h->second) {
		pthread_mutex_unlock(&h->lock);
		return;
	}
	if (st->resets != h->resets) {
		rebase(h, NULL);
		h->resets = st->resets;
	}
	add_tracks(h, st);
	if (h->first == 0)
		h->first = second;
	else
		close_slots(h, h->total, second);
	for (size_t i = 0; i < h->track_count && h->second > 0; i++)
		close_slots(h, h->tracks[i], second);
	if (h->second / 10 != second / 10) {
		h->open = false;
		h->open_gauges = (struct history_gauges){ 0 };
	}
	h->gauges = *gauges;
	h->open = true;
	sum_gauges(&h->open_gauges, gauges);
	tick_track(h, h->total, &st->total, second);
	for (size_t i = 0; i < st->count && i < h->track_count; i++)
		tick_track(h, h->tracks[i], st->series[i], second);
	h->second = second;
	pthread_mutex_unlock(&h->lock);
}

void history_skip(struct history *h, const struct stats *st)
{
	pthread_mutex_lock(&h->lock);
	add_tracks(h, st);
	rebase(h, st);
	pthread_mutex_unlock(&h->lock);
}

/* ---- asking ---- */

static struct track *find(const struct history *h, uint32_t series)
{
	if (series == HISTORY_TOTAL)
		return h->total;
	return series < h->track_count ? h->tracks[series] : NULL;
}

/* The step whose slots of `from` all tracks of this size still keep. */
static unsigned step_kept(const struct history *h, const struct track *t,
    int64_t from)
{
	int64_t oldest = from < h->first ? h->first : from;

	for (int n = 1; n < LEVELS; n++)
		if (history_level_keeps(&t->level[n], oldest / steps[n]))
			return steps[n];
	return steps[LEVELS - 1];
}

/* Adds up [from, to), both on slots that exist. */
static void add_up(const struct history *h, const struct track *t,
    int64_t from, int64_t to, struct history_sum *sum)
{
	if (from < h->first)
		from = h->first / 600 * 600;
	while (from < to && from <= h->second) {
		int n = LEVELS - 1;

		while (n > 1 && (from % steps[n] != 0 ||
		    from + steps[n] > to || t->level[n].closed <
		    from / steps[n]))
			n--;
		sum_index(sum, &t->level[n], from / steps[n]);
		if (from / 10 == h->second / 10) {
			/* The open slot. */
			sum_marks(sum, &t->base, &t->last);
			sum->present = sum->present || h->open;
			if (t == h->total)
				sum_gauges(&sum->gauges, &h->open_gauges);
		}
		from += steps[n];
	}
}

static void fill_point(struct history_point *p, const struct history_sum *sum)
{
	p->present = sum->present;
	p->requests = sum->requests;
	p->failures = sum->failures;
	p->bytes = sum->bytes;
	p->mean = sum->timed > 0 ? sum->sum_ms / (double)sum->timed : NAN;
	p->p50 = history_sum_quantile(sum, 0.5);
	p->p95 = history_sum_quantile(sum, 0.95);
	p->p99 = history_sum_quantile(sum, 0.99);
	p->max = highest(sum);
	p->gauges = sum->gauges;
}

static void fill_second(struct history_point *p, const struct history_level *l,
    size_t i)
{
	const struct level_slot *s = &l->slots[history_level_at(l, i)];

	p->present = true;
	p->requests += s->requests;
	p->failures += s->failures;
	p->bytes += s->bytes;
	p->p50 = s->p50;
	p->p95 = s->p95;
	p->p99 = s->p99;
	p->max = s->max;
	p->mean = s->timed > 0 ? s->sum_ms / s->timed : NAN;
	if (l->gauges)
		p->gauges = l->gauges[history_level_at(l, i)];
}

/* A second without a slot of its own: zero when the run ticked then. */
static void seconds(const struct history *h, const struct track *t,
    int64_t from, size_t count, struct history_point *out)
{
	const struct history_level *total = &h->total->level[0];
	const struct history_level *own = &t->level[0];
	size_t a = history_level_find(total, from);
	size_t b = history_level_find(own, from);

	for (size_t i = 0; i < count; i++) {
		int64_t now = from + (int64_t)i;
		struct history_point *p = &out[i];

		while (a < total->count &&
		    total->slots[history_level_at(total, a)].index < now)
			a++;
		p->present = a < total->count &&
		    total->slots[history_level_at(total, a)].index == now;
		while (b < own->count &&
		    own->slots[history_level_at(own, b)].index <= now)
			fill_second(p, own, b++);
	}
}

size_t history_points(struct history *h, uint32_t series, int64_t from,
    int64_t to, size_t max, unsigned *step, struct history_point **out)
{
	struct history_sum *sum = NULL;
	struct history_point *p;
	struct track *t;
	size_t count = 0;

	*out = NULL;
	*step = 1;
	pthread_mutex_lock(&h->lock);
	t = find(h, series);
	if (from < h->first)
		from = h->first;
	if (to > h->second + 1)
		to = h->second + 1;
	if (!t || to <= from || max == 0)
		goto unlock;
	if (!history_level_keeps(&t->level[0], from) ||
	    (uint64_t)(to - from) > max) {
		unsigned base = step_kept(h, t, from);
		uint64_t wide = ((uint64_t)(to - from) + max - 1) / max;

		*step = (unsigned)((wide + base - 1) / base) * base;
		from = from / *step * *step;
	}
	count = (size_t)((to - from + *step - 1) / *step);
	p = xcalloc(count, sizeof(*p));
	for (size_t i = 0; i < count; i++) {
		p[i].time = from + (int64_t)(i * *step);
		p[i].mean = p[i].p50 = p[i].p95 = p[i].p99 = p[i].max = NAN;
	}
	if (*step == 1) {
		seconds(h, t, from, count, p);
	} else {
		sum = xmalloc(sizeof(*sum));
		for (size_t i = 0; i < count; i++) {
			memset(sum, 0, sizeof(*sum));
			add_up(h, t, p[i].time, p[i].time + *step, sum);
			fill_point(&p[i], sum);
		}
		free(sum);
	}
	*out = p;
unlock:
	pthread_mutex_unlock(&h->lock);
	return count;
}

void history_snap(struct history *h, int64_t *from, int64_t *to)
{
	unsigned step = 10;

	pthread_mutex_lock(&h->lock);
	/* What the endpoints keep: all of them the same. */
	if (h->track_count > 0) {
		const struct track *t = h->tracks[h->track_count - 1];
		int64_t age = h->second - (*from < h->first ? h->first :
		    *from);

		for (int n = 1; n < LEVELS; n++) {
			step = steps[n];
			if (age < (int64_t)(t->level[n].cap * steps[n]))
				break;
		}
	}
	*from = *from / step * step;
	*to = (*to + step - 1) / step * step;
	pthread_mutex_unlock(&h->lock);
}

int history_sum(struct history *h, uint32_t series, int64_t from, int64_t to,
    struct history_sum *out)
{
	struct track *t;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&h->lock);
	t = find(h, series);
	if (t)
		add_up(h, t, from, to, out);
	pthread_mutex_unlock(&h->lock);
	return t ? 0 : -1;
}

static size_t track_memory(const struct track *t)
{
	size_t bytes = sizeof(*t);

	for (int n = 0; n < LEVELS; n++) {
		const struct history_level *l = &t->level[n];

		bytes += l->alloc * (sizeof(*l->slots) +
		    (l->gauges ? sizeof(*l->gauges) : 0));
		for (size_t i = 0; i < l->count; i++)
			bytes += history_blob_size(
			    l->slots[history_level_at(l, i)].blob);
	}
	return bytes;
}

size_t history_memory(struct history *h)
{
	size_t bytes = sizeof(*h);

	pthread_mutex_lock(&h->lock);
	if (h->total)
		bytes += track_memory(h->total);
	for (size_t i = 0; i < h->track_count; i++)
		bytes += track_memory(h->tracks[i]);
	pthread_mutex_unlock(&h->lock);
	return bytes;
}
