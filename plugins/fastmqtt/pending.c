/*
 * What was sent and awaits its acknowledgement: found by packet id in a table
 * that grows with the window, and listed in the order of sending for a
 * reconnect.  The structs come from a free list of the worker, so that a
 * publish allocates nothing once the worker has warmed up.
 */
#include "fast.h"

#include "reason.h"
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct pending *spare;           /* linked by `chain` */

static struct pending **bucket(struct pending_table *t, uint16_t id)
{
	return &t->buckets[id & (t->size - 1)];
}

struct pending *pending_find(struct mqtt *m, uint16_t id)
{
	struct pending *p;

	if (m->pending.size == 0)
		return NULL;
	p = *bucket(&m->pending, id);
	while (p && p->id != id)
		p = p->chain;
	return p;
}

static int grow(struct pending_table *t)
{
	size_t size = t->size ? 2 * t->size : 4;
	struct pending **buckets = calloc(size, sizeof *buckets);

	if (!buckets)
		return -1;
	free(t->buckets);
	t->buckets = buckets;
	t->size = size;
	for (struct pending *p = t->first; p; p = p->next) {
		p->chain = *bucket(t, p->id);
		*bucket(t, p->id) = p;
	}
	return 0;
}

static uint16_t free_id(struct mqtt *m)
{
	uint16_t id = m->last_id;

	if (m->pending.count >= 65535)
		return 0;
	do {
		id = id == 65535 ? 1 : (uint16_t)(id + 1);
	} while (pending_find(m, id));
	m->last_id = id;
	return id;
}

static struct pending *allocate(void)
{
	struct pending *p = spare;

	if (!p)
		return calloc(1, sizeof *p);
	spare = p->chain;
	*p = (struct pending){ .chain = NULL };
	return p;
}

struct pending *pending_new(struct mqtt *m, enum pending_kind kind,
    const struct swarm_timer *timer)
{
	struct pending_table *t = &m->pending;
	struct pending *p;
	uint16_t id;

	if (t->count >= t->size && grow(t) == -1)
		return NULL;
	id = free_id(m);
	if (id == 0)
		return NULL;
	p = allocate();
	if (!p)
		return NULL;
	p->timer = *timer;
	p->deadline = SWARM_FOREVER;
	p->id = id;
	p->kind = (uint8_t)kind;
	p->refs = 2;
	p->chain = *bucket(t, id);
	*bucket(t, id) = p;
	p->prev = t->last;
	if (t->last)
		t->last->next = p;
	else
		t->first = p;
	t->last = p;
	t->count++;
	return p;
}

void pending_unref(struct pending *p)
{
	if (--p->refs > 0)
		return;
	free(p->packet);
	p->chain = spare;
	spare = p;
}

void pending_remove(struct mqtt *m, struct pending *p)
{
	struct pending_table *t = &m->pending;
	struct pending **at = bucket(t, p->id);

	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	if (p->prev)
		p->prev->next = p->next;
	else
		t->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		t->last = p->prev;
	t->count--;
	pending_unref(p);
}

static void finish(struct mqtt *m, struct pending *p, int error)
{
	static const uint8_t counters[][2] = {
		[PENDING_PUBLISH] = { ROWS_PUB_SUCC, ROWS_PUB_FAIL },
		[PENDING_SUBSCRIBE] = { ROWS_SUB, ROWS_SUB_FAIL },
		[PENDING_UNSUBSCRIBE] = { ROWS_UNSUB, ROWS_UNSUB_FAIL },
	};

	p->finished = true;
	p->error = error;
	if (error != ECANCELED)
		rows_count(counters[p->kind][error != 0]);
	if (p->kind == PENDING_PUBLISH)
		m->c.inflight--;
	swarm_waiters_wake(&p->waiters);
	swarm_waiters_wake(&m->c.changed);
}

void pending_done(struct mqtt *m, struct pending *p, uint8_t reason)
{
	if (!p->finished) {
		p->reason = reason;
		if (p->kind == PENDING_PUBLISH)
			m->c.acknowledged++;
		swarm_done_at(&p->timer, m->c.last_event, p->len);
		finish(m, p, 0);
	}
	pending_remove(m, p);
}

void pending_failed(struct mqtt *m, struct pending *p, int error, int reason,
    const char *why, bool stay)
{
	if (!p->finished) {
		p->reason = (uint8_t)reason;
		if (error == ECANCELED)
			swarm_drop(&p->timer);
		else if (reason)
			swarm_fail_at(&p->timer, m->c.last_event,
			    "refused by the broker: %s", reason_name(reason));
		else
			swarm_fail(&p->timer, "%s", why);
		if (reason)
			client_fail(m, error, reason, "refused by the broker:"
			    " %s", reason_name(reason));
		else
			client_fail(m, error, 0, "%s", why);
		finish(m, p, error);
	}
	if (!stay)
		pending_remove(m, p);
}

static const char *awaited(const struct pending *p)
{
	if (p->kind == PENDING_SUBSCRIBE)
		return "no SUBACK in time";
	if (p->kind == PENDING_UNSUBSCRIBE)
		return "no UNSUBACK in time";
	if (p->qos == 1)
		return "no PUBACK in time";
	return p->released ? "no PUBCOMP in time" : "no PUBREC in time";
}

int pending_wait(struct mqtt *m, struct pending *p, int64_t deadline)
{
	int error;

	while (!p->finished && swarm_waiters_wait(&p->waiters, deadline) == 0)
		;
	error = p->finished ? p->error : errno;
	/* After a canceled wait it is recorded when the answer comes: the
	 * broker may well have the message. */
	if (!p->finished && error == ETIMEDOUT)
		pending_failed(m, p, ETIMEDOUT, 0, awaited(p), true);
	else if (!p->finished)
		p->deadline = deadline;
	pending_unref(p);
	errno = error;
	return error ? -1 : 0;
}

void pending_abandon(struct mqtt *m, bool keep_publishes, int error,
    const char *why)
{
	struct pending *p, *next;

	for (p = m->pending.first; p; p = next) {
		next = p->next;
		if (keep_publishes && p->packet && !p->finished)
			continue;
		pending_failed(m, p, error, 0, why, false);
	}
}

void pending_resend(struct mqtt *m)
{
	for (struct pending *p = m->pending.first; p; p = p->next) {
		if (p->released)
			codec_put_ack(&wire_out, m->c.settings->version,
			    CODEC_PUBREL, p->id, 0);
		else
			codec_put_again(&wire_out, p->packet, p->packet_len);
	}
	wire_send(m, m->c.last_event);
}

int64_t pending_expire(struct mqtt *m, int64_t now)
{
	int64_t first = SWARM_FOREVER;
	struct pending *p, *next;

	for (p = m->pending.first; p; p = next) {
		next = p->next;
		if (p->finished)
			continue;
		if (p->deadline <= now)
			pending_failed(m, p, ETIMEDOUT, 0, awaited(p), true);
		else if (p->deadline < first)
			first = p->deadline;
	}
	return first;
}

void pending_table_release(struct mqtt *m)
{
	struct pending *p;

	while ((p = m->pending.first))
		pending_failed(m, p, ECANCELED, 0, "closed", false);
	free(m->pending.buckets);
	m->pending = (struct pending_table){ .buckets = NULL };
}
