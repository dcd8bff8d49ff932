/*
 * One probe of a search for capacity: when enough is known of it, and what it
 * says.
 */
#include "run/capacity_internal.h"

#include <math.h>

#define BUSY           0.85
#define LOOK_LEAST     3.0              /* seconds */
#define OVERLOAD_LEAST 5                /* seconds */
#define FEW            3                /* bad ones that may be chance */
#define EDGES          2                /* arrivals, of both together */

static bool counts(const struct capacity *c, size_t second)
{
	return !c->sifted || !c->spoilt[second];
}

/* Seconds that count. */
static size_t seconds_of(const struct capacity *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += counts(c, i);
	return n;
}

const struct histogram *capacity_counted(const struct capacity *c)
{
	return c->sifted ? &c->clean : &c->all;
}

/* Seconds are too few for an estimate over longer stretches: twice what they
 * say of themselves. */
static double time_of_few(const struct confidence_slot *slots, size_t count,
    double requests, double share)
{
	double squares = 0;

	for (size_t i = 0; i < count; i++) {
		double off = slots[i].sum - share * (double)slots[i].count;

		squares += off * off;
	}
	return 2 * squares / (requests * share * (1 - share));
}

static void sum_up_slo(const struct capacity *c, struct capacity_probe *p,
    size_t slo)
{
	struct confidence_slot slots[CAPACITY_SECONDS];
	size_t count = 0;
	double requests = 0, good = 0, share;

	for (size_t i = 0; i < c->count; i++) {
		const struct capacity_second *s = &c->seconds[i];

		if (!counts(c, i))
			continue;
		slots[count++] = (struct confidence_slot){ s->of[slo],
			(double)s->good[slo], 1 };
		requests += (double)s->of[slo];
		good += (double)s->good[slo];
	}
	p->count[slo] = requests;
	p->share[slo] = share = requests > 0 ? good / requests : 0;
	p->time[slo] = 0;
	if (good <= 0 || good >= requests)
		return;
	p->time[slo] = confidence_time_of_slots(slots, count,
	    share * (1 - share));
	if (!(p->time[slo] > 0))
		p->time[slo] = time_of_few(slots, count, requests, share);
	p->time[slo] = fmax(p->time[slo], 1);
}

double capacity_objective_ns(const struct capacity *c)
{
	double least = 0;

	for (size_t i = 0; i < c->o.slo_count; i++)
		if (c->o.slo_limit_ns[i] > 0 && (least == 0 ||
		    c->o.slo_limit_ns[i] < least))
			least = c->o.slo_limit_ns[i];
	return least;
}

/* Arrivals wait for users although the target answers those that it has as it
 * should: it is not asked for what it could do.  A target that is too slow keeps
 * all users busy, too. */
static bool is_starved(const struct capacity *c,
    const struct capacity_second *s)
{
	double limit = capacity_objective_ns(c);

	return s->starved > 0 && s->service < (limit > 0 ? limit :
	    2 * c->base_r50);
}

/* The seconds that count as a probe, without a verdict yet. */
static void sum_up(const struct capacity *c, struct capacity_probe *p)
{
	const struct histogram *h = capacity_counted(c);
	double n = (double)seconds_of(c), begun = 0, requests = 0;

	*p = (struct capacity_probe){ .load = c->load, .limit = -1,
		.verdict = CAPACITY_UNDECIDED, .recovered = true,
		.stage = capacity_stage_names[c->stage],
		.seconds = (double)c->count, .spoilt = (double)c->count - n,
		.r50 = NAN, .r99 = NAN };
	for (size_t i = 0; i < c->count; i++) {
		const struct capacity_second *s = &c->seconds[i];

		if (!counts(c, i))
			continue;
		begun += fmax(s->begun, 0);
		requests += (double)s->requests;
		p->fail_share += (double)s->failures;
		p->in_flight += s->in_flight / n;
	}
	for (size_t i = 0; i < c->count; i++)
		p->starved += is_starved(c, &c->seconds[i]);
	if (h->count > 0) {
		p->r50 = (double)histogram_quantile(h, 0.5);
		p->r99 = (double)histogram_quantile(h, 0.99);
	}
	p->throughput = requests / n;
	p->achieved = c->o.users ? p->throughput : begun / n;
	p->fail_share = requests > 0 ? p->fail_share / requests : 0;
	for (size_t i = 0; i < c->o.slo_count; i++)
		sum_up_slo(c, p, i);
}

/* Not even a probe of full length without a fault could say yes: there are
 * too few requests. */
static bool is_hopeless(const struct capacity *c,
    const struct capacity_probe *p, size_t slo)
{
	double seconds = p->seconds - p->spoilt;
	double n = p->count[slo] / seconds * fmax(c->o.probe_s, seconds);

	return confidence_share(1, n).lo < c->o.slo_share[slo];
}

enum answer { NO, YES, UNDECIDED };

/*
 * `last`: there will be no more samples.  Where so few requests could not have
 * said yes at all, what was seen counts then.  On the way up no time is lost:
 * what looks good is good, and what is taken for it too soon is seen by the
 * probes that follow.
 */
static enum answer judge_slo(const struct capacity *c,
    const struct capacity_probe *p, size_t slo, bool last)
{
	double share = p->share[slo], wanted = c->o.slo_share[slo];
	bool hopeless = is_hopeless(c, p, slo);
	double time = c->stage == GROW ? fmax(p->time[slo], 1) :
	    capacity_time(c, p, slo);
	struct interval i = confidence_share(share, p->count[slo] / time);

	if (p->count[slo] == 0)
		return last ? NO : UNDECIDED;
	if (i.lo >= wanted)
		return YES;
	if (i.hi < wanted && p->count[slo] * (1 - share) >= FEW)
		return NO;
	if (c->stage == GROW && (hopeless || share >= wanted))
		return YES;
	if (hopeless && last)
		return share >= wanted ? YES : NO;
	return UNDECIDED;
}

/* Least squares over the seconds: work piles up when the line rises for sure,
 * by more than a hundredth of the load each second, and would double.  Five
 * small numbers may well lie on a line; but what is in flight by chance varies
 * by its root at least. */
static bool piles_up(const struct capacity *c)
{
	double n = (double)seconds_of(c), mx = 0, my = 0;
	double sxx = 0, sxy = 0, syy = 0, slope, error, begin, end;

	if (c->o.users || n < OVERLOAD_LEAST)
		return false;
	for (size_t i = 0; i < c->count; i++) {
		mx += counts(c, i) ? (double)i / n : 0;
		my += counts(c, i) ? c->seconds[i].in_flight / n : 0;
	}
	for (size_t i = 0; i < c->count; i++) {
		double x = (double)i - mx;
		double y = c->seconds[i].in_flight - my;

		if (!counts(c, i))
			continue;
		sxx += x * x;
		sxy += x * y;
		syy += y * y;
	}
	slope = sxy / sxx;
	error = sqrt(fmax((syy - slope * sxy) / (n - 2), fmax(my, 1)) / sxx);
	begin = fmax(my - slope * mx, 1);
	end = begin + slope * c->o.probe_s;
	return slope > 0.01 * c->load && end >= 2 * begin &&
	    slope > confidence_t(n - 2) * error;
}

/* The share of arrivals that were late is more than a hundredth, for sure;
 * those due at either edge may begin on its other side. */
static bool is_late(double begun, double planned)
{
	return planned > EDGES && confidence_share(
	    fmax(planned - begun - EDGES, 0) / planned, planned).lo > 0.01;
}

/* What was measured in this second is in part the generator's own slowness,
 * or what that does to the target a moment later. */
bool capacity_spoils(const struct capacity *c,
    const struct capacity_second *s)
{
	double most_delay = fmax(capacity_objective_ns(c) / 20, 1e6);

	if (s->begun >= 0 && s->planned >= 0 && is_late(s->begun, s->planned))
		return true;
	if (is_starved(c, s))
		return true;
	/* Beside what was measured it must be something, too. */
	return s->busy > BUSY || (s->delay_p99_ns > most_delay &&
	    s->delay_p99_ns > 0.1 * s->r99);
}

void capacity_take(struct capacity *c, const struct capacity_second *s)
{
	bool slow = capacity_spoils(c, s), spoilt = slow || c->slow;

	c->seconds[c->count] = *s;
	c->seconds[c->count].response = NULL;   /* the caller's */
	c->spoilt[c->count++] = spoilt;
	c->slow = slow;
	if (s->response == NULL)
		return;
	histogram_merge(&c->all, s->response);
	if (!spoilt)
		histogram_merge(&c->clean, s->response);
}

static size_t spoilt_of(const struct capacity *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->spoilt[i];
	return n;
}

/*
 * The generator did enough for the verdict, in the seconds that count.  Late
 * arrivals spoil a pass but never make one, for response times count from when
 * they were due; it is enough that they came, as many as by chance.  For any
 * other verdict they must have been in time.
 */
static bool is_made(const struct capacity *c, enum capacity_verdict verdict)
{
	double begun = 0, planned = 0, wanted = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct capacity_second *s = &c->seconds[i];

		if (s->begun < 0 || s->planned < 0 || !counts(c, i))
			continue;
		begun += s->begun;
		planned += s->planned;
		wanted += c->load;
	}
	if (c->o.users)
		return true;
	if (verdict != CAPACITY_PASS)
		return !is_late(begun, planned);
	return planned >= 0.99 * wanted - 3 * sqrt(wanted);
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

/* By the seconds that count; true when that is the probe's verdict. */
static bool judge(const struct capacity *c, bool last,
    enum capacity_verdict *verdict, int *limit)
{
	struct capacity_probe p;

	sum_up(c, &p);
	*limit = -1;
	*verdict = CAPACITY_PASS;
	if (piles_up(c)) {
		*verdict = CAPACITY_OVERLOAD;
		return true;
	}
	for (size_t i = 0; i < c->o.slo_count; i++) {
		enum answer answer = judge_slo(c, &p, i, last);

		/* Once it is held, it is good when it looks good. */
		if (c->stage == CONFIRM && last && answer == UNDECIDED &&
		    p.share[i] >= c->o.slo_share[i])
			answer = YES;
		if (answer == NO) {
			*verdict = CAPACITY_FAIL;
			*limit = (int)i;
			return true;
		}
		if (answer == UNDECIDED && *verdict == CAPACITY_PASS) {
			*verdict = CAPACITY_UNDECIDED;
			*limit = (int)i;
		}
	}
	return last || (*verdict == CAPACITY_PASS && c->stage != CONFIRM);
}

/*
 * Unless the probe passes all the same, seconds in which the generator was slow
 * are left out, and it takes so much longer; they are chosen by what the
 * generator did and not by how the target answered.  Where that is most of
 * them there is nothing to say.
 */
bool capacity_judge(struct capacity *c, enum capacity_verdict *verdict,
    int *limit)
{
	double length = c->probe_s;
	double all = (double)c->count, spoilt = (double)spoilt_of(c);
	bool over = all >= 2 * length || c->count == CAPACITY_SECONDS;
	bool last = over || all - spoilt >= length;
	bool decided;

	if (all < length && !last && !(c->stage == CONFIRM ?
	    fmod(all, 10) == 0 : is_look(c, all)))
		return false;
	c->sifted = false;
	decided = judge(c, all >= length, verdict, limit);
	if (spoilt > 0 && !(decided && *verdict == CAPACITY_PASS &&
	    is_made(c, *verdict))) {
		if (2 * spoilt > all) {
			*verdict = CAPACITY_INVALID;
			return decided || last;
		}
		c->sifted = true;
		decided = judge(c, last, verdict, limit);
	}
	if (decided && !is_made(c, *verdict))
		*verdict = CAPACITY_INVALID;
	return decided;
}

void capacity_note(struct capacity *c, enum capacity_verdict verdict,
    int limit)
{
	struct capacity_probe *p = &c->probes[c->probe_count++];

	sum_up(c, p);
	p->verdict = verdict;
	if (verdict == CAPACITY_FAIL || verdict == CAPACITY_UNDECIDED)
		p->limit = limit;
}
