/* Arrival schedules: see the header for the arithmetic. */
#include "user/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"

#define RATE_MAX 1e9

static int bad(const char *text, const char *part)
{
	log_error("arrival rate \"%s\": \"%s\" is not RATE, TIME:RATE, "
	    "TIME:FROM-TO or TIME:MEAN~AMPLITUDE/PERIOD, for example 100, "
	    "30s:0-100,5m:100 or 10m:100~50/1m", text, part);
	return -1;
}

/* "AMPLITUDE/PERIOD" or "AMPLITUDE/PERIOD@DEGREES"; the rate never falls
 * below 0. */
static int parse_swing(char *swing, struct schedule_segment *s)
{
	char *slash = strchr(swing, '/');
	char *at = strchr(swing, '@');
	double degrees = 0;

	if (slash == NULL)
		return -1;
	*slash = '\0';
	if (at != NULL)
		*at = '\0';
	if ((at != NULL &&
	    parse_double(at + 1, -360, 360, &degrees) == -1) ||
	    parse_double(swing, 0, s->from, &s->amplitude) == -1 ||
	    parse_duration(slash + 1, &s->period) == -1 || s->period <= 0)
		return -1;
	s->phase = degrees * M_PI / 180;
	return 0;
}

/* The dash between two rates, which is not the one in "1e-5". */
static char *dash_of(char *rates)
{
	char *dash = strchr(rates, '-');

	while (dash != NULL && dash > rates &&
	    (dash[-1] == 'e' || dash[-1] == 'E'))
		dash = strchr(dash + 1, '-');
	return dash;
}

static int parse_rates(char *rates, struct schedule_segment *s)
{
	char *swing = strchr(rates, '~');
	char *dash = swing != NULL ? NULL : dash_of(rates);

	if (dash != NULL)
		*dash = '\0';
	if (swing != NULL)
		*swing = '\0';
	if (parse_double(rates, 0, RATE_MAX, &s->from) == -1)
		return -1;
	s->to = s->from;
	if (dash != NULL)
		return parse_double(dash + 1, 0, RATE_MAX, &s->to);
	return swing != NULL ? parse_swing(swing + 1, s) : 0;
}

static int parse_segment(char *part, struct schedule_segment *s)
{
	char *colon = strchr(part, ':');

	s->duration = INFINITY;
	if (colon == NULL)
		return strchr(part, '~') == NULL && dash_of(part) != NULL ?
		    -1 : parse_rates(part, s);
	*colon = '\0';
	if (parse_duration(part, &s->duration) == -1 || s->duration <= 0)
		return -1;
	return parse_rates(colon + 1, s);
}

/* The swing's part of the integral from 0 to t. */
static double swing_area(const struct schedule_segment *s, double t)
{
	double omega;

	if (s->period <= 0)
		return 0;
	omega = 2 * M_PI / s->period;
	return s->amplitude / omega *
	    (cos(s->phase) - cos(omega * t + s->phase));
}

static double slope(const struct schedule_segment *s)
{
	return isinf(s->duration) ? 0 : (s->to - s->from) / s->duration;
}

static double area(const struct schedule_segment *s, double t)
{
	return s->from * t + slope(s) * t * t / 2 + swing_area(s, t);
}

static double rate(const struct schedule_segment *s, double t)
{
	double r = s->from + slope(s) * t;

	if (s->period > 0)
		r += s->amplitude * sin(2 * M_PI * t / s->period + s->phase);
	return r > 0 ? r : 0;
}

static int append(struct schedule *s, struct schedule_segment part)
{
	const struct schedule_segment *last = s->count > 0 ?
	    &s->segments[s->count - 1] : NULL;

	if (s->count == SCHEDULE_SEGMENTS_MAX ||
	    (last != NULL && isinf(last->duration)))
		return -1;
	if (last != NULL) {
		part.begin = last->begin + last->duration;
		part.before = last->before + area(last, last->duration);
	}
	s->segments = xreallocarray(s->segments, s->count + 1,
	    sizeof s->segments[0]);
	s->segments[s->count++] = part;
	return 0;
}

int schedule_parse(struct schedule *s, const char *text)
{
	char *copy = xstrdup(text);
	char *save = NULL;
	int rc = 0;

	memset(s, 0, sizeof *s);
	for (char *part = strtok_r(copy, ",", &save); part != NULL && rc == 0;
	    part = strtok_r(NULL, ",", &save)) {
		char *shown = xstrdup(part);
		struct schedule_segment segment = { 0 };

		if (parse_segment(part, &segment) == -1 ||
		    append(s, segment) == -1)
			rc = bad(text, shown);
		free(shown);
	}
	if (rc == 0 && s->count == 0)
		rc = bad(text, text);
	free(copy);
	if (rc == -1)
		schedule_release(s);
	return rc;
}

void schedule_release(struct schedule *s)
{
	free(s->segments);
	memset(s, 0, sizeof *s);
}

void schedule_cut(struct schedule *s, double seconds)
{
	while (s->count > 1 && s->segments[s->count - 1].begin >= seconds)
		s->count--;
	if (schedule_length(s) > seconds) {
		struct schedule_segment *last = &s->segments[s->count - 1];

		if (last->period <= 0)
			last->to = schedule_rate(s, seconds);
		last->duration = seconds - last->begin;
	}
}

double schedule_peak(const struct schedule *s)
{
	double peak = 0;

	for (size_t i = 0; i < s->count; i++)
		peak = fmax(peak, fmax(s->segments[i].from,
		    s->segments[i].to) + s->segments[i].amplitude);
	return peak;
}

char *schedule_text(const struct schedule *s)
{
	struct buf b = BUF_INIT(1u << 20);

	for (size_t i = 0; i < s->count; i++) {
		const struct schedule_segment *g = &s->segments[i];

		buf_puts(&b, i > 0 ? "," : "");
		if (!isinf(g->duration))
			buf_printf(&b, "%.9fs:", g->duration);
		buf_printf(&b, "%.17g", g->from);
		if (g->period > 0)
			buf_printf(&b, "~%.17g/%.9fs@%.17g", g->amplitude,
			    g->period, g->phase * 180 / M_PI);
		else if (!isinf(g->duration))
			buf_printf(&b, "-%.17g", g->to);
	}
	return buf_detach(&b);
}

double schedule_length(const struct schedule *s)
{
	const struct schedule_segment *last = &s->segments[s->count - 1];

	return last->begin + last->duration;
}

/* Newton's method for where the area of a swinging segment reaches n, within
 * a bracket that is halved where the rate is too flat for it. */
static double inverse_swing(const struct schedule_segment *s, double n)
{
	double swing = s->amplitude * s->period / M_PI;
	double low = s->from > 0 ? fmax((n - swing) / s->from, 0) : 0;
	double high = s->from > 0 ? (n + swing) / s->from : INFINITY;
	double t = (low + high) / 2;

	if (isinf(high))
		return INFINITY;
	for (int i = 0; i < 200 && high - low > 1e-12 * high; i++) {
		double error = area(s, t) - n;
		double r = rate(s, t);
		double next = r > 0 ? t - error / r : -1;

		if (error > 0)
			high = t;
		else
			low = t;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (fabs(next - t) <= 1e-13 * t)
			return next;
		t = next;
	}
	return t;
}

/* Where the area of a segment reaches n: 2n / (r + sqrt(r^2 + 2 a n)), which
 * is stable for a flat segment and for one that begins at 0. */
static double inverse(const struct schedule_segment *s, double n)
{
	double root = s->from * s->from + 2 * slope(s) * n;
	double below = s->from + sqrt(root > 0 ? root : 0);

	if (s->period > 0)
		return inverse_swing(s, n);
	return below > 0 ? 2 * n / below : INFINITY;
}

/* *at: a segment that n is not before; then the one it is in. */
static double when_from(const struct schedule *s, double n, size_t *at)
{
	for (size_t i = *at; i < s->count; i++) {
		const struct schedule_segment *g = &s->segments[i];
		double here = isinf(g->duration) ? INFINITY :
		    area(g, g->duration);

		*at = i;
		if (n <= g->before + here)
			return g->begin + inverse(g, n - g->before);
	}
	return INFINITY;
}

double schedule_when(const struct schedule *s, double n)
{
	size_t at = 0;

	return when_from(s, n, &at);
}

static const struct schedule_segment *segment_at(const struct schedule *s,
    double t)
{
	size_t i = s->count - 1;

	while (i > 0 && s->segments[i].begin > t)
		i--;
	return &s->segments[i];
}

double schedule_count(const struct schedule *s, double t)
{
	const struct schedule_segment *g = segment_at(s, t);
	double into = t - g->begin;

	return g->before + area(g, into < g->duration ? into : g->duration);
}

double schedule_rate(const struct schedule *s, double t)
{
	const struct schedule_segment *g = segment_at(s, t);
	double into = t - g->begin;

	return into > g->duration ? 0 : rate(g, into);
}

void schedule_walk_init(struct schedule_walk *w, const struct schedule *s,
    unsigned stripe, unsigned stripes, uint64_t seed)
{
	w->schedule = s;
	w->stripe = stripe;
	w->stripes = stripes;
	w->segment = 0;
	w->n = s->poisson ? 0 : (double)stripe + 1 - (double)stripes;
	if (s->poisson)
		poisson_init(&w->poisson, stripe, stripes, seed);
}

/* A Poisson process is drawn through, so that all stripes stay parts of the
 * same one.  Otherwise by whole steps to just before t: the loop puts right
 * what rounding did. */
void schedule_walk_skip(struct schedule_walk *w, double t)
{
	double step = (double)w->stripes;
	double n = schedule_count(w->schedule, t);

	if (w->schedule->poisson) {
		poisson_skip(&w->poisson, n);
		w->segment = 0;
		return;
	}
	n = floor((n - w->n) / step) - 2;
	if (n > 0)
		w->n += n * step;
	w->segment = 0;
	while (when_from(w->schedule, w->n + step, &w->segment) < t)
		w->n += step;
}

double schedule_walk_next(struct schedule_walk *w)
{
	if (w->schedule->poisson)
		w->n = poisson_next(&w->poisson);
	else
		w->n += (double)w->stripes;
	return when_from(w->schedule, w->n, &w->segment);
}
