/*
 * Pseudo-random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded by
 * splitmix64 from (seed, stream), so that each user has a stream of its own
 * and one seed fixes a run.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *);
/* [0, 1), 53 bits. */
double rng_uniform(struct rng *);
/* 0 .. n-1 without bias; n > 0. */
uint64_t rng_below(struct rng *, uint64_t n);

#endif
