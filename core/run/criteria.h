/*
 * The criteria of a run, judged once a second on the merged statistics.
 *
 * A criterion over the whole run is judged at its end (and, when it stops the
 * run, every second).  One with a window fails the run as soon as it holds,
 * whatever comes later.
 */
#ifndef RUN_CRITERIA_H
#define RUN_CRITERIA_H

#include <stdbool.h>
#include <stddef.h>

#include "run/criteria_past.h"
#include "run/criterion.h"
#include "stats/window.h"

struct criterion_state {
	struct criterion criterion;
	bool broken;                    /* it held: the run has failed it */
	bool known;                     /* there was something to judge */
	double value;                   /* last judged; of the first breach
	                                 * once broken by a window */
	double first_s;                 /* into the run, of the first breach */
	unsigned judged;                /* seconds */
	unsigned held;                  /* of these */
	double since_s;                 /* `for`: it holds since; -1: not */
	struct window_sum before;       /* what came before `after` */
	bool has_before;
	struct criteria_past past;
	bool stepped;                   /* a step down is due */
	double rest_until;              /* s: the last one has to show first */
};

struct criteria;

struct criteria *criteria_new(void);
void criteria_free(struct criteria *);
/* 0, or -1 after log_error(). */
int criteria_add(struct criteria *, const char *text,
    enum criterion_action);
size_t criteria_count(const struct criteria *);
const struct criterion_state *criteria_at(const struct criteria *, size_t);
/* Longest window in seconds, for windows_keep(). */
unsigned criteria_longest(const struct criteria *);
/* A new test. */
void criteria_clear(struct criteria *);
/*
 * Once a second after windows_tick(); `elapsed` seconds of the test.  The
 * criterion that asks to stop the run now, or NULL.
 */
const struct criterion_state *criteria_tick(struct criteria *,
    const struct stats *, const struct windows *, double elapsed);
/* After criteria_tick(): the next criterion that asks for less load, each
 * time it does; NULL: no more. */
const struct criterion_state *criteria_step(struct criteria *);
/* The end of the run.  `warm_up`: seconds to be left out of what is judged
 * over the whole run, as near as criteria_keep_marks() kept moments (5 s; a
 * twelfth of the run where it is long); 0: none. */
void criteria_finish(struct criteria *, const struct stats *,
    double elapsed, double warm_up);
/* Every criterion leaves out the first seconds, as if it said `after`. */
void criteria_skip(struct criteria *, double seconds);
void criteria_keep_marks(struct criteria *);
/* Failed, or never judged for want of samples. */
bool criterion_state_failed(const struct criterion_state *);

#endif
