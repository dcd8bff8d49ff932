/*
 * A histogram is kept as pairs of (gap + 1, count), both varints, for every
 * bucket in use, then 0: a few dozen bytes for what would be kilobytes.
 */
#include "stats/history_level.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static void level_grow(struct history_level *l)
{
	size_t alloc = l->alloc ? l->alloc * 2 : 8;

	if (alloc > l->cap)
		alloc = l->cap;
	l->slots = xreallocarray(l->slots, alloc, sizeof(*l->slots));
	memset(l->slots + l->alloc, 0,
	    (alloc - l->alloc) * sizeof(*l->slots));
	if (l->gauges)
		l->gauges = xreallocarray(l->gauges, alloc,
		    sizeof(*l->gauges));
	l->alloc = alloc;
}

void history_level_push(struct history_level *l,
    const struct level_slot *slot, const struct history_gauges *gauges)
{
	size_t at;

	if (l->count == l->alloc && l->alloc < l->cap)
		level_grow(l);
	if (l->count == l->alloc) {
		free(l->slots[l->start].blob);
		l->start = (l->start + 1) % l->alloc;
		l->count--;
	}
	at = (l->start + l->count++) % l->alloc;
	l->slots[at] = *slot;
	if (l->gauges)
		l->gauges[at] = *gauges;
}

size_t history_level_find(const struct history_level *l, int64_t index)
{
	size_t lo = 0, hi = l->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->slots[history_level_at(l, mid)].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool history_level_keeps(const struct history_level *l, int64_t index)
{
	return l->count < l->cap ||
	    l->slots[history_level_at(l, 0)].index <= index;
}

/* ---- coarse histograms ---- */

static void put_varint(uint8_t **p, uint64_t value)
{
	while (value >= 0x80) {
		*(*p)++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*(*p)++ = (uint8_t)value;
}

static uint64_t get_varint(const uint8_t **p)
{
	uint64_t value = 0;

	for (int shift = 0;; shift += 7) {
		value |= (uint64_t)(**p & 0x7f) << shift;
		if (!(*(*p)++ & 0x80))
			return value;
	}
}

uint8_t *history_blob_encode(const uint64_t *buckets)
{
	uint8_t memory[HISTORY_BUCKETS * 12 + 1], *p = memory, *blob;
	unsigned last = 0;

	for (unsigned i = 0; i < HISTORY_BUCKETS; i++) {
		if (buckets[i] == 0)
			continue;
		put_varint(&p, i - last + 1);
		put_varint(&p, buckets[i]);
		last = i;
	}
	if (p == memory)
		return NULL;
	*p++ = 0;
	blob = xmalloc((size_t)(p - memory));
	memcpy(blob, memory, (size_t)(p - memory));
	return blob;
}

void history_blob_add(const uint8_t *p, struct history_sum *sum)
{
	unsigned at = 0;

	for (uint64_t gap; p && (gap = get_varint(&p)) != 0;) {
		uint64_t n = get_varint(&p);

		at += (unsigned)gap - 1;
		sum->buckets[at] += n;
		sum->timed += n;
	}
}

size_t history_blob_size(const uint8_t *blob)
{
	const uint8_t *p = blob;

	while (p && get_varint(&p) != 0)
		get_varint(&p);
	return (size_t)(p - blob);
}
