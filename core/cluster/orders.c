/*
 * Go back N, as with reports the other way (outbox.c): a worker takes orders
 * in their order, for the numbers of users in one build on those before.  A
 * heartbeat of the worker is the time to repeat: the link carries something
 * again, and a worker that is silent is lost anyway.
 */
#include "cluster/orders.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "cluster/master_internal.h"

/* A word on an order takes less on any way. */
#define REPEAT_NS (1 * NS_PER_S)
/* Sent at a time. */
#define REPEAT_MAX 16
/* A ramp makes one a second, and who is silent for four is lost. */
#define KEPT_MAX 256

static void drop_first(struct orders *o, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		free(o->at[i].data);
	o->count -= n;
	memmove(o->at, o->at + n, o->count * sizeof o->at[0]);
}

void orders_forget(struct member *m)
{
	drop_first(&m->orders, m->orders.count);
	free(m->orders.at);
	m->orders = (struct orders){ NULL, 0 };
}

void orders_number(struct member *m, struct wire_order *o, bool alone)
{
	if (alone)
		orders_forget(m);
	o->number = ++m->record->orders;
	o->since = m->orders.count > 0 ? m->orders.at[0].number : o->number;
	o->instance = master_shared.instance;
}

void orders_keep(struct member *m, const struct buf *message, uint64_t number)
{
	struct orders *o = &m->orders;
	struct order_kept *k;

	if (o->count >= KEPT_MAX || message->overflow)
		return;
	o->at = xreallocarray(o->at, o->count + 1, sizeof o->at[0]);
	k = &o->at[o->count++];
	k->data = xmalloc(message->len);
	memcpy(k->data, message->data, message->len);
	k->len = message->len;
	k->number = number;
	k->sent = clock_now();
}

void orders_taken(struct member *m, uint64_t number)
{
	size_t n = 0;

	while (n < m->orders.count && m->orders.at[n].number <= number)
		n++;
	drop_first(&m->orders, n);
}

void orders_again(struct member *m)
{
	int64_t now = clock_now();

	if (m->orders.count == 0 || now - m->orders.at[0].sent < REPEAT_NS)
		return;
	for (size_t i = 0; i < m->orders.count && i < REPEAT_MAX; i++) {
		struct order_kept *k = &m->orders.at[i];

		if (zsock_send(m->sock, m->peer.id, k->data, k->len) == -1)
			return;
		k->sent = now;
	}
}

bool orders_stuck(const struct member *m)
{
	return m->orders.count >= KEPT_MAX;
}
