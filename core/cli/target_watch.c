/*
 * Where the watched figures go: each is a gauge like a scenario's own, so
 * that criteria, pages and outputs know it already, and a row of the results'
 * resources.
 */
#include "cli/target_watch.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "cli/role.h"
#include "report/report.h"
#include "run/run.h"
#include "stats/stats.h"
#include "watch/agent.h"
#include "watch/watch.h"

static struct {
	struct stats *stats;
	bool running;                   /* a test is */
} target;

int target_watch_start(const struct options *o, struct stats *stats)
{
	target.stats = stats;
	return watch_start(o->watch.items, o->watch_metrics.items);
}

static void figure(const char *name, const char *unit, double value,
    void *arg)
{
	struct metrics *all = &target.stats->metrics;

	(void)arg;
	if (!target.running)
		return;
	metrics_record(all, metrics_get(all, METRIC_GAUGE, name, unit),
	    value);
	report_resource(name, unit, value);
}

static void event(const char *text, void *arg)
{
	(void)arg;
	log_warn("%s", text);
	report_event("%s", text);
}

void target_watch_tick(const struct run_status *run)
{
	target.running = run->state == RUN_SPAWNING ||
	    run->state == RUN_RUNNING;
	watch_take(figure, event, NULL);
}

void target_watch_stop(void)
{
	watch_stop();
}

/* ---- the other end ---- */

struct agent_plan {
	const char *address;
	int64_t port;
	char *processes[AGENT_PROCESSES];
	size_t count;
};

static void usage(FILE *out)
{
	fprintf(out, "usage: swarm agent [options]\n\n"
	    "Tells over HTTP how busy this machine is, for swarm --watch "
	    "NAME=URL and for\nwhatever reads Prometheus' format: /metrics; "
	    "/json is the same as JSON.\n\n"
	    "  --listen ADDRESS    127.0.0.1; 0.0.0.0 lets other machines "
	    "in\n"
	    "  --port PORT         %d; 0: any that is free\n"
	    "  --process NAME|PID  also these processes; may be repeated\n",
	    AGENT_PORT);
}

static int bad(const char *option, const char *value, const char *wanted)
{
	if (value == NULL)
		log_error("agent: %s needs a value: %s", option, wanted);
	else
		log_error("agent: %s %s: %s", option, value, wanted);
	return -1;
}

/* Of two words; 0 or -1. */
static int take_option(struct agent_plan *p, const char *name, char *value)
{
	if (strcmp(name, "--listen") == 0) {
		if (value == NULL || value[0] == '\0')
			return bad(name, value, "an address of this machine");
		p->address = value;
		return 0;
	}
	if (strcmp(name, "--port") == 0) {
		if (value == NULL || parse_int64(value, 0, 65535, &p->port) ==
		    -1)
			return bad(name, value, "a port, from 0 to 65535");
		return 0;
	}
	if (strcmp(name, "--process") == 0) {
		if (value == NULL || value[0] == '\0' || strlen(value) > 60)
			return bad(name, value, "the name of a program or "
			    "the number of a process");
		if (p->count == AGENT_PROCESSES)
			return bad(name, value, "there are too many; at most "
			    "16");
		p->processes[p->count++] = value;
		return 0;
	}
	log_error("agent: no option \"%s\"; see swarm agent --help", name);
	return -1;
}

int target_watch_agent(int argc, char **argv)
{
	struct agent_plan p = { .address = "127.0.0.1", .port = AGENT_PORT };

	for (int i = 1; i < argc; i += 2) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			usage(stdout);
			return EXIT_PASSED;
		}
		if (take_option(&p, argv[i], argv[i + 1]) == -1)
			return EXIT_USAGE;
	}
	return agent_serve(p.address, (uint16_t)p.port, p.processes,
	    p.count) == -1 ? EXIT_USAGE : EXIT_PASSED;
}
