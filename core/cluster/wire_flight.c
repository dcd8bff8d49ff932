/* The flight recorder's messages, between swarm peers alone. */
#include "cluster/wire.h"

#include "cluster/wire_object.h"

#define WINDOW_MAX (UINT64_C(3600) * 1000000000)

void wire_encode_flight(struct buf *out, const char *node_id,
    const struct wire_flight *f)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_flight", 4);
	wire_object_put_text(&pk, "id");
	msgpack_pack_uint64(&pk, f->id);
	wire_object_put_text(&pk, "before_ns");
	msgpack_pack_uint64(&pk, f->before_ns);
	wire_object_put_text(&pk, "after_ns");
	msgpack_pack_uint64(&pk, f->after_ns);
	wire_object_put_text(&pk, "lines");
	wire_object_put_bin(&pk, f->lines, f->len);
	wire_object_put_text(&pk, node_id);
}

int wire_read_flight(const msgpack_object *data, struct wire_flight *f)
{
	const msgpack_object *lines = wire_object_get(data, "lines");

	if (wire_object_get_uint(data, "id", 0, &f->id) == -1 ||
	    wire_object_get_uint(data, "before_ns", 0, &f->before_ns) == -1 ||
	    wire_object_get_uint(data, "after_ns", 0, &f->after_ns) == -1 ||
	    f->id == 0 || f->before_ns > WINDOW_MAX ||
	    f->after_ns > WINDOW_MAX || lines == NULL ||
	    lines->type != MSGPACK_OBJECT_BIN ||
	    lines->via.bin.size > WIRE_MAX_FLIGHT)
		return -1;
	f->lines = lines->via.bin.ptr;
	f->len = lines->via.bin.size;
	return 0;
}
