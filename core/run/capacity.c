/* See capacity.h. */
#include "run/capacity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define GROW_FASTEST  4.0
#define GROW_FAST     2.0
#define GROW_SLOW     1.3
#define SETTLE_LEAST  3.0
#define SETTLE_MOST   15.0
#define COOL_MOST     10.0
#define COOL_PATIENCE 30.0              /* for those that need longer */
#define BUSY          0.85
#define CONFIRM_STEP  0.95
#define CONFIRM_MOST  8
#define GRID          400               /* loads of the belief */
#define TRUST         0.9               /* an answer is right so often */
#define BELIEF_MOST   8                 /* probes by belief */
#define LOOK_LEAST    3.0               /* seconds */
#define OVERLOAD_LEAST 5                /* seconds */
#define EDGES         2                 /* arrivals, of both together */

enum stage { GROW, SHRINK, BISECT, AGAIN, BELIEF, CONFIRM,
	END };
enum phase { COOLING, SETTLING, MEASURING };

static const char *const stage_names[] = { "grow", "shrink", "bisect",
	"again", "settle", "confirm", "end" };

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

/* ---- one probe ---- */

static uint64_t requests_of(const struct capacity *c)
{
	uint64_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->seconds[i].requests;
	return n;
}

/* That an objective is about. */
static uint64_t samples_of(const struct capacity *c, size_t slo)
{
	uint64_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->seconds[i].of[slo];
	return n;
}

static double share_of(const struct capacity *c, size_t slo)
{
	uint64_t n = samples_of(c, slo), good = 0;

	for (size_t i = 0; i < c->count; i++)
		good += c->seconds[i].good[slo];
	return n > 0 ? (double)good / (double)n : 0;
}

/* Seconds are too few for an estimate over longer stretches: twice what they
 * say of themselves. */
static double time_of_few(const struct capacity *c, size_t slo, double share)
{
	double squares = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct capacity_second *s = &c->seconds[i];
		double off = (double)s->good[slo] -
		    share * (double)s->of[slo];

		squares += off * off;
	}
	return 2 * squares / ((double)samples_of(c, slo) * share *
	    (1 - share));
}

/* Independent samples of an objective. */
static double effective(const struct capacity *c, size_t slo, double share)
{
	struct confidence_slot slots[CAPACITY_SECONDS];
	double n = (double)samples_of(c, slo), time;

	if (share <= 0 || share >= 1)
		return n;
	for (size_t i = 0; i < c->count; i++)
		slots[i] = (struct confidence_slot){ c->seconds[i].of[slo],
			(double)c->seconds[i].good[slo], 1 };
	time = confidence_time_of_slots(slots, c->count, share * (1 - share));
	if (!(time > 0))
		time = time_of_few(c, slo, share);
	return n / fmax(time, 1);
}

/* Not even a probe of full length without a fault could say yes: there are
 * too few requests. */
static bool is_hopeless(const struct capacity *c, size_t slo)
{
	double n = (double)samples_of(c, slo) / (double)c->count *
	    fmax(c->o.probe_s, (double)c->count);

	return confidence_share(1, n).lo < c->o.slo_share[slo];
}

enum answer { NO, YES, UNDECIDED };

/*
 * `last`: there will be no more samples.  Undecided is then no, except where
 * so few requests could not have said yes at all: then what was seen counts.
 */
static enum answer judge_slo(const struct capacity *c, size_t slo, bool last)
{
	double share = share_of(c, slo), wanted = c->o.slo_share[slo];
	double n = effective(c, slo, share);
	struct interval i = confidence_share(share, n);

	if (samples_of(c, slo) == 0)
		return last ? NO : UNDECIDED;
	if (i.lo >= wanted)
		return YES;
	if (i.hi < wanted)
		return NO;
	if (is_hopeless(c, slo)) {
		/* No time is lost on the way up. */
		if (share >= wanted && (last || c->stage == GROW))
			return YES;
		return last ? NO : UNDECIDED;
	}
	return last ? NO : UNDECIDED;
}

/* Least squares over the seconds: work piles up when the line rises for sure,
 * by more than a hundredth of the load each second, and would double. */
static bool piles_up(const struct capacity *c)
{
	double n = (double)c->count, mx = (n - 1) / 2, my = 0;
	double sxx = 0, sxy = 0, syy = 0, slope, error, begin, end;

	if (c->o.users || c->count < OVERLOAD_LEAST)
		return false;
	for (size_t i = 0; i < c->count; i++)
		my += c->seconds[i].in_flight / n;
	for (size_t i = 0; i < c->count; i++) {
		double x = (double)i - mx;
		double y = c->seconds[i].in_flight - my;

		sxx += x * x;
		sxy += x * y;
		syy += y * y;
	}
	slope = sxy / sxx;
	error = sqrt(fmax(syy - slope * sxy, 0) / (n - 2) / sxx);
	begin = fmax(my - slope * mx, 1);
	end = begin + slope * c->o.probe_s;
	return slope > 0.01 * c->load && end >= 2 * begin &&
	    slope > confidence_t(n - 2) * error;
}

/* The generator kept to the plan; and where the probe failed, it was not the
 * generator's own slowness that was measured, which can spoil a pass but
 * never make one. */
static bool is_valid(const struct capacity *c, bool passed)
{
	double begun = 0, planned = 0, most_delay;
	size_t busy = 0, late = 0;

	most_delay = fmax(c->o.objective_ns / 20, 1e6);
	for (size_t i = 0; i < c->count; i++) {
		const struct capacity_second *s = &c->seconds[i];

		if (s->begun >= 0 && s->planned >= 0) {
			begun += s->begun;
			planned += s->planned;
		}
		busy += s->busy > BUSY;
		/* Beside what was measured it must be something, too. */
		late += s->delay_p99_ns > most_delay &&
		    s->delay_p99_ns > 0.1 * s->r99;
	}
	if (!passed && (busy * 2 > c->count || late * 2 > c->count))
		return false;
	/* More than a hundredth of them late, for sure; those due at either
	 * edge may begin on its other side. */
	if (c->o.users || planned <= EDGES)
		return true;
	return confidence_share(fmax(planned - begun - EDGES, 0) / planned,
	    planned).lo <= 0.01;
}

static bool is_look(const struct capacity *c, double seconds)
{
	static const double looks[] = { 5, 7, 10, 14, 20, 30 };

	for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
		double at = fmax(ceil(looks[i] / 30 * c->o.probe_s),
		    LOOK_LEAST);

		if (seconds >= at && seconds < at + 1)
			return true;
	}
	return false;
}

/* True when the probe is over, with its verdict. */
static bool judge(struct capacity *c, enum capacity_verdict *verdict,
    int *limit)
{
	bool confirms = c->stage == CONFIRM;
	double length = confirms ? c->o.confirm_s : c->o.probe_s;
	bool last = c->in_phase >= length || c->count == CAPACITY_SECONDS;
	bool all = true;

	*limit = -1;
	*verdict = CAPACITY_PASS;
	if (!last && !(confirms ? fmod(c->in_phase, 10) == 0 :
	    is_look(c, c->in_phase)))
		return false;
	if (piles_up(c)) {
		*verdict = CAPACITY_OVERLOAD;
		goto decided;
	}
	for (size_t i = 0; i < c->o.slo_count; i++) {
		enum answer answer = judge_slo(c, i, last);

		/* Once it is held, what was seen counts. */
		if (confirms && last)
			answer = share_of(c, i) >= c->o.slo_share[i] ? YES :
			    NO;
		if (answer == NO) {
			*verdict = CAPACITY_FAIL;
			*limit = (int)i;
			goto decided;
		}
		all = all && answer == YES;
	}
	if (!last && (confirms || !all))
		return false;
decided:
	if (!is_valid(c, *verdict == CAPACITY_PASS))
		*verdict = CAPACITY_INVALID;
	return true;
}

static void note_probe(struct capacity *c, enum capacity_verdict verdict,
    int limit)
{
	struct capacity_probe p = { .load = c->load, .verdict = verdict,
		.limit = verdict == CAPACITY_FAIL ? limit : -1,
		.stage = stage_names[c->stage], .recovered = true,
		.seconds = (double)c->count };
	double n = (double)c->count, timed = 0, begun = 0, failures = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct capacity_second *s = &c->seconds[i];

		begun += fmax(s->begun, 0);
		failures += (double)s->failures;
		p.in_flight += s->in_flight / n;
		if (s->requests == 0)
			continue;
		p.r50 += s->r50;
		p.r99 += s->r99;
		timed++;
	}
	p.r50 = timed > 0 ? p.r50 / timed : NAN;
	p.r99 = timed > 0 ? p.r99 / timed : NAN;
	p.throughput = (double)requests_of(c) / n;
	p.achieved = c->o.users ? p.throughput : begun / n;
	p.fail_share = requests_of(c) > 0 ? failures /
	    (double)requests_of(c) : 0;
	for (size_t i = 0; i < c->o.slo_count; i++)
		p.share[i] = share_of(c, i);
	c->probes[c->probe_count++] = p;
}

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

static void finish_probe(struct capacity *c, enum capacity_verdict verdict,
    int limit)
{
	bool passed = verdict == CAPACITY_PASS;

	note_probe(c, verdict, limit);
	/* A machine may stumble; a generator at its limit does it again. */
	if (verdict == CAPACITY_INVALID) {
		if (c->stumbled || c->probe_count == CAPACITY_PROBES)
			give_up(c);
		else
			probe(c, c->stage, c->load);
		c->stumbled = true;
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
		if (judge(c, &verdict, &limit))
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
		return stage_names[END];
	return c->phase == COOLING ? "cool down" : stage_names[c->stage];
}

const char *capacity_verdict_name(enum capacity_verdict verdict)
{
	static const char *const names[] = { "pass", "fail", "overload",
		"invalid" };

	return names[verdict];
}
