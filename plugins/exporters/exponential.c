/*
 * swarm's buckets are 1/128 of an octave wide, those of scale 3 an eighth: a
 * bucket goes where its middle is.
 */
#include "exponential.h"

#include <math.h>
#include <string.h>

static int index_of(int64_t lo, int64_t hi, int scale)
{
	double seconds = ((double)lo + (double)hi) / 2 / 1e9;

	return (int)ceil(log2(seconds) * ldexp(1, scale)) - 1;
}

/* The outermost buckets at a scale; false when there is no sample over 0. */
static int range(const struct swarm_times *t, int scale, int *first)
{
	int64_t lo, hi;
	uint64_t n;
	int last = 0, found = 0;

	for (int b = swarm_times_next(t, 0, &lo, &hi, &n); b >= 0;
	    b = swarm_times_next(t, b + 1, &lo, &hi, &n)) {
		if (hi == 0)
			continue;
		last = index_of(lo, hi, scale);
		if (!found)
			*first = last;
		found = 1;
	}
	return found ? last - *first + 1 : 0;
}

void exponential_from(struct exponential *e, const struct swarm_times *t)
{
	int64_t lo, hi;
	uint64_t n;
	int count;

	memset(e, 0, sizeof(*e));
	e->scale = EXPONENTIAL_SCALE;
	count = range(t, e->scale, &e->first);
	while (count > EXPONENTIAL_BUCKETS)
		count = range(t, --e->scale, &e->first);
	e->count = (size_t)count;
	for (int b = swarm_times_next(t, 0, &lo, &hi, &n); b >= 0;
	    b = swarm_times_next(t, b + 1, &lo, &hi, &n)) {
		if (hi == 0)
			e->zero += n;
		else
			e->counts[index_of(lo, hi, e->scale) - e->first] += n;
	}
}
