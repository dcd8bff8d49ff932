/*
 * Go back N: the master takes reports in order only, so after a loss all that
 * followed are sent again.  One channel carries heartbeats and reports, in
 * order: a heartbeat that was answered proves that what left before it has
 * come, or never will.  So there is no timer to tune.
 */
#include "cluster/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

/* More would only be more to send again: what is not reported yet is merged,
 * and takes the room of one report. */
#define KEPT_MAX 8
/* The last one of a test or of a life does not wait. */
#define ROOM (KEPT_MAX + 2)

static struct {
	struct kept {
		void *data;
		size_t len;
		int64_t sent;
	} at[ROOM];                     /* oldest first */
	size_t count;
	uint64_t last;                  /* number of the newest ever made */
	uint64_t forgotten;             /* up to this one, never sent again */
} box;

static void drop_first(size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(box.at[i].data);
	box.count -= n;
	memmove(box.at, box.at + n, box.count * sizeof box.at[0]);
}

void outbox_forget(void)
{
	drop_first(box.count);
	box.forgotten = box.last;
}

bool outbox_full(bool last)
{
	return box.count >= (last ? ROOM : KEPT_MAX);
}

void outbox_number(struct wire_ticket *t)
{
	t->seq = box.last + 1;
	t->since = box.forgotten + 1;
}

void outbox_keep(const struct buf *message)
{
	struct kept *k = &box.at[box.count++];

	box.last++;
	k->data = xmalloc(message->len);
	memcpy(k->data, message->data, message->len);
	k->len = message->len;
	k->sent = clock_now();
}

void outbox_taken(uint64_t seq)
{
	uint64_t first = box.last - box.count + 1;

	if (seq >= first && seq <= box.last)
		drop_first((size_t)(seq - first + 1));
}

void outbox_again(int64_t before, int (*send)(const void *data, size_t len))
{
	/* What follows a lost one was not taken either. */
	if (box.count == 0 || box.at[0].sent >= before)
		return;
	for (size_t i = 0; i < box.count; i++) {
		if (send(box.at[i].data, box.at[i].len) == -1)
			return;
		box.at[i].sent = clock_now();
	}
}
