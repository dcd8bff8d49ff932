/*
 * The queue is bounded, because a broker can send faster than a user asks.
 * What does not fit is dropped and counted: holding back the socket instead
 * would also hold back the acknowledgements that the same user waits for.
 */
#include "inbox.h"

#include "rows.h"

#include <stdlib.h>

#define MAX_BYTES (64u << 20)

void inbox_init(struct inbox *in)
{
	*in = (struct inbox){ .first = NULL };
	in->last = &in->first;
}

static struct queued *pop(struct inbox *in)
{
	struct queued *q = in->first;

	if (!q)
		return NULL;
	in->first = q->next;
	if (!in->first)
		in->last = &in->first;
	in->count--;
	in->bytes -= q->bytes;
	return q;
}

void inbox_release(struct inbox *in)
{
	struct queued *q;

	while ((q = pop(in)))
		free(q);
	free(in->current);
	in->current = NULL;
}

void inbox_drop(struct inbox *in)
{
	in->dropped++;
	rows_count(ROWS_RECV_DROPPED);
}

void inbox_put(struct inbox *in, struct mqtt *m,
    const struct mqtt_message *message, size_t topic_len, size_t max_count)
{
	struct queued *q;

	in->received++;
	rows_count(ROWS_RECV);
	if (message->dup)
		rows_count(ROWS_RECV_DUP);
	q = NULL;
	if (in->handler || (in->count < max_count && in->bytes < MAX_BYTES))
		q = queued_new(message, topic_len);
	if (!q) {
		inbox_drop(in);
		return;
	}
	if (in->handler) {
		in->handler(m, &q->message, in->arg);
		free(q);
		return;
	}
	*in->last = q;
	in->last = &q->next;
	in->count++;
	in->bytes += q->bytes;
	swarm_waiters_wake(&in->waiters);
}

const struct mqtt_message *inbox_take(struct inbox *in)
{
	struct queued *q = pop(in);

	if (!q)
		return NULL;
	free(in->current);
	in->current = q;
	return &q->message;
}

void inbox_handle(struct inbox *in, struct mqtt *m, mqtt_handler *fn,
    void *arg)
{
	struct queued *q;

	in->handler = fn;
	in->arg = arg;
	while (in->handler && (q = pop(in))) {
		in->handler(m, &q->message, in->arg);
		free(q);
	}
}
