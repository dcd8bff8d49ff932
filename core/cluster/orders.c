/*
 * The other way than reports (outbox.c): the numbers of users in one order
 * build on those before.  A heartbeat of the worker is the time to repeat: the
 * link carries something again, and a worker that is silent is lost anyway.
 */
#include "cluster/orders.h"

#include "base/clock.h"
#include "cluster/master_internal.h"

/* A word on an order takes less on any way. */
#define REPEAT_NS (1 * NS_PER_S)
/* Sent at a time, and as many may be on their way before what can wait does. */
#define REPEAT_MAX 64
/* A ramp makes one a second, and who is silent for four is lost. */
#define KEPT_MAX 256

void orders_number(struct member *m, struct wire_order *o, bool alone)
{
	if (alone)
		backlog_forget(&m->orders);
	o->number = ++m->record->orders;
	o->since = m->orders.count > 0 ? m->orders.at[0].number : o->number;
	o->instance = master_shared.instance;
}

void orders_keep(struct member *m, const struct buf *message, uint64_t number)
{
	if (!orders_stuck(m) && !message->overflow)
		backlog_keep(&m->orders, message, number);
}

void orders_unsent(struct member *m)
{
	m->record->orders--;
}

bool orders_full(const struct member *m)
{
	return m->orders.count >= REPEAT_MAX;
}

void orders_taken(struct member *m, uint64_t number)
{
	backlog_taken(&m->orders, number);
}

static int send_again(const void *data, size_t len, void *arg)
{
	const struct member *m = arg;

	return zsock_send(m->sock, m->peer.id, data, len);
}

void orders_again(struct member *m)
{
	backlog_again(&m->orders, clock_now() - REPEAT_NS, REPEAT_MAX,
	    send_again, m);
}

bool orders_stuck(const struct member *m)
{
	return m->orders.count >= KEPT_MAX;
}
