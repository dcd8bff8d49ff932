/* See the header. */
#include "user/ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"

void ids_of_worker(uint64_t index, uint32_t *first, uint32_t *count)
{
	if (index < IDS_WIDE) {
		*first = (uint32_t)index * IDS_WIDE_SIZE;
		*count = IDS_WIDE_SIZE;
		return;
	}
	index = (index - IDS_WIDE) % (IDS_INDEXES - IDS_WIDE);
	*first = IDS_WIDE * IDS_WIDE_SIZE + (uint32_t)index * IDS_NARROW_SIZE;
	*count = IDS_NARROW_SIZE;
}

void ids_begin(struct ids *ids, uint32_t first, uint32_t count)
{
	ids->next = 0;
	if (ids->taken != NULL && ids->first == first && ids->count == count)
		return;
	ids_release(ids);
	ids->first = first;
	ids->count = count;
	ids->taken = xcalloc(count / 64 + 1, sizeof ids->taken[0]);
}

void ids_release(struct ids *ids)
{
	free(ids->taken);
	memset(ids, 0, sizeof *ids);
}

static bool is_taken(const struct ids *ids, uint32_t i)
{
	return (ids->taken[i / 64] >> (i % 64)) & 1;
}

static void tell(struct ids *ids)
{
	if (!ids->told)
		log_warn("more than %u users at once on a worker of a fleet "
		    "this large: their swarm_user_id() repeats "
		    "(swarm_user_number() does not)", ids->count);
	ids->told = true;
}

/* The next free one, whole words at a time. */
static uint32_t find_free(const struct ids *ids)
{
	uint32_t i = ids->next;

	while (is_taken(ids, i)) {
		bool full = i % 64 == 0 && i + 64 <= ids->count &&
		    ids->taken[i / 64] == UINT64_MAX;

		i += full ? 64 : 1;
		if (i >= ids->count)
			i = 0;
	}
	return i;
}

uint32_t ids_take(struct ids *ids)
{
	uint32_t i = ids->next;

	if (ids->used == ids->count) {
		tell(ids);
	} else {
		i = find_free(ids);
		ids->taken[i / 64] |= UINT64_C(1) << (i % 64);
		ids->used++;
	}
	ids->next = i + 1 < ids->count ? i + 1 : 0;
	return ids->first + i;
}

void ids_give(struct ids *ids, uint32_t id)
{
	uint32_t i = id - ids->first;

	if (i >= ids->count || !is_taken(ids, i))
		return;
	ids->taken[i / 64] &= ~(UINT64_C(1) << (i % 64));
	ids->used--;
}
