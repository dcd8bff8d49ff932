/* Slots of one length of a track, and their coarse histograms: see
 * history.c. */
#ifndef STATS_HISTORY_LEVEL_H
#define STATS_HISTORY_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/history.h"

struct level_slot {
	int64_t index;                  /* its time / step */
	uint64_t bytes;
	double sum_ms;
	uint32_t timed;                 /* samples in it */
	uint32_t requests;
	uint32_t failures;
	float p50, p95, p99, max;       /* level 0 only */
	uint8_t *blob;                  /* other levels: (gap, count) varints */
};

/* A ring that grows to `cap`. */
struct history_level {
	struct level_slot *slots;
	struct history_gauges *gauges;  /* the total's only */
	size_t cap, alloc, start, count;
	int64_t closed;                 /* slots up to this index are whole */
};

/* The oldest goes when it is full; takes the slot's blob. */
void history_level_push(struct history_level *, const struct level_slot *,
    const struct history_gauges *);
/* Where the i-th oldest slot is. */
static inline size_t history_level_at(const struct history_level *l, size_t i)
{
	return (l->start + i) % l->alloc;
}
/* Position of the first slot with an index of at least `index`. */
size_t history_level_find(const struct history_level *, int64_t index);
/* Whether the slot of `index` would still be there, had there been one. */
bool history_level_keeps(const struct history_level *, int64_t index);

/* NULL when empty. */
uint8_t *history_blob_encode(const uint64_t *buckets);
void history_blob_add(const uint8_t *, struct history_sum *);
size_t history_blob_size(const uint8_t *);

#endif
