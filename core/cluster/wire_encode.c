/*
 * Messages, all but the report: writing.  The order of keys is Locust's, so
 * that bytes can be compared with its own.
 */
#include "cluster/wire.h"

#include <swarm/version.h>

#include <stdio.h>

#include "cluster/wire_health.h"
#include "cluster/wire_object.h"

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

void wire_encode_client_ready(struct buf *out, const char *node_id,
    unsigned span)
{
	char relay[32] = "";
	char version[96];
	msgpack_packer pk;

	if (span > 0)
		snprintf(relay, sizeof relay, WIRE_RELAY "%u", span);
	snprintf(version, sizeof version, WIRE_LOCUST_VERSION WIRE_SWARM
	    "%d%s/%s", WIRE_LEVEL, relay, SWARM_VERSION);
	begin(&pk, out, "client_ready");
	wire_object_put_text(&pk, version);
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
		msgpack_pack_map(&pk, 4 + (ack->first >= 0) +
		    (ack->seed != 0) + (ack->split_by[0] != '\0'));
		if (ack->first >= 0) {
			wire_object_put_text(&pk, "first");
			msgpack_pack_int64(&pk, ack->first);
		}
		wire_object_put_text(&pk, "level");
		msgpack_pack_int(&pk, WIRE_LEVEL);
		wire_object_put_text(&pk, "version");
		wire_object_put_text(&pk, SWARM_VERSION);
		wire_object_put_text(&pk, "report_interval");
		msgpack_pack_double(&pk, ack->report_interval);
		wire_object_put_text(&pk, "instance");
		msgpack_pack_uint64(&pk, ack->instance);
		if (ack->seed != 0) {
			wire_object_put_text(&pk, "seed");
			msgpack_pack_uint64(&pk, ack->seed);
		}
		if (ack->split_by[0] != '\0') {
			wire_object_put_text(&pk, "split_by");
			wire_object_put_text(&pk, ack->split_by);
		}
	}
	wire_object_put_text(&pk, node_id);
}

void wire_encode_heartbeat(struct buf *out, const char *node_id,
    const struct wire_heartbeat *hb)
{
	const struct health *h = &hb->health;
	bool swarm = h->loop_busy >= 0;
	msgpack_packer pk;

	begin(&pk, out, "heartbeat");
	msgpack_pack_map(&pk, swarm ? 4 : 3);
	wire_object_put_text(&pk, "state");
	wire_object_put_text(&pk, hb->state);
	wire_object_put_text(&pk, "current_cpu_usage");
	msgpack_pack_double(&pk, h->cpu);
	wire_object_put_text(&pk, "current_memory_usage");
	msgpack_pack_int64(&pk, h->memory);
	if (swarm) {
		wire_object_put_text(&pk, "swarm");
		msgpack_pack_map(&pk, 3 + (hb->delays != NULL) +
		    wire_health_count(h));
		wire_health_put(&pk, h);
		if (hb->delays != NULL) {
			wire_object_put_text(&pk, "delays");
			wire_object_put_bin(&pk, hb->delays, hb->delays_len);
		}
		wire_object_put_text(&pk, "sent");
		msgpack_pack_int64(&pk, hb->sent);
		wire_object_put_text(&pk, "clock_error");
		msgpack_pack_int64(&pk, hb->clock_error);
		wire_object_put_text(&pk, "clock_offset");
		msgpack_pack_int64(&pk, hb->clock_offset);
	}
	wire_object_put_text(&pk, node_id);
}

void wire_encode_pong(struct buf *out, const char *node_id,
    const struct wire_pong *pong)
{
	msgpack_packer pk;

	begin(&pk, out, "heartbeat");
	msgpack_pack_map(&pk, 1);
	wire_object_put_text(&pk, "swarm");
	msgpack_pack_map(&pk, 5);
	wire_object_put_text(&pk, "sent");
	msgpack_pack_int64(&pk, pong->sent);
	wire_object_put_text(&pk, "taken");
	msgpack_pack_uint64(&pk, pong->taken);
	wire_object_put_text(&pk, "received");
	msgpack_pack_int64(&pk, pong->received);
	wire_object_put_text(&pk, "answered");
	msgpack_pack_int64(&pk, pong->answered);
	wire_object_put_text(&pk, "error");
	msgpack_pack_int64(&pk, pong->error);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_spawn(struct buf *out, const char *node_id,
    const struct wire_spawn *spawn)
{
	bool ordered = spawn->order.number != 0;
	bool swarm = spawn->plan != NULL || spawn->numbers != NULL || ordered;
	msgpack_packer pk;

	begin(&pk, out, "spawn");
	msgpack_pack_map(&pk, 5 + swarm);
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
	if (swarm) {
		wire_object_put_text(&pk, "swarm");
		msgpack_pack_map(&pk, (spawn->plan != NULL) +
		    (spawn->numbers != NULL) + 2 * ordered);
	}
	if (ordered) {
		wire_put_order(&pk, &spawn->order);
		wire_object_put_text(&pk, "test");
		msgpack_pack_uint64(&pk, spawn->test);
	}
	if (spawn->plan != NULL) {
		wire_object_put_text(&pk, "plan");
		wire_object_put_text(&pk, spawn->plan);
	}
	if (spawn->numbers != NULL)
		wire_put_numbers(&pk, spawn);
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
