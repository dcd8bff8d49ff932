/*
 * Messages, all but the report: reading.  Every field is a stranger's until it
 * has been looked at; a key that is not known is skipped.
 */
#include "cluster/wire.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/wire_health.h"
#include "cluster/wire_object.h"

/* A swarm worker's version goes on with "+swarm.LEVEL", a relay's with
 * ".relay.SPAN", and ends with "/VERSION". */
int wire_read_client_ready(const msgpack_object *data, char *version,
    size_t size)
{
	const char *swarm;
	long level;

	if (data->type == MSGPACK_OBJECT_NEGATIVE_INTEGER &&
	    data->via.i64 == -1) {
		memcpy(version, "-1", 3);
		return 0;
	}
	if (wire_object_line(data, version, size) == -1)
		return -1;
	swarm = strstr(version, WIRE_SWARM);
	if (swarm == NULL)
		return 0;
	level = strtol(swarm + strlen(WIRE_SWARM), NULL, 10);
	return level > 0 && level < INT_MAX ? (int)level : -1;
}

const char *wire_program_of(const char *version)
{
	const char *slash = strchr(version, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : "unknown";
}

static int read_program(const msgpack_object *swarm, struct wire_ack *a)
{
	const msgpack_object *o = wire_object_get(swarm, "version");
	uint64_t level;

	snprintf(a->program, sizeof a->program, "unknown");
	if (wire_object_get_uint(swarm, "level", 0, &level) == -1 ||
	    level > INT_MAX || (o != NULL &&
	    wire_object_line(o, a->program, sizeof a->program) == -1))
		return -1;
	a->level = (unsigned)level;
	return 0;
}

int wire_read_ack(const msgpack_object *data, struct wire_ack *ack)
{
	const msgpack_object *index = wire_object_get(data, "index");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	const msgpack_object *split_by = wire_object_get(swarm, "split_by");
	const msgpack_object *first = wire_object_get(swarm, "first");
	const msgpack_object *seed = wire_object_get(swarm, "seed");
	struct wire_ack a = { .index = -1, .first = -1,
		.report_interval = 3 };

	if (data->type != MSGPACK_OBJECT_MAP &&
	    data->type != MSGPACK_OBJECT_NIL)
		return -1;
	if (index != NULL && wire_object_int(index, &a.index) == -1)
		return -1;
	if (swarm != NULL) {
		a.swarm = true;
		if (wire_object_get_double(swarm, "report_interval", 0.01, 60,
		    1, &a.report_interval) == -1 ||
		    read_program(swarm, &a) == -1 ||
		    wire_object_get_uint(swarm, "instance", 0,
		    &a.instance) == -1 ||
		    (seed != NULL && wire_object_uint(seed, UINT64_MAX,
		    &a.seed) == -1) ||
		    (first != NULL && wire_object_int(first, &a.first) ==
		    -1) ||
		    (split_by != NULL && wire_object_text(split_by,
		    a.split_by, sizeof a.split_by) == -1))
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

/* Nanoseconds of a monotonic clock, so few that differences of them fit;
 * -1 stands for "not known". */
static int read_time(const msgpack_object *map, const char *key,
    int64_t deflt, int64_t *out)
{
	const msgpack_object *o = wire_object_get(map, key);
	uint64_t n;

	*out = deflt;
	if (o == NULL || (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER &&
	    o->via.i64 == -1))
		return 0;
	if (wire_object_uint(o, WIRE_MAX_NS, &n) == -1)
		return -1;
	*out = (int64_t)n;
	return 0;
}

/* Two monotonic clocks may be years apart: each counts from its machine's
 * start. */
static int read_offset(const msgpack_object *map, const char *key,
    int64_t *out)
{
	const msgpack_object *o = wire_object_get(map, key);
	uint64_t n;

	*out = 0;
	if (o != NULL && o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		*out = o->via.i64;
		return o->via.i64 < -WIRE_MAX_NS ? -1 : 0;
	}
	if (o == NULL)
		return 0;
	if (wire_object_uint(o, WIRE_MAX_NS, &n) == -1)
		return -1;
	*out = (int64_t)n;
	return 0;
}

static int read_delays(const msgpack_object *swarm, struct wire_heartbeat *h)
{
	const msgpack_object *o = wire_object_get(swarm, "delays");

	if (o == NULL)
		return 0;
	if (o->type != MSGPACK_OBJECT_BIN ||
	    histogram_decode_check(o->via.bin.ptr, o->via.bin.size) == -1)
		return -1;
	h->delays = o->via.bin.ptr;
	h->delays_len = o->via.bin.size;
	return 0;
}

int wire_read_heartbeat(const msgpack_object *data, struct wire_heartbeat *hb)
{
	const msgpack_object *state = wire_object_get(data, "state");
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	struct wire_heartbeat h = { .clock_error = -1 };
	uint64_t memory;
	char text[16];

	health_init(&h.health);
	if (state == NULL || wire_object_text(state, text, sizeof text) == -1 ||
	    wire_object_get_double(data, "current_cpu_usage", 0, 1e6, 0,
	    &h.health.cpu) == -1 ||
	    wire_object_get_uint(data, "current_memory_usage", 0,
	    &memory) == -1)
		return -1;
	h.state = known_state(text);
	h.health.memory = (int64_t)memory;
	if (swarm != NULL &&
	    (wire_health_read(swarm, &h.health) == -1 ||
	    read_delays(swarm, &h) == -1 ||
	    read_time(swarm, "sent", 0, &h.sent) == -1 ||
	    read_time(swarm, "clock_error", -1, &h.clock_error) == -1 ||
	    read_offset(swarm, "clock_offset", &h.clock_offset) == -1))
		return -1;
	*hb = h;
	return 0;
}

int wire_read_pong(const msgpack_object *data, struct wire_pong *pong)
{
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	struct wire_pong p;

	if (swarm == NULL || read_time(swarm, "sent", -1, &p.sent) == -1 ||
	    read_time(swarm, "received", -1, &p.received) == -1 ||
	    read_time(swarm, "answered", -1, &p.answered) == -1 ||
	    read_time(swarm, "error", 0, &p.error) == -1 ||
	    p.sent < 0 || p.received < 0 || p.answered < 0 || p.error < 0 ||
	    wire_object_get_uint(swarm, "taken", 0, &p.taken) == -1)
		return -1;
	*pong = p;
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
	    wire_object_get_uint(swarm, "test", 0, &s.test) == -1 ||
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
	if (wire_read_numbers(wire_object_get(swarm, "numbers"), &s) == -1) {
		wire_spawn_release(&s);
		return -1;
	}
	*spawn = s;
	return 0;
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
	const msgpack_object *o = wire_object_get(data, "why");

	if (data->type != MSGPACK_OBJECT_MAP)
		return -1;
	*why = '\0';
	return o == NULL ? 0 : wire_object_line(o, why, size);
}
