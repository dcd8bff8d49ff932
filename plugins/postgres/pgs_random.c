/*
 * Random numbers, hashes and the permutation.  Written after pgbench's
 * documented algorithms; the tests hold its results.
 */
#include "pgs_random.h"

#include <math.h>

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static uint64_t splitmix(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void pgs_random_seed(struct pgs_random *r, uint64_t seed)
{
	r->s0 = splitmix(&seed);
	r->s1 = splitmix(&seed);
	/* All zeroes is the one state the generator never leaves. */
	if (r->s0 == 0 && r->s1 == 0) {
		r->s0 = UINT64_C(0x5851f42d4c957f2d);
		r->s1 = UINT64_C(0x14057b7ef767814f);
	}
}

uint64_t pgs_random_next(struct pgs_random *r)
{
	uint64_t s0 = r->s0;
	uint64_t x = r->s1 ^ s0;

	r->s0 = rotate(s0, 24) ^ x ^ x << 16;
	r->s1 = rotate(x, 37);
	return rotate(s0 * 5, 7) * 9;
}

double pgs_random_uniform(struct pgs_random *r)
{
	return (double)(pgs_random_next(r) >> 12) * 0x1p-52;
}

/* 0..limit, by drawing as many bits as limit has until they fit. */
static uint64_t below_or_equal(struct pgs_random *r, uint64_t limit)
{
	uint64_t x;
	int shift;

	if (limit == 0)
		return 0;
	shift = __builtin_clzll(limit);
	do
		x = pgs_random_next(r) >> shift;
	while (x > limit);
	return x;
}

int64_t pgs_random_range(struct pgs_random *r, int64_t min, int64_t max)
{
	uint64_t span = (uint64_t)max - (uint64_t)min;

	return (int64_t)((uint64_t)min + below_or_equal(r, span));
}

/* Where in min..max the share `at`, in [0, 1), lies. */
static int64_t spread(int64_t min, int64_t max, double at)
{
	double span = (double)(max - min + 1);

	return min + (int64_t)(span * at);
}

int64_t pgs_random_gaussian(struct pgs_random *r, int64_t min, int64_t max,
    double parameter)
{
	double x;

	/* Box-Muller; what falls outside the range is drawn again. */
	do {
		double u = 1.0 - pgs_random_uniform(r);
		double v = 1.0 - pgs_random_uniform(r);

		x = sqrt(-2.0 * log(u)) * sin(2.0 * M_PI * v);
	} while (x < -parameter || x >= parameter);
	return spread(min, max, (x + parameter) / (parameter * 2.0));
}

int64_t pgs_random_exponential(struct pgs_random *r, int64_t min, int64_t max,
    double parameter)
{
	double cut = exp(-parameter);
	double u = 1.0 - pgs_random_uniform(r);

	return spread(min, max, -log(cut + (1.0 - cut) * u) / parameter);
}

/* By rejection: Devroye, Non-Uniform Random Variate Generation, p. 550. */
int64_t pgs_random_zipfian(struct pgs_random *r, int64_t min, int64_t max,
    double s)
{
	double n = (double)(max - min + 1);
	double b = pow(2.0, s - 1.0);

	if (max <= min)
		return min;
	for (;;) {
		double u = pgs_random_uniform(r);
		double v = pgs_random_uniform(r);
		double x = floor(pow(u, -1.0 / (s - 1.0)));
		double t = pow(1.0 + 1.0 / x, s - 1.0);

		if (v * x * (t - 1.0) / (b - 1.0) <= t / b && x <= n)
			return min - 1 + (int64_t)x;
	}
}

int64_t pgs_random_murmur2(int64_t value, uint64_t seed)
{
	const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
	uint64_t h = seed ^ 8 * m;
	uint64_t k = (uint64_t)value * m;

	k ^= k >> 47;
	h = (h ^ k * m) * m;
	h = (h ^ h >> 47) * m;
	return (int64_t)(h ^ h >> 47);
}

int64_t pgs_random_fnv1a(int64_t value, uint64_t seed)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
	uint64_t v = (uint64_t)value;
	int i;

	for (i = 0; i < 8; i++) {
		h = (h ^ (v & 0xff)) * UINT64_C(0x100000001b3);
		v >>= 8;
	}
	return (int64_t)h;
}

/* A one-to-one step on 0..mask: odd multiplier, exclusive or, rotation. */
static uint64_t scramble(uint64_t v, uint64_t m, uint64_t r, int bits,
    uint64_t mask)
{
	v = (v * (m | 1) ^ r) & mask;
	return (v << 1 & mask) | v >> (bits - 1);
}

int64_t pgs_random_permute(int64_t value, int64_t size, int64_t seed)
{
	struct pgs_random rng;
	uint64_t n = (uint64_t)size;
	uint64_t v;
	uint64_t mask;
	int bits;
	int round;

	if (size < 2)
		return 0;
	pgs_random_seed(&rng, (uint64_t)seed);
	v = (uint64_t)value % n;
	bits = 63 - __builtin_clzll(n);
	mask = (UINT64_C(1) << bits) - 1;
	for (round = 0; round < 6; round++) {
		uint64_t m = pgs_random_next(&rng) & mask;
		uint64_t r = pgs_random_next(&rng) & mask;

		/* The lower power of two, then the upper one: they overlap. */
		if (v <= mask)
			v = scramble(v, m, r, bits, mask);
		m = pgs_random_next(&rng) & mask;
		r = pgs_random_next(&rng) & mask;
		if (n - 1 - v <= mask)
			v = n - 1 - scramble(n - 1 - v, m, r, bits, mask);
		r = below_or_equal(&rng, n - 1);
		v = (v + r) % n;
	}
	return (int64_t)v;
}
