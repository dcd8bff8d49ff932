/*
 * The load generator's own part in a run: what its workers said of
 * themselves, second by second, and who limited the run in the end.
 *
 * Memory is bounded by the number of workers; a worker that was lost keeps
 * its row.
 */
#ifndef REPORT_GENERATOR_H
#define REPORT_GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/health.h"
#include "report/limit.h"
#include "stats/histogram.h"

struct report_load;
struct run_status;
struct stats;

#define GENERATOR_WORKERS 1000          /* with a row of their own */
#define GENERATOR_LEVELS  64

/* One worker over the run: the most of each figure, except where a sum or a
 * mean is said. */
struct generator_row {
	int64_t index;
	unsigned seconds;               /* with users, heard of */
	unsigned busy_seconds;          /* its loop was full */
	double cpu;                     /* mean, percent of one core */
	double cpu_max;
	double busy;                    /* mean, 0..1; -1: not known */
	double busy_max;
	int64_t memory;
	int64_t descriptors;            /* -1: not known */
	int64_t descriptors_max;        /* the limit */
	uint64_t arrivals;              /* sums */
	uint64_t dropped;
	double delay_ms[3];             /* its loop's p50, p99, max; -1 */
};

struct generator_worker {
	struct generator_row row;
	struct histogram delays;
	struct health before;           /* at the last tick */
	unsigned warned;                /* bits: what has been said */
};

/* Requests in flight, in steps of the square root of two. */
struct generator_level {
	double seconds;
	double requests;
	double in_flight;               /* sum over the seconds */
};

/* A run in progress. */
struct generator {
	struct generator_worker *workers;
	size_t worker_count;
	struct histogram delays;        /* of all */
	unsigned seconds;               /* with users */
	unsigned busy_seconds;          /* any loop was full */
	double busiest;
	unsigned link_seconds;          /* a link was full */
	double resent_sum;
	double resent_max;
	int64_t ports;                  /* most */
	int64_t ports_max;
	unsigned warned;                /* bits: of machines */
	/* Of the statistics, at the last tick. */
	int64_t at;                     /* 0: there is none to compare with */
	double service;                 /* ns, sum */
	double response;
	uint64_t samples;
	unsigned resets;
	/* Since: at full load, and in all. */
	double full[4];                 /* user seconds, service, lag, samples */
	double all[4];
	struct generator_level level[GENERATOR_LEVELS];
	struct generator_level block;   /* of a few seconds */
};

/* What a result keeps of it; plain data. */
struct generator_result {
	enum limit limit;
	char *why;                      /* NULL: nothing was said */
	unsigned seconds;
	unsigned busy_seconds;
	double delay_ms[3];             /* p50, p99, max; -1: not known */
	double resent;                  /* share; -1 */
	int64_t ports;                  /* -1 */
	int64_t ports_max;
	uint64_t arrivals;
	uint64_t dropped;
	double waiting;                 /* share of users' time; -1 */
	double late_ms;
	struct generator_row *workers;
	size_t worker_count;
};

void generator_clear(struct generator *);
/* Once a second of a test; `open`: arrivals by a schedule. */
void generator_tick(struct generator *, const struct run_status *,
    const struct report_load *, const struct stats *, int64_t now);
/*
 * What has to be said at once: adds a sentence to `out` and returns true, as
 * long as there is one; each once in a run and for a worker.
 */
bool generator_warn(struct generator *, struct buf *out);

void generator_take(struct generator_result *, const struct generator *,
    const struct stats *);
/* The verdict so far, for pages. */
enum limit generator_judge(const struct generator *, const struct stats *,
    struct buf *why);
void generator_result_release(struct generator_result *);

#endif
