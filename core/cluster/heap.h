/*
 * A binary heap of indices into some array of its owner's.  It knows where each
 * index is, so that one whose key has changed is put right in place.
 */
#ifndef CLUSTER_HEAP_H
#define CLUSTER_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap {
	size_t *items;                  /* items[0] comes first */
	size_t *where;                  /* index -> position */
	size_t count;
	bool (*before)(const void *owner, size_t, size_t);
	const void *owner;
};

/* For indices 0 .. n-1; empty. */
void heap_init(struct heap *, size_t n,
    bool (*before)(const void *owner, size_t, size_t), const void *owner);
void heap_release(struct heap *);
/* Puts `item` in, out, or to its new place. */
void heap_update(struct heap *, size_t item, bool in);
/* Puts the item at a position to its place. */
void heap_sift(struct heap *, size_t pos);

#endif
