/*
 * Whether one side of runs is slower than the other, or only looks so.
 *
 * A side is one run or several of the same kind.  With three or more on both
 * sides the spread between runs decides, since it is larger than the spread
 * within one; else blocks of consecutive seconds of each side are drawn again
 * and again (a block bootstrap), which keeps the repetition in time.
 */
#ifndef REPORT_COMPARE_H
#define REPORT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "report/result.h"

struct compare_side {
	const struct result *runs;
	size_t count;
};

struct compare_options {
	double limit;                   /* change that matters: 0.05 */
	double fail_limit;              /* of the failed share: 0.001 */
	uint64_t seed;                  /* of the draws */
	unsigned draws;                 /* 20 or more; 1000 */
};

enum compare_verdict { COMPARE_EQUAL, COMPARE_BETTER, COMPARE_WORSE,
	COMPARE_UNDECIDED };

enum compare_unit { COMPARE_MS, COMPARE_RATE, COMPARE_SHARE };

struct compare_metric {
	char name[16];                  /* "p99", "req/s", "failed" */
	enum compare_unit unit;
	bool known;                     /* on both sides */
	double before;                  /* ns, per second, or a share */
	double after;
	/* 95 % interval of after / before; of the failed share: of the
	 * difference. */
	struct interval change;
	enum compare_verdict verdict;
	double needed_s;                /* undecided: run about so long */
};

/* An endpoint whose percentile changed for certain. */
struct compare_endpoint {
	const char *type;               /* copies */
	const char *name;
	double before;                  /* p95, ns */
	double after;
	enum compare_verdict verdict;
};

#define COMPARE_METRICS 7

struct comparison {
	struct compare_metric metrics[COMPARE_METRICS];
	size_t metric_count;
	/* Probability that a request of the second side takes longer than one
	 * of the first: 0.5 when alike. */
	double slower;
	/* The most that the shares of requests up to some time differ by
	 * (Kolmogorov and Smirnov): 0 when alike, 1 when apart; at that
	 * time. */
	double distance;
	double distance_at;             /* ns */
	struct compare_endpoint *endpoints;     /* largest change first */
	size_t endpoint_count;
	size_t endpoints_compared;
	size_t endpoints_gone;          /* only in the first side */
	size_t endpoints_new;
};

/* Release it. */
void compare_init(struct comparison *, const struct compare_side *before,
    const struct compare_side *after, const struct compare_options *);
void compare_release(struct comparison *);
/* Any metric or endpoint that is worse. */
bool compare_is_worse(const struct comparison *);

/*
 * A run that has just ended, with a baseline (or a file): adds a table for
 * people to `table`, and what is worse ("p99, req/s"), if anything, to
 * `worse`.  0, or -1 after log_error().
 */
struct buf;
int compare_with_baseline(const char *baseline, const struct result *now,
    struct buf *table, struct buf *worse);

/* `swarm compare …`: the exit code. */
int compare_main(int argc, char **argv);

#endif
