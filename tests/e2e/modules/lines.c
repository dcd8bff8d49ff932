/*
 * An output as a stranger would write it: one line of text for each interval,
 * event and end.  Made to be slow or to fail on demand.
 */
#include <swarm/sink.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static double delay;
static int refuse;
static bool hang;

struct lines {
	FILE *file;
	int refused;
};

static void *start(const struct swarm_sink_start *s)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (lines == NULL || s->target[0] == '\0') {
		swarm_error("--out lines=FILE: which file?");
		free(lines);
		return NULL;
	}
	lines->file = fopen(s->target, "we");
	if (lines->file == NULL) {
		swarm_error("cannot write %s: %m", s->target);
		free(lines);
		return NULL;
	}
	fprintf(lines->file, "start %s\n", s->run_id);
	return lines;
}

static void row(FILE *f, const struct swarm_sink_row *r)
{
	int64_t lo, hi;
	uint64_t n, sum = 0;

	for (int b = swarm_times_next(r->times, 0, &lo, &hi, &n); b >= 0;
	    b = swarm_times_next(r->times, b + 1, &lo, &hi, &n))
		sum += n;
	fprintf(f, "row %s,%s,%llu,%llu,%llu,%llu,%llu,%llu,%lld,%.0f,%llu\n",
	    r->type, r->name, (unsigned long long)r->requests,
	    (unsigned long long)r->failures,
	    (unsigned long long)r->total_requests,
	    (unsigned long long)r->total_failures,
	    (unsigned long long)swarm_times_count(r->total_times),
	    (unsigned long long)sum,
	    (long long)swarm_times_quantile(r->total_times, 0.5),
	    swarm_times_sum(r->total_times),
	    (unsigned long long)swarm_times_count_to(r->total_times,
	    INT64_MAX));
}

static int interval(void *sink, const struct swarm_sink_interval *i)
{
	struct lines *lines = sink;

	while (hang)
		poll(NULL, 0, 1000);
	poll(NULL, 0, (int)(delay * 1000));
	if (lines->refused < refuse) {
		lines->refused++;
		errno = EHOSTUNREACH;
		return swarm_sink_fail("cannot send: %m");
	}
	fprintf(lines->file, "interval %u %u %.3f %s users %lld\n", i->test,
	    i->intervals, i->length, i->state, (long long)i->users);
	row(lines->file, i->total);
	for (size_t k = 0; k < i->row_count; k++)
		row(lines->file, i->rows[k]);
	for (size_t k = 0; k < i->error_count; k++)
		fprintf(lines->file, "error %s,%llu,%llu\n", i->errors[k]->text,
		    (unsigned long long)i->errors[k]->count,
		    (unsigned long long)i->errors[k]->total);
	for (size_t k = 0; k < i->counter_count; k++)
		fprintf(lines->file, "counter %s,%lld,%lld\n",
		    i->counters[k]->name, (long long)i->counters[k]->change,
		    (long long)i->counters[k]->total);
	return fflush(lines->file) == 0 ? 0 : swarm_sink_fail("write: %m");
}

static int event(void *sink, const struct swarm_sink_event *e)
{
	struct lines *lines = sink;

	fprintf(lines->file, "event %s\n", e->text);
	return 0;
}

static int end(void *sink, const struct swarm_sink_end *e)
{
	struct lines *lines = sink;

	fprintf(lines->file, "end %s %d %s\n", e->verdict, e->exit_code,
	    e->reason);
	return 0;
}

static void stop(void *sink)
{
	struct lines *lines = sink;

	fclose(lines->file);
	free(lines);
}

static int load(void)
{
	if (swarm_is_worker()) {
		swarm_error("an output has no business in a worker");
		return -1;
	}
	return 0;
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "lines",
	.help = "FILE",
	.start = start,
	.interval = interval,
	.event = event,
	.end = end,
	.stop = stop,
};

SWARM_MODULE(
	.name = "lines",
	.summary = "writes a line for each interval",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(delay, "0", "how long each interval takes"),
		SWARM_OPTION(refuse, "0", "how many intervals fail at first"),
		SWARM_OPTION(hang, "false", "never come back")),
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }),
	.load = load,
);
