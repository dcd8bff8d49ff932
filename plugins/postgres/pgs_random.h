/*
 * The random and pseudo-random functions of pgbench: same generator
 * (xoroshiro128**, Blackman and Vigna, 2018), same distributions, so that one
 * seed gives the same numbers here and there, and hash and permute agree with
 * data that pgbench made.
 */
#ifndef PGS_RANDOM_H
#define PGS_RANDOM_H

#include <stdint.h>

struct pgs_random {
	uint64_t s0;
	uint64_t s1;
};

void pgs_random_seed(struct pgs_random *, uint64_t seed);
/* 64 random bits. */
uint64_t pgs_random_next(struct pgs_random *);
/* Uniform over [0, 1), 52 bits. */
double pgs_random_uniform(struct pgs_random *);

/* Each within min..max, both included; max - min + 1 must fit in int64_t. */
int64_t pgs_random_range(struct pgs_random *, int64_t min, int64_t max);
/* parameter at least 2.0: max is so many standard deviations away. */
int64_t pgs_random_gaussian(struct pgs_random *, int64_t min, int64_t max,
    double parameter);
/* parameter above 0. */
int64_t pgs_random_exponential(struct pgs_random *, int64_t min, int64_t max,
    double parameter);
/* s in [1.001, 1000]. */
int64_t pgs_random_zipfian(struct pgs_random *, int64_t min, int64_t max,
    double s);

int64_t pgs_random_murmur2(int64_t value, uint64_t seed);
int64_t pgs_random_fnv1a(int64_t value, uint64_t seed);
/* A permutation of 0..size-1 chosen by the seed; size > 0. */
int64_t pgs_random_permute(int64_t value, int64_t size, int64_t seed);

#endif
