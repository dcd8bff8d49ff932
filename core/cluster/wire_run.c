/*
 * Messages about the run that only swarm peers exchange: the plan, how far
 * executors are, users that wait for each other, and events to replay.
 */
#include "cluster/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cluster/wire_object.h"

#define PROGRESS_FIELDS 9               /* and what came later: */
#define SETTLED 9
#define BEYOND 10
#define BEYOND_MAX 65536                /* bytes */

void wire_encode_plan(struct buf *out, const char *node_id, const char *plan,
    const struct wire_order *order)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_plan", 2);
	wire_object_put_text(&pk, "plan");
	wire_object_put_text(&pk, plan);
	wire_object_put_text(&pk, "swarm");
	msgpack_pack_map(&pk, 1);
	wire_put_order(&pk, order);
	wire_object_put_text(&pk, node_id);
}

char *wire_read_plan(const msgpack_object *data)
{
	const msgpack_object *plan = wire_object_get(data, "plan");
	char *text;

	if (plan == NULL || plan->type != MSGPACK_OBJECT_STR)
		return NULL;
	text = xmalloc(WIRE_MAX_PLAN);
	if (wire_object_text(plan, text, WIRE_MAX_PLAN) == 0)
		return text;
	free(text);
	return NULL;
}

void wire_encode_progress(struct buf *out, const char *node_id,
    const struct wire_progress *p, size_t count)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_progress", 1);
	wire_object_put_text(&pk, "executors");
	msgpack_pack_array(&pk, count);
	for (size_t i = 0; i < count; i++) {
		msgpack_pack_array(&pk, p[i].beyond != NULL ? BEYOND + 1 :
		    SETTLED + 1);
		wire_object_put_text(&pk, p[i].name);
		msgpack_pack_unsigned_int(&pk, p[i].lease);
		msgpack_pack_int64(&pk, p[i].started);
		msgpack_pack_int64(&pk, p[i].done);
		msgpack_pack_int64(&pk, p[i].due);
		msgpack_pack_int64(&pk, p[i].dropped);
		msgpack_pack_int64(&pk, p[i].late);
		msgpack_pack_int64(&pk, p[i].queued);
		msgpack_pack_int64(&pk, p[i].idle);
		msgpack_pack_uint64(&pk, p[i].settled);
		if (p[i].beyond != NULL)
			wire_object_put_bin(&pk, p[i].beyond,
			    p[i].beyond_len);
	}
	wire_object_put_text(&pk, node_id);
}

static int read_number(const msgpack_object *o, int64_t *out)
{
	uint64_t n;

	if (wire_object_uint(o, WIRE_MAX_COUNT, &n) == -1)
		return -1;
	*out = (int64_t)n;
	return 0;
}

/* What came later, of a replay. */
static int read_replayed(const msgpack_object_array *a,
    struct wire_progress *p)
{
	const msgpack_object *f = a->ptr;

	p->settled = 0;
	p->beyond = NULL;
	p->beyond_len = 0;
	if (a->size > SETTLED &&
	    wire_object_uint(&f[SETTLED], UINT64_MAX, &p->settled) == -1)
		return -1;
	if (a->size <= BEYOND)
		return 0;
	if (f[BEYOND].type != MSGPACK_OBJECT_BIN ||
	    f[BEYOND].via.bin.size > BEYOND_MAX)
		return -1;
	p->beyond = f[BEYOND].via.bin.ptr;
	p->beyond_len = f[BEYOND].via.bin.size;
	return 0;
}

static int read_progress(const msgpack_object *o, struct wire_progress *p)
{
	const msgpack_object *f = o->via.array.ptr;
	int64_t lease;

	if (o->type != MSGPACK_OBJECT_ARRAY ||
	    o->via.array.size < PROGRESS_FIELDS ||
	    wire_object_text(&f[0], p->name, sizeof p->name) == -1 ||
	    read_number(&f[1], &lease) == -1 || lease > UINT32_MAX ||
	    read_number(&f[2], &p->started) == -1 ||
	    read_number(&f[3], &p->done) == -1 ||
	    read_number(&f[4], &p->due) == -1 ||
	    read_number(&f[5], &p->dropped) == -1 ||
	    read_number(&f[6], &p->late) == -1 ||
	    read_number(&f[7], &p->queued) == -1 ||
	    read_number(&f[8], &p->idle) == -1)
		return -1;
	p->lease = (unsigned)lease;
	return read_replayed(&o->via.array, p);
}

int wire_read_progress(const msgpack_object *data, struct wire_progress *p,
    size_t *count)
{
	uint32_t n;
	const msgpack_object *all = wire_object_list(data, "executors",
	    WIRE_MAX_EXECUTORS, &n);

	for (uint32_t i = 0; all != NULL && i < n; i++) {
		if (read_progress(&all[i], &p[i]) == -1)
			return -1;
	}
	if (all == NULL)
		return -1;
	*count = n;
	return 0;
}

void wire_encode_meet(struct buf *out, const char *node_id,
    const struct wire_meet *m)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_meet", 4);
	wire_object_put_text(&pk, "name");
	wire_object_put_text(&pk, m->name);
	wire_object_put_text(&pk, "wanted");
	msgpack_pack_int64(&pk, m->wanted);
	wire_object_put_text(&pk, "arrived");
	msgpack_pack_int64(&pk, m->arrived);
	wire_object_put_text(&pk, "left");
	msgpack_pack_int64(&pk, m->left);
	wire_object_put_text(&pk, node_id);
}

int wire_read_meet(const msgpack_object *data, struct wire_meet *m)
{
	const msgpack_object *name = wire_object_get(data, "name");
	const msgpack_object *wanted = wire_object_get(data, "wanted");
	const msgpack_object *arrived = wire_object_get(data, "arrived");
	const msgpack_object *left = wire_object_get(data, "left");

	if (name == NULL || wanted == NULL || arrived == NULL ||
	    left == NULL ||
	    wire_object_text(name, m->name, sizeof m->name) == -1 ||
	    read_number(wanted, &m->wanted) == -1 ||
	    read_number(arrived, &m->arrived) == -1 ||
	    read_number(left, &m->left) == -1 || m->wanted < 1)
		return -1;
	return 0;
}

void wire_encode_replay(struct buf *out, const char *node_id,
    const struct wire_replay *r, const struct wire_order *order)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_replay", 4);
	wire_object_put_text(&pk, "events");
	wire_object_put_bin(&pk, r->events, r->len);
	wire_object_put_text(&pk, "number");
	msgpack_pack_uint64(&pk, r->number);
	wire_object_put_text(&pk, "hurry");
	msgpack_pack_uint64(&pk, r->hurry);
	wire_object_put_text(&pk, "swarm");
	msgpack_pack_map(&pk, 1);
	wire_put_order(&pk, order);
	wire_object_put_text(&pk, node_id);
}

int wire_read_replay(const msgpack_object *data, struct wire_replay *r)
{
	const msgpack_object *events = wire_object_get(data, "events");
	uint64_t hurry;

	if (events == NULL || events->type != MSGPACK_OBJECT_BIN ||
	    wire_object_get_uint(data, "number", 0, &r->number) == -1 ||
	    wire_object_get_uint(data, "hurry", 0, &hurry) == -1)
		return -1;
	r->events = events->via.bin.ptr;
	r->len = events->via.bin.size;
	r->hurry = hurry != 0;
	return 0;
}

void wire_encode_met(struct buf *out, const char *node_id, const char *name,
    int64_t released)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_met", 2);
	wire_object_put_text(&pk, "name");
	wire_object_put_text(&pk, name);
	wire_object_put_text(&pk, "released");
	msgpack_pack_int64(&pk, released);
	wire_object_put_text(&pk, node_id);
}

int wire_read_met(const msgpack_object *data, char *name, size_t size,
    int64_t *released)
{
	const msgpack_object *n = wire_object_get(data, "name");
	const msgpack_object *r = wire_object_get(data, "released");

	return n == NULL || r == NULL ||
	    wire_object_text(n, name, size) == -1 ||
	    read_number(r, released) == -1 ? -1 : 0;
}
