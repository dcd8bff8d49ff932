/* See capacity.h. */
#include "run/capacity.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "run/capacity_internal.h"

#define GROW_FASTEST  4.0
#define GROW_FAST     2.0
#define GROW_SLOW     1.3
#define SETTLE_LEAST  3.0
#define SETTLE_MOST   15.0
#define COOL_MOST     10.0
#define COOL_PATIENCE 30.0              /* for those that need longer */
#define CONFIRM_STEP  0.99              /* after one that failed, at most */
#define CONFIRM_MOST  8
#define WIDE          1.2               /* from it to it, what is believed */
#define WIDER         1.5
#define LOOK_LEAST    5.0
#define RAISE         1.02              /* worth holding once more */
#define HOLD_LEAST    0.3               /* of the time asked for */
#define CAUTION       0.35              /* that it does not hold */
#define STUMBLES      2                 /* that are forgiven in a row, once
					 * there is something to lose */

const char *const capacity_stage_names[] = { "grow", "shrink", "narrow",
	"confirm", "end" };

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
	c->probe_s = c->o.probe_s;
	c->in_phase = 0;
	c->count = 0;
	c->slow = false;
	histogram_clear(&c->all);
	histogram_clear(&c->clean);
}

static void end(struct capacity *c, enum capacity_end end)
{
	c->stage = END;
	c->end = end;
}

/* What it takes to hold an answer, settling included. */
static double confirm_takes(const struct capacity *c)
{
	return c->o.confirm_s > 0 ? c->o.confirm_s + c->settle_s : 0;
}

/* What is left to hold one. */
static double time_to_hold(const struct capacity *c)
{
	if (c->o.search_s <= 0)
		return c->o.confirm_s;
	return fmin(c->o.confirm_s, c->o.search_s - c->passed_s -
	    c->settle_s);
}

static bool has_time(const struct capacity *c, double seconds)
{
	return c->o.search_s <= 0 || c->passed_s + seconds <= c->o.search_s;
}

/* What is told of the limit is a little wider than what is believed: counts of
 * few stretches of slow requests are no better than that. */
static void believe(struct capacity *c)
{
	capacity_believe(c);
	c->range = (struct interval){ capacity_believed(c, 0.03),
		capacity_believed(c, 0.97) };
}

static bool close_enough(const struct capacity *c)
{
	double step = 1 + c->o.step;

	return c->range.hi <= step * step * c->range.lo ||
	    (c->o.users && floor(c->range.hi) == floor(c->range.lo));
}

static void found(struct capacity *c, double load)
{
	c->good = whole(c, load);
	c->range.lo = fmin(c->range.lo, c->good);
	c->range.hi = fmax(c->range.hi, c->good);
	end(c, CAPACITY_FOUND);
}

/* No load was too much, of those that were allowed. */
static void bound(struct capacity *c)
{
	c->good = c->o.most;
	c->range = (struct interval){ c->good, INFINITY };
	end(c, CAPACITY_BOUND);
}

static void settle_for(struct capacity *c, double load)
{
	if (load >= c->o.most)
		bound(c);
	else
		found(c, load);
}

static void confirm(struct capacity *c, double load)
{
	double seconds = floor(time_to_hold(c));

	if (c->o.confirm_s > 0 && seconds >= HOLD_LEAST * c->o.confirm_s) {
		probe(c, CONFIRM, load);
		c->probe_s = seconds;
		return;
	}
	settle_for(c, c->held > 0 ? c->held : load);
}

/* Holds what is believed now, unless that is hardly more than what was held
 * already. */
static void propose(struct capacity *c)
{
	double load = whole(c, capacity_believed(c, CAUTION));

	if (c->held > 0 && (load < RAISE * c->held ||
	    c->confirmed >= CONFIRM_MOST))
		settle_for(c, c->held);
	else
		confirm(c, load);
}

/* Another probe leaves time to hold the answer, and again when that fails; or
 * to hold a better one for a while. */
static bool can_narrow(const struct capacity *c)
{
	double hold = c->held > 0 ? HOLD_LEAST * c->o.confirm_s +
	    c->settle_s : 2 * confirm_takes(c);

	return !close_enough(c) &&
	    has_time(c, c->o.probe_s + c->settle_s + hold);
}

/* A long look at a load that is not likely to be near the limit is a waste. */
static void narrow(struct capacity *c)
{
	double wide;

	believe(c);
	/* It was too little to be seen well, and not too much. */
	if (c->unsure && capacity_believed(c, 0.5) > c->bad &&
	    c->bad < c->o.most) {
		double load = c->bad * GROW_FAST;

		c->bad = 0;
		probe(c, GROW, fmax(load, c->load + c->o.users));
		return;
	}
	if (!can_narrow(c)) {
		propose(c);
		return;
	}
	wide = c->range.hi / c->range.lo;
	probe(c, NARROW, capacity_believed(c, 0.5));
	if (wide > WIDE)
		c->probe_s = fmax(c->o.probe_s / (wide > WIDER ? 6 : 3),
		    LOOK_LEAST);
}

static struct interval median(const struct capacity *c)
{
	const struct histogram *h = capacity_counted(c);

	return confidence_quantile(h, 0.5, (double)h->count);
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
		confirm(c, c->load);
		return;
	}
	/* For sure: the first one may have seen a dozen answers. */
	if (median(c).lo > 1.5 * c->base_r50 || (!c->o.users && p->in_flight > 2 *
	    fmax(c->base_in_flight, 1) * c->load / c->base_load))
		factor = GROW_SLOW;
	else if (c->o.hurry && p->r99 <= 1.5 * c->base_r99 + 1e5)
		factor = GROW_FASTEST;
	probe(c, GROW, fmax(c->load * factor, c->load + c->o.users));
}

/* A target that is down is not asked for long: nothing came back from this load
 * nor from four times as much. */
static void shrunk(struct capacity *c, bool passed)
{
	const struct capacity_probe *p = &c->probes[c->probe_count - 1];
	bool down = c->stage == SHRINK && p->fail_share >= 1;

	if (passed) {
		narrow(c);
	} else if (c->load <= c->o.least || down) {
		end(c, CAPACITY_NONE);
	} else {
		probe(c, SHRINK, c->load / 4);
	}
}

/*
 * At the limit a minute says yes or no by chance: where it can't tell, it is
 * borne if all that was seen, this minute included, rather says so.
 */
static bool is_held(struct capacity *c)
{
	const struct capacity_probe *p = &c->probes[c->probe_count - 1];

	believe(c);
	if (p->verdict != CAPACITY_PASS && (p->verdict !=
	    CAPACITY_UNDECIDED || capacity_believed(c, 0.5) < c->load))
		return false;
	c->held = c->load;
	c->held_s = p->seconds;
	return true;
}

/* What is borne now is an answer; a better one may be in reach yet. */
static void confirmed(struct capacity *c)
{
	double most = c->o.users ? fmin(c->load * CONFIRM_STEP, c->load - 1) :
	    c->load * CONFIRM_STEP;
	double before = c->held, load;
	bool held = is_held(c);

	load = capacity_believed(c, CAUTION);
	c->confirmed++;
	if (held && c->load >= c->o.most) {
		bound(c);
	} else if (held && whole(c, load) >= RAISE * c->load) {
		propose(c);
	} else if (held) {
		narrow(c);
	} else if (before > 0) {
		found(c, before);
	} else if (c->confirmed == CONFIRM_MOST || c->load <= c->o.least) {
		end(c, CAPACITY_LOST);
	} else {
		confirm(c, fmin(load, most));
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
	case NARROW:
		narrow(c);
		break;
	case CONFIRM:
		confirmed(c);
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
	c->base_r50 = median(c).hi;
	c->base_r99 = p->r99;
	c->base_in_flight = p->in_flight;
}

/* The generator's limit is no answer about the target. */
static void give_up(struct capacity *c)
{
	if (c->good > 0)
		c->range = (struct interval){ c->good,
			c->bad > c->good && !c->unsure ? c->bad : INFINITY };
	end(c, c->good > 0 ? CAPACITY_AT_LEAST : CAPACITY_LOST);
}

/* A machine may stumble: it is asked once more when it has caught up.  A
 * generator that could hardly make the load at all is not: its workers would
 * only fall further behind. */
static bool has_stumbled(const struct capacity *c)
{
	const struct capacity_probe *p = &c->probes[c->probe_count - 1];

	return c->stumbles < (c->bad > 0 ? STUMBLES : 1) &&
	    c->probe_count < CAPACITY_PROBES &&
	    (c->o.users || p->achieved >= 0.5 * p->load);
}

/* The highest that passed and the lowest that did not, while that is no
 * contradiction; what is not held is too much in any case. */
static void keep_ends(struct capacity *c, enum capacity_verdict verdict)
{
	bool unsure = verdict == CAPACITY_UNDECIDED;

	if (verdict == CAPACITY_PASS) {
		if (c->load > c->good && (c->bad == 0 || c->load < c->bad))
			c->good = c->load;
	} else if ((c->load > c->good || c->stage == CONFIRM) &&
	    (c->bad == 0 || (c->load > c->good && !unsure && (c->unsure ||
	    c->load < c->bad)))) {
		c->bad = c->load;
		c->unsure = unsure;
		c->limit = c->probes[c->probe_count - 1].limit;
	}
}

static void finish_probe(struct capacity *c, enum capacity_verdict verdict,
    int limit)
{
	bool passed = verdict == CAPACITY_PASS;

	capacity_note(c, verdict, limit);
	if (verdict == CAPACITY_INVALID && has_stumbled(c)) {
		c->stumbles++;
		if (c->stage == CONFIRM)
			confirm(c, c->load);
		else
			probe(c, c->stage, c->load);
		if (c->stage != END)
			c->phase = COOLING;
		return;
	}
	if (verdict == CAPACITY_INVALID) {
		give_up(c);
		return;
	}
	c->stumbles = 0;
	if (passed)
		take_baseline(c);
	keep_ends(c, verdict);
	if (c->probe_count == CAPACITY_PROBES)
		end(c, CAPACITY_LOST);
	else
		next(c, passed);
	if (!passed && verdict != CAPACITY_UNDECIDED && c->stage != END)
		c->phase = COOLING;
}

static bool has_cooled(const struct capacity *c,
    const struct capacity_second *s)
{
	double calm = fmax(2 * c->base_in_flight, 2);

	/* What it was late for it does all at once. */
	if (c->stumbles > 0 && capacity_spoils(c, s))
		return false;
	if (c->base_load == 0)
		return s->in_flight <= 2;
	if (s->requests == 0)
		return s->in_flight <= calm;
	return s->in_flight <= calm && s->r50 <= 1.1 * c->base_r50 + 1e5;
}

static void cool(struct capacity *c, const struct capacity_second *s)
{
	struct capacity_probe *p = &c->probes[c->probe_count - 1];
	bool patience = c->in_phase >= COOL_PATIENCE;

	if (!has_cooled(c, s) && !patience) {
		/* What the generator has to catch up says nothing. */
		if (c->in_phase == COOL_MOST &&
		    p->verdict != CAPACITY_INVALID) {
			c->slow_recovery = true;
			p->recovered = false;
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
	histogram_init(&c->all);
	histogram_init(&c->clean);
	probe(c, GROW, o->start);
	return c;
}

void capacity_free(struct capacity *c)
{
	if (c == NULL)
		return;
	histogram_release(&c->all);
	histogram_release(&c->clean);
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

/* An answer that was held for most of the time is held for so long. */
static void cut_short(struct capacity *c)
{
	enum capacity_verdict verdict;
	int limit;

	if (c->stage != CONFIRM || c->phase != MEASURING ||
	    (double)c->count < HOLD_LEAST * c->o.confirm_s)
		return;
	/* There is no more, however much of it was spoilt. */
	c->probe_s = (double)c->count / 2;
	if (!capacity_judge(c, &verdict, &limit))
		return;
	capacity_note(c, verdict, limit);
	is_held(c);
}

/* What is believed by then is an answer, as wide as it is. */
static void stop_by_time(struct capacity *c)
{
	cut_short(c);
	if (c->good > 0 && (c->bad > 0 || c->good >= c->o.most)) {
		believe(c);
		settle_for(c, c->held > 0 ? c->held :
		    capacity_believed(c, CAUTION));
		return;
	}
	c->range = (struct interval){ c->good, INFINITY };
	end(c, CAPACITY_TIME_OVER);
}

bool capacity_second(struct capacity *c, const struct capacity_second *s)
{
	enum capacity_verdict verdict;
	int limit;

	if (c->stage == END)
		return false;
	c->in_phase++;
	c->passed_s++;
	switch (c->phase) {
	case COOLING:
		cool(c, s);
		break;
	case SETTLING:
		/* Five times the slowest, but no day; and what is lost
		 * already is not waited for. */
		if (s->requests > 0 && capacity_objective_ns(c) > 0 &&
		    s->r50 > 2 * capacity_objective_ns(c))
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
		capacity_take(c, s);
		if (capacity_judge(c, &verdict, &limit))
			finish_probe(c, verdict, limit);
		break;
	}
	if (c->stage != END && !has_time(c, 1))
		stop_by_time(c);
	return c->stage != END;
}

void capacity_answer(const struct capacity *c, struct capacity_answer *a)
{
	*a = (struct capacity_answer){ .end = c->stage == END ? c->end :
		CAPACITY_RUNNING, .limit = c->limit, .range = c->range,
		.held_s = c->held_s, .slow_recovery = c->slow_recovery,
		.step = c->o.step };
	if (a->end == CAPACITY_RUNNING)
		a->range = (struct interval){ c->good, c->bad > 0 ? c->bad :
			INFINITY };
	if (a->end != CAPACITY_NONE && a->end != CAPACITY_LOST)
		a->load = c->good;
	a->sure = (a->end == CAPACITY_BOUND || (a->end == CAPACITY_FOUND &&
	    close_enough(c))) && (a->held_s > 0 || c->o.confirm_s <= 0);
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
		"invalid", "undecided" };

	return names[verdict];
}
