/*
 * Where the objectives cease to hold, as all probes together say.
 *
 * A probe near the sought load can't say yes or no in any reasonable time, but
 * what share of its requests was bad is as good a sign as any.  On a short
 * stretch the odds of a bad request grow by about the same factor with each
 * per cent of load (a queue's tail does), so that every probe is held against
 * the curves "odds as wanted at load x, growing with slope s", for each x and
 * s; what is not known of the slope stays part of the answer's width.
 *
 * A curve is followed only near its crossing: far below it is enough that a
 * probe was good, far above that it was bad.  Or the share has nothing to do
 * with the load.  And any one probe may have been disturbed, by whatever else
 * was going on.
 */
#include "run/capacity_internal.h"

#include <math.h>

#define SLOPES        17
#define SLOPE_LEAST   2.0
#define SLOPE_RATIO   1.4142135623730951
#define NEAR          3.5               /* of logarithms of odds */
#define DISTURBED     0.01              /* share of probes */
#define WORTH         400.0             /* bad ones; more say no more */
#define MARGIN        1.6               /* around what is known */
#define ODD           1e-6              /* no share is nearer to 0 or 1 */
#define ALIKE         0.1               /* loads, as logarithms */
#define TOGETHER      0.2               /* see below */
#define TOGETHER_MOST 10.0
#define GUESS         2.0               /* what the guess is worth */
#define CREDIT        0.7               /* of a count, which is no more than
					 * an estimate itself */
#define SLOPE_SPREAD  1.0               /* of the guess, as a logarithm */
#define SLOPE_OTHER   0.1               /* that it is nothing of the kind */
#define FLAT          0.1               /* that the load has no say in it */

/* What one probe says of one objective. */
struct witness {
	double at;                      /* logarithm of the load */
	double bad;                     /* share */
	double fit;                     /* what a curve can be at most or at
					 * least: that of the best one */
	double count;                   /* independent requests */
};

static double logit(double share)
{
	return log(share / (1 - share));
}

static double share_of_logit(double x)
{
	return 1 / (1 + exp(-x));
}

/* One that has odds. */
static double between(double share)
{
	return fmin(fmax(share, ODD), 1 - ODD);
}

static double near(double x)
{
	return fmin(fmax(x, -NEAR), NEAR);
}

/* The logarithm of the odds of a bad request that is just borne. */
static double wanted(const struct capacity *c, size_t slo)
{
	return logit(between(1 - c->o.slo_share[slo]));
}

/* How many stretches of bad requests it has seen between good ones, or the
 * other way round. */
static double stretches(const struct capacity_probe *p, size_t slo)
{
	double bad = p->count[slo] * fmin(p->share[slo], 1 - p->share[slo]);

	return fmin(bad / p->time[slo], p->seconds - p->spoilt);
}

static void add_time(const struct capacity_probe *p, size_t slo, double load,
    double *sum, double *worth)
{
	double apart = log(p->load / load) / ALIKE, w;

	if (p->verdict == CAPACITY_INVALID || !(p->time[slo] > 0))
		return;
	w = stretches(p, slo) * exp(-apart * apart / 2);
	*sum += w * log(p->time[slo]);
	*worth += w;
}

/*
 * Slow requests come together: whoever waits too long is followed by those
 * who came while it waited.  How many, a probe can't tell that has seen few
 * slow ones, least of all one that has seen none and is taken for a proof of
 * what it had no chance to see.  It believes what others saw at loads like
 * its own, and before that a guess, which is right for a queue with random
 * service times whose p99 is the limit: its length wanders over a time in which
 * 0.2 n n requests come when n come within the limit.
 */
double capacity_time(const struct capacity *c, const struct capacity_probe *p,
    size_t slo)
{
	double within = p->throughput * c->o.slo_limit_ns[slo] / 1e9;
	double guess = within * fmin(TOGETHER * within, TOGETHER_MOST);
	double sum, worth = GUESS;
	bool noted = false;

	/* Users have forgotten all after a request of each. */
	if (c->o.users)
		guess = fmin(guess, p->load);
	sum = GUESS * log(fmax(guess, 1));
	for (size_t i = 0; i < c->probe_count; i++) {
		add_time(&c->probes[i], slo, p->load, &sum, &worth);
		noted = noted || p == &c->probes[i];
	}
	if (!noted)
		add_time(p, slo, p->load, &sum, &worth);
	return fmax(exp(sum / worth), 1);
}

static bool is_no_witness(const struct capacity_probe *p, size_t slo)
{
	return p->verdict == CAPACITY_INVALID ||
	    (p->verdict == CAPACITY_PASS && p->count[slo] <= 0);
}

static size_t take_witnesses(const struct capacity *c, size_t slo,
    struct witness *out)
{
	/* Errors do not come of waiting, unless nothing else is asked for. */
	bool is_late = c->o.slo_limit_ns[slo] > 0 ||
	    capacity_objective_ns(c) == 0;
	double edge = wanted(c, slo), bad = share_of_logit(edge);
	double most = WORTH / (bad * (1 - bad));
	size_t n = 0;

	for (size_t i = 0; i < c->probe_count; i++) {
		const struct capacity_probe *p = &c->probes[i];
		double share = between(1 - p->share[slo]);
		double count = p->count[slo];

		if (is_no_witness(p, slo))
			continue;
		count *= CREDIT / capacity_time(c, p, slo);
		/* Work that piles up is late in the end, and nothing that came
		 * back is no better. */
		if ((p->verdict == CAPACITY_OVERLOAD && is_late) ||
		    count <= 0) {
			share = 1 - ODD;
			count = most;
		}
		out[n++] = (struct witness){ log(p->load),
			share, share_of_logit(edge + near(logit(share) -
			edge)), fmin(count, most) };
	}
	return n;
}

/* How well a curve fits what was seen, beside the one that fits best. */
static double likelihood(const struct witness *w, double share)
{
	double off = w->bad * log(share / w->fit) +
	    (1 - w->bad) * log((1 - share) / (1 - w->fit));

	return (1 - DISTURBED) * exp(w->count * off) + DISTURBED;
}

/* Requests a second for each arrival or user, where nothing holds them up. */
static double pace(const struct capacity *c)
{
	double requests = 0, loads = 0;

	for (size_t i = 0; i < c->probe_count; i++) {
		const struct capacity_probe *p = &c->probes[i];

		if (p->verdict != CAPACITY_PASS)
			continue;
		requests += p->throughput * p->seconds;
		loads += p->load * p->seconds;
	}
	return loads > 0 ? requests / loads : 0;
}

/* Before anything is seen.  In a queue the chance to wait longer than the
 * limit grows by a factor e when as many more come within it as leave. */
static double guess_slope(double within, double slope)
{
	double off;

	if (within < SLOPE_LEAST)
		return 1;
	off = log(slope / within) / SLOPE_SPREAD;
	return SLOPE_OTHER + exp(-off * off / 2);
}

/* `within`: requests that come within the limit, at the crossing. */
static double weight(const struct capacity *c, size_t slo,
    const struct witness *w, size_t count, double crossing, double within)
{
	double slope = SLOPE_LEAST, sum = 0, edge = wanted(c, slo);

	for (size_t s = 0; s < SLOPES; s++, slope *= SLOPE_RATIO) {
		double product = guess_slope(within, slope);

		for (size_t i = 0; i < count; i++)
			product *= likelihood(&w[i], share_of_logit(edge +
			    near(slope * (w[i].at - crossing))));
		sum += product;
	}
	return sum;
}

/* The same beside all curves for a share that has nothing to do with the load,
 * as of requests that fail because they are wrong; and whether that is
 * borne. */
static double weight_of_flat(const struct witness *w, size_t count,
    double within, double edge, bool *holds)
{
	double product = 0, slope = SLOPE_LEAST, bad = 0, all = 0, share;

	for (size_t i = 0; i < count; i++) {
		bad += w[i].count * w[i].bad;
		all += w[i].count;
	}
	if (!(all > 0))
		return 0;
	share = share_of_logit(edge + near(logit(between(bad / all)) - edge));
	*holds = share < share_of_logit(edge);
	for (size_t s = 0; s < SLOPES; s++, slope *= SLOPE_RATIO)
		product += guess_slope(within, slope);
	for (size_t i = 0; i < count; i++)
		product *= likelihood(&w[i], share);
	return FLAT * GRID * product;
}

static double grid_load(const struct capacity *c, size_t i)
{
	return c->belief_lo * pow(c->belief_hi / c->belief_lo,
	    (double)i / (GRID - 1));
}

/* Into what is believed: that this objective still holds above a load. */
static void add_objective(struct capacity *c, size_t slo)
{
	struct witness w[CAPACITY_PROBES];
	size_t count = take_witnesses(c, slo, w);
	double within = pace(c) * c->o.slo_limit_ns[slo] / 1e9;
	double above[GRID], sum = 0, flat;
	bool holds = false;

	for (size_t i = GRID; i-- > 0;) {
		double load = grid_load(c, i);

		sum += weight(c, slo, w, count, log(load), load * within);
		above[i] = sum;
	}
	flat = weight_of_flat(w, count, c->load * within, wanted(c, slo),
	    &holds);
	for (size_t i = 0; i < GRID; i++)
		c->holds[i] *= (above[i] + (holds ? flat : 0)) / (sum + flat);
}

void capacity_believe(struct capacity *c)
{
	double good = c->good > 0 ? c->good : c->o.least;
	double bad = c->bad > 0 ? c->bad : c->o.most;

	c->belief_lo = fmax(fmin(good, bad) / MARGIN, c->o.least);
	c->belief_hi = fmin(fmax(good, bad) * MARGIN, c->o.most);
	for (size_t i = 0; i < GRID; i++)
		c->holds[i] = 1;
	for (size_t i = 0; i < c->o.slo_count; i++)
		add_objective(c, i);
}

double capacity_believed(const struct capacity *c, double share)
{
	for (size_t i = 0; i < GRID; i++)
		if (c->holds[i] <= 1 - share)
			return grid_load(c, i);
	return c->belief_hi;
}
