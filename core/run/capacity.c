/* See capacity.h. */
#include "run/capacity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "run/capacity_internal.h"

#define GROW_FASTEST  4.0
#define GROW_FAST     2.0
#define GROW_SLOW     1.3
#define SETTLE_LEAST  3.0
#define SETTLE_MOST   15.0
#define COOL_MOST     10.0
#define COOL_PATIENCE 30.0              /* for those that need longer */
#define CONFIRM_STEP  0.95
#define CONFIRM_MOST  8
#define TRUST         0.9               /* an answer is right so often */
#define BELIEF_MOST   8                 /* probes by belief */

const char *const capacity_stage_names[] = { "grow", "shrink", "bisect",
	"again", "settle", "confirm", "end" };

/* ---- the search ---- */

static double whole(const struct capacity *c, double load)
{
	if (c->o.users)
		load = floor(load + 1e-9);
	return fmin(fmax(load, c->o.least), c->o.most);
}

static void probe(struct capacity *c, enum stage stage, double load)
{
	c->stage = stage;
	c->load = whole(c, load);
	c->phase = SETTLING;
	c->in_phase = 0;
	c->count = 0;
}

static void end(struct capacity *c, enum capacity_end end)
{
	c->stage = END;
	c->end = end;
}

static bool close_enough(const struct capacity *c)
{
	return c->bad / c->good <= 1 + c->o.step + 1e-9 ||
	    (c->o.users && c->bad - c->good <= 1);
}

static void confirm(struct capacity *c, double load)
{
	if (c->o.confirm_s <= 0) {
		end(c, CAPACITY_FOUND);
		return;
	}
	probe(c, CONFIRM, load);
}

static void narrow(struct capacity *c)
{
	double middle = sqrt(c->good * c->bad);

	if (close_enough(c)) {
		c->range = (struct interval){ c->good, c->bad };
		probe(c, AGAIN, c->bad);
		return;
	}
	if (c->o.users && whole(c, middle) <= c->good)
		middle = c->good + 1;
	probe(c, BISECT, middle);
}

static double grid_load(const struct capacity *c, size_t i)
{
	return c->belief_lo * pow(c->belief_hi / c->belief_lo,
	    (double)i / (GRID - 1));
}

/* The load below which that share of the belief lies. */
static double believed(const struct capacity *c, double share)
{
	double sum = 0;

	for (size_t i = 0; i < GRID; i++) {
		sum += c->belief[i];
		if (sum >= share)
			return grid_load(c, i);
	}
	return c->belief_hi;
}

static void believe(struct capacity *c, double load, bool passed)
{
	double sum = 0;

	for (size_t i = 0; i < GRID; i++) {
		bool above = grid_load(c, i) > load;

		c->belief[i] *= above == passed ? TRUST : 1 - TRUST;
		sum += c->belief[i];
	}
	for (size_t i = 0; i < GRID; i++)
		c->belief[i] /= sum;
}

/* Every answer so far counts, none is final. */
static void begin_belief(struct capacity *c)
{
	c->belief_lo = fmax(c->good / 1.6, c->o.least);
	c->belief_hi = fmin(c->bad * 1.6, c->o.most);
	for (size_t i = 0; i < GRID; i++)
		c->belief[i] = 1.0 / GRID;
	for (size_t i = 0; i < c->probe_count; i++)
		if (c->probes[i].verdict != CAPACITY_INVALID)
			believe(c, c->probes[i].load,
			    c->probes[i].verdict == CAPACITY_PASS);
	probe(c, BELIEF, believed(c, 0.5));
}

static void go_on_believing(struct capacity *c, bool passed)
{
	double lo, hi;

	believe(c, c->load, passed);
	lo = believed(c, 0.05);
	hi = believed(c, 0.95);
	if (hi / lo <= 1 + 2 * c->o.step || ++c->believed == BELIEF_MOST) {
		c->range = (struct interval){ lo, hi };
		confirm(c, believed(c, 0.3));
		return;
	}
	probe(c, BELIEF, believed(c, 0.5));
}

static void grown(struct capacity *c, bool passed)
{
	const struct capacity_probe *p = &c->probes[c->probe_count - 1];
	double factor = GROW_FAST;

	if (!passed) {
		narrow(c);
		return;
	}
	if (c->load >= c->o.most) {
		c->range = (struct interval){ c->load, c->load };
		end(c, CAPACITY_BOUND);
		return;
	}
	if (p->r50 > 1.5 * c->base_r50 || (!c->o.users && p->in_flight > 2 *
	    fmax(c->base_in_flight, 1) * c->load / c->base_load))
		factor = GROW_SLOW;
	else if (c->o.hurry && p->r99 <= 1.5 * c->base_r99 + 1e5)
		factor = GROW_FASTEST;
	probe(c, GROW, fmax(c->load * factor, c->load + c->o.users));
}

static void shrunk(struct capacity *c, bool passed)
{
	if (passed) {
		narrow(c);
	} else if (c->load <= c->o.least) {
		end(c, CAPACITY_NONE);
	} else {
		probe(c, SHRINK, c->load / 4);
	}
}

static void confirmed(struct capacity *c, bool passed)
{
	if (passed) {
		c->good = c->load;
		if (c->range.lo > c->load)
			c->range.lo = c->load;
		if (c->range.hi < c->load)
			c->range.hi = c->load;
		end(c, CAPACITY_FOUND);
	} else if (++c->confirmed == CONFIRM_MOST ||
	    c->load <= c->o.least) {
		end(c, CAPACITY_LOST);
	} else {
		c->range.hi = c->load;
		probe(c, CONFIRM, c->o.users ?
		    fmin(c->load * CONFIRM_STEP, c->load - 1) :
		    c->load * CONFIRM_STEP);
	}
}

static void next(struct capacity *c, bool passed)
{
	switch (c->stage) {
	case GROW:
		if (!passed && c->good == 0)
			shrunk(c, false);
		else
			grown(c, passed);
		break;
	case SHRINK:
		shrunk(c, passed);
		break;
	case BISECT:
		narrow(c);
		break;
	case AGAIN:
		/* To hold the good end is to try it again. */
		if (passed)
			begin_belief(c);
		else
			confirm(c, c->good);
		break;
	case BELIEF:
		go_on_believing(c, passed);
		break;
	case CONFIRM:
		confirmed(c, passed);
		break;
	case END:
		break;
	}
}

static void take_baseline(struct capacity *c)
{
	const struct capacity_probe *p = &c->probes[c->probe_count - 1];

	if (c->base_load > 0 && c->load >= c->base_load)
		return;
	c->base_load = c->load;
	c->base_r50 = p->r50;
	c->base_r99 = p->r99;
	c->base_in_flight = p->in_flight;
}

/* The generator's limit is no answer about the target. */
static void give_up(struct capacity *c)
{
	if (c->good > 0)
		c->range = (struct interval){ c->good, INFINITY };
	end(c, c->good > 0 ? CAPACITY_AT_LEAST : CAPACITY_LOST);
}

/* A machine may stumble: some arrivals were late, nearly all were there.  One
 * that could not make the load at all is not asked again: its workers would
 * only fall further behind. */
static bool has_stumbled(const struct capacity *c)
{
	const struct capacity_probe *p = &c->probes[c->probe_count - 1];

	return !c->stumbled && c->probe_count < CAPACITY_PROBES &&
	    !c->o.users && p->achieved >= 0.9 * p->load;
}

static void finish_probe(struct capacity *c, enum capacity_verdict verdict,
    int limit)
{
	bool passed = verdict == CAPACITY_PASS;

	capacity_note(c, verdict, limit);
	if (verdict == CAPACITY_INVALID && has_stumbled(c)) {
		probe(c, c->stage, c->load);
		c->stumbled = true;
		return;
	}
	if (verdict == CAPACITY_INVALID) {
		give_up(c);
		return;
	}
	c->stumbled = false;
	if (passed) {
		take_baseline(c);
		if (c->stage != BELIEF && c->load > c->good)
			c->good = c->load;
	} else if (c->stage != BELIEF && (c->bad == 0 || c->load < c->bad)) {
		c->bad = c->load;
		c->limit = c->probes[c->probe_count - 1].limit;
	}
	if (c->probe_count == CAPACITY_PROBES)
		end(c, CAPACITY_LOST);
	else
		next(c, passed);
	if (!passed && c->stage != END)
		c->phase = COOLING;
}

static bool has_cooled(const struct capacity *c,
    const struct capacity_second *s)
{
	double calm = fmax(2 * c->base_in_flight, 2);

	if (c->base_load == 0)
		return s->in_flight <= 2;
	if (s->requests == 0)
		return s->in_flight <= calm;
	return s->in_flight <= calm && s->r50 <= 1.1 * c->base_r50 + 1e5;
}

static void cool(struct capacity *c, const struct capacity_second *s)
{
	bool patience = c->in_phase >= COOL_PATIENCE;

	if (!has_cooled(c, s) && !patience) {
		if (c->in_phase == COOL_MOST) {
			c->slow_recovery = true;
			c->probes[c->probe_count - 1].recovered = false;
		}
		return;
	}
	c->phase = SETTLING;
	c->in_phase = 0;
}

struct capacity *capacity_new(const struct capacity_options *o)
{
	struct capacity *c = xcalloc(1, sizeof(*c));

	c->o = *o;
	c->limit = -2;
	c->settle_s = SETTLE_LEAST;
	probe(c, GROW, o->start);
	return c;
}

void capacity_free(struct capacity *c)
{
	free(c);
}

/* While it cools it is asked for little, so that there is something to see. */
double capacity_load(const struct capacity *c)
{
	if (c->phase != COOLING || c->stage == END)
		return c->load;
	return whole(c, fmin(c->base_load > 0 ? c->base_load / 2 : c->o.least,
	    c->load));
}

bool capacity_second(struct capacity *c, const struct capacity_second *s)
{
	enum capacity_verdict verdict;
	int limit;

	if (c->stage == END)
		return false;
	c->in_phase++;
	switch (c->phase) {
	case COOLING:
		cool(c, s);
		break;
	case SETTLING:
		/* Five times the slowest, but no day; and what is lost
		 * already is not waited for. */
		if (s->requests > 0 && c->o.objective_ns > 0 &&
		    s->r50 > 2 * c->o.objective_ns)
			c->settle_s = SETTLE_LEAST;
		else if (s->requests > 0)
			c->settle_s = fmin(fmax(SETTLE_LEAST, 5 * s->r99 /
			    1e9), SETTLE_MOST);
		if (c->in_phase < c->settle_s)
			break;
		c->phase = MEASURING;
		c->in_phase = 0;
		break;
	case MEASURING:
		c->seconds[c->count++] = *s;
		if (capacity_judge(c, &verdict, &limit))
			finish_probe(c, verdict, limit);
		break;
	}
	return c->stage != END;
}

void capacity_answer(const struct capacity *c, struct capacity_answer *a)
{
	*a = (struct capacity_answer){ .end = c->stage == END ? c->end :
		CAPACITY_RUNNING, .limit = c->limit, .range = c->range,
		.slow_recovery = c->slow_recovery };
	if (a->end == CAPACITY_RUNNING)
		a->range = (struct interval){ c->good, c->bad > 0 ? c->bad :
			INFINITY };
	if (a->end != CAPACITY_NONE && a->end != CAPACITY_LOST)
		a->load = c->good;
	a->knee = capacity_knee(c->probes, c->probe_count);
}

size_t capacity_probes(const struct capacity *c,
    const struct capacity_probe **out)
{
	*out = c->probes;
	return c->probe_count;
}

const char *capacity_stage(const struct capacity *c, double *seconds)
{
	*seconds = c->in_phase;
	if (c->stage == END)
		return capacity_stage_names[END];
	return c->phase == COOLING ? "cool down" : capacity_stage_names[c->stage];
}

const char *capacity_verdict_name(enum capacity_verdict verdict)
{
	static const char *const names[] = { "pass", "fail", "overload",
		"invalid" };

	return names[verdict];
}
