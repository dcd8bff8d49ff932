/*
 * For bench_replay: a trace whose events are a sample and nothing else.  Lines
 * of "MICROSECONDS WHO", so that reading them costs little.
 */
#include <swarm/swarm.h>
#include <swarm/trace.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	FILE *file;
	uint64_t number;
	char text[64];
};

static int probe(const char *path, const void *head, size_t len)
{
	(void)path;
	return len >= 5 && memcmp(head, "#null", 5) == 0 ? 100 : 0;
}

static void close_lines(void *trace)
{
	struct lines *l = trace;

	fclose(l->file);
	free(l);
}

static void *open_lines(const struct swarm_trace_open *o)
{
	struct lines *l = calloc(1, sizeof *l);

	if (l && (l->file = fopen(o->path, "re")))
		return l;
	swarm_error("cannot read %s: %m", o->path);
	free(l);
	return NULL;
}

static enum swarm_trace_result next(void *trace, struct swarm_trace_event *e)
{
	struct lines *l = trace;
	char *who;

	e->place = ++l->number;
	if (!fgets(l->text, sizeof l->text, l->file))
		return SWARM_TRACE_END;
	e->time = strtoll(l->text, &who, 10) * 1000;
	if (*who != ' ') {
		e->why = "not MICROSECONDS WHO";
		return SWARM_TRACE_SKIP;
	}
	e->user = who + 1;
	e->user_len = strcspn(who + 1, "\n");
	return SWARM_TRACE_EVENT;
}

static void perform(struct swarm_user *u, const struct swarm_trace_event *e)
{
	struct swarm_timer t = swarm_begin(u, "NULL", "null");

	(void)e;
	swarm_done(&t, 0);
}

static const struct swarm_trace trace = {
	SWARM_IFACE(struct swarm_trace, 0),
	.name = "null", .help = "lines of MICROSECONDS WHO",
	.own_target = true,
	.probe = probe, .open = open_lines, .next = next,
	.close = close_lines, .perform = perform,
};

SWARM_MODULE(
	.name = "null_trace",
	.summary = "events that do nothing, to be replayed",
	.exports = SWARM_EXPORTS({ SWARM_TRACE_ID, &trace.head }),
);
