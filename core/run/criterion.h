/*
 * One criterion, parsed: a condition on the statistics that makes a run fail
 * or stop.
 *
 *	p99 > 200ms for 10s
 *	errors% > 1% over 30s after 1m
 *	rate(GET /search) < 50/s over 10s -> warn
 *	share<=300ms("/cart*") < 95%
 *
 * docs/criteria.md is the grammar in full.
 */
#ifndef RUN_CRITERION_H
#define RUN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define CRITERION_MAX_TEXT 512          /* bytes */

enum criterion_stat {
	CRITERION_COUNT, CRITERION_RATE, CRITERION_ERRORS,
	CRITERION_ERROR_SHARE, CRITERION_ERROR_RATE, CRITERION_MEAN,
	CRITERION_MIN, CRITERION_MAX, CRITERION_QUANTILE, CRITERION_SHARE,
	CRITERION_APDEX, CRITERION_RATIO, CRITERION_COUNTER, CRITERION_LAG,
	CRITERION_SLOPE, CRITERION_EXTERNAL,
};

enum criterion_unit { CRITERION_TIME, CRITERION_PART, CRITERION_PLAIN,
	CRITERION_PER_SECOND, CRITERION_TIME_PER_MINUTE };

enum criterion_op { CRITERION_LT, CRITERION_LE, CRITERION_GT, CRITERION_GE,
	CRITERION_EQ, CRITERION_NE };

/* What the statistic is taken of. */
enum criterion_span {
	CRITERION_RUN,                  /* the whole run */
	CRITERION_FOR,                  /* must hold all the time */
	CRITERION_WITHIN,               /* sliding window, also a short one */
	CRITERION_OVER,                 /* sliding window, when full */
};

enum criterion_action { CRITERION_WARN, CRITERION_FAIL, CRITERION_STOP,
	CRITERION_STEP_DOWN };
#define CRITERION_ACTIONS 4

/* What a step down takes away of the load unless said otherwise. */
#define CRITERION_STEP 0.2

struct criterion {
	char *text;                     /* as written */
	enum criterion_stat stat;
	double parameter;               /* quantile 0..1; ns of share, apdex;
	                                 * external: quantile, -1: none */
	char *series;                   /* pattern; NULL: all requests */
	char *other;                    /* second series of a ratio */
	char *tags;                     /* "key=value,..."; NULL: any */
	enum criterion_op op;
	double value;                   /* ns, ns a minute, 0..1, or plain */
	enum criterion_span span;
	double span_s;
	double after_s;
	enum criterion_action action;
	double step;                    /* of a step down, 0..1 */
};

/*
 * 0, or -1 with a message in `error` (what, where, what to do) and nothing to
 * release.  `action` is what the option asks for unless the text says
 * otherwise.
 */
int criterion_parse(struct criterion *, const char *text,
    enum criterion_action action, struct buf *error);
void criterion_release(struct criterion *);
enum criterion_unit criterion_unit(const struct criterion *);
bool criterion_holds(const struct criterion *, double value);
/* A value as people read it, in the unit of the criterion. */
void criterion_print_value(const struct criterion *, double value,
    struct buf *);
/* "warn", "fail", "stop", "step-down". */
const char *criterion_action_name(enum criterion_action);

#endif
