/* A scenario's own metrics in a report: see the header. */
#include "cluster/wire_metric.h"

#include <math.h>
#include <string.h>

#include "cluster/wire.h"
#include "cluster/wire_object.h"

#define FIELDS 10
#define LARGEST 1e300                   /* sums of many stay finite */

/* More is cut: a whole report would be refused for it. */
static void put_value(msgpack_packer *pk, double v)
{
	msgpack_pack_double(pk, fmax(-LARGEST, fmin(LARGEST, v)));
}

static void put_values(msgpack_packer *pk, const struct histogram *h)
{
	struct buf bytes = BUF_INIT(64u << 10);

	if (h->count == 0 || histogram_encode(h, &bytes) == -1)
		msgpack_pack_nil(pk);
	else
		wire_object_put_bin(pk, bytes.data, bytes.len);
	buf_release(&bytes);
}

void wire_metrics_put(msgpack_packer *pk, const struct metrics *m)
{
	size_t used = 0;

	for (size_t i = 0; i < m->count; i++)
		used += m->at[i].count > 0;
	msgpack_pack_array(pk, used);
	for (size_t i = 0; i < m->count; i++) {
		const struct metric *one = &m->at[i];

		if (one->count == 0)
			continue;
		msgpack_pack_array(pk, FIELDS);
		wire_object_put_text(pk, one->name);
		msgpack_pack_int(pk, (int)one->kind);
		wire_object_put_text(pk, one->unit);
		msgpack_pack_uint64(pk, one->count);
		put_value(pk, one->sum);
		put_value(pk, one->min);
		put_value(pk, one->max);
		put_value(pk, one->last);
		msgpack_pack_double(pk, one->last_time);
		put_values(pk, &one->values);
	}
}

static int check_values(const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_NIL)
		return 0;
	if (o->type != MSGPACK_OBJECT_BIN)
		return -1;
	return histogram_decode_check(o->via.bin.ptr, o->via.bin.size);
}

static int read_one(const msgpack_object *o, struct metrics *into,
    double shift)
{
	const msgpack_object *f = o->via.array.ptr;
	char name[STATS_MAX_NAME + 1];
	char unit[METRIC_MAX_UNIT + 1];
	struct metric one = { 0 };
	struct metric *to;
	uint64_t kind;
	uint32_t id;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < FIELDS ||
	    wire_object_text(&f[0], name, sizeof name) == -1 ||
	    wire_object_uint(&f[1], METRIC_KINDS - 1, &kind) == -1 ||
	    wire_object_text(&f[2], unit, sizeof unit) == -1 ||
	    wire_object_uint(&f[3], WIRE_MAX_COUNT, &one.count) == -1 ||
	    wire_object_double(&f[4], -LARGEST, LARGEST, &one.sum) == -1 ||
	    wire_object_double(&f[5], -LARGEST, LARGEST, &one.min) == -1 ||
	    wire_object_double(&f[6], -LARGEST, LARGEST, &one.max) == -1 ||
	    wire_object_double(&f[7], -LARGEST, LARGEST, &one.last) == -1 ||
	    wire_object_double(&f[8], 0, WIRE_MAX_TIME,
	    &one.last_time) == -1 || check_values(&f[9]) == -1)
		return -1;
	if (into == NULL)
		return 0;
	if (one.last_time > 0)
		one.last_time += shift;
	/* The array may move. */
	id = metrics_get(into, (enum metric_kind)kind, name, unit);
	to = &into->at[id];
	histogram_init(&one.values);
	metric_merge(to, &one);
	if (f[9].type == MSGPACK_OBJECT_BIN)
		histogram_decode_add(&to->values, f[9].via.bin.ptr,
		    f[9].via.bin.size);
	return 0;
}

int wire_metrics_read(const msgpack_object *o, struct metrics *into,
    double shift)
{
	if (o == NULL || o->type == MSGPACK_OBJECT_NIL)
		return 0;
	if (o->type != MSGPACK_OBJECT_ARRAY)
		return -1;
	for (uint32_t i = 0; i < o->via.array.size; i++) {
		if (read_one(&o->via.array.ptr[i], into, shift) == -1)
			return -1;
	}
	return 0;
}
