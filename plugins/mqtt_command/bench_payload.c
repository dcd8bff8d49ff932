/*
 * What is published: a file, a filled-in template, or bytes of a given size
 * behind a stamp or behind emqtt-bench's headers.
 *
 * Payloads of a given size share one buffer in each worker, so nobody may wait
 * between asking for one and publishing it.
 */
#include "bench.h"

#include <swarm/log.h>
#include <swarm/mqtt_audit.h>
#include <swarm/swarm.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define P bench_plan
#define HEADER_BYTES 8

static char *buffer;

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int bench_payload_prepare(void)
{
	size_t size = (size_t)P.size + MQTT_STAMP_BYTES + 2 * HEADER_BYTES;

	buffer = calloc(1, size);
	if (!buffer) {
		swarm_error("out of memory");
		return -1;
	}
	return 0;
}

static void fill_random(char *to, size_t n, uint64_t x)
{
	for (x |= 1; n >= 8; n -= 8, to += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(to, &x, 8);
	}
	memcpy(to, &x, n);
}

/* Each header goes before those there are. */
static size_t put_headers(char *to, const struct bench_values *v)
{
	for (size_t i = 0; i < P.header_count; i++) {
		char *at = to + (P.header_count - 1 - i) * HEADER_BYTES;

		mqtt_audit_put_((unsigned char *)at,
		    P.headers[i] == BENCH_CNT64 ? v->sequence :
		    (uint64_t)wall_ms(), HEADER_BYTES);
	}
	return P.header_count * HEADER_BYTES;
}

static const void *filled(struct swarm_user *u, const char *template,
    const struct bench_values *v, size_t *len)
{
	size_t head = P.header_count * HEADER_BYTES;
	char *text;

	*len = head + bench_template_fill(NULL, 0, template, v);
	text = swarm_alloc(u, *len + 1);
	put_headers(text, v);
	bench_template_fill(text + head, *len - head + 1, template, v);
	return text;
}

const void *bench_payload_next(struct swarm_user *u,
    const struct bench_topic *t, const struct bench_values *v, uint32_t run,
    size_t *len)
{
	const char *template = t->message ? t->message : P.message;
	size_t head = 0;

	if (template)
		return filled(u, template, v, len);
	if (P.file) {
		*len = P.file_len;
		return P.file;
	}
	*len = (size_t)P.size;
	if (P.stamp) {
		mqtt_stamp(buffer, run, (uint32_t)v->number, v->sequence);
		head = MQTT_STAMP_BYTES;
	} else if (P.header_count) {
		head = put_headers(buffer, v);
		*len += head;
	}
	if (P.random && *len > head)
		fill_random(buffer + head, *len - head, v->random);
	return buffer;
}

/* ---- received ---- */

static void check(struct bench_received *r, enum bench_header header,
    uint64_t value, const struct mqtt_message *m)
{
	int64_t took;

	if (header == BENCH_CNT64) {
		/* Of one sender; of several it says little. */
		if (value < r->next)
			swarm_count(swarm_counter("mqtt_cnt64_not_rising"), 1);
		else
			r->next = value + 1;
		return;
	}
	took = mqtt_audit_minus_((uint64_t)wall_ms(), value);
	if (took < 0 || took > 86400000)
		swarm_count(swarm_counter("mqtt_ts_not_plausible"), 1);
	else
		swarm_observe(swarm_series("MQTT end to end", "ts header, "
		    "whole ms"), took * 1000000, m->len);
}

void bench_payload_check(struct bench_received *r,
    const struct mqtt_message *m)
{
	const unsigned char *data = m->data;

	if (P.header_count == 0 || m->len < P.header_count * HEADER_BYTES)
		return;
	for (size_t i = 0; i < P.header_count; i++) {
		size_t at = (P.header_count - 1 - i) * HEADER_BYTES;

		check(r, P.headers[i], mqtt_audit_get_(data + at,
		    HEADER_BYTES), m);
	}
}
