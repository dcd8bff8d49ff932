/*
 * Locust's messages: a msgpack array [type, data, node_id] in one ZeroMQ
 * frame.  Between swarm peers `data` holds one more key, "swarm", which
 * Locust ignores: histograms as one binary value each, counters, phases.
 *
 * Decoding never trusts a field: unknown keys are skipped, wrong types and
 * impossible numbers make it fail with nothing half applied.
 */
#ifndef CLUSTER_WIRE_H
#define CLUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "base/buf.h"
#include "stats/stats.h"

#define WIRE_MAX_MESSAGE (64u << 20)
#define WIRE_LOCUST_VERSION "2.46.3"    /* what we say to a Locust peer */

enum wire_type {
	WIRE_UNKNOWN, WIRE_CLIENT_READY, WIRE_ACK, WIRE_HEARTBEAT, WIRE_SPAWN,
	WIRE_SPAWNING, WIRE_SPAWNING_COMPLETE, WIRE_STATS, WIRE_EXCEPTION,
	WIRE_LOGS, WIRE_STOP, WIRE_CLIENT_STOPPED, WIRE_QUIT, WIRE_RECONNECT,
};

/* A decoded envelope; pointers live until wire_message_release(). */
struct wire_message {
	enum wire_type type;
	char type_name[64];
	char node_id[256];
	msgpack_object data;
	msgpack_unpacked unpacked;
};

/* 0, or -1 on anything that is not such an array. */
int wire_decode(struct wire_message *, const void *frame, size_t len);
void wire_message_release(struct wire_message *);

/* A user count per class, as messages carry it. */
struct wire_count {
	const char *name;
	int64_t count;
};

struct wire_spawn {
	double timestamp;
	const char *host;               /* NULL: none */
	double stop_timeout;
	const struct wire_count *counts;
	size_t count;
};

struct wire_heartbeat {
	const char *state;
	double cpu;                     /* percent of one core */
	int64_t memory;                 /* bytes, RSS */
	double loop_busy;               /* swarm only, 0..1; -1 unknown */
	double loop_delay_ms;           /* longest pass since the last one */
};

/* Encoders append one message to `out`; they cannot fail short of memory. */
void wire_encode_nil(struct buf *out, const char *type, const char *node_id);
void wire_encode_client_ready(struct buf *out, const char *node_id);
void wire_encode_ack(struct buf *out, const char *node_id, int64_t index,
    double report_interval);
void wire_encode_heartbeat(struct buf *out, const char *node_id,
    const struct wire_heartbeat *);
void wire_encode_spawn(struct buf *out, const char *node_id,
    const struct wire_spawn *);
void wire_encode_spawning_complete(struct buf *out, const char *node_id,
    const struct wire_count *, size_t count);
void wire_encode_stats(struct buf *out, const char *node_id,
    struct stats *delta, bool swarm_peer, const struct wire_count *,
    size_t count);
void wire_encode_log(struct buf *out, const char *node_id, int level,
    const char *line);

/* Decoders of `data`: 0, or -1 when malformed. */
int wire_read_heartbeat(const msgpack_object *, struct wire_heartbeat *);
/* Merges a report into `into` all or not at all; user counts are given to
 * `on_count`. */
int wire_read_stats(const msgpack_object *, struct stats *into,
    void (*on_count)(const char *name, int64_t count, void *), void *arg);
int wire_read_counts(const msgpack_object *,
    void (*on_count)(const char *name, int64_t count, void *), void *arg);

#endif
