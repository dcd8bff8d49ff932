/*
 * A trace of its own format and protocol: lines of "MS WHO NUMBER", performed
 * as a sample that fails when a user's numbers come out of order or in two
 * processes.  The payload is the number.
 */
#include <swarm/swarm.h>
#include <swarm/trace.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS 100

struct beats {
	FILE *file;
	uint64_t line;
	char text[256];
	int number;
};

/* Of this process. */
static int last[USERS];

static int probe(const char *path, const void *head, size_t len)
{
	(void)path;
	return len >= 6 && memcmp(head, "#beats", 6) == 0 ? 100 : 0;
}

static void close_beats(void *trace)
{
	struct beats *b = trace;

	fclose(b->file);
	free(b);
}

static void *open_beats(const struct swarm_trace_open *o)
{
	struct beats *b = calloc(1, sizeof *b);

	if (b && (b->file = fopen(o->path, "re")))
		return b;
	swarm_error("cannot read %s: %m", o->path);
	free(b);
	return NULL;
}

static enum swarm_trace_result next(void *trace, struct swarm_trace_event *e)
{
	struct beats *b = trace;
	char *who, *number;

	e->place = ++b->line;
	if (!fgets(b->text, sizeof b->text, b->file))
		return SWARM_TRACE_END;
	if (strcmp(b->text, "broken\n") == 0) {
		swarm_error("line %d is broken", (int)b->line);
		return SWARM_TRACE_ERROR;
	}
	e->time = strtoll(b->text, &who, 10) * 1000000;
	number = *who == ' ' ? strchr(who + 1, ' ') : NULL;
	if (!number) {
		e->why = "not MS WHO NUMBER";
		return SWARM_TRACE_SKIP;
	}
	b->number = (int)strtol(number, NULL, 10);
	e->type = "beat";
	e->user = who + 1;
	e->user_len = (size_t)(number - who - 1);
	e->payload = &b->number;
	e->payload_len = sizeof b->number;
	return SWARM_TRACE_EVENT;
}

static void perform(struct swarm_user *u, const struct swarm_trace_event *e)
{
	struct swarm_timer t = swarm_begin(u, "BEAT", "beat");
	int number, who = 0;

	for (size_t i = 0; i < e->user_len; i++)
		who = (who * 10 + (e->user[i] - '0')) % USERS;
	memcpy(&number, e->payload, sizeof number);
	/* Others run meanwhile: the next of this user must not. */
	swarm_sleep(0.001);
	if (number != last[who] + 1)
		swarm_fail(&t, "out of order");
	else
		swarm_done(&t, 1);
	last[who] = number;
}

static const struct swarm_trace trace = {
	SWARM_IFACE(struct swarm_trace, 0),
	.name = "beats", .help = "lines of MS WHO NUMBER",
	.own_target = true,
	.probe = probe, .open = open_beats, .next = next,
	.close = close_beats, .perform = perform,
};

SWARM_MODULE(
	.name = "beats_trace",
	.summary = "beats, to be replayed",
	.exports = SWARM_EXPORTS({ SWARM_TRACE_ID, &trace.head }),
);
