/*
 * Dyadic batch means.  Level l holds batches of 2^(l+1) samples; the estimate
 * of the autocorrelation time there is 2^(l+1) Var(batch means) / Var(samples),
 * which grows with the level up to the true value: a batch shorter than a few
 * autocorrelation times can't see the whole of it.  It also gets noisier on
 * the way, because there are half as many batches on each level.  So the walk
 * goes up until batches are five times as long as the time they show, and
 * the largest estimate met is taken.
 */
#include "stats/batches.h"

#include <math.h>
#include <string.h>

/* A variance of fewer batches is mostly noise. */
#define FEWEST_BATCHES 8
/* Share of a batch that the time may be for the batch to see all of it. */
#define LONG_ENOUGH    0.2
#define FORM_VERSION   1
#define LEVEL_BYTES    24

void batches_init(struct batches *b)
{
	memset(b, 0, sizeof(*b));
}

void batches_reset(struct batches *b)
{
	memset(b->level, 0, sizeof(b->level));
}

void batches_merge(struct batches *into, const struct batches *b)
{
	for (unsigned l = 0; l < BATCHES_LEVELS; l++) {
		into->level[l].n += b->level[l].n;
		into->level[l].sum += b->level[l].sum;
		into->level[l].sum_squares += b->level[l].sum_squares;
	}
}

double batches_time(const struct batches *b, double variance)
{
	double longest = 1;

	if (!(variance > 0))
		return 1;
	for (unsigned l = 0; l < BATCHES_LEVELS; l++) {
		const struct batch_level *level = &b->level[l];
		double n = (double)level->n, size = ldexp(1, (int)l + 1);
		double mean, spread, time;

		if (level->n < FEWEST_BATCHES)
			break;
		mean = level->sum / n;
		spread = (level->sum_squares / n - mean * mean) * n / (n - 1);
		/* Sums, not means: size * spread / size^2. */
		time = spread / size / variance;
		if (time > longest)
			longest = time;
		if (time <= LONG_ENOUGH * size)
			break;
	}
	return longest;
}

/* Little-endian, whatever the machine is. */
static void put64(unsigned char *at, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

static double get_double(const unsigned char *at)
{
	uint64_t bits = get64(at);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static void put_double(unsigned char *at, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put64(at, bits);
}

int batches_encode(const struct batches *b, struct buf *out)
{
	unsigned char bytes[1 + BATCHES_LEVELS * LEVEL_BYTES];
	size_t len = 1;

	bytes[0] = FORM_VERSION;
	/* A level is only reached through the one below. */
	for (unsigned l = 0; l < BATCHES_LEVELS && b->level[l].n; l++) {
		put64(bytes + len, b->level[l].n);
		put_double(bytes + len + 8, b->level[l].sum);
		put_double(bytes + len + 16, b->level[l].sum_squares);
		len += LEVEL_BYTES;
	}
	return buf_add(out, bytes, len);
}

int batches_decode_add(struct batches *into, const void *data, size_t len)
{
	struct batches read;
	const unsigned char *at = data;

	if (len == 0 || (len - 1) % LEVEL_BYTES != 0 ||
	    (len - 1) / LEVEL_BYTES > BATCHES_LEVELS ||
	    *at++ != FORM_VERSION)
		return -1;
	batches_init(&read);
	for (unsigned l = 0; l < (len - 1) / LEVEL_BYTES; l++) {
		struct batch_level *level = &read.level[l];

		level->n = get64(at);
		level->sum = get_double(at + 8);
		level->sum_squares = get_double(at + 16);
		at += LEVEL_BYTES;
		if (level->n == 0 || level->n >> 48 ||
		    !isfinite(level->sum) || !isfinite(level->sum_squares) ||
		    level->sum < 0 || level->sum_squares < 0 ||
		    level->sum_squares > 1e100)
			return -1;
	}
	batches_merge(into, &read);
	return 0;
}
