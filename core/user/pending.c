/* See the header. */
#include "user/pending.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct block {
	struct block *next;
	size_t len;
	size_t at;                      /* of what comes after the record */
	uint64_t number;                /* of the record */
	struct record record;           /* first of it; points into it */
	char data[];
};

struct pending_queue {
	struct block *blocks;           /* none is used up */
	struct block **last;
	int64_t newest;                 /* due; of all that were in it */
};

/* False: it is used up. */
static bool look(struct block *b)
{
	int64_t n = record_get(&b->record, b->data + b->at, b->len - b->at);

	if (n <= 0)
		return false;
	b->at += (size_t)n;
	return true;
}

/* The first of the earliest: of equal ones the older queue's, in which one
 * that came later would be, too, had it come earlier. */
static void choose(struct pending *p)
{
	p->first = NULL;
	for (size_t i = 0; i < p->count; i++) {
		struct pending_queue *q = &p->queues[i];

		if (q->blocks != NULL && (p->first == NULL ||
		    q->blocks->record.due < p->first->blocks->record.due))
			p->first = q;
	}
}

static void forget_blocks(struct pending_queue *q)
{
	while (q->blocks != NULL) {
		struct block *b = q->blocks;

		q->blocks = b->next;
		free(b);
	}
}

void pending_release(struct pending *p)
{
	for (size_t i = 0; i < p->count; i++)
		forget_blocks(&p->queues[i]);
	free(p->queues);
	memset(p, 0, sizeof *p);
}

static void add_queue(struct pending *p)
{
	p->queues = xreallocarray(p->queues, p->count + 1,
	    sizeof p->queues[0]);
	p->queues[p->count++] = (struct pending_queue){ .newest = -1 };
	/* They may have moved. */
	for (size_t i = 0; i < p->count; i++) {
		struct pending_queue *q = &p->queues[i];

		q->last = &q->blocks;
		while (*q->last != NULL)
			q->last = &(*q->last)->next;
	}
}

static struct pending_queue *queue_for(struct pending *p, int64_t due)
{
	size_t i = 0;

	/* What was in the last ones is gone: the order needs them no more. */
	while (p->count > 1 && p->queues[p->count - 1].blocks == NULL)
		p->count--;
	if (p->count == 1 && p->queues[0].blocks == NULL)
		p->queues[0].newest = -1;
	while (i < p->count && p->queues[i].newest > due)
		i++;
	if (i == p->count)
		add_queue(p);
	return &p->queues[i];
}

/* How many bytes from `at` on are whole and in order; and the last due. */
static size_t run_of(const char *at, size_t len, int64_t *due, uint64_t *count,
    bool *malformed)
{
	size_t used = 0;
	struct record r;
	int64_t n;

	*count = 0;
	while ((n = record_get(&r, at + used, len - used)) > 0) {
		if (*count > 0 && r.due < *due)
			return used;
		*due = r.due;
		(*count)++;
		used += (size_t)n;
	}
	*malformed = n < 0;
	return used;
}

static void add_run(struct pending *p, const char *at, size_t len,
    uint64_t number, int64_t newest)
{
	struct block *b = xmalloc(sizeof *b + len);
	struct pending_queue *q;

	*b = (struct block){ .len = len, .number = number };
	memcpy(b->data, at, len);
	look(b);
	q = queue_for(p, b->record.due);
	q->newest = newest;
	*q->last = b;
	q->last = &b->next;
	choose(p);
}

int64_t pending_add(struct pending *p, const void *data, size_t len,
    uint64_t number)
{
	const char *at = data;
	uint64_t first = number;
	bool malformed = false;

	while (len > 0 && !malformed) {
		int64_t newest = 0;
		uint64_t count;
		size_t used = run_of(at, len, &newest, &count, &malformed);

		if (count > 0)
			add_run(p, at, used, number, newest);
		number += count;
		at += used;
		len -= used;
	}
	return malformed ? -1 : (int64_t)(number - first);
}

const struct record *pending_first(const struct pending *p)
{
	return p->first != NULL ? &p->first->blocks->record : NULL;
}

uint64_t pending_number(const struct pending *p)
{
	return p->first->blocks->number;
}

void pending_drop(struct pending *p)
{
	struct pending_queue *q = p->first;
	struct block *b = q->blocks;

	b->number++;
	if (!look(b)) {
		q->blocks = b->next;
		if (q->blocks == NULL)
			q->last = &q->blocks;
		free(b);
	}
	if (p->count > 1 || q->blocks == NULL)
		choose(p);
}
