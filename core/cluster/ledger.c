/*
 * A report that comes late was measured earlier: its times are moved by the
 * difference of the clocks alone, which the worker's estimate of our clock
 * tells apart from the delay.
 */
#include "cluster/ledger.h"

#include "base/clock.h"
#include "cluster/master_internal.h"
#include "cluster/wire_object.h"

/* A worker's estimate that says more is no estimate. */
#define DELAY_MAX (3600 * NS_PER_S)

static int read_ticket(const msgpack_object *data, struct wire_ticket *t)
{
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	const msgpack_object *at = wire_object_get(swarm, "at");
	uint64_t ns = 0;

	*t = (struct wire_ticket){ 0 };
	if (swarm == NULL)
		return 0;
	if (wire_object_get_uint(swarm, "seq", 0, &t->seq) == -1 ||
	    wire_object_get_uint(swarm, "since", 0, &t->since) == -1 ||
	    wire_object_get_uint(swarm, "test", 0, &t->test) == -1 ||
	    (at != NULL && wire_object_uint(at, WIRE_MAX_NS, &ns) == -1))
		return -1;
	t->at = (int64_t)ns;
	return 0;
}

/* When the report was made, as unix seconds of this machine. */
static double made(const struct wire_ticket *t)
{
	const struct master_options *o = &master_shared.o;
	int64_t offset = 0;
	int64_t error;
	int64_t delay;

	if (t->at == 0 || (o->clock != NULL &&
	    !o->clock(&offset, &error, o->arg)))
		return clock_wall();
	delay = clock_now() + offset - t->at;
	if (delay < 0 || delay > DELAY_MAX)
		return clock_wall();
	return clock_wall() - (double)delay / (double)NS_PER_S;
}

enum ledger ledger_take(struct member_record *r, const msgpack_object *data,
    void (*on_count)(const char *name, int64_t count, void *), void *arg)
{
	struct wire_ticket t;
	bool stopped;

	if (read_ticket(data, &t) == -1 ||
	    wire_words_read(data, &stopped, NULL, NULL, NULL) == -1)
		return LEDGER_MALFORMED;
	if (t.seq != 0 && backlog_turn(r->taken, t.seq, t.since) !=
	    BACKLOG_DUE)
		return LEDGER_KNOWN;
	/* Sent again it would be no better. */
	if (t.seq != 0)
		r->taken = t.seq;
	/* A worker that was away has missed that its test is over. */
	if (t.test != 0 && t.test != master_shared.test)
		return LEDGER_KNOWN;
	if (wire_report_read(data, master_shared.o.stats, made(&t), on_count,
	    arg) == -1)
		return LEDGER_MALFORMED;
	return LEDGER_MERGED;
}
