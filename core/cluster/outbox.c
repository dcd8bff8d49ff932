/*
 * One channel carries heartbeats and reports, in order: a heartbeat that was
 * answered proves that what left before it has come, or never will.  So there
 * is no timer to tune.
 */
#include "cluster/outbox.h"

#include "cluster/backlog.h"
#include "cluster/wire.h"

/* More would only be more to send again: what is not reported yet is merged,
 * and takes the room of one report. */
#define KEPT_MAX 8
/* The last one of a test or of a life does not wait. */
#define ROOM (KEPT_MAX + 2)

static struct {
	struct backlog kept;
	uint64_t last;                  /* number of the newest ever made */
	uint64_t forgotten;             /* up to this one, never sent again */
} box;

void outbox_forget(void)
{
	backlog_forget(&box.kept);
	box.forgotten = box.last;
}

bool outbox_full(bool last)
{
	return box.kept.count >= (last ? ROOM : KEPT_MAX);
}

void outbox_number(struct wire_ticket *t)
{
	t->seq = box.last + 1;
	t->since = box.forgotten + 1;
}

void outbox_keep(const struct buf *message)
{
	backlog_keep(&box.kept, message, ++box.last);
}

/* A number that was never given is of nobody who has it. */
void outbox_taken(uint64_t seq)
{
	if (seq <= box.last)
		backlog_taken(&box.kept, seq);
}

void outbox_again(int64_t before, int (*send)(const void *data, size_t len,
    void *arg))
{
	backlog_again(&box.kept, before, ROOM, send, NULL);
}
