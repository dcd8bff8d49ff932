/* See capacity.h: where a curve of latency over load turns up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/capacity.h"

#define SENSITIVITY 1.0

static int by_load(const void *a, const void *b)
{
	const struct capacity_probe *x = a, *y = b;

	return (x->load > y->load) - (x->load < y->load);
}

/* Probes with a latency, by load. */
static size_t take_points(struct capacity_probe *out,
    const struct capacity_probe *probes, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count && n < CAPACITY_PROBES; i++)
		if (probes[i].verdict != CAPACITY_INVALID &&
		    isfinite(probes[i].r99))
			out[n++] = probes[i];
	qsort(out, n, sizeof out[0], by_load);
	return n;
}

/* How far the curve hangs below the straight line between its ends, at a
 * point; both axes from 0 to 1. */
static double sag(const struct capacity_probe *p, size_t n, size_t i)
{
	double x = (p[i].load - p[0].load) / (p[n - 1].load - p[0].load);
	double y = (p[i].r99 - p[0].r99) / (p[n - 1].r99 - p[0].r99);

	return x - y;
}

double capacity_knee(const struct capacity_probe *probes, size_t count)
{
	struct capacity_probe p[CAPACITY_PROBES];
	size_t n = take_points(p, probes, count), best = 0;

	if (n < 4 || !(p[n - 1].load > p[0].load) ||
	    !(p[n - 1].r99 > 1.2 * p[0].r99))
		return 0;
	for (size_t i = 1; i + 1 < n; i++)
		if (sag(p, n, i) > sag(p, n, best))
			best = i;
	/* A maximum counts once the curve has left it by as much as points
	 * are apart, times the sensitivity. */
	if (best == 0 || sag(p, n, best) < SENSITIVITY / (double)(n - 1))
		return 0;
	return p[best].load;
}
