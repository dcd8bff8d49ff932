/* A binary heap: see the header. */
#include "run/trace_heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static bool before(const struct held *a, const struct held *b)
{
	return a->time != b->time ? a->time < b->time : a->number < b->number;
}

static size_t size_of(const struct held *e)
{
	return sizeof *e + e->user_len + e->payload_len;
}

void trace_heap_add(struct trace_heap *h, struct held *e)
{
	size_t i = h->count++;

	if (h->count > h->room) {
		h->room = h->room > 0 ? h->room * 2 : 256;
		h->at = xreallocarray(h->at, h->room, sizeof(struct held *));
	}
	/* Mostly it is the last, and stays where it is. */
	for (; i > 0 && before(e, h->at[(i - 1) / 2]); i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = e;
	h->bytes += size_of(e);
}

struct held *trace_heap_take(struct trace_heap *h)
{
	struct held *first = h->at[0];
	struct held *last = h->at[--h->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
		    before(h->at[child + 1], h->at[child]))
			child++;
		if (!before(h->at[child], last))
			break;
		h->at[i] = h->at[child];
		i = child;
	}
	h->at[i] = last;
	h->bytes -= size_of(first);
	return first;
}

void trace_heap_release(struct trace_heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->at[i]);
	free(h->at);
	memset(h, 0, sizeof *h);
}
