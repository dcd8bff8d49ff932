/*
 * The part of a heartbeat that only swarm knows: one map, each figure under a
 * name of its own, so that a newer side may add some and an older one skips
 * them.  Figures that are not known are left out.
 */
#include "cluster/wire_health.h"

#include <stddef.h>

#include "cluster/wire_object.h"

enum kind { REAL, WHOLE, COUNT };

static const struct {
	const char *key;
	enum kind kind;
	size_t at;
	double max;
} fields[] = {
	{ "loop_busy", REAL, offsetof(struct health, loop_busy), 1 },
	{ "loop_delay_ms", REAL, offsetof(struct health, loop_delay_ms),
	    1e9 },
	{ "delay_p50_ms", REAL, offsetof(struct health, delay_p50_ms), 1e9 },
	{ "delay_p99_ms", REAL, offsetof(struct health, delay_p99_ms), 1e9 },
	{ "memory_free", WHOLE, offsetof(struct health, memory_free), 0 },
	{ "descriptors", WHOLE, offsetof(struct health, descriptors), 0 },
	{ "descriptors_max", WHOLE,
	    offsetof(struct health, descriptors_max), 0 },
	{ "ports", WHOLE, offsetof(struct health, ports), 0 },
	{ "ports_max", WHOLE, offsetof(struct health, ports_max), 0 },
	{ "arrivals", COUNT, offsetof(struct health, arrivals), 0 },
	{ "dropped", COUNT, offsetof(struct health, dropped), 0 },
	{ "queued", WHOLE, offsetof(struct health, queued), 0 },
	{ "resent", REAL, offsetof(struct health, resent), 1 },
	{ "link", REAL, offsetof(struct health, link), 1 },
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

static const void *field(const struct health *h, size_t i)
{
	return (const char *)h + fields[i].at;
}

/* Counts have no "not known". */
static bool known(const struct health *h, size_t i)
{
	switch (fields[i].kind) {
	case REAL:
		return *(const double *)field(h, i) >= 0;
	case WHOLE:
		return *(const int64_t *)field(h, i) >= 0;
	case COUNT:
		break;
	}
	return true;
}

unsigned wire_health_count(const struct health *h)
{
	unsigned n = 0;

	for (size_t i = 0; i < FIELDS; i++)
		n += known(h, i);
	return n;
}

void wire_health_put(msgpack_packer *pk, const struct health *h)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (!known(h, i))
			continue;
		wire_object_put_text(pk, fields[i].key);
		if (fields[i].kind == REAL)
			msgpack_pack_double(pk, *(const double *)field(h, i));
		else
			msgpack_pack_uint64(pk,
			    *(const uint64_t *)field(h, i));
	}
}

static int read_whole(const msgpack_object *map, const char *key,
    int64_t *out)
{
	uint64_t n;

	if (wire_object_get(map, key) == NULL)
		return 0;
	if (wire_object_get_uint(map, key, 0, &n) == -1)
		return -1;
	*out = (int64_t)n;
	return 0;
}

int wire_health_read(const msgpack_object *map, struct health *h)
{
	for (size_t i = 0; i < FIELDS; i++) {
		void *at = (char *)h + fields[i].at;
		int rc = 0;

		switch (fields[i].kind) {
		case REAL:
			rc = wire_object_get_double(map, fields[i].key, 0,
			    fields[i].max, *(double *)at, at);
			break;
		case WHOLE:
			rc = read_whole(map, fields[i].key, at);
			break;
		case COUNT:
			rc = wire_object_get_uint(map, fields[i].key, 0, at);
			break;
		}
		if (rc == -1)
			return -1;
	}
	return 0;
}
