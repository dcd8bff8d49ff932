/*
 * One probe of a search for capacity: when enough is known of it, and what it
 * says.
 */
#include "run/capacity_internal.h"

#include <math.h>

#define BUSY           0.85
#define LOOK_LEAST     3.0              /* seconds */
#define OVERLOAD_LEAST 5                /* seconds */
#define EDGES          2                /* arrivals, of both together */

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

bool capacity_judge(struct capacity *c, enum capacity_verdict *verdict,
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

void capacity_note(struct capacity *c, enum capacity_verdict verdict,
    int limit)
{
	struct capacity_probe p = { .load = c->load, .verdict = verdict,
		.limit = verdict == CAPACITY_FAIL ? limit : -1,
		.stage = capacity_stage_names[c->stage], .recovered = true,
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
