/*
 * Comparing runs.
 *
 * The verdict is one of equivalence: worse only when the whole interval of
 * the change lies beyond the limit, equal only when all of it lies within,
 * and otherwise that it can't be told yet, and how long a run would tell.
 * "Not significant" alone would call every short run equal.
 */
#include "report/compare.h"

#include "base/rng.h"
#include "base/xalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_BLOCKS 8
#define Z          1.959963984540054

static const struct {
	const char *name;
	double q;                       /* -1: the mean */
} times[] = {
	{ "p50", 0.5 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 },
	{ "mean", -1 },
};

#define TIMES (sizeof(times) / sizeof(*times))

static double time_of(const struct histogram *h, size_t which)
{
	return times[which].q < 0 ? histogram_mean(h) :
	    (double)histogram_quantile(h, times[which].q);
}

/* All runs of a side as one. */
struct pool {
	struct histogram response;
	struct result_point *points;    /* borrowed content */
	size_t count;
	uint64_t requests;
	uint64_t failures;
	double effective;
	double seconds;
	size_t block;                   /* points that belong together */
};

static void pool_init(struct pool *p, const struct compare_side *side)
{
	size_t count = 0;

	memset(p, 0, sizeof(*p));
	histogram_init(&p->response);
	for (size_t i = 0; i < side->count; i++)
		count += side->runs[i].point_count;
	p->points = xcalloc(count + 1, sizeof(*p->points));
	for (size_t i = 0; i < side->count; i++) {
		const struct result *r = &side->runs[i];
		size_t first, steady = result_steady(r, &first);
		uint64_t timed = 0;

		p->requests += r->total.requests;
		p->failures += r->total.failures;
		for (size_t k = first; k < first + steady; k++) {
			p->points[p->count++] = r->points[k];
			p->seconds += r->points[k].length;
			sparse_add(&p->response, &r->points[k].response);
			timed += r->points[k].response.count;
		}
		/* The share of what the whole run is worth. */
		if (r->total.response.count > 0)
			p->effective += r->total.effective * (double)timed /
			    (double)r->total.response.count;
	}
	p->block = 1;
	if (p->effective > 0 && p->seconds > 0) {
		double blocks = 3 * ceil(p->seconds / p->effective) *
		    (double)p->count / p->seconds;

		p->block = (size_t)fmin(ceil(blocks), (double)p->count);
	}
	if (p->block > p->count / MIN_BLOCKS)
		p->block = p->count / MIN_BLOCKS;
	if (p->block < 1)
		p->block = 1;
}

static void pool_release(struct pool *p)
{
	histogram_release(&p->response);
	free(p->points);
}

/* One draw: as many points as there are, block by block, around the end. */
static void draw(const struct pool *p, struct rng *rng, struct histogram *h)
{
	histogram_clear(h);
	for (size_t taken = 0; taken < p->count;) {
		size_t from = rng_below(rng, p->count);

		for (size_t i = 0; i < p->block && taken < p->count;
		    i++, taken++)
			sparse_add(h,
			    &p->points[(from + i) % p->count].response);
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Intervals of log(after / before) by drawing both sides again. */
static void bootstrap(const struct pool *before, const struct pool *after,
    const struct compare_options *o, struct interval logs[TIMES])
{
	double *changes = xcalloc(TIMES * o->draws, sizeof(*changes));
	struct histogram a, b;
	struct rng rng;

	histogram_init(&a);
	histogram_init(&b);
	rng_seed(&rng, o->seed, 0);
	for (size_t d = 0; d < o->draws; d++) {
		draw(before, &rng, &a);
		draw(after, &rng, &b);
		for (size_t i = 0; i < TIMES; i++)
			changes[i * o->draws + d] =
			    log(fmax(time_of(&b, i), 1) /
			    fmax(time_of(&a, i), 1));
	}
	for (size_t i = 0; i < TIMES; i++) {
		double *sorted = changes + i * o->draws;

		qsort(sorted, o->draws, sizeof(double), compare_doubles);
		logs[i].lo = sorted[(size_t)(o->draws * 0.025)];
		logs[i].hi = sorted[(size_t)(o->draws * 0.975)];
	}
	histogram_release(&a);
	histogram_release(&b);
	free(changes);
}

struct moments {
	double mean;
	double error;                   /* squared, of the mean */
	double n;
};

static struct moments moments_of(const double *values, size_t n)
{
	struct moments m = { 0, 0, (double)n };
	double squares = 0;

	for (size_t i = 0; i < n; i++)
		m.mean += values[i] / m.n;
	for (size_t i = 0; i < n; i++)
		squares += (values[i] - m.mean) * (values[i] - m.mean);
	m.error = n > 1 ? squares / (m.n - 1) / m.n : 0;
	return m;
}

/* Welch's interval of the difference of two means. */
static struct interval welch(const struct moments *a, const struct moments *b)
{
	double error = a->error + b->error, degrees = 1, half;
	double parts = 0;

	if (a->n > 1)
		parts += a->error * a->error / (a->n - 1);
	if (b->n > 1)
		parts += b->error * b->error / (b->n - 1);
	if (parts > 0)
		degrees = error * error / parts;
	half = confidence_t(degrees) * sqrt(error);
	return (struct interval){ b->mean - a->mean - half,
		b->mean - a->mean + half };
}

static double run_value(const struct compare_side *side, size_t i,
    size_t which)
{
	struct compare_side one = { &side->runs[i], 1 };
	struct interval unused;
	struct pool pool;
	double value;

	if (which == TIMES)
		return result_rate(&side->runs[i], &unused);
	pool_init(&pool, &one);
	value = time_of(&pool.response, which);
	pool_release(&pool);
	return value;
}

/* The spread between runs, on logs; `which` == TIMES: the rate. */
static struct interval between_runs(const struct compare_side *before,
    const struct compare_side *after, size_t which)
{
	const struct compare_side *sides[2] = { before, after };
	struct moments m[2];

	for (size_t s = 0; s < 2; s++) {
		double *values = xcalloc(sides[s]->count, sizeof(*values));

		for (size_t i = 0; i < sides[s]->count; i++)
			values[i] = log(fmax(run_value(sides[s], i, which),
			    1e-9));
		m[s] = moments_of(values, sides[s]->count);
		free(values);
	}
	return welch(&m[0], &m[1]);
}

/* The rate of a side and the squared error of its logarithm; n 0 when a run
 * was too short to know it. */
static struct moments rate_of(const struct compare_side *side,
    const struct pool *p)
{
	struct moments m = { 0, 0, (double)p->count };
	double error = 0;

	for (size_t i = 0; i < side->count; i++) {
		struct interval interval;
		double half;

		m.mean += result_rate(&side->runs[i], &interval) /
		    (double)side->count;
		half = (interval.hi - interval.lo) / 2;
		if (interval.hi <= 0)
			m.n = 0;
		error += half * half / (Z * Z);
	}
	error /= (double)side->count * (double)side->count;
	m.error = m.mean > 0 ? error / (m.mean * m.mean) : 0;
	m.mean = log(fmax(m.mean, 1e-9));
	return m;
}

/* `higher_is_worse` turns the scale around for rates. */
static void decide(struct compare_metric *m, struct interval logs,
    double limit, bool higher_is_worse, double seconds)
{
	double bound = log(1 + limit);
	double lo = higher_is_worse ? logs.lo : -logs.hi;
	double hi = higher_is_worse ? logs.hi : -logs.lo;
	double room = fabs(bound - fabs((lo + hi) / 2));

	m->change = (struct interval){ exp(logs.lo), exp(logs.hi) };
	if (lo > bound) {
		m->verdict = COMPARE_WORSE;
	} else if (hi < -bound) {
		m->verdict = COMPARE_BETTER;
	} else if (lo >= -bound && hi <= bound) {
		m->verdict = COMPARE_EQUAL;
	} else {
		m->verdict = COMPARE_UNDECIDED;
		/* The width goes with one over the root of the time. */
		if (room > 0)
			m->needed_s = seconds *
			    pow((hi - lo) / 2 / room, 2);
	}
}

static struct compare_metric *new_metric(struct comparison *c,
    const char *name, enum compare_unit unit)
{
	struct compare_metric *m = &c->metrics[c->metric_count++];

	*m = (struct compare_metric){ .unit = unit };
	snprintf(m->name, sizeof(m->name), "%s", name);
	return m;
}

static void compare_times(struct comparison *c, const struct pool *a,
    const struct pool *b, const struct compare_side *before,
    const struct compare_side *after, const struct compare_options *o)
{
	bool many = before->count >= 3 && after->count >= 3;
	bool known = a->count >= MIN_BLOCKS && b->count >= MIN_BLOCKS;
	struct interval logs[TIMES];

	if (!many && known)
		bootstrap(a, b, o, logs);
	for (size_t i = 0; i < TIMES; i++) {
		struct compare_metric *m = new_metric(c, times[i].name,
		    COMPARE_MS);

		m->known = (many || known) && a->response.count > 0 &&
		    b->response.count > 0;
		if (times[i].q > 0 && (confidence_sufficiency(times[i].q,
		    a->effective) == INSUFFICIENT ||
		    confidence_sufficiency(times[i].q, b->effective) ==
		    INSUFFICIENT))
			m->known = false;
		m->before = time_of(&a->response, i);
		m->after = time_of(&b->response, i);
		if (!m->known)
			continue;
		decide(m, many ? between_runs(before, after, i) : logs[i],
		    o->limit, true, fmin(a->seconds, b->seconds));
	}
}

static void compare_rate(struct comparison *c, const struct pool *a,
    const struct pool *b, const struct compare_side *before,
    const struct compare_side *after, const struct compare_options *o)
{
	struct compare_metric *m = new_metric(c, "req/s", COMPARE_RATE);
	struct moments x = rate_of(before, a), y = rate_of(after, b);
	bool many = before->count >= 3 && after->count >= 3;

	m->before = exp(x.mean);
	m->after = exp(y.mean);
	m->known = many || (x.n >= MIN_BLOCKS && y.n >= MIN_BLOCKS);
	if (!m->known)
		return;
	decide(m, many ? between_runs(before, after, TIMES) : welch(&x, &y),
	    o->limit, false, fmin(a->seconds, b->seconds));
}

/* Newcombe's interval of the difference of two shares. */
static void compare_failures(struct comparison *c, const struct pool *a,
    const struct pool *b, const struct compare_options *o)
{
	struct compare_metric *m = new_metric(c, "failed", COMPARE_SHARE);
	double p, q, d;
	struct interval x, y;

	m->known = a->requests > 0 && b->requests > 0;
	if (!m->known)
		return;
	p = (double)a->failures / (double)a->requests;
	q = (double)b->failures / (double)b->requests;
	x = confidence_share(p, a->effective > 0 ? a->effective :
	    (double)a->requests);
	y = confidence_share(q, b->effective > 0 ? b->effective :
	    (double)b->requests);
	d = q - p;
	m->before = p;
	m->after = q;
	m->change.lo = d - hypot(q - y.lo, x.hi - p);
	m->change.hi = d + hypot(y.hi - q, p - x.lo);
	m->verdict = COMPARE_EQUAL;
	if (m->change.lo > 0 && d > o->fail_limit)
		m->verdict = COMPARE_WORSE;
	else if (m->change.hi < 0 && d < -o->fail_limit)
		m->verdict = COMPARE_BETTER;
}

/* P(second > first) + P(equal) / 2, bucket by bucket. */
static double slower(const struct histogram *a, const struct histogram *b)
{
	double below = 0, sum = 0;
	uint64_t n, m;

	if (a->count == 0 || b->count == 0)
		return 0.5;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		n = histogram_at(a, i);
		m = histogram_at(b, i);
		sum += (double)m * (below + (double)n / 2);
		below += (double)n;
	}
	sum += (double)b->overflow * (below + (double)a->overflow / 2);
	return sum / ((double)a->count * (double)b->count);
}

static void distance(struct comparison *c, const struct histogram *a,
    const struct histogram *b)
{
	uint64_t below_a = 0, below_b = 0;

	if (a->count == 0 || b->count == 0)
		return;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		int64_t lo, hi;
		double d;

		below_a += histogram_at(a, i);
		below_b += histogram_at(b, i);
		d = fabs((double)below_a / (double)a->count -
		    (double)below_b / (double)b->count);
		if (d <= c->distance)
			continue;
		histogram_bounds(i, &lo, &hi);
		c->distance = d;
		c->distance_at = (double)hi;
	}
}

/* What a side knows of one endpoint. */
struct endpoint {
	struct histogram response;
	double effective;
};

static void endpoint_init(struct endpoint *e, const struct compare_side *side,
    const struct result_series *like)
{
	histogram_init(&e->response);
	e->effective = 0;
	for (size_t i = 0; i < side->count; i++) {
		const struct result *r = &side->runs[i];

		for (size_t k = 0; k < r->series_count; k++) {
			const struct result_series *s = &r->series[k];

			if (strcmp(s->name, like->name) != 0 ||
			    strcmp(s->type, like->type) != 0)
				continue;
			histogram_merge(&e->response, &s->response);
			e->effective += s->effective;
		}
	}
}

/* Log of the p95 and the squared error of it, from its interval. */
static bool log_p95(const struct endpoint *e, struct moments *m)
{
	struct interval i;

	if (confidence_sufficiency(0.95, e->effective) == INSUFFICIENT ||
	    e->response.count == 0)
		return false;
	i = confidence_quantile(&e->response, 0.95, e->effective);
	m->mean = log(fmax((double)histogram_quantile(&e->response, 0.95),
	    1));
	/* Never surer than a bucket is wide. */
	m->error = pow(fmax(log(fmax(i.hi, 1) / fmax(i.lo, 1)) / (2 * Z),
	    0.004), 2);
	return true;
}

struct candidate {
	struct compare_endpoint endpoint;
	double p;                       /* that it did not change so much */
};

static int by_p(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

static int by_change(const void *a, const void *b)
{
	const struct compare_endpoint *x = a, *y = b;
	double c = fabs(log(x->after / x->before));
	double d = fabs(log(y->after / y->before));

	return c < d ? 1 : c > d ? -1 : 0;
}

static bool candidate_of(struct candidate *out,
    const struct compare_side *before, const struct compare_side *after,
    const struct result_series *s, double limit)
{
	struct endpoint a, b;
	struct moments x, y;
	bool known;
	double change, z;

	endpoint_init(&a, before, s);
	endpoint_init(&b, after, s);
	known = log_p95(&a, &x) && log_p95(&b, &y);
	if (known) {
		change = y.mean - x.mean;
		z = (fabs(change) - log(1 + limit)) /
		    sqrt(x.error + y.error);
		*out = (struct candidate){
			.p = erfc(z / sqrt(2)) / 2,
			.endpoint = { s->type, s->name, exp(x.mean),
				exp(y.mean), change > 0 ? COMPARE_WORSE :
				COMPARE_BETTER },
		};
	}
	histogram_release(&a.response);
	histogram_release(&b.response);
	return known;
}

static bool has_series(const struct compare_side *side,
    const struct result_series *like)
{
	for (size_t i = 0; i < side->count; i++) {
		for (size_t k = 0; k < side->runs[i].series_count; k++) {
			const struct result_series *s =
			    &side->runs[i].series[k];

			if (strcmp(s->name, like->name) == 0 &&
			    strcmp(s->type, like->type) == 0)
				return true;
		}
	}
	return false;
}

/* A comparison outlives the results it was made of. */
static struct compare_endpoint own(const struct compare_endpoint *e)
{
	struct compare_endpoint mine = *e;

	mine.type = xstrdup(e->type);
	mine.name = xstrdup(e->name);
	return mine;
}

/*
 * Of many endpoints one in twenty would look different by chance: only those
 * are kept that stand after Benjamini and Hochberg's step-up at 5 %.
 */
static void compare_endpoints(struct comparison *c,
    const struct compare_side *before, const struct compare_side *after,
    const struct compare_options *o)
{
	const struct result *first = &before->runs[0];
	struct candidate *all = xcalloc(first->series_count + 1,
	    sizeof(*all));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < first->series_count; i++) {
		if (!has_series(after, &first->series[i]))
			c->endpoints_gone++;
		else if (candidate_of(&all[n], before, after,
		    &first->series[i], o->limit))
			n++;
	}
	for (size_t i = 0; i < after->runs[0].series_count; i++)
		c->endpoints_new += !has_series(before,
		    &after->runs[0].series[i]);
	c->endpoints_compared = n;
	qsort(all, n, sizeof(*all), by_p);
	for (size_t i = 0; i < n; i++) {
		if (all[i].p <= 0.05 * (double)(i + 1) / (double)n)
			kept = i + 1;
	}
	c->endpoints = xcalloc(kept + 1, sizeof(*c->endpoints));
	for (size_t i = 0; i < kept; i++)
		c->endpoints[c->endpoint_count++] = own(&all[i].endpoint);
	qsort(c->endpoints, kept, sizeof(*c->endpoints), by_change);
	free(all);
}

void compare_init(struct comparison *c, const struct compare_side *before,
    const struct compare_side *after, const struct compare_options *o)
{
	struct pool a, b;

	memset(c, 0, sizeof(*c));
	pool_init(&a, before);
	pool_init(&b, after);
	compare_rate(c, &a, &b, before, after, o);
	compare_times(c, &a, &b, before, after, o);
	compare_failures(c, &a, &b, o);
	c->slower = slower(&a.response, &b.response);
	distance(c, &a.response, &b.response);
	compare_endpoints(c, before, after, o);
	pool_release(&a);
	pool_release(&b);
}

void compare_release(struct comparison *c)
{
	for (size_t i = 0; i < c->endpoint_count; i++) {
		free((char *)(uintptr_t)c->endpoints[i].type);
		free((char *)(uintptr_t)c->endpoints[i].name);
	}
	free(c->endpoints);
	memset(c, 0, sizeof(*c));
}

bool compare_is_worse(const struct comparison *c)
{
	for (size_t i = 0; i < c->metric_count; i++) {
		if (c->metrics[i].known &&
		    c->metrics[i].verdict == COMPARE_WORSE)
			return true;
	}
	for (size_t i = 0; i < c->endpoint_count; i++) {
		if (c->endpoints[i].verdict == COMPARE_WORSE)
			return true;
	}
	return false;
}
