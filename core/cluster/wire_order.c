/*
 * Numbers of orders, and the word that they have come: see wire.h.
 */
#include "cluster/wire.h"

#include "cluster/wire_object.h"

#define FIELDS 3

void wire_put_order(msgpack_packer *pk, const struct wire_order *o)
{
	wire_object_put_text(pk, "order");
	msgpack_pack_array(pk, FIELDS);
	msgpack_pack_uint64(pk, o->number);
	msgpack_pack_uint64(pk, o->since);
	msgpack_pack_uint64(pk, o->instance);
}

bool wire_read_order(const msgpack_object *data, struct wire_order *order)
{
	const msgpack_object *o = wire_object_get(wire_object_get(data,
	    "swarm"), "order");
	const msgpack_object *at;
	struct wire_order r;

	if (o == NULL || o->type != MSGPACK_OBJECT_ARRAY ||
	    o->via.array.size < FIELDS)
		return false;
	at = o->via.array.ptr;
	if (wire_object_uint(&at[0], WIRE_MAX_COUNT, &r.number) == -1 ||
	    wire_object_uint(&at[1], WIRE_MAX_COUNT, &r.since) == -1 ||
	    wire_object_uint(&at[2], WIRE_MAX_COUNT, &r.instance) == -1 ||
	    r.number == 0)
		return false;
	*order = r;
	return true;
}

void wire_encode_order(struct buf *out, const char *type, const char *node_id,
    const struct wire_order *o)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, type, 1);
	wire_object_put_text(&pk, "swarm");
	msgpack_pack_map(&pk, 1);
	wire_put_order(&pk, o);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_taken(struct buf *out, const char *node_id, uint64_t number)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_taken", 1);
	wire_object_put_text(&pk, "order");
	msgpack_pack_uint64(&pk, number);
	wire_object_put_text(&pk, node_id);
}

int wire_read_taken(const msgpack_object *data, uint64_t *number)
{
	const msgpack_object *o = wire_object_get(data, "order");

	return o == NULL ? -1 : wire_object_uint(o, WIRE_MAX_COUNT, number);
}
