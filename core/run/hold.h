/*
 * Holding a figure at a set point by moving the load: a latency, a queue or
 * any metric stays where it is wanted, whatever becomes of the system.
 *
 * Told once a second what the figure was, it says what load it wants next.  It
 * asks no clock and touches no statistics, so that a test can play minutes of
 * it against a queue on paper.
 *
 * The figure is one that grows with load; what falls with it (a share of good
 * answers) is turned round by whoever asks.
 */
#ifndef RUN_HOLD_H
#define RUN_HOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "run/criterion.h"

#define HOLD_NEAR   0.15                /* "held" is within this share */
#define HOLD_LOADS  4
#define HOLD_LOAD_MOST 1e8              /* where no bound is given */
#define HOLD_POINTS 3600                /* kept; then every other one goes */

enum hold_how {
	HOLD_SMOOTH,                    /* proportional and integral */
	HOLD_STEPS,                     /* up 2 % a second, down by 30 % */
};

struct hold_rules {
	enum hold_how how;
	double target;                  /* over 0 */
	double least, most;             /* load, over 0 */
	double speed;                   /* most change in a second, share */
	double gain;                    /* of the error's change */
	double reset_s;                 /* in which the error counts again */
	double alarm;                   /* times the target; 0: none */
};

/* What a second brought. */
struct hold_second {
	double value;                   /* NAN: nothing was measured */
	double done;                    /* iterations that ended in it; NAN */
	bool limited;                   /* the generator could do no more */
	/* The value rests on few samples: it may be anything between these
	 * two.  Of samples since the load was changed last, `wait_s` ago. */
	bool few;
	double low, high;
	double wait_s;
};

enum hold_phase {
	HOLD_BLIND,                     /* nothing measured yet */
	HOLD_SEEKING,                   /* on the way to the target */
	HOLD_NEARBY,                    /* reached, and not far from it since */
	HOLD_ALARM,                     /* far beyond it: load taken away */
	HOLD_LEAST,                     /* no less load is allowed */
	HOLD_MOST,                      /* no more load is allowed */
	HOLD_LIMITED,                   /* the generator can do no more */
};

struct hold_point {
	double at;                      /* seconds into the run */
	double value;                   /* NAN */
	double load;                    /* while it was measured */
	enum hold_phase phase;
};

struct hold {
	struct hold_rules rules;
	double load;                    /* wanted now */
	enum hold_phase phase;
	double limit;                   /* of the generator; 0: not met */
	double error;                   /* logarithm; of the last second */
	bool has_error;
	bool begun;                     /* it has been near the target */
	double done[2];                 /* of the last seconds */
	double loads[HOLD_LOADS];       /* of the last seconds, newest last */
	int limited;                    /* seconds, of late */
	int calm;                       /* seconds since */
	int rest;                       /* seconds without a step */
	int waited;                     /* seconds, for more samples */
	struct hold_point *points;
	size_t count;
	size_t skip;                    /* seconds to a point, less one */
	size_t skipped;
	double last;                    /* value; NAN */
};

void hold_init(struct hold *, const struct hold_rules *, double load);
void hold_release(struct hold *);
/* The load wanted next, also in `load`; `at` seconds into the run. */
double hold_second(struct hold *, double at, const struct hold_second *);
/* What was measured last; NAN. */
double hold_last(const struct hold *);
/* The load is another than was wanted: somebody changed it. */
void hold_moved(struct hold *, double load);
/* "seeking", "near", "alarm", "least load", ...; "" for what is none. */
const char *hold_phase_name(enum hold_phase);
enum hold_phase hold_phase_of_name(const char *);

/*
 * What is to be held, as people write it: a criterion with "=" and what
 * follows, parted by semicolons.
 *
 *	p99(GET /search) = 200ms over 5s after 10s; max=2000; speed=5%
 *	external(queue) = 100; how=steps
 *	in-flight = 50
 */
struct hold_spec {
	char *text;                     /* the condition, without the rest */
	struct criterion criterion;     /* not of "in-flight" */
	bool in_flight;                 /* iterations under way */
	bool turned;                    /* 1 - value is what grows with load */
	double window_s;
	double after_s;
	char *executor;                 /* NULL: the only one */
	struct hold_rules rules;
};

/* 0, or -1 with a message in `error` and nothing to release. */
int hold_parse(struct hold_spec *, const char *text, struct buf *error);
void hold_spec_release(struct hold_spec *);
/* What was measured, in the unit that was written. */
void hold_print_value(const struct hold_spec *, double value, struct buf *);

/* What front ends show of one. */
struct hold_status {
	const struct hold_spec *spec;
	const struct hold *hold;
	bool users;                     /* the load is a number of users */
};

#endif
