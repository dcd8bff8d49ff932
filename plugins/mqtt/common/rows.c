/*
 * Row names are made once: the last ones used stay in a small table, found by
 * the topic's hash, so that a publish costs a comparison and no formatting.
 */
#include "rows.h"

#include <swarm/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHED 256                      /* power of two */

static const char *const phase_names[ROWS_PHASES] = {
	"tcp", "tls", "upgrade", "connack", "puback", "pubrec", "pubcomp",
	"suback", "unsuback", "pingresp", "window full",
};

static const char *const counter_names[ROWS_COUNTERS] = {
	"mqtt_connect_succ", "mqtt_connect_fail", "mqtt_reconnect_succ",
	"mqtt_reconnect_fail", "mqtt_connection_lost", "mqtt_unreachable",
	"mqtt_connection_refused", "mqtt_connection_timeout",
	"mqtt_connection_idle", "mqtt_sub",
	"mqtt_sub_fail", "mqtt_unsub", "mqtt_unsub_fail", "mqtt_pub",
	"mqtt_pub_succ", "mqtt_pub_fail", "mqtt_pub_no_subscribers",
	"mqtt_recv", "mqtt_recv_dropped", "mqtt_recv_dup",
};

static uint32_t phases[ROWS_PHASES];
static uint32_t counters[ROWS_COUNTERS];

static struct cached {
	const char *kind;               /* a constant: compared as a pointer */
	int qos;
	uint32_t series;
	char *topic;
} cache[CACHED];

void rows_start(void)
{
	for (int i = 0; i < ROWS_PHASES; i++)
		phases[i] = swarm_series("MQTT phase", phase_names[i]);
	for (int i = 0; i < ROWS_COUNTERS; i++)
		counters[i] = swarm_counter(counter_names[i]);
}

/* The kind of a row that the scenario has named itself. */
static const char named[] = "";

static uint32_t make(const char *kind, int qos, const char *topic)
{
	char name[512];

	if (kind == named)
		return swarm_series("MQTT", topic);
	if (qos < 0)
		snprintf(name, sizeof name, "%s:%s", kind, topic);
	else
		snprintf(name, sizeof name, "%s:%d:%s", kind, qos, topic);
	return swarm_series("MQTT", name);
}

uint32_t rows_series(const char *kind, int qos, const char *topic,
    const char *name)
{
	static struct cached *last;
	uint32_t hash = (uint32_t)(qos + 4) * 0x9e3779b1u;
	struct cached *c;
	char *copy;

	if (name) {
		kind = named;
		topic = name;
	}
	if (last && last->kind == kind && last->qos == qos &&
	    strcmp(last->topic, topic) == 0)
		return last->series;
	for (const char *p = topic; *p; p++)
		hash = hash * 33 ^ (unsigned char)*p;
	hash ^= (uint32_t)kind[0] << 8;
	c = &cache[(hash ^ hash >> 15) & (CACHED - 1)];
	last = c->topic ? c : NULL;
	if (c->topic && c->kind == kind && c->qos == qos &&
	    strcmp(c->topic, topic) == 0)
		return c->series;
	copy = strdup(topic);
	if (!copy)
		return make(kind, qos, topic);
	free(c->topic);
	*c = (struct cached){ kind, qos, make(kind, qos, topic), copy };
	last = c;
	return c->series;
}

void rows_phase(enum rows_phase phase, int64_t duration_ns)
{
	swarm_observe(phases[phase], duration_ns, 0);
}

void rows_count(enum rows_counter counter)
{
	swarm_count(counters[counter], 1);
}

/* Counter numbers plus 1; a broker may send such a code with each message. */
static uint32_t reasons[ROWS_PACKETS][256];

void rows_reason(enum rows_packet packet, int code)
{
	static const char *const packets[ROWS_PACKETS] = {
		"connack", "puback", "pubrec", "pubcomp", "suback",
		"unsuback", "disconnect",
	};
	uint32_t *counter = &reasons[packet][code & 0xff];
	char name[64];

	if (*counter == 0) {
		snprintf(name, sizeof name, "mqtt_%s_0x%02x", packets[packet],
		    code & 0xffu);
		*counter = swarm_counter(name) + 1;
	}
	swarm_count(*counter - 1, 1);
}
