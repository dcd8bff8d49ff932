/*
 * The envelope of a message and all messages but the report.
 *
 * msgpack-c allocates what a length field promises before it has seen the
 * elements, so four bytes from a stranger could cost gigabytes.  Therefore a
 * frame is walked first, allocating nothing: depth, number of values and
 * every length must be true before the library sees it.
 */
#include "cluster/wire.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/wire_object.h"

static const struct {
	const char *name;
	enum wire_type type;
} types[] = {
	{ "client_ready", WIRE_CLIENT_READY },
	{ "ack", WIRE_ACK },
	{ "heartbeat", WIRE_HEARTBEAT },
	{ "spawn", WIRE_SPAWN },
	{ "spawning", WIRE_SPAWNING },
	{ "spawning_complete", WIRE_SPAWNING_COMPLETE },
	{ "stats", WIRE_STATS },
	{ "exception", WIRE_EXCEPTION },
	{ "logs", WIRE_LOGS },
	{ "stop", WIRE_STOP },
	{ "client_stopped", WIRE_CLIENT_STOPPED },
	{ "quit", WIRE_QUIT },
	{ "reconnect", WIRE_RECONNECT },
	{ "swarm_stop_test", WIRE_STOP_TEST },
};

/* ---- the walk ---- */

struct walk {
	const unsigned char *at;
	const unsigned char *end;
};

/* Reads a big-endian length of `width` bytes. */
static int take_length(struct walk *w, unsigned width, uint64_t *out)
{
	uint64_t n = 0;

	if ((size_t)(w->end - w->at) < width)
		return -1;
	for (unsigned i = 0; i < width; i++)
		n = n << 8 | *w->at++;
	*out = n;
	return 0;
}

/* One value's head: how many bytes of content follow and how many values it
 * holds.  Extension types are refused: no message has any. */
static int take_head(struct walk *w, uint64_t *bytes, uint64_t *children)
{
	unsigned code = *w->at++;

	*bytes = 0;
	*children = 0;
	if (code < 0x80 || code >= 0xe0)
		return 0;
	if (code < 0x90) {
		*children = 2 * (uint64_t)(code & 0x0f);
		return 0;
	}
	if (code < 0xa0) {
		*children = code & 0x0f;
		return 0;
	}
	if (code < 0xc0) {
		*bytes = code & 0x1f;
		return 0;
	}
	switch (code) {
	case 0xc0: case 0xc2: case 0xc3:        /* nil, false, true */
		return 0;
	case 0xc4: case 0xc5: case 0xc6:        /* bin */
		return take_length(w, 1u << (code - 0xc4), bytes);
	case 0xca: case 0xcb:                   /* float */
		*bytes = code == 0xca ? 4 : 8;
		return 0;
	case 0xcc: case 0xcd: case 0xce: case 0xcf:
		*bytes = 1u << (code - 0xcc);
		return 0;
	case 0xd0: case 0xd1: case 0xd2: case 0xd3:
		*bytes = 1u << (code - 0xd0);
		return 0;
	case 0xd9: case 0xda: case 0xdb:        /* str */
		return take_length(w, 1u << (code - 0xd9), bytes);
	case 0xdc: case 0xdd:                   /* array */
		return take_length(w, 2u << (code - 0xdc), children);
	case 0xde: case 0xdf:                   /* map */
		if (take_length(w, 2u << (code - 0xde), children) == -1)
			return -1;
		*children *= 2;
		return 0;
	default:
		return -1;
	}
}

/* Whether the frame is exactly one well-formed value within the limits. */
static int check_frame(const void *frame, size_t len)
{
	struct walk w = { frame, (const unsigned char *)frame + len };
	uint64_t left[WIRE_MAX_DEPTH] = { 1 };
	unsigned depth = 0;
	uint64_t objects = 0;

	for (;;) {
		uint64_t bytes;
		uint64_t children;

		while (left[depth] == 0) {
			if (depth == 0)
				return w.at == w.end ? 0 : -1;
			depth--;
		}
		left[depth]--;
		if (w.at == w.end || ++objects > WIRE_MAX_OBJECTS ||
		    take_head(&w, &bytes, &children) == -1 ||
		    bytes > (uint64_t)(w.end - w.at) ||
		    children > (uint64_t)(w.end - w.at))
			return -1;
		w.at += bytes;
		if (children == 0)
			continue;
		if (++depth == WIRE_MAX_DEPTH)
			return -1;
		left[depth] = children;
	}
}

/* ---- the envelope ---- */

static int copy_string(const msgpack_object *o, char *out, size_t size)
{
	if (o->type != MSGPACK_OBJECT_STR || o->via.str.size >= size ||
	    (o->via.str.size > 0 &&
	    memchr(o->via.str.ptr, '\0', o->via.str.size) != NULL))
		return -1;
	memcpy(out, o->via.str.ptr, o->via.str.size);
	out[o->via.str.size] = '\0';
	return 0;
}

static enum wire_type type_of(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return WIRE_UNKNOWN;
}

int wire_decode(struct wire_message *m, const void *frame, size_t len)
{
	const msgpack_object *parts;
	size_t off = 0;

	if (len == 0 || len > WIRE_MAX_MESSAGE || check_frame(frame, len) == -1)
		return -1;
	msgpack_unpacked_init(&m->unpacked);
	if (msgpack_unpack_next(&m->unpacked, frame, len, &off) !=
	    MSGPACK_UNPACK_SUCCESS || off != len)
		goto release;
	if (m->unpacked.data.type != MSGPACK_OBJECT_ARRAY ||
	    m->unpacked.data.via.array.size != 3)
		goto release;
	parts = m->unpacked.data.via.array.ptr;
	if (copy_string(&parts[0], m->type_name, sizeof m->type_name) == -1 ||
	    copy_string(&parts[2], m->node_id, sizeof m->node_id) == -1)
		goto release;
	m->type = type_of(m->type_name);
	m->data = parts[1];
	return 0;

release:
	msgpack_unpacked_destroy(&m->unpacked);
	return -1;
}

void wire_message_release(struct wire_message *m)
{
	msgpack_unpacked_destroy(&m->unpacked);
}

/* ---- encoders ---- */

static void begin(msgpack_packer *pk, struct buf *out, const char *type)
{
	wire_object_packer(pk, out);
	msgpack_pack_array(pk, 3);
	wire_object_put_text(pk, type);
}

static void put_counts(msgpack_packer *pk, const struct wire_count *counts,
    size_t count)
{
	msgpack_pack_map(pk, count);
	for (size_t i = 0; i < count; i++) {
		wire_object_put_text(pk, counts[i].name);
		msgpack_pack_int64(pk, counts[i].count);
	}
}

static int64_t sum_counts(const struct wire_count *counts, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += counts[i].count;
	return sum;
}

void wire_encode_nil(struct buf *out, const char *type, const char *node_id)
{
	msgpack_packer pk;

	begin(&pk, out, type);
	msgpack_pack_nil(&pk);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_client_ready(struct buf *out, const char *node_id)
{
	msgpack_packer pk;

	begin(&pk, out, "client_ready");
	wire_object_put_text(&pk, WIRE_VERSION);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_ack(struct buf *out, const char *node_id,
    const struct wire_ack *ack)
{
	msgpack_packer pk;

	begin(&pk, out, "ack");
	msgpack_pack_map(&pk, ack->swarm ? 2 : 1);
	wire_object_put_text(&pk, "index");
	msgpack_pack_int64(&pk, ack->index);
	if (ack->swarm) {
		wire_object_put_text(&pk, "swarm");
		msgpack_pack_map(&pk, 3);
		wire_object_put_text(&pk, "level");
		msgpack_pack_int(&pk, WIRE_LEVEL);
		wire_object_put_text(&pk, "report_interval");
		msgpack_pack_double(&pk, ack->report_interval);
		wire_object_put_text(&pk, "instance");
		msgpack_pack_uint64(&pk, ack->instance);
	}
	wire_object_put_text(&pk, node_id);
}

void wire_encode_heartbeat(struct buf *out, const char *node_id,
    const struct wire_heartbeat *hb)
{
	bool swarm = hb->loop_busy >= 0;
	msgpack_packer pk;

	begin(&pk, out, "heartbeat");
	msgpack_pack_map(&pk, swarm ? 4 : 3);
	wire_object_put_text(&pk, "state");
	wire_object_put_text(&pk, hb->state);
	wire_object_put_text(&pk, "current_cpu_usage");
	msgpack_pack_double(&pk, hb->cpu);
	wire_object_put_text(&pk, "current_memory_usage");
	msgpack_pack_int64(&pk, hb->memory);
	if (swarm) {
		wire_object_put_text(&pk, "swarm");
		msgpack_pack_map(&pk, 2);
		wire_object_put_text(&pk, "loop_busy");
		msgpack_pack_double(&pk, hb->loop_busy);
		wire_object_put_text(&pk, "loop_delay_ms");
		msgpack_pack_double(&pk, hb->loop_delay_ms);
	}
	wire_object_put_text(&pk, node_id);
}

void wire_encode_spawn(struct buf *out, const char *node_id,
    const struct wire_spawn *spawn)
{
	msgpack_packer pk;

	begin(&pk, out, "spawn");
	msgpack_pack_map(&pk, spawn->plan == NULL ? 5 : 6);
	wire_object_put_text(&pk, "timestamp");
	msgpack_pack_double(&pk, spawn->timestamp);
	wire_object_put_text(&pk, "user_classes_count");
	put_counts(&pk, spawn->counts, spawn->count);
	wire_object_put_text(&pk, "host");
	wire_object_put_text_or_nil(&pk, spawn->host);
	wire_object_put_text(&pk, "stop_timeout");
	msgpack_pack_double(&pk, spawn->stop_timeout);
	/* A Locust worker's receive loop dies without it. */
	wire_object_put_text(&pk, "parsed_options");
	msgpack_pack_map(&pk, 0);
	if (spawn->plan != NULL) {
		wire_object_put_text(&pk, "swarm");
		msgpack_pack_map(&pk, 1);
		wire_object_put_text(&pk, "plan");
		wire_object_put_text(&pk, spawn->plan);
	}
	wire_object_put_text(&pk, node_id);
}

void wire_encode_spawning_complete(struct buf *out, const char *node_id,
    const struct wire_count *counts, size_t count)
{
	msgpack_packer pk;

	begin(&pk, out, "spawning_complete");
	msgpack_pack_map(&pk, 2);
	wire_object_put_text(&pk, "user_classes_count");
	put_counts(&pk, counts, count);
	wire_object_put_text(&pk, "user_count");
	msgpack_pack_int64(&pk, sum_counts(counts, count));
	wire_object_put_text(&pk, node_id);
}

void wire_encode_ramp_complete(struct buf *out, const char *node_id,
    int64_t users)
{
	msgpack_packer pk;

	begin(&pk, out, "spawning_complete");
	msgpack_pack_map(&pk, 1);
	wire_object_put_text(&pk, "user_count");
	msgpack_pack_int64(&pk, users);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_exception(struct buf *out, const char *node_id,
    const char *message, const char *traceback)
{
	msgpack_packer pk;

	begin(&pk, out, "exception");
	msgpack_pack_map(&pk, 2);
	wire_object_put_text(&pk, "msg");
	wire_object_put_text(&pk, message);
	wire_object_put_text(&pk, "traceback");
	wire_object_put_text(&pk, traceback);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_logs(struct buf *out, const char *node_id,
    const struct wire_log *lines, size_t count, uint64_t dropped)
{
	msgpack_packer pk;

	begin(&pk, out, "logs");
	msgpack_pack_map(&pk, 3);
	wire_object_put_text(&pk, "worker_id");
	wire_object_put_text(&pk, node_id);
	wire_object_put_text(&pk, "logs");
	msgpack_pack_array(&pk, count);
	for (size_t i = 0; i < count; i++)
		wire_object_put_text(&pk, lines[i].line);
	wire_object_put_text(&pk, "swarm");
	msgpack_pack_map(&pk, 2);
	wire_object_put_text(&pk, "levels");
	msgpack_pack_array(&pk, count);
	for (size_t i = 0; i < count; i++)
		msgpack_pack_int(&pk, lines[i].level);
	wire_object_put_text(&pk, "dropped");
	msgpack_pack_uint64(&pk, dropped);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_stop_test(struct buf *out, const char *node_id,
    const char *why)
{
	msgpack_packer pk;

	begin(&pk, out, "swarm_stop_test");
	msgpack_pack_map(&pk, 1);
	wire_object_put_text(&pk, "why");
	wire_object_put_text(&pk, why);
	wire_object_put_text(&pk, node_id);
}

/* ---- decoders ---- */

/* A swarm worker's version ends with "+swarm.LEVEL". */
int wire_read_client_ready(const msgpack_object *data, char *version,
    size_t size)
{
	if (data->type == MSGPACK_OBJECT_NEGATIVE_INTEGER &&
	    data->via.i64 == -1) {
		memcpy(version, "-1", 3);
		return 0;
	}
	if (wire_object_text(data, version, size) == -1)
		return -1;
	return strstr(version, "+swarm.") != NULL;
}

int wire_read_ack(const msgpack_object *data, struct wire_ack *ack)
{
	const msgpack_object *index = wire_object_get(data, "index");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	struct wire_ack a = { .index = -1, .report_interval = 3 };

	if (data->type != MSGPACK_OBJECT_MAP &&
	    data->type != MSGPACK_OBJECT_NIL)
		return -1;
	if (index != NULL && wire_object_int(index, &a.index) == -1)
		return -1;
	if (swarm != NULL) {
		a.swarm = true;
		if (wire_object_get_double(swarm, "report_interval", 0.01, 60,
		    1, &a.report_interval) == -1 ||
		    wire_object_get_uint(swarm, "instance", 0,
		    &a.instance) == -1)
			return -1;
	}
	*ack = a;
	return 0;
}

static const char *known_state(const char *state)
{
	static const char *const states[] = { "ready", "spawning", "running" };

	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (strcmp(states[i], state) == 0)
			return states[i];
	}
	return "ready";
}

int wire_read_heartbeat(const msgpack_object *data, struct wire_heartbeat *hb)
{
	const msgpack_object *state = wire_object_get(data, "state");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	struct wire_heartbeat h = { .loop_busy = -1 };
	uint64_t memory;
	char text[16];

	if (state == NULL || wire_object_text(state, text, sizeof text) == -1 ||
	    wire_object_get_double(data, "current_cpu_usage", 0, 1e6, 0,
	    &h.cpu) == -1 ||
	    wire_object_get_uint(data, "current_memory_usage", 0,
	    &memory) == -1)
		return -1;
	h.state = known_state(text);
	h.memory = (int64_t)memory;
	if (swarm != NULL &&
	    (wire_object_get_double(swarm, "loop_busy", 0, 1, -1,
	    &h.loop_busy) == -1 ||
	    wire_object_get_double(swarm, "loop_delay_ms", 0, 1e9, 0,
	    &h.loop_delay_ms) == -1))
		return -1;
	*hb = h;
	return 0;
}

static int read_count(const msgpack_object_kv *kv, char *name, size_t size,
    int64_t *count)
{
	uint64_t n;

	if (wire_object_text(&kv->key, name, size) == -1 ||
	    wire_object_uint(&kv->val, INT_MAX, &n) == -1)
		return -1;
	*count = (int64_t)n;
	return 0;
}

int wire_read_counts(const msgpack_object *map,
    void (*on_count)(const char *name, int64_t count, void *), void *arg)
{
	char name[WIRE_MAX_NAME];
	int64_t count;

	if (map == NULL || map->type == MSGPACK_OBJECT_NIL)
		return 0;
	if (map->type != MSGPACK_OBJECT_MAP ||
	    map->via.map.size > WIRE_MAX_CLASSES)
		return -1;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		if (read_count(&map->via.map.ptr[i], name, sizeof name,
		    &count) == -1)
			return -1;
	}
	if (on_count == NULL)
		return 0;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		if (read_count(&map->via.map.ptr[i], name, sizeof name,
		    &count) == 0)
			on_count(name, count, arg);
	}
	return 0;
}

static void add_count(const char *name, int64_t count, void *arg)
{
	struct wire_spawn *spawn = arg;
	struct wire_count *counts = (struct wire_count *)spawn->counts;

	counts[spawn->count].name = xstrdup(name);
	counts[spawn->count++].count = count;
}

int wire_read_spawn(const msgpack_object *data, struct wire_spawn *spawn)
{
	const msgpack_object *counts =
	    wire_object_get(data, "user_classes_count");
	const msgpack_object *host = wire_object_get(data, "host");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	const msgpack_object *plan = wire_object_get(swarm, "plan");
	struct wire_spawn s = { 0 };
	char text[WIRE_MAX_NAME];
	char *room;

	if (wire_object_get(data, "timestamp") == NULL || counts == NULL ||
	    wire_object_get_double(data, "timestamp", 0, WIRE_MAX_TIME, 0,
	    &s.timestamp) == -1 ||
	    wire_object_get_double(data, "stop_timeout", 0, 1e9, 0,
	    &s.stop_timeout) == -1 ||
	    (host != NULL && wire_object_text(host, text, sizeof text) == -1) ||
	    (plan != NULL && plan->type != MSGPACK_OBJECT_STR) ||
	    wire_read_counts(counts, NULL, NULL) == -1)
		return -1;
	if (plan != NULL) {
		room = xmalloc(WIRE_MAX_PLAN);
		if (wire_object_text(plan, room, WIRE_MAX_PLAN) == -1) {
			free(room);
			return -1;
		}
		s.plan = room;
	}
	s.host = host == NULL ? NULL : xstrdup(text);
	s.counts = xcalloc(counts->via.map.size + 1, sizeof *s.counts);
	wire_read_counts(counts, add_count, &s);
	*spawn = s;
	return 0;
}

void wire_spawn_release(struct wire_spawn *spawn)
{
	for (size_t i = 0; i < spawn->count; i++)
		free((char *)spawn->counts[i].name);
	free((struct wire_count *)spawn->counts);
	free((char *)spawn->host);
	free((char *)spawn->plan);
	*spawn = (struct wire_spawn){ 0 };
}

int wire_read_ramp_complete(const msgpack_object *data, int64_t *users)
{
	const msgpack_object *count = wire_object_get(data, "user_count");

	return count == NULL ? -1 : wire_object_int(count, users);
}

/* Absent is empty: Locust's exceptions may have no message. */
static int read_text(const msgpack_object *map, const char *key, char *out,
    size_t size)
{
	const msgpack_object *o = wire_object_get(map, key);

	*out = '\0';
	return o == NULL ? 0 : wire_object_text(o, out, size);
}

int wire_read_exception(const msgpack_object *data, char *message, size_t size,
    char *traceback, size_t traceback_size)
{
	if (data->type != MSGPACK_OBJECT_MAP ||
	    read_text(data, "msg", message, size) == -1 ||
	    read_text(data, "traceback", traceback, traceback_size) == -1)
		return -1;
	return 0;
}

/* The level of line i, from the swarm map or unknown. */
static int line_level(const msgpack_object *levels, uint32_t i)
{
	uint64_t level;

	if (levels == NULL || levels->type != MSGPACK_OBJECT_ARRAY ||
	    i >= levels->via.array.size ||
	    wire_object_uint(&levels->via.array.ptr[i], LOG_LEVEL_ERROR,
	    &level) == -1)
		return -1;
	return (int)level;
}

int wire_read_logs(const msgpack_object *data,
    void (*on_line)(int level, const char *line, void *), void *arg,
    uint64_t *dropped)
{
	const msgpack_object *lines = wire_object_get(data, "logs");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	const msgpack_object *levels = wire_object_get(swarm, "levels");
	char text[WIRE_MAX_TEXT];

	if (lines == NULL || lines->type != MSGPACK_OBJECT_ARRAY ||
	    wire_object_get_uint(swarm, "dropped", 0, dropped) == -1)
		return -1;
	for (uint32_t i = 0; i < lines->via.array.size; i++) {
		if (wire_object_text(&lines->via.array.ptr[i], text,
		    sizeof text) == -1)
			return -1;
	}
	for (uint32_t i = 0; i < lines->via.array.size; i++) {
		if (wire_object_text(&lines->via.array.ptr[i], text,
		    sizeof text) == 0)
			on_line(line_level(levels, i), text, arg);
	}
	return 0;
}

int wire_read_stop_test(const msgpack_object *data, char *why, size_t size)
{
	if (data->type != MSGPACK_OBJECT_MAP)
		return -1;
	return read_text(data, "why", why, size);
}
