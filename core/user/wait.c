/* Think times, and the distributions that scenarios draw from. */
#include "user/internal.h"

#include <math.h>

#include "base/clock.h"

#define LONGEST 1e9                     /* seconds of a period */

SWARM_API double swarm_wait_constant(struct swarm_user *u,
    const struct swarm_wait *w)
{
	(void)u;
	return w->a;
}

SWARM_API double swarm_wait_between(struct swarm_user *u,
    const struct swarm_wait *w)
{
	return w->a + rng_uniform(&u->rng) * (w->b - w->a);
}

/*
 * The next task is due one period after the last one began.  That instant is
 * its intended start: response times count from it.  After an overrun the
 * period begins anew, so nothing is caught up.
 */
SWARM_API double swarm_wait_pacing(struct swarm_user *u,
    const struct swarm_wait *w)
{
	int64_t now = clock_now();
	int64_t due;

	/* No pace, or one that no task can be late for. */
	if (!(w->a > 0 && w->a < LONGEST))
		return w->a;
	due = u->task_start + (int64_t)(w->a * (double)NS_PER_S);
	u->intended = due;
	return due > now ? (double)(due - now) / (double)NS_PER_S : 0;
}

SWARM_API double swarm_wait_exponential(struct swarm_user *u,
    const struct swarm_wait *w)
{
	return swarm_exponential(u, w->a);
}

SWARM_API double swarm_wait_lognormal(struct swarm_user *u,
    const struct swarm_wait *w)
{
	return w->a * exp(swarm_normal(u, 0, w->b));
}

/* Box and Muller, 1958; 1 - u is never 0. */
SWARM_API double swarm_normal(struct swarm_user *u, double mean, double sigma)
{
	double r = sqrt(-2 * log(1 - rng_uniform(&u->rng)));

	return mean + sigma * r * cos(2 * M_PI * rng_uniform(&u->rng));
}

SWARM_API double swarm_exponential(struct swarm_user *u, double mean)
{
	return -mean * log(1 - rng_uniform(&u->rng));
}

/* The integral of x^-s from 1 to x, and its inverse, stable at s = 1. */
static double zipf_integral(double x, double s)
{
	double l = log(x);

	return fabs(1 - s) < 1e-9 ? l : expm1((1 - s) * l) / (1 - s);
}

static double zipf_inverse(double y, double s)
{
	return fabs(1 - s) < 1e-9 ? exp(y) :
	    exp(log1p(y * (1 - s)) / (1 - s));
}

/*
 * Rejection-inversion (Hörmann and Derflinger, 1996): constant time and no
 * table, for any n.
 */
SWARM_API uint64_t swarm_zipf(struct swarm_user *u, uint64_t n, double s)
{
	double low = zipf_integral(1.5, s) - 1;
	double high = zipf_integral((double)n + 0.5, s);

	for (;;) {
		double y = high + rng_uniform(&u->rng) * (low - high);
		double x = zipf_inverse(y, s);
		double k = floor(x + 0.5);

		if (k < 1)
			k = 1;
		if (k > (double)n)
			k = (double)n;
		if (y >= zipf_integral(k + 0.5, s) - pow(k, -s))
			return (uint64_t)k - 1;
	}
}
