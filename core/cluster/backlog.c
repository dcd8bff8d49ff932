/* See the header. */
#include "cluster/backlog.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"

void backlog_keep(struct backlog *b, const struct buf *message,
    uint64_t number)
{
	struct backlog_kept *k;

	b->at = xreallocarray(b->at, b->count + 1, sizeof b->at[0]);
	k = &b->at[b->count++];
	k->data = xmalloc(message->len);
	memcpy(k->data, message->data, message->len);
	k->len = message->len;
	k->number = number;
	k->sent = clock_now();
}

void backlog_taken(struct backlog *b, uint64_t number)
{
	size_t n = 0;

	for (; n < b->count && b->at[n].number <= number; n++)
		free(b->at[n].data);
	if (n == 0)
		return;
	b->count -= n;
	memmove(b->at, b->at + n, b->count * sizeof b->at[0]);
}

void backlog_again(struct backlog *b, int64_t before, size_t most,
    int (*send)(const void *data, size_t len, void *), void *arg)
{
	if (b->count == 0 || b->at[0].sent >= before)
		return;
	for (size_t i = 0; i < b->count && i < most; i++) {
		if (send(b->at[i].data, b->at[i].len, arg) == -1)
			return;
		b->at[i].sent = clock_now();
	}
}

void backlog_forget(struct backlog *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->at[i].data);
	free(b->at);
	*b = (struct backlog){ NULL, 0 };
}

enum backlog_turn backlog_turn(uint64_t taken, uint64_t number,
    uint64_t since)
{
	uint64_t expected = since > taken + 1 ? since : taken + 1;

	return number == expected ? BACKLOG_DUE :
	    number < expected ? BACKLOG_OLD : BACKLOG_EARLY;
}
