/* Positions handed out in ranges: see the header. */
#include "cluster/lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Of what is left, a worker gets this part of its share at most. */
#define PART 4
/* Ranges that a worker holds and does not say it has used: nobody honest has
 * more, not even a relay. */
#define HELD_MAX 100000

void lease_init(struct lease *l, uint64_t total)
{
	memset(l, 0, sizeof *l);
	l->total = total;
}

void lease_release(struct lease *l)
{
	for (size_t i = 0; i < l->holder_count; i++)
		free(l->holders[i].ranges);
	free(l->holders);
	free(l->back);
	memset(l, 0, sizeof *l);
}

static void append(struct lease_range **at, size_t *count,
    struct lease_range range)
{
	if (range.count == 0)
		return;
	*at = xreallocarray(*at, *count + 1, sizeof **at);
	(*at)[(*count)++] = range;
}

static void drop_first(struct lease_range *at, size_t *count)
{
	memmove(at, at + 1, --*count * sizeof *at);
}

static struct lease_holder *holder(struct lease *l, int64_t worker)
{
	for (size_t i = 0; i < l->holder_count; i++) {
		if (l->holders[i].worker == worker)
			return &l->holders[i];
	}
	l->holders = xreallocarray(l->holders, l->holder_count + 1,
	    sizeof l->holders[0]);
	l->holders[l->holder_count] = (struct lease_holder){
		.worker = worker };
	return &l->holders[l->holder_count++];
}

static void note_used(struct lease_holder *h, uint64_t used)
{
	uint64_t more = used > h->used ? used - h->used : 0;
	size_t done = 0;

	h->used = used;
	while (more > 0 && done < h->count) {
		struct lease_range *first = &h->ranges[done];
		uint64_t n = more < first->count ? more : first->count;

		first->from += n;
		first->count -= n;
		more -= n;
		done += first->count == 0;
	}
	h->count -= done;
	if (done > 0)
		memmove(h->ranges, h->ranges + done,
		    h->count * sizeof h->ranges[0]);
}

static struct lease_range take_back(struct lease *l, uint64_t want)
{
	struct lease_range *first = &l->back[0];
	struct lease_range got = { first->from,
		want < first->count ? want : first->count };

	first->from += got.count;
	first->count -= got.count;
	if (first->count == 0)
		drop_first(l->back, &l->back_count);
	return got;
}

static struct lease_range take_new(struct lease *l, uint64_t want,
    size_t workers)
{
	uint64_t left = l->total - l->next;
	uint64_t most = left / (PART * (workers > 0 ? workers : 1));
	struct lease_range got = { l->next, want < most ? want : most };

	if (got.count == 0 && left > 0)
		got.count = 1;
	l->next += got.count;
	return got;
}

struct lease_range lease_grant(struct lease *l, int64_t worker, uint64_t want,
    uint64_t used, size_t workers)
{
	struct lease_holder *h = holder(l, worker);
	struct lease_range got;

	note_used(h, used);
	if (h->count >= HELD_MAX)
		return (struct lease_range){ 0, 0 };
	if (want == 0)
		want = 1;
	got = l->back_count > 0 ? take_back(l, want) :
	    take_new(l, want, workers);
	append(&h->ranges, &h->count, got);
	return got;
}

void lease_add(struct lease *l, struct lease_range range)
{
	append(&l->back, &l->back_count, range);
}

uint64_t lease_unused(const struct lease *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->back_count; i++)
		n += l->back[i].count;
	for (size_t i = 0; i < l->holder_count; i++) {
		for (size_t k = 0; k < l->holders[i].count; k++)
			n += l->holders[i].ranges[k].count;
	}
	return n;
}

void lease_lost(struct lease *l, int64_t worker)
{
	for (size_t i = 0; i < l->holder_count; i++) {
		struct lease_holder *h = &l->holders[i];

		if (h->worker != worker)
			continue;
		for (size_t k = 0; k < h->count; k++)
			lease_add(l, h->ranges[k]);
		free(h->ranges);
		l->holders[i] = l->holders[--l->holder_count];
		return;
	}
}
