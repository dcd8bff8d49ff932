/* Names that repeat are found by their pointer first: they are constants of a
 * scenario mostly. */
#include "rows.h"

#include <swarm/stats.h>

#include <stdio.h>
#include <string.h>

#define CACHED 64                       /* power of two */

static const char *const phase_names[ROWS_PHASES] = {
	"resolve", "tcp", "tls", "upgrade", "first message", "ping",
	"send blocked", "session",
};

static const char *const counter_names[ROWS_COUNTERS] = {
	"ws_opened", "ws_open", "ws_closed", "ws_connect_fail",
	"ws_msgs_sent", "ws_bytes_sent", "ws_msgs_received",
	"ws_bytes_received", "ws_msgs_dropped", "ws_send_blocked",
	"ws_pings_outstanding",
};

static uint32_t phases[ROWS_PHASES];
static uint32_t counters[ROWS_COUNTERS];

static struct cached {
	const char *name;
	char text[40];                  /* what was there then */
	uint32_t series;
} cache[CACHED];

void rows_start(void)
{
	memset(cache, 0, sizeof cache);
	for (int i = 0; i < ROWS_PHASES; i++)
		phases[i] = swarm_series("WS phase", phase_names[i]);
	for (int i = 0; i < ROWS_COUNTERS; i++)
		counters[i] = swarm_counter(counter_names[i]);
}

uint32_t rows_series(const char *name)
{
	uintptr_t hash = (uintptr_t)name;
	struct cached *c = &cache[(hash ^ hash >> 6) & (CACHED - 1)];

	if (c->name == name && strcmp(c->text, name) == 0)
		return c->series;
	if (strlen(name) >= sizeof c->text)
		return swarm_series("WS", name);
	c->name = name;
	c->series = swarm_series("WS", name);
	memcpy(c->text, name, strlen(name) + 1);
	return c->series;
}

void rows_phase(enum rows_phase phase, int64_t duration_ns)
{
	swarm_observe(phases[phase], duration_ns, 0);
}

void rows_send_blocked(int64_t duration_ns, int64_t bytes)
{
	swarm_count(counters[ROWS_SEND_BLOCKS], 1);
	swarm_observe(phases[ROWS_SEND_BLOCKED], duration_ns, bytes);
}

void rows_add(enum rows_counter counter, int64_t add)
{
	swarm_count(counters[counter], add);
}

void rows_end(const char *by, int code)
{
	char name[64];

	if (code)
		snprintf(name, sizeof name, "ws_%s_%d", by, code);
	else
		snprintf(name, sizeof name, "ws_%s", by);
	swarm_count(swarm_counter(name), 1);
}

void rows_refused(int status)
{
	char name[64];

	snprintf(name, sizeof name, "ws_upgrade_%d", status);
	swarm_count(swarm_counter(name), 1);
}
