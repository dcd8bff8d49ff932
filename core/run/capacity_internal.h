/* What a search for capacity is made of; for capacity*.c. */
#ifndef RUN_CAPACITY_INTERNAL_H
#define RUN_CAPACITY_INTERNAL_H

#include "run/capacity.h"

#define GRID          400               /* loads of the belief */

enum stage { GROW, SHRINK, NARROW, CONFIRM, END };
enum phase { COOLING, SETTLING, MEASURING };

struct capacity {
	struct capacity_options o;
	enum stage stage;
	enum phase phase;
	double load;                    /* of this probe */
	double good, bad;               /* highest and lowest; 0: not known */
	bool unsure;                    /* the bad one was undecided */
	int limit;                      /* of the lowest bad one */
	double passed_s;                /* seconds, of the search */
	double in_phase;                /* seconds */
	double settle_s;
	double probe_s;                 /* longest look, this time */
	/* The first probe that passed: how the system is when it is idle;
	 * r50 at most. */
	double base_load, base_r50, base_r99, base_in_flight;
	struct capacity_second seconds[CAPACITY_SECONDS];
	bool spoilt[CAPACITY_SECONDS];  /* by the generator */
	size_t count;
	bool slow;                      /* the generator, in the last one */
	bool sifted;                    /* judged without the spoilt ones */
	struct histogram all, clean;    /* response times; without those */
	struct capacity_probe probes[CAPACITY_PROBES];
	size_t probe_count;
	double holds[GRID];             /* belief that all objectives do */
	double belief_lo, belief_hi;    /* loads of the grid's ends */
	unsigned confirmed;
	struct interval range;
	double held, held_s;            /* highest load; 0: none */
	bool slow_recovery;
	unsigned stumbles;              /* invalid probes in a row */
	enum capacity_end end;
};

/* capacity.c: by stage. */
extern const char *const capacity_stage_names[];
/* capacity_judge.c: the generator itself was too slow in this second. */
bool capacity_spoils(const struct capacity *,
    const struct capacity_second *);
/* Response times of the probe, of the seconds that count. */
const struct histogram *capacity_counted(const struct capacity *);
/* Another second of the probe. */
void capacity_take(struct capacity *, const struct capacity_second *);
/* True when the probe is over, with its verdict. */
bool capacity_judge(struct capacity *, enum capacity_verdict *, int *limit);
/* Notes the probe that is over. */
void capacity_note(struct capacity *, enum capacity_verdict, int limit);
/* Smallest response time of an objective; 0: there is none. */
double capacity_objective_ns(const struct capacity *);
/* capacity_belief.c: so many requests of a probe are worth one that depends on
 * no other, by all probes.  The probe need not be noted yet. */
double capacity_time(const struct capacity *, const struct capacity_probe *,
    size_t slo);
/* What all probes say together, from then on. */
void capacity_believe(struct capacity *);
/* The load up to which the objectives hold with a belief of 1 - `share`. */
double capacity_believed(const struct capacity *, double share);

#endif
