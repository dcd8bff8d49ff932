/*
 * Confidence intervals.
 *
 * A percentile's interval comes from order statistics: how far the rank may
 * be off among `effective` samples, read from the histogram at the ranks a
 * little lower and a little higher.  No resampling: it gives the same and
 * costs a thousand histograms.
 *
 * Workers see one server, so that their streams go up and down together: the
 * batches of one stream can't know that.  Where the run is long enough the
 * time is therefore also estimated from all of them together, second by
 * second.
 */
#include "stats/confidence.h"

#include <math.h>

#define Z 1.959963984540054             /* 97.5 % of the normal */
#define FEWEST_GROUPS 8
/* Samples beyond a quantile: normal, and the least worth printing. */
#define TAIL_ENOUGH 10
#define TAIL_LEAST  3

double confidence_t(double degrees)
{
	static const double small[] = { 12.706, 4.303, 3.182, 2.776, 2.571,
		2.447, 2.365, 2.306, 2.262, 2.228 };
	double z3 = Z * Z * Z, z5 = z3 * Z * Z, z7 = z5 * Z * Z;

	if (!(degrees > 1))
		return small[0];
	if (degrees < 10) {
		int i = (int)degrees;
		double part = degrees - i;

		return small[i - 1] * (1 - part) + small[i] * part;
	}
	return Z + (z3 + Z) / (4 * degrees) +
	    (5 * z5 + 16 * z3 + 3 * Z) / (96 * degrees * degrees) +
	    (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z) /
	    (384 * degrees * degrees * degrees);
}

/* Groups of neighbouring slots: the squared error of the overall mean as a
 * ratio of sums, since groups have different counts. */
static double error_of_groups(const struct confidence_slot *slots,
    size_t count, size_t group, double mean)
{
	size_t groups = count / group;
	double squares = 0, samples = 0;

	for (size_t g = 0; g < groups; g++) {
		double n = 0, sum = 0;

		for (size_t i = g * group; i < (g + 1) * group; i++) {
			n += (double)slots[i].count;
			sum += slots[i].sum;
		}
		squares += (sum - mean * n) * (sum - mean * n);
		samples += n;
	}
	return squares / (samples * samples) * (double)groups /
	    (double)(groups - 1);
}

double confidence_time_of_slots(const struct confidence_slot *slots,
    size_t count, double variance)
{
	double samples = 0, sum = 0, longest = 0, per_slot;

	for (size_t i = 0; i < count; i++) {
		samples += (double)slots[i].count;
		sum += slots[i].sum;
	}
	if (samples < 2 || !(variance > 0))
		return 0;
	per_slot = samples / (double)count;
	for (size_t group = 1; count / group >= FEWEST_GROUPS; group *= 2) {
		double time = samples * error_of_groups(slots, count, group,
		    sum / samples) / variance;

		if (time > longest)
			longest = time;
		/* Groups that see five times as much see all of it. */
		if (time < 0.2 * (double)group * per_slot)
			break;
	}
	return longest;
}

struct interval confidence_throughput(const struct confidence_slot *slots,
    size_t count)
{
	double samples = 0, time = 0, widest = 0, mean;

	for (size_t i = 0; i < count; i++) {
		samples += (double)slots[i].count;
		time += slots[i].length;
	}
	if (count < FEWEST_GROUPS || !(time > 0))
		return (struct interval){ 0, 0 };
	mean = samples / time;
	for (size_t group = 1; count / group >= FEWEST_GROUPS; group *= 2) {
		size_t groups = count / group;
		double squares = 0, seconds = 0, half;

		for (size_t g = 0; g < groups; g++) {
			double n = 0, length = 0;

			for (size_t i = g * group; i < (g + 1) * group; i++) {
				n += (double)slots[i].count;
				length += slots[i].length;
			}
			squares += (n - mean * length) * (n - mean * length);
			seconds += length;
		}
		half = sqrt(squares * (double)groups /
		    (double)(groups - 1)) / seconds *
		    confidence_t((double)groups - 1);
		if (half > widest)
			widest = half;
	}
	return (struct interval){ mean > widest ? mean - widest : 0,
		mean + widest };
}

double confidence_effective(const struct histogram *h, double time)
{
	double n = (double)h->count;

	if (h->count == 0)
		return 0;
	n /= time > 1 ? time : 1;
	return n < 1 ? 1 : n;
}

struct interval confidence_mean(const struct histogram *h, double effective)
{
	double mean = histogram_mean(h), half;

	if (effective < 2)
		return (struct interval){ (double)h->min, (double)h->max };
	half = confidence_t(effective - 1) * histogram_stddev(h) /
	    sqrt(effective);
	return (struct interval){ mean > half ? mean - half : 0,
		mean + half };
}

struct interval confidence_quantile(const struct histogram *h, double q,
    double effective)
{
	double half;

	if (h->count == 0)
		return (struct interval){ 0, 0 };
	half = effective > 0 ? Z * sqrt(q * (1 - q) / effective) : 1;
	return (struct interval){ (double)histogram_quantile(h, q - half),
		(double)histogram_quantile(h, q + half) };
}

struct interval confidence_share(double share, double n)
{
	double z2 = Z * Z, centre, half;

	if (!(n > 0))
		return (struct interval){ 0, 1 };
	centre = (share + z2 / (2 * n)) / (1 + z2 / n);
	half = Z / (1 + z2 / n) *
	    sqrt(share * (1 - share) / n + z2 / (4 * n * n));
	/* Nothing seen is no less than nothing. */
	return (struct interval){ share > 0 ? fmax(centre - half, 0) : 0,
		share < 1 ? fmin(centre + half, 1) : 1 };
}

static double tail_of(double q)
{
	return q < 0.5 ? q : 1 - q;
}

enum sufficiency confidence_sufficiency(double q, double effective)
{
	double seen = effective * tail_of(q);

	/* 1 - 0.999 is a little over 0.001. */
	if (q >= 1 || q <= 0 || seen > TAIL_ENOUGH - 1e-6)
		return SUFFICIENT;
	return seen > TAIL_LEAST - 1e-6 ? SUFFICIENT_BARELY : INSUFFICIENT;
}

uint64_t confidence_needed(double q)
{
	double tail = tail_of(q);

	return tail > 0 ? (uint64_t)llround(TAIL_ENOUGH / tail) : 0;
}
