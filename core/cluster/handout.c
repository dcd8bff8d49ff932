/* See the header. */
#include "cluster/handout.h"

#include <stdlib.h>
#include <string.h>

#include <swarm/trace.h>

#include "base/xalloc.h"
#include "cluster/master.h"
#include "user/record.h"

#define BATCH ((size_t)64 << 10)        /* bytes, roughly */

void handout_add(struct handout *h, struct peer *p)
{
	size_t n = h->count + 1;

	h->peers = xreallocarray(h->peers, n, sizeof(struct peer *));
	h->places = xreallocarray(h->places, n, sizeof h->places[0]);
	h->batches = xreallocarray(h->batches, n, sizeof h->batches[0]);
	h->peers[h->count] = p;
	/* Its index stays with it. */
	h->places[h->count] = (uint64_t)p->index + 1;
	buf_init(&h->batches[h->count], BATCH + RECORD_HEAD +
	    SWARM_TRACE_USER_MAX + SWARM_TRACE_PAYLOAD_MAX);
	h->count = n;
}

void handout_release(struct handout *h)
{
	for (size_t i = 0; i < h->count; i++)
		buf_release(&h->batches[i]);
	free(h->peers);
	free(h->places);
	free(h->batches);
	memset(h, 0, sizeof *h);
}

static void flush(struct handout *h, size_t i)
{
	struct buf *b = &h->batches[i];

	if (b->len > 0)
		master_send_replay(h->peers[i], b->data, b->len);
	buf_clear(b);
}

struct peer *handout_put(struct handout *h, const struct record *r)
{
	size_t i;

	if (h->count == 0)
		return NULL;
	i = record_place(r->key, h->places, h->count);
	if (record_put(&h->batches[i], r) == -1)
		return NULL;
	if (h->batches[i].len >= BATCH)
		flush(h, i);
	return h->peers[i];
}

void handout_flush(struct handout *h)
{
	for (size_t i = 0; i < h->count; i++)
		flush(h, i);
}

void handout_lost(struct handout *h, const struct peer *p)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->peers[i] != p)
			continue;
		buf_release(&h->batches[i]);
		h->count--;
		h->peers[i] = h->peers[h->count];
		h->places[i] = h->places[h->count];
		h->batches[i] = h->batches[h->count];
		return;
	}
}
