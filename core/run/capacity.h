/*
 * The search for the highest load that a system bears within its objectives
 * (SLOs): grow from a load that it bears, look again and again where the limit
 * is most likely, hold the answer.
 *
 * Told once a second what came of the last one, it says what load it wants
 * next.  It asks no clock and touches no statistics, so that a test can play
 * a search of minutes against a queue on paper.
 *
 * Each objective is a share of requests that must be good ("p99 < 200ms" is
 * "99 % within 200 ms"), and a probe ends as soon as the interval of that
 * share, worth its independent samples (stats/confidence.h), lies on one side
 * of the wanted one.  Once some load was too much, the shares of all probes
 * together say where the limit is (capacity_belief.c): an answer rests on
 * every request that was measured, and not on the last yes and no.
 */
#ifndef RUN_CAPACITY_H
#define RUN_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/confidence.h"
#include "stats/histogram.h"

#define CAPACITY_SLOS      8
#define CAPACITY_PROBES    100          /* then it gives up */
#define CAPACITY_SECONDS   600          /* of one probe, at most */

struct capacity_options {
	double start;                   /* load of the first probe, over 0 */
	bool hurry;                     /* it was a guess: grow fast from it */
	double least;                   /* never below */
	double most;                    /* never above */
	double step;                    /* 0.05: the limit within 5 % */
	double probe_s;                 /* longest look at a load; 30 */
	double confirm_s;               /* the answer is held; 60; 0: not */
	double search_s;                /* all of it, at most; 0: any time */
	bool users;                     /* the load is a number of users, who
	                                 * wait for their answers; else
	                                 * arrivals a second */
	size_t slo_count;
	double slo_share[CAPACITY_SLOS]; /* wanted, 0..1 */
	double slo_limit_ns[CAPACITY_SLOS]; /* response time that it is about;
	                                 * 0: none */
};

/* What a second brought. */
struct capacity_second {
	double begun;                   /* arrivals in time; -1: not known */
	double planned;                 /* all that were begun; -1 */
	uint64_t requests;              /* that ended */
	uint64_t of[CAPACITY_SLOS];     /* that the objective is about */
	uint64_t good[CAPACITY_SLOS];   /* of these */
	uint64_t failures;
	double r50, r99;                /* ns; NAN without requests */
	/* Response times, the caller's; NULL: none. */
	const struct histogram *response;
	double in_flight;               /* iterations, at its end */
	double starved;                 /* arrivals that found all users busy:
	                                 * wait at its end, or were dropped */
	double service;                 /* ns, mean, from when a request was
	                                 * sent; NAN without requests */
	double delay_p99_ns;            /* the generator's loops; NAN */
	double busy;                    /* busiest of them, 0..1; NAN */
};

enum capacity_verdict {
	CAPACITY_PASS,
	CAPACITY_FAIL,                  /* an objective was missed */
	CAPACITY_OVERLOAD,              /* work piles up */
	CAPACITY_INVALID,               /* the generator could not; twice in
					 * a row, or once by far, ends
					 * the search */
	CAPACITY_UNDECIDED,             /* too near the limit to tell */
};

struct capacity_probe {
	double load;                    /* asked for */
	double achieved;                /* begun a second; of users, requests
	                                 * a second */
	double throughput;              /* requests a second */
	double seconds;
	double r50, r99;                /* ns; NAN without requests */
	double in_flight;               /* mean */
	double fail_share;
	double share[CAPACITY_SLOS];    /* that were good */
	double count[CAPACITY_SLOS];    /* requests that it is about */
	double time[CAPACITY_SLOS];     /* of these that are worth one that
	                                 * depends on no other, by this probe
	                                 * alone; 0: it can't tell */
	double spoilt;                  /* seconds that do not count: the
	                                 * generator was late or full */
	double starved;                 /* of these, seconds in which arrivals
	                                 * found all users busy */
	int limit;                      /* SLO that failed or was left open;
	                                 * -1: none */
	enum capacity_verdict verdict;
	const char *stage;              /* "grow", "shrink", "narrow",
	                                 * "confirm" */
	bool recovered;                 /* within 10 s after it */
};

enum capacity_end {
	CAPACITY_RUNNING,
	CAPACITY_FOUND,
	CAPACITY_AT_LEAST,              /* the generator could do no more */
	CAPACITY_BOUND,                 /* bears the most that was allowed */
	CAPACITY_NONE,                  /* does not bear the least */
	CAPACITY_LOST,                  /* contradictions without an end */
	CAPACITY_TIME_OVER,             /* before any load was too much */
};

struct capacity_answer {
	enum capacity_end end;
	double load;                    /* 0 when there is none */
	struct interval range;          /* of the limit, 90 %; hi is INFINITY
	                                 * where nothing was too much */
	double held_s;                  /* for so long */
	bool sure;                      /* as far as was asked for: the range
	                                 * no wider, and held if it was to
	                                 * be; only where a load is found or
	                                 * all that was allowed is borne */
	double step;                    /* of the options */
	int limit;                      /* objective that is met first; -1:
	                                 * work piles up, -2: none */
	double knee;                    /* where r99 begins to turn up; 0 */
	bool slow_recovery;             /* after some probe */
};

struct capacity;

struct capacity *capacity_new(const struct capacity_options *);
void capacity_free(struct capacity *);
/* The load wanted now. */
double capacity_load(const struct capacity *);
/* A second at that load has passed; false when the search is over. */
bool capacity_second(struct capacity *, const struct capacity_second *);
void capacity_answer(const struct capacity *, struct capacity_answer *);
size_t capacity_probes(const struct capacity *,
    const struct capacity_probe **);
/* "grow to 400/s", for the line that shows what is going on; seconds of the
 * probe so far. */
const char *capacity_stage(const struct capacity *, double *seconds);
const char *capacity_verdict_name(enum capacity_verdict);

/*
 * Kneedle (Satopaa, Albrecht, Irwin and Raghavan, 2011) on (load, r99) of
 * probes that passed or failed: the load where the curve turns up; 0 when it
 * does not.
 */
double capacity_knee(const struct capacity_probe *, size_t count);

#endif
