/*
 * Orders come once or several times, or one before them was lost: each is
 * carried out once, and in turn (orders.h).
 *
 * Numbers are a master's own: an order of another one, which this worker has
 * not registered with, is left until it has.
 */
#include "cluster/backlog.h"
#include "cluster/worker_internal.h"

#include <swarm/version.h>

#include <stdio.h>

#include "base/clock.h"

#define SOON_NS (20 * NS_PER_MS)

bool worker_knows_level(const struct wire_ack *ack, char *why, size_t size)
{
	if (!ack->swarm || ack->level == WIRE_LEVEL)
		return true;
	snprintf(why, size, "the master at %s speaks level %u of swarm's "
	    "protocol (swarm %s), this worker level %d (swarm %s): install "
	    "the same swarm on both", worker.endpoint, ack->level,
	    ack->program, WIRE_LEVEL, SWARM_VERSION);
	return false;
}

const char *worker_id(void)
{
	return worker.id;
}

const char *worker_endpoint(void)
{
	return worker.endpoint;
}

void worker_send_taken(void)
{
	wire_encode_taken(&worker.out, worker.id, worker.order);
	worker_flush();
}

static void taken_fired(struct wheel_timer *t)
{
	(void)t;
	worker_send_taken();
}

/* One word for many: a trace may come in hundreds of batches a second. */
static void send_taken_soon(void)
{
	worker.taken.fire = taken_fired;
	if (!wheel_pending(&worker.taken))
		wheel_add(&worker.taken, clock_now() + SOON_NS);
}

bool worker_is_due(const struct wire_message *m)
{
	enum backlog_turn turn;
	struct wire_order o;

	/* Locust's have none. */
	if (!wire_read_order(&m->data, &o))
		return true;
	if (!worker.was_registered || o.instance != worker.instance)
		return false;
	turn = backlog_turn(worker.order, o.number, o.since);
	/* It will come again, after the one before it. */
	if (turn == BACKLOG_EARLY)
		return false;
	if (turn == BACKLOG_DUE)
		worker.order = o.number;
	if (m->type == WIRE_REPLAY)
		send_taken_soon();
	else
		worker_send_taken();
	return turn == BACKLOG_DUE;
}
