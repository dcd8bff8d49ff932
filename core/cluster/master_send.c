/*
 * What a master sends to its workers, one message after another in one buffer.
 * Orders are absolute, so that one that is lost or comes twice does no harm.
 */
#include "cluster/master_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"

void master_send(struct zsock *sock, const char *id)
{
	struct buf *out = &master_shared.out;

	if (out->overflow)
		log_error("a message to worker %s is too large", id);
	else if (zsock_send(sock, id, out->data, out->len) == -1 &&
	    errno != EHOSTUNREACH)
		log_warn("worker %s does not take its messages: %m", id);
	buf_clear(out);
}

/* Sends master_shared.out, an order of that number (0: none). */
static void send_order(struct member *m, uint64_t number)
{
	m->ordered = true;
	if (number != 0)
		orders_keep(m, &master_shared.out, number);
	master_send(m->sock, m->peer.id);
}

void master_order(struct member *m, const char *type)
{
	struct wire_order order = { 0 };

	if (m->peer.swarm) {
		orders_number(m, &order, true);
		wire_encode_order(&master_shared.out, type, m->peer.id,
		    &order);
	} else {
		wire_encode_nil(&master_shared.out, type, m->peer.id);
	}
	send_order(m, order.number);
}

/* Workers ignore a spawn that is not younger than the last. */
static double new_timestamp(void)
{
	double now = clock_wall();

	if (now <= master_shared.last_timestamp)
		now = nextafter(master_shared.last_timestamp, INFINITY);
	master_shared.last_timestamp = now;
	return now;
}

/* What the worker has not been told of its users' numbers. */
static struct wire_numbers *take_numbers(struct peer *p)
{
	size_t n = master_shared.o.class_count;
	struct wire_numbers *numbers = xcalloc(n + 1, sizeof *numbers);

	for (size_t i = 0; i < n; i++) {
		struct buf bytes = BUF_INIT(WIRE_MAX_MESSAGE);

		numbers_encode(&p->numbers[i], &bytes);
		numbers[i].len = bytes.len;
		numbers[i].data = buf_detach(&bytes);
	}
	return numbers;
}

void master_send_rows(struct peer *p, const struct wire_rows *rows)
{
	wire_encode_rows(&master_shared.out, p->id, rows);
	master_send(((struct member *)p)->sock, p->id);
}

void master_send_spawn(struct peer *p, const char *host, double stop_timeout)
{
	struct member *m = (struct member *)p;
	size_t n = master_shared.o.class_count;
	struct wire_count *counts = xcalloc(n + 1, sizeof *counts);
	struct wire_spawn spawn = { .timestamp = new_timestamp(),
		.host = host, .stop_timeout = stop_timeout, .counts = counts,
		.count = n, .plan = p->swarm ? p->plan : NULL,
		.numbers = p->swarm ? take_numbers(p) : NULL,
		.test = master_shared.test };

	if (p->swarm)
		orders_number(m, &spawn.order, false);
	for (size_t i = 0; i < n; i++) {
		counts[i].name = master_shared.o.class_names[i];
		counts[i].count = p->wanted[i];
	}
	wire_encode_spawn(&master_shared.out, p->id, &spawn);
	send_order(m, spawn.order.number);
	wire_numbers_release(&spawn);
	free(counts);
}

void master_send_plan(struct peer *p)
{
	struct member *m = (struct member *)p;
	struct wire_order order;

	if (!p->swarm || p->plan == NULL)
		return;
	orders_number(m, &order, false);
	wire_encode_plan(&master_shared.out, p->id, p->plan, &order);
	send_order(m, order.number);
}

void master_send_met(struct peer *p, const char *name, int64_t released)
{
	wire_encode_met(&master_shared.out, p->id, name, released);
	master_send(((struct member *)p)->sock, p->id);
}

void master_send_flight(struct peer *p, const struct wire_flight *f)
{
	if (!p->swarm)
		return;
	wire_encode_flight(&master_shared.out, p->id, f);
	master_send(((struct member *)p)->sock, p->id);
}

int master_send_replay(struct peer *p, const struct wire_replay *r)
{
	struct member *m = (struct member *)p;
	struct buf *out = &master_shared.out;
	struct wire_order order;
	int rc;

	if (orders_full(m))
		return -1;
	orders_number(m, &order, false);
	wire_encode_replay(out, p->id, r, &order);
	if (out->overflow)
		log_error("events to replay for worker %s are too large",
		    p->id);
	rc = out->overflow ? 0 : zsock_send(m->sock, p->id, out->data,
	    out->len);
	if (rc == -1 || out->overflow)
		orders_unsent(m);
	else
		orders_keep(m, out, order.number);
	buf_clear(out);
	return rc;
}

void master_send_stop(struct peer *p)
{
	p->state = PEER_STOPPING;
	p->awaited = true;
	master_order((struct member *)p, "stop");
}

void master_dismiss(struct peer *p)
{
	p->dismissed = true;
	master_order((struct member *)p, "quit");
}

void master_ramp_complete(int64_t users)
{
	for (size_t i = 0; i < member_count(); i++) {
		struct member *m = member_at(i);

		if (!member_knows_ramp(m))
			continue;
		wire_encode_ramp_complete(&master_shared.out, m->peer.id,
		    users);
		master_send(m->sock, m->peer.id);
	}
}
