/* What a search for capacity is made of; for capacity*.c. */
#ifndef RUN_CAPACITY_INTERNAL_H
#define RUN_CAPACITY_INTERNAL_H

#include "run/capacity.h"

#define GRID          400               /* loads of the belief */

enum stage { GROW, SHRINK, BISECT, AGAIN, BELIEF, CONFIRM,
	END };
enum phase { COOLING, SETTLING, MEASURING };

struct capacity {
	struct capacity_options o;
	enum stage stage;
	enum phase phase;
	double load;                    /* of this probe */
	double good, bad;               /* 0: not known */
	int limit;                      /* of the lowest bad one */
	double in_phase;                /* seconds */
	double settle_s;
	/* The first probe that passed: how the system is when it is idle. */
	double base_load, base_r50, base_r99, base_in_flight;
	struct capacity_second seconds[CAPACITY_SECONDS];
	size_t count;
	double slope_in_flight;
	struct capacity_probe probes[CAPACITY_PROBES];
	size_t probe_count;
	double belief[GRID];
	double belief_lo, belief_hi;    /* loads of the grid's ends */
	unsigned believed;
	unsigned confirmed;
	struct interval range;
	bool slow_recovery;
	bool stumbled;                  /* the last probe was invalid */
	enum capacity_end end;
};

/* capacity.c: by stage. */
extern const char *const capacity_stage_names[];
/* capacity_judge.c: true when the probe is over, with its verdict. */
bool capacity_judge(struct capacity *, enum capacity_verdict *, int *limit);
/* Notes the probe that is over. */
void capacity_note(struct capacity *, enum capacity_verdict, int limit);

#endif
