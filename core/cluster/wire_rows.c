/*
 * Messages about rows of data: a worker asks for positions, the master gives a
 * range; and the numbers of users, which travel with the order to spawn.
 */
#include "cluster/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cluster/wire_object.h"

#define MAX_FEEDS 1000

static void put(msgpack_packer *pk, const char *key, uint64_t v)
{
	wire_object_put_text(pk, key);
	msgpack_pack_uint64(pk, v);
}

void wire_encode_rows_wanted(struct buf *out, const char *node_id,
    const struct wire_rows_wanted *w)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_rows", 4);
	put(&pk, "feed", w->feed);
	put(&pk, "want", w->want);
	put(&pk, "used", w->used);
	put(&pk, "check", w->check);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_rows(struct buf *out, const char *node_id,
    const struct wire_rows *r)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_rows", 3);
	put(&pk, "feed", r->feed);
	put(&pk, "from", r->from);
	put(&pk, "count", r->count);
	wire_object_put_text(&pk, node_id);
}

/* A number that must be there. */
static int get(const msgpack_object *map, const char *key, uint64_t max,
    uint64_t *out)
{
	const msgpack_object *o = wire_object_get(map, key);

	return o == NULL ? -1 : wire_object_uint(o, max, out);
}

int wire_read_rows_wanted(const msgpack_object *data,
    struct wire_rows_wanted *w)
{
	struct wire_rows_wanted r;

	if (get(data, "feed", MAX_FEEDS, &r.feed) == -1 ||
	    get(data, "want", WIRE_MAX_COUNT, &r.want) == -1 ||
	    get(data, "used", INT64_MAX, &r.used) == -1 ||
	    get(data, "check", INT64_MAX, &r.check) == -1)
		return -1;
	*w = r;
	return 0;
}

int wire_read_rows(const msgpack_object *data, struct wire_rows *rows)
{
	struct wire_rows r;

	if (get(data, "feed", MAX_FEEDS, &r.feed) == -1 ||
	    get(data, "from", INT64_MAX, &r.from) == -1 ||
	    get(data, "count", WIRE_MAX_COUNT, &r.count) == -1)
		return -1;
	*rows = r;
	return 0;
}

/* ---- numbers of users ---- */

void wire_put_numbers(msgpack_packer *pk, const struct wire_spawn *spawn)
{
	wire_object_put_text(pk, "numbers");
	msgpack_pack_map(pk, spawn->count);
	for (size_t i = 0; i < spawn->count; i++) {
		wire_object_put_text(pk, spawn->counts[i].name);
		wire_object_put_bin(pk, spawn->numbers[i].data,
		    spawn->numbers[i].len);
	}
}

static struct wire_numbers *numbers_of(const struct wire_spawn *spawn,
    const char *name)
{
	for (size_t i = 0; i < spawn->count; i++) {
		if (strcmp(spawn->counts[i].name, name) == 0)
			return &spawn->numbers[i];
	}
	return NULL;
}

int wire_read_numbers(const msgpack_object *map, struct wire_spawn *spawn)
{
	char name[WIRE_MAX_NAME];

	if (map == NULL)
		return 0;
	if (map->type != MSGPACK_OBJECT_MAP ||
	    map->via.map.size > WIRE_MAX_CLASSES)
		return -1;
	spawn->numbers = xcalloc(spawn->count + 1, sizeof *spawn->numbers);
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];
		struct wire_numbers *n;

		if (wire_object_text(&kv->key, name, sizeof name) == -1 ||
		    kv->val.type != MSGPACK_OBJECT_BIN)
			return -1;
		n = numbers_of(spawn, name);
		if (n == NULL || n->data != NULL || kv->val.via.bin.size == 0)
			continue;
		n->len = kv->val.via.bin.size;
		n->data = xmalloc(n->len);
		memcpy(n->data, kv->val.via.bin.ptr, n->len);
	}
	return 0;
}

void wire_numbers_release(struct wire_spawn *spawn)
{
	for (size_t i = 0; spawn->numbers != NULL && i < spawn->count; i++)
		free(spawn->numbers[i].data);
	free(spawn->numbers);
	spawn->numbers = NULL;
}
