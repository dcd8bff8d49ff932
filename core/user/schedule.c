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
	log_error("arrival rate \"%s\": \"%s\" is not RATE, TIME:RATE or "
	    "TIME:FROM-TO, for example 100 or 30s:0-100,5m:100", text, part);
	return -1;
}

static int parse_rates(char *rates, struct schedule_segment *s)
{
	char *dash = strchr(rates, '-');

	if (dash != NULL)
		*dash = '\0';
	if (parse_double(rates, 0, RATE_MAX, &s->from) == -1)
		return -1;
	s->to = s->from;
	if (dash != NULL)
		return parse_double(dash + 1, 0, RATE_MAX, &s->to);
	return 0;
}

static int parse_segment(char *part, struct schedule_segment *s)
{
	char *colon = strchr(part, ':');

	s->duration = INFINITY;
	if (colon == NULL)
		return strchr(part, '-') != NULL ? -1 : parse_rates(part, s);
	*colon = '\0';
	if (parse_duration(part, &s->duration) == -1 || s->duration <= 0)
		return -1;
	return parse_rates(colon + 1, s);
}

static double area(const struct schedule_segment *s, double t)
{
	double slope;

	if (isinf(s->duration))
		return s->from * t;
	slope = (s->to - s->from) / s->duration;
	return s->from * t + slope * t * t / 2;
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

		last->to = schedule_rate(s, seconds);
		last->duration = seconds - last->begin;
	}
}

double schedule_peak(const struct schedule *s)
{
	double peak = 0;

	for (size_t i = 0; i < s->count; i++)
		peak = fmax(peak, fmax(s->segments[i].from,
		    s->segments[i].to));
	return peak;
}

char *schedule_text(const struct schedule *s)
{
	struct buf b = BUF_INIT(1u << 20);

	for (size_t i = 0; i < s->count; i++) {
		const struct schedule_segment *g = &s->segments[i];

		buf_puts(&b, i > 0 ? "," : "");
		if (isinf(g->duration))
			buf_printf(&b, "%.17g", g->from);
		else
			buf_printf(&b, "%.9fs:%.17g-%.17g", g->duration,
			    g->from, g->to);
	}
	return buf_detach(&b);
}

double schedule_length(const struct schedule *s)
{
	const struct schedule_segment *last = &s->segments[s->count - 1];

	return last->begin + last->duration;
}

/* Where the area of a segment reaches n: 2n / (r + sqrt(r^2 + 2 a n)), which
 * is stable for a flat segment and for one that begins at 0. */
static double inverse(const struct schedule_segment *s, double n)
{
	double slope = isinf(s->duration) ? 0 :
	    (s->to - s->from) / s->duration;
	double root = s->from * s->from + 2 * slope * n;
	double below = s->from + sqrt(root > 0 ? root : 0);

	return below > 0 ? 2 * n / below : INFINITY;
}

double schedule_when(const struct schedule *s, double n)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct schedule_segment *g = &s->segments[i];
		double here = isinf(g->duration) ? INFINITY :
		    area(g, g->duration);

		if (n <= g->before + here)
			return g->begin + inverse(g, n - g->before);
	}
	return INFINITY;
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

	if (isinf(g->duration))
		return g->from;
	if (into > g->duration)
		return 0;
	return g->from + (g->to - g->from) * into / g->duration;
}

void schedule_walk_init(struct schedule_walk *w, const struct schedule *s,
    unsigned stripe, unsigned stripes, uint64_t seed)
{
	w->schedule = s;
	w->stripe = stripe;
	w->stripes = stripes;
	w->n = s->poisson ? 0 : (double)stripe + 1 - (double)stripes;
	rng_seed(&w->rng, seed, stripe);
}

double schedule_walk_next(struct schedule_walk *w)
{
	double step = 1;

	if (w->schedule->poisson)
		step = -log(1 - rng_uniform(&w->rng));
	w->n += step * (double)w->stripes;
	return schedule_when(w->schedule, w->n);
}
