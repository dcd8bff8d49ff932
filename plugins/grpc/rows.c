/*
 * A scenario's names are constants mostly, so they are found by their address
 * first and compared then; the rest goes through a hash table.
 */
#include "rows.h"

#include <swarm/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHED  64u                     /* powers of two */
#define BUCKETS 1024u

static const char *const phase_types[ROWS_PHASES] = {
	"GRPC queued", "GRPC server", "GRPC headers", "GRPC first message",
	"GRPC stream", "GRPC gap",
};

static const char *const event_names[ROWS_EVENTS] = {
	"resolve", "handshake", "tcp", "tls", "settings", "reconnect",
	"connection", "generator lag",
};

static const char *const counter_names[ROWS_COUNTERS] = {
	"grpc_connects", "grpc_connect_fail", "grpc_connections_lost",
	"grpc_reconnects", "grpc_goaway", "grpc_rst_stream", "grpc_streams",
	"grpc_streams_open", "grpc_msgs_sent", "grpc_bytes_sent",
	"grpc_msgs_received", "grpc_bytes_received", "grpc_msgs_unanswered",
	"grpc_msgs_unmatched", "grpc_read_paused",
	"grpc_deadline_before_send", "grpc_deadline_waiting",
	"grpc_deadline_streaming", "grpc_deadline_untold",
};

static const char *const code_names[ROWS_CODES] = {
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
	"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
	"OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED",
};

static uint32_t events[ROWS_EVENTS];
static uint32_t counters[ROWS_COUNTERS];
static uint32_t code_counters[ROWS_CODES];      /* counter + 1 */

static struct {
	const char *name;
	struct rows *rows;
} cache[CACHED];
static struct rows *table[BUCKETS];

void rows_start(void)
{
	for (int i = 0; i < ROWS_EVENTS; i++)
		events[i] = swarm_series("GRPC phase", event_names[i]);
	for (int i = 0; i < ROWS_COUNTERS; i++)
		counters[i] = swarm_counter(counter_names[i]);
	memset(code_counters, 0, sizeof code_counters);
}

void rows_stop(void)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (table[i]) {
			struct rows *r = table[i];

			table[i] = r->next;
			free(r->name);
			free(r->path);
			free(r);
		}
	}
	memset(cache, 0, sizeof cache);
}

static unsigned hash_of(const char *text)
{
	uint32_t h = 2166136261u;

	while (*text)
		h = (h ^ (unsigned char)*text++) * 16777619u;
	return h & (BUCKETS - 1);
}

static struct rows *make(const char *name)
{
	struct rows *r = calloc(1, sizeof *r);

	if (!r || !(r->name = strdup(name)))
		abort();
	r->calls = swarm_series("GRPC", name);
	return r;
}

struct rows *rows_of(const char *name)
{
	unsigned slot = (unsigned)((uintptr_t)name ^ (uintptr_t)name >> 6) &
	    (CACHED - 1);
	struct rows **bucket, *r;

	/* A method may be written as it is sent. */
	name += *name == '/';
	if (cache[slot].name == name && strcmp(cache[slot].rows->name, name)
	    == 0)
		return cache[slot].rows;
	bucket = &table[hash_of(name)];
	for (r = *bucket; r && strcmp(r->name, name) != 0; r = r->next)
		;
	if (!r) {
		r = make(name);
		r->next = *bucket;
		*bucket = r;
	}
	cache[slot].name = name;
	cache[slot].rows = r;
	return r;
}

/* "a.B.C" is what other tools write for "a.B/C". */
const char *rows_path(struct rows *r)
{
	char *dot;

	if (r->path)
		return r->path;
	if (asprintf(&r->path, "/%s", r->name) == -1)
		abort();
	dot = strrchr(r->path, '.');
	if (dot && !strchr(r->path + 1, '/'))
		*dot = '/';
	return r->path;
}

void rows_phase(struct rows *r, enum rows_phase phase, int64_t duration_ns)
{
	if (!r->phases[phase])
		r->phases[phase] = swarm_series(phase_types[phase], r->name) +
		    1;
	swarm_observe(r->phases[phase] - 1, duration_ns, 0);
}

void rows_code(struct rows *r, unsigned code, int64_t duration_ns,
    size_t bytes)
{
	char text[48];

	if (!r->codes[code]) {
		snprintf(text, sizeof text, "GRPC %s", code_names[code]);
		r->codes[code] = swarm_series(text, r->name) + 1;
	}
	if (!code_counters[code]) {
		snprintf(text, sizeof text, "grpc_status_%s",
		    code_names[code]);
		code_counters[code] = swarm_counter(text) + 1;
	}
	swarm_observe(r->codes[code] - 1, duration_ns, bytes);
	swarm_count(code_counters[code] - 1, 1);
}

uint32_t rows_messages(struct rows *r)
{
	if (!r->messages)
		r->messages = swarm_series("GRPC message", r->name) + 1;
	return r->messages - 1;
}

void rows_observe(enum rows_event event, int64_t duration_ns)
{
	swarm_observe(events[event], duration_ns, 0);
}

void rows_add(enum rows_counter counter, int64_t add)
{
	swarm_count(counters[counter], add);
}

const char *rows_code_name(int code)
{
	return code >= 0 && code < ROWS_CODES ? code_names[code] : "?";
}
