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

/* Least squares through the best.  The samples' times and offsets are taken
 * from the first one, so that doubles hold them to the nanosecond. */
static void fit(const struct offset_sample *s, size_t n, int64_t now,
    struct offset_line *line)
{
	double mean_t = 0;
	double mean_y = 0;
	double tt = 0;
	double ty = 0;
	double residual = 0;
	int64_t first = s[0].at;
	int64_t last = s[0].at;

	for (size_t i = 0; i < n; i++) {
		first = s[i].at < first ? s[i].at : first;
		last = s[i].at > last ? s[i].at : last;
		mean_t += (double)(s[i].at - now) / (double)n;
		mean_y += (double)(s[i].offset - s[0].offset) / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		double t = (double)(s[i].at - now) - mean_t;

		tt += t * t;
		ty += t * ((double)(s[i].offset - s[0].offset) - mean_y);
	}
	line->slope = last - first >= SPAN_MIN && tt > 0 ? ty / tt : 0;
	line->slope = fmax(-DRIFT_MAX, fmin(DRIFT_MAX, line->slope));
	for (size_t i = 0; i < n; i++) {
		double y = mean_y +
		    line->slope * ((double)(s[i].at - now) - mean_t);

		residual = fmax(residual,
		    fabs((double)(s[i].offset - s[0].offset) - y));
	}
	line->at = now;
	line->offset = s[0].offset +
	    (int64_t)llrint(mean_y - line->slope * mean_t);
	line->error = s[0].delay / 2 + (int64_t)ceil(residual);
}

bool offset_fit(const struct offset *o, int64_t now, struct offset_line *line)
{
	struct offset_sample best[OFFSET_SAMPLES];
	size_t n = recent(o, now, best);

	if (n == 0)
		return false;
	fit(best, n > OFFSET_BEST ? OFFSET_BEST : n, now, line);
	return true;
}

/* Beyond the last ping only the drift is trusted, and a tenth of the most
 * it can be is added to the bound. */
void offset_at(const struct offset_line *line, int64_t now, int64_t *offset,
    int64_t *error)
{
	double passed = (double)(now - line->at);

	*offset = line->offset + (int64_t)llrint(line->slope * passed);
	*error = line->error +
	    (int64_t)llrint(fabs(passed) * DRIFT_MAX / 10);
}

bool offset_get(const struct offset *o, int64_t now, int64_t *offset,
    int64_t *error)
{
	struct offset_line line;

	if (!offset_fit(o, now, &line))
		return false;
	*offset = line.offset;
	*error = line.error;
	return true;
}
