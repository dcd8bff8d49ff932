/* <swarm/sink.h>: a distribution is a histogram of the core that modules see
 * by these functions alone. */
#include <swarm/sink.h>

#include "stats/histogram.h"

static const struct histogram *of(const struct swarm_times *t)
{
	return (const void *)t;
}

SWARM_API uint64_t swarm_times_count(const struct swarm_times *t)
{
	return of(t)->count;
}

SWARM_API double swarm_times_sum(const struct swarm_times *t)
{
	return (double)of(t)->sum;
}

SWARM_API int64_t swarm_times_quantile(const struct swarm_times *t, double q)
{
	return histogram_quantile(of(t), q);
}

SWARM_API uint64_t swarm_times_count_to(const struct swarm_times *t,
    int64_t ns)
{
	return histogram_count_to(of(t), ns);
}

SWARM_API int swarm_times_next(const struct swarm_times *t, int bucket,
    int64_t *lo, int64_t *hi, uint64_t *samples)
{
	const struct histogram *h = of(t);
	unsigned i = HISTOGRAM_BUCKETS;

	if (bucket < (int)HISTOGRAM_BUCKETS)
		i = histogram_next(h, bucket > 0 ? (unsigned)bucket : 0,
		    samples);
	if (i < HISTOGRAM_BUCKETS) {
		histogram_bounds(i, lo, hi);
		return (int)i;
	}
	if (bucket > (int)HISTOGRAM_BUCKETS || h->overflow == 0)
		return -1;
	histogram_bounds(HISTOGRAM_BUCKETS - 1, lo, hi);
	*lo = *hi + 1;
	*hi = h->max;
	*samples = h->overflow;
	return HISTOGRAM_BUCKETS;
}
