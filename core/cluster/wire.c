/*
 * The envelope of a message.
 *
 * msgpack-c allocates what a length field promises before it has seen the
 * elements, so four bytes from a stranger could cost gigabytes.  Therefore a
 * frame is walked first, allocating nothing: depth, number of values and
 * every length must be true before the library sees it.
 */
#include "cluster/wire.h"

#include <stdlib.h>
#include <string.h>

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
	{ "swarm_rows", WIRE_ROWS },
	{ "swarm_plan", WIRE_PLAN },
	{ "swarm_progress", WIRE_PROGRESS },
	{ "swarm_meet", WIRE_MEET },
	{ "swarm_met", WIRE_MET },
	{ "swarm_replay", WIRE_REPLAY },
	{ "swarm_flight", WIRE_FLIGHT },
	{ "swarm_files", WIRE_FILES },
	{ "swarm_part", WIRE_PART },
	{ "swarm_taken", WIRE_TAKEN },
	{ "swarm_crash", WIRE_CRASH },
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

enum wire_type wire_type_of(const char *name)
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
	m->type = wire_type_of(m->type_name);
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

void wire_spawn_release(struct wire_spawn *spawn)
{
	wire_numbers_release(spawn);
	for (size_t i = 0; i < spawn->count; i++)
		free((char *)spawn->counts[i].name);
	free((struct wire_count *)spawn->counts);
	free((char *)spawn->host);
	free((char *)spawn->plan);
	*spawn = (struct wire_spawn){ 0 };
}
