/*
 * A Poisson process that can be shared: many small processes of equal rate,
 * each with random numbers of its own, of which a stripe takes its part and
 * merges it.  So the arrivals of all stripes together are the same however
 * many stripes there are, and each stripe draws no more than its share.
 *
 * 840 can be shared equally by any number of stripes up to 8, and by most
 * others nearly so.  More stripes than that draw a process each.
 */
#ifndef USER_POISSON_H
#define USER_POISSON_H

#include <stdint.h>

#define POISSON_STREAMS 840

struct poisson_stream {
	double n;                       /* its next arrival */
	uint64_t state;
};

struct poisson {
	double step;                    /* mean distance within a stream */
	unsigned count;
	struct poisson_stream at[POISSON_STREAMS];      /* a heap by n */
};

/* One arrival for each unit of n, over all stripes. */
void poisson_init(struct poisson *, unsigned stripe, unsigned stripes,
    uint64_t seed);
/* The next arrival. */
double poisson_next(struct poisson *);
/* Goes on with the first arrival after n. */
void poisson_skip(struct poisson *, double n);

#endif
