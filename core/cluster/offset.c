/*
 * The clock filter.
 */
#include "cluster/offset.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

#define WINDOW (64 * NS_PER_S)
#define STALE (120 * NS_PER_S)
/* Nothing may be believed to drift by more (500 parts in a million). */
#define DRIFT_MAX 5e-4
/* A slope needs some seconds to stand on. */
#define SPAN_MIN (8 * NS_PER_S)
/* 73 years: differences of such times cannot overflow. */
#define TIME_MAX (INT64_C(1) << 61)

void offset_add(struct offset *o, int64_t sent, int64_t received,
    int64_t answered, int64_t back)
{
	int64_t delay;
	int64_t there;
	int64_t here;

	if (sent < 0 || received < 0 || answered < received || back < sent ||
	    answered > TIME_MAX || back > TIME_MAX)
		return;
	delay = (back - sent) - (answered - received);
	if (delay < 0)
		return;
	there = received - sent;
	here = answered - back;
	o->samples[o->next] = (struct offset_sample){
		.at = sent + (back - sent) / 2,
		.offset = there / 2 + here / 2,
		.delay = delay };
	o->next = (o->next + 1) % OFFSET_SAMPLES;
	if (o->count < OFFSET_SAMPLES)
		o->count++;
}

static int by_delay(const void *a, const void *b)
{
	const struct offset_sample *x = a;
	const struct offset_sample *y = b;

	return x->delay < y->delay ? -1 : x->delay > y->delay;
}

/* The samples of the last minute, or if there are none all that are not
 * stale; the shortest first. */
static size_t recent(const struct offset *o, int64_t now,
    struct offset_sample *out)
{
	int64_t age = WINDOW;
	size_t n = 0;

	for (int round = 0; round < 2 && n == 0; round++, age = STALE) {
		for (size_t i = 0; i < o->count; i++) {
			if (now - o->samples[i].at <= age)
				out[n++] = o->samples[i];
		}
	}
	qsort(out, n, sizeof *out, by_delay);
	return n;
}

/* Least squares through the best: the value at `now`; *residual gets the
 * greatest distance of a sample from the line. */
static double fit(const struct offset_sample *s, size_t n, int64_t now,
    double *residual)
{
	double mean_t = 0;
	double mean_y = 0;
	double tt = 0;
	double ty = 0;
	double slope = 0;
	int64_t base = s[0].offset;
	int64_t first = s[0].at;
	int64_t last = s[0].at;

	for (size_t i = 0; i < n; i++) {
		first = s[i].at < first ? s[i].at : first;
		last = s[i].at > last ? s[i].at : last;
		mean_t += (double)(s[i].at - now) / (double)n;
		mean_y += (double)(s[i].offset - base) / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		double t = (double)(s[i].at - now) - mean_t;

		tt += t * t;
		ty += t * ((double)(s[i].offset - base) - mean_y);
	}
	if (last - first >= SPAN_MIN && tt > 0)
		slope = ty / tt;
	slope = fmax(-DRIFT_MAX, fmin(DRIFT_MAX, slope));
	*residual = 0;
	for (size_t i = 0; i < n; i++) {
		double line = mean_y +
		    slope * ((double)(s[i].at - now) - mean_t);

		*residual = fmax(*residual,
		    fabs((double)(s[i].offset - base) - line));
	}
	return mean_y - slope * mean_t;
}

bool offset_get(const struct offset *o, int64_t now, int64_t *offset,
    int64_t *error)
{
	struct offset_sample best[OFFSET_SAMPLES];
	size_t n = recent(o, now, best);
	double residual;
	double value;

	if (n == 0)
		return false;
	if (n > OFFSET_BEST)
		n = OFFSET_BEST;
	value = fit(best, n, now, &residual);
	*offset = best[0].offset + (int64_t)llrint(value);
	*error = best[0].delay / 2 + (int64_t)ceil(residual);
	return true;
}
