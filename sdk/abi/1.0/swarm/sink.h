/*
 * Outputs: where the figures of a run go while it goes on, for example to a
 * time series database.  A module exports one as "swarm.sink/1"; it is chosen
 * by its name, `--out NAME=TARGET`, and swarm loads the plugin NAME when no
 * module given by -f or --plugin has such a sink.
 *
 *	static int interval(void *sink, const struct swarm_sink_interval *i)
 *	{
 *		if (fprintf(sink, "%.0f %llu\n", i->time,
 *		    (unsigned long long)i->total->requests) < 0)
 *			return swarm_sink_fail("cannot write: %m");
 *		return 0;
 *	}
 *
 *	static const struct swarm_sink sink = {
 *		SWARM_IFACE(struct swarm_sink, 0),
 *		.name = "lines", .help = "FILE", .start = start,
 *		.interval = interval, .stop = stop,
 *	};
 *
 *	SWARM_MODULE(.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }));
 *
 * Sinks live in the master alone.  Each has a thread of its own, which makes
 * all calls but start(): it may block, and what it does costs the run nothing.
 * The calls come one after the other.
 *
 * Nothing is lost while a sink is slow or its receiver away: what it could
 * not take in time comes with the next interval, which is then longer than a
 * second (`intervals` says of how many it is the sum).  The same becomes of an
 * interval that the sink refused by returning -1.  Only what a sink has not
 * taken some seconds after the end of the run is lost, and that is said.
 */
#ifndef SWARM_SINK_H
#define SWARM_SINK_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_SINK_ID "swarm.sink/1"

/*
 * Structs below are filled by swarm and live during the call.  They may grow
 * at their ends: a field that `size` does not cover is not there.
 */

struct swarm_sink_start {
	uint32_t size;
	const char *target;             /* what followed "NAME=", or "" */
	const char *scenario;           /* "" when not known */
	const char *host;               /* the system under test, or "" */
	const char *run_id;             /* unique to this process */
};

/* A distribution of times in nanoseconds, read by the functions below. */
struct swarm_times;

/* One endpoint, or the total of all. */
struct swarm_sink_row {
	uint32_t size;
	uint32_t id;                    /* the same in every interval; of the
	                                 * total UINT32_MAX */
	const char *type;               /* UTF-8 as the scenario gave it */
	const char *name;
	bool phase;                     /* a part of requests (observed), that
	                                 * counts none: only times */
	bool transaction;               /* times several requests, which have
	                                 * their own rows: no part of the
	                                 * total */
	/* In this interval. */
	uint64_t requests;              /* failed ones among them */
	uint64_t failures;
	uint64_t bytes;                 /* received */
	const struct swarm_times *times; /* of responses, from when they
	                                 * should have started */
	/* In all intervals of this test so far, this one included. */
	uint64_t total_requests;
	uint64_t total_failures;
	uint64_t total_bytes;
	const struct swarm_times *total_times;
};

/* Equal failures of an endpoint. */
struct swarm_sink_error {
	uint32_t size;
	const char *type;
	const char *name;
	const char *text;
	uint64_t count;                 /* in this interval */
	uint64_t total;
};

/* A counter of a scenario or plugin. */
struct swarm_sink_counter {
	uint32_t size;
	const char *name;
	int64_t change;                 /* in this interval */
	int64_t total;
};

/* A metric of a scenario's own, over the test so far. */
struct swarm_sink_metric {
	uint32_t size;
	const char *name;
	const char *unit;               /* "" when none */
	const char *kind;               /* "gauge", "rate", "distribution" */
	uint64_t count;                 /* values recorded */
	double last;                    /* of a gauge */
	double mean;                    /* of a rate: its share, 0..1 */
	double min;
	double max;
	double p50, p90, p95, p99;      /* of a distribution */
};

struct swarm_sink_interval {
	uint32_t size;
	/* 1 for the first test of the process; a later one begins with all
	 * totals at zero. */
	uint32_t test;
	uint32_t intervals;             /* that were put together; mostly 1 */
	double time;                    /* unix time of its end */
	double test_started;            /* unix time */
	double elapsed;                 /* seconds into the test at its end */
	double length;                  /* seconds */
	/* At its end. */
	const char *state;              /* "spawning", "running", ... */
	int64_t users;
	int64_t users_target;
	uint32_t workers;
	double cpu_percent;             /* of the busiest worker, of one core */
	double loop_busy;               /* likewise, 0..1 */
	double loop_delay_ms;           /* likewise; all three: -1 unknown */
	const struct swarm_sink_row *total;
	/* Every endpoint that there has been in this test, by id. */
	const struct swarm_sink_row *const *rows;
	size_t row_count;
	const struct swarm_sink_error *const *errors;
	size_t error_count;
	const struct swarm_sink_counter *const *counters;
	size_t counter_count;
	const struct swarm_sink_metric *const *metrics;
	size_t metric_count;
};

/* Something that belongs into the story of the run: a lost worker, a
 * criterion that was met. */
struct swarm_sink_event {
	uint32_t size;
	uint32_t test;
	double time;                    /* unix time */
	double elapsed;                 /* seconds into the test */
	const char *text;
};

struct swarm_sink_end {
	uint32_t size;
	double time;                    /* unix time */
	const char *verdict;            /* "passed", "failed", "inconclusive" */
	const char *reason;             /* one sentence */
	int exit_code;
};

struct swarm_sink {
	struct swarm_iface head;
	const char *name;               /* letters, digits, "_" and "-" */
	const char *help;               /* the form of a target, one line */
	/* [main] The run is about to begin.  Opens what can be opened at once
	 * and checks the target; what may take long belongs into the first
	 * interval.  Returns what the other calls get as `sink`, never NULL
	 * but after swarm_error(): then the run does not begin. */
	void *(*start)(const struct swarm_sink_start *);
	/* [sink's thread] About once a second while a test runs, and once for
	 * what came in last.  0, or -1 after swarm_sink_fail(): not taken.
	 * Must end by itself in a few seconds. */
	int (*interval)(void *sink, const struct swarm_sink_interval *);
	/* [sink's thread] As it happens; not repeated when it fails.  0, or -1
	 * after swarm_sink_fail().  NULL: not wanted. */
	int (*event)(void *sink, const struct swarm_sink_event *);
	/* [sink's thread] After the last interval.  0, or -1 after
	 * swarm_sink_fail().  NULL: not wanted. */
	int (*end)(void *sink, const struct swarm_sink_end *);
	/* [sink's thread, or main when the run did not begin] The last call:
	 * closes and frees.  NULL: nothing to do. */
	void (*stop)(void *sink);
};

/*
 * [sink's thread] Says why an interval, event or end was not taken; %m works.
 * The text is shown when it is a new one, not every second.  Returns -1.
 */
SWARM_API int swarm_sink_fail(const char *fmt, ...) SWARM_PRINTF(1, 2);

/* ---- distributions [sink's thread] ---- */

/* Samples; their sum in ns. */
SWARM_API uint64_t swarm_times_count(const struct swarm_times *);
SWARM_API double swarm_times_sum(const struct swarm_times *);
/* Nearest rank, within 0.4 % of the exact one; q = 0 is the minimum and q = 1
 * the maximum, both exact.  0 when there are no samples. */
SWARM_API int64_t swarm_times_quantile(const struct swarm_times *, double q);
/* Samples of at most `ns`. */
SWARM_API uint64_t swarm_times_count_to(const struct swarm_times *,
    int64_t ns);
/*
 * The next bucket in use at or above `bucket`, upwards: its lowest and highest
 * value in ns and its samples.  Returns its number, or -1 after the last:
 *
 *	for (int b = swarm_times_next(t, 0, &lo, &hi, &n); b >= 0;
 *	    b = swarm_times_next(t, b + 1, &lo, &hi, &n))
 *
 * Buckets of samples above 73 minutes are one, whose `hi` is the maximum.
 */
SWARM_API int swarm_times_next(const struct swarm_times *, int bucket,
    int64_t *lo, int64_t *hi, uint64_t *samples);

#ifdef __cplusplus
}
#endif
#endif
