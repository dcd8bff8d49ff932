/*
 * See steady.h.  Both methods need the values of a run at most once a second;
 * the pairs of Sen's slope are bounded by putting more values in a group.
 */
#include "stats/steady.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define MOST_GROUPS 400                 /* 80 000 pairs */
#define FEWEST_GROUPS 4
#define NEAR   1.1
#define Z 1.959963984540054

/* Means of groups; the caller frees.  What does not fill one is left out. */
static double *groups_of(const double *values, size_t count, size_t group,
    size_t *groups)
{
	double *out = xcalloc(count / group + 1, sizeof *out);

	*groups = count / group;
	for (size_t g = 0; g < *groups; g++) {
		for (size_t i = 0; i < group; i++)
			out[g] += values[g * group + i];
		out[g] /= (double)group;
	}
	return out;
}

/* The squared error of the mean of what each cut leaves, times a constant,
 * for cuts up to the half; from the end, each comes from the one after it. */
static double errors_of_cuts(const double *y, size_t n, double *errors)
{
	double mean = 0, squares = 0, least = INFINITY;

	for (size_t d = n; d-- > 0;) {
		double rest = (double)(n - d);
		double off = y[d] - mean;

		mean += off / rest;
		squares += off * (y[d] - mean);
		if (d > n / 2)
			continue;
		errors[d] = squares / (rest * rest);
		if (errors[d] < least)
			least = errors[d];
	}
	return least;
}

/* The first cut that is about as good as the best: the least error alone
 * would often throw good seconds away by chance. */
static size_t best_cut(const double *y, size_t n)
{
	double *errors = xcalloc(n / 2 + 1, sizeof *errors);
	double least = errors_of_cuts(y, n, errors);
	size_t cut = 0;

	while (cut < n / 2 && errors[cut] > NEAR * least)
		cut++;
	free(errors);
	return cut;
}

bool steady_cut(const double *values, size_t count, size_t *cut)
{
	size_t groups, at;
	double *y;

	*cut = 0;
	if (count < STEADY_LEAST)
		return false;
	y = groups_of(values, count, STEADY_GROUP, &groups);
	at = best_cut(y, groups);
	free(y);
	*cut = at * STEADY_GROUP;
	return at < groups / 2;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, by_value);
	return count % 2 ? values[count / 2] :
	    (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Equal values take away from the variance. */
static double ties(const double *sorted, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n;) {
		size_t same = i + 1;
		double t;

		while (same < n && sorted[same] <= sorted[i])
			same++;
		t = (double)(same - i);
		sum += t * (t - 1) * (2 * t + 5);
		i = same;
	}
	return sum;
}

static struct steady_trend trend_of(const double *y, size_t n)
{
	double *slopes = xcalloc(n * (n - 1) / 2, sizeof *slopes);
	double *sorted = xcalloc(n, sizeof *sorted);
	double s = 0, size = (double)n, variance, middle;
	struct steady_trend t = { 0, 0 };
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		sorted[i] = y[i];
		for (size_t j = i + 1; j < n; j++) {
			s += (y[j] > y[i]) - (y[j] < y[i]);
			slopes[k++] = (y[j] - y[i]) / (double)(j - i);
		}
	}
	middle = median(sorted, n);
	variance = (size * (size - 1) * (2 * size + 5) - ties(sorted, n)) /
	    18;
	if (variance > 0 && s > 0)
		t.z = (s - 1) / sqrt(variance);
	else if (variance > 0 && s < 0)
		t.z = (s + 1) / sqrt(variance);
	if (middle > 0)
		t.drift = median(slopes, k) * size / middle;
	free(slopes);
	free(sorted);
	return t;
}

struct steady_trend steady_trend(const double *values, size_t count)
{
	struct steady_trend t = { 0, 0 };
	size_t group = STEADY_GROUP, groups;
	double *y;

	while (count / group > MOST_GROUPS)
		group *= 2;
	if (count / group < FEWEST_GROUPS)
		return t;
	y = groups_of(values, count, group, &groups);
	t = trend_of(y, groups);
	free(y);
	return t;
}

bool steady_drifts(const struct steady_trend *t)
{
	return fabs(t->z) >= Z && fabs(t->drift) >= STEADY_DRIFT;
}
