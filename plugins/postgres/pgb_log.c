/*
 * The log of transactions.  One file for each worker process, as pgbench has
 * one for each thread.
 */
#include "pgb_log.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <swarm/log.h>

#include "pgb_client.h"

/* Sums over an interval, microseconds. */
struct sums {
	double sum;
	double sum2;
	double min;
	double max;
};

static struct {
	FILE *file;
	char path[PATH_MAX];
	int64_t interval_start;         /* unix seconds; 0: no line yet */
	int64_t count;
	struct sums latency;
	struct sums lag;
	int64_t skipped;
	int64_t retried;
	int64_t retries;
	int64_t serialization;
	int64_t deadlocks;
	struct pgs_random sampler;
} out;

static struct timespec wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

int pgb_log_open(void)
{
	const struct pgb_options *o = &pgb_program.options;
	const char *prefix = o->log_prefix != NULL ? o->log_prefix :
	    "pgbench_log";
	int n;

	if (!o->log)
		return 0;
	n = snprintf(out.path, sizeof(out.path), "%s.%d", prefix,
	    (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(out.path)) {
		swarm_error("--log-prefix: the path is too long");
		return -1;
	}
	/* Not for the programs that scripts start. */
	out.file = fopen(out.path, "we");
	if (out.file == NULL) {
		swarm_error("cannot write the log %s: %m", out.path);
		return -1;
	}
	pgs_random_seed(&out.sampler, (uint64_t)o->seed);
	return 0;
}

static void add(struct sums *s, double us, bool first)
{
	if (first || us < s->min)
		s->min = us;
	if (first || us > s->max)
		s->max = us;
	s->sum += us;
	s->sum2 += us * us;
}

/* pgbench's columns, which are all there whatever the options. */
static void flush_interval(void)
{
	const struct pgb_options *o = &pgb_program.options;

	fprintf(out.file, "%" PRId64 " %" PRId64 " %.0f %.0f %.0f %.0f",
	    out.interval_start, out.count, out.latency.sum, out.latency.sum2,
	    out.latency.min, out.latency.max);
	fprintf(out.file, " %.0f %.0f %.0f %.0f", out.lag.sum, out.lag.sum2,
	    out.lag.min, out.lag.max);
	fprintf(out.file, " %" PRId64, out.skipped);
	fprintf(out.file, " %" PRId64 " %" PRId64, out.retried, out.retries);
	fprintf(out.file, " %" PRId64 " %" PRId64 "\n", out.serialization,
	    out.deadlocks);
	out.interval_start += o->aggregate_interval;
	out.count = out.skipped = out.retried = out.retries = 0;
	out.serialization = out.deadlocks = 0;
	memset(&out.latency, 0, sizeof(out.latency));
	memset(&out.lag, 0, sizeof(out.lag));
}

static void aggregate(const struct pgb_log_line *line)
{
	const struct pgb_options *o = &pgb_program.options;
	int64_t now = wall().tv_sec;

	if (out.interval_start == 0)
		out.interval_start = now;
	while (now >= out.interval_start + o->aggregate_interval)
		flush_interval();
	if (line->state != NULL && strcmp(line->state, "skipped") == 0) {
		out.skipped++;
		return;
	}
	out.retried += line->retries > 0;
	out.retries += line->retries;
	if (line->state == NULL) {
		add(&out.latency, (double)line->latency_ns / 1e3,
		    out.count == 0);
		add(&out.lag, (double)line->lag_ns / 1e3, out.count == 0);
		out.count++;
	} else if (strcmp(line->state, "40001") == 0) {
		out.serialization++;
	} else if (strcmp(line->state, "40P01") == 0) {
		out.deadlocks++;
	}
}

static const char *state_word(const char *state)
{
	if (strcmp(state, "40001") == 0)
		return "serialization";
	if (strcmp(state, "40P01") == 0)
		return "deadlock";
	return strcmp(state, "skipped") == 0 ? "skipped" : "failed";
}

static void write_one(const struct pgb_log_line *line)
{
	const struct pgb_options *o = &pgb_program.options;
	struct timespec now = wall();

	fprintf(out.file, "%d %" PRId64 " ", line->client, line->number);
	if (line->state == NULL)
		fprintf(out.file, "%" PRId64, (line->latency_ns + 500) / 1000);
	else
		fprintf(out.file, "%s", state_word(line->state));
	fprintf(out.file, " %d %lld %ld", line->script, (long long)now.tv_sec,
	    now.tv_nsec / 1000);
	if (o->rate > 0)
		fprintf(out.file, " %" PRId64, (line->lag_ns + 500) / 1000);
	if (o->max_tries != 1)
		fprintf(out.file, " %u", line->retries);
	fputc('\n', out.file);
}

void pgb_log_write(const struct pgb_log_line *line)
{
	const struct pgb_options *o = &pgb_program.options;

	if (out.file == NULL)
		return;
	if (o->aggregate_interval > 0)
		aggregate(line);
	else if (o->sampling_rate == 0 ||
	    pgs_random_uniform(&out.sampler) < o->sampling_rate)
		write_one(line);
}

void pgb_log_close(void)
{
	bool failed;

	if (out.file == NULL)
		return;
	if (pgb_program.options.aggregate_interval > 0 &&
	    out.interval_start != 0)
		flush_interval();
	failed = ferror(out.file) != 0;
	if (fclose(out.file) == EOF || failed)
		swarm_error("the log %s is not complete: a write failed (is "
		    "the disk full?)", out.path);
	out.file = NULL;
}
