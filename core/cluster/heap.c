/*
 * A binary heap of indices which knows where each is.
 */
#include "cluster/heap.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define NOWHERE SIZE_MAX

void heap_init(struct heap *h, size_t n,
    bool (*before)(const void *owner, size_t, size_t), const void *owner)
{
	h->items = xcalloc(n + 1, sizeof *h->items);
	h->where = xcalloc(n + 1, sizeof *h->where);
	for (size_t i = 0; i < n; i++)
		h->where[i] = NOWHERE;
	h->count = 0;
	h->before = before;
	h->owner = owner;
}

void heap_release(struct heap *h)
{
	free(h->items);
	free(h->where);
}

static void heap_set(struct heap *h, size_t pos, size_t item)
{
	h->items[pos] = item;
	h->where[item] = pos;
}

void heap_sift(struct heap *h, size_t pos)
{
	size_t item = h->items[pos];
	size_t child;

	while (pos > 0 && h->before(h->owner, item, h->items[(pos - 1) / 2])) {
		heap_set(h, pos, h->items[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	for (child = 2 * pos + 1; child < h->count; child = 2 * pos + 1) {
		if (child + 1 < h->count &&
		    h->before(h->owner, h->items[child + 1], h->items[child]))
			child++;
		if (!h->before(h->owner, h->items[child], item))
			break;
		heap_set(h, pos, h->items[child]);
		pos = child;
	}
	heap_set(h, pos, item);
}

void heap_update(struct heap *h, size_t item, bool in)
{
	size_t pos = h->where[item];

	if (in && pos == NOWHERE) {
		heap_set(h, h->count++, item);
		heap_sift(h, h->count - 1);
	} else if (in) {
		heap_sift(h, pos);
	} else if (pos != NOWHERE) {
		h->where[item] = NOWHERE;
		if (pos == --h->count)
			return;
		heap_set(h, pos, h->items[h->count]);
		heap_sift(h, pos);
	}
}
