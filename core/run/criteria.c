/*
 * Judging criteria.
 *
 * `for` looks at the last two seconds, every second: a worker's report of a
 * second may come just after the tick, so that a single second may be empty
 * while nothing is wrong.
 */
#include "run/criteria.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "run/criteria_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOR_WINDOW 2.0
#define STEP_REST  10.0                /* seconds a step has to show */

struct criteria {
	struct criterion_state *states;
	size_t count;
	bool marks;                     /* to leave out what came before them */
};

struct criteria *criteria_new(void)
{
	return xcalloc(1, sizeof(struct criteria));
}

static void forget(struct criterion_state *s)
{
	if (s->has_before)
		window_sum_release(&s->before);
	s->has_before = false;
	s->broken = false;
	s->known = false;
	s->value = 0;
	s->first_s = 0;
	s->judged = 0;
	s->held = 0;
	s->since_s = -1;
	s->stepped = false;
	s->rest_until = 0;
	criteria_past_release(&s->past);
	criteria_past_init(&s->past, s->criterion.span_s);
}

void criteria_clear(struct criteria *c)
{
	for (size_t i = 0; i < c->count; i++)
		forget(&c->states[i]);
}

void criteria_free(struct criteria *c)
{
	if (!c)
		return;
	criteria_clear(c);
	for (size_t i = 0; i < c->count; i++) {
		criteria_past_release(&c->states[i].past);
		criterion_release(&c->states[i].criterion);
	}
	free(c->states);
	free(c);
}

int criteria_add(struct criteria *c, const char *text,
    enum criterion_action action)
{
	struct buf error = BUF_INIT(4096);
	struct criterion parsed;
	int rc = criterion_parse(&parsed, text, action, &error);

	if (rc == -1) {
		log_error("criterion %s", buf_str(&error));
	} else {
		c->states = xreallocarray(c->states, c->count + 1,
		    sizeof(*c->states));
		memset(&c->states[c->count], 0, sizeof(*c->states));
		c->states[c->count].criterion = parsed;
		forget(&c->states[c->count++]);
	}
	buf_release(&error);
	return rc;
}

size_t criteria_count(const struct criteria *c)
{
	return c->count;
}

const struct criterion_state *criteria_at(const struct criteria *c, size_t i)
{
	return &c->states[i];
}

unsigned criteria_longest(const struct criteria *c)
{
	double longest = 0;

	for (size_t i = 0; i < c->count; i++)
		longest = fmax(longest, c->states[i].criterion.span_s);
	return (unsigned)ceil(longest);
}

bool criterion_state_failed(const struct criterion_state *s)
{
	return s->criterion.action != CRITERION_WARN &&
	    s->criterion.action != CRITERION_STEP_DOWN &&
	    (s->broken || !s->known);
}

void criteria_skip(struct criteria *c, double seconds)
{
	for (size_t i = 0; i < c->count; i++) {
		struct criterion *one = &c->states[i].criterion;

		one->after_s = fmax(one->after_s, seconds);
	}
}

void criteria_keep_marks(struct criteria *c)
{
	c->marks = true;
}

const struct criterion_state *criteria_step(struct criteria *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (!c->states[i].stepped)
			continue;
		c->states[i].stepped = false;
		return &c->states[i];
	}
	return NULL;
}

/* The statistic now; false when there is none. */
static bool measure(const struct criterion_state *s,
    const struct criteria_view *v, const struct criteria_mark *mark,
    double *out)
{
	const struct criterion *c = &s->criterion;
	const struct window_sum *before = s->has_before ? &s->before : NULL;

	if (c->stat == CRITERION_SLOPE) {
		/* A second's growth; it is written for a minute. */
		if (!criteria_past_slope(&s->past, mark, out))
			return false;
		*out *= 60;
		return true;
	}
	if (mark != NULL)
		return criteria_value_take(c, v, &mark->sum, mark->at, out);
	return criteria_value_take(c, v, before, c->after_s, out);
}

/* The mean of the last second is a point of a slope. */
static void add_point(struct criterion_state *s,
    const struct criteria_view *v)
{
	const struct criterion *c = &s->criterion;
	struct criteria_view last = *v;
	struct window_sum sum;

	if (c->stat != CRITERION_SLOPE)
		return;
	last.seconds = 0.1;
	criteria_value_collect(&last, c->series, c->tags, &sum);
	if (sum.response.count > 0)
		criteria_past_add(&s->past, v->elapsed,
		    histogram_mean(&sum.response));
	window_sum_release(&sum);
}

static void add_mark(struct criterion_state *s, const struct criteria_view *v)
{
	const struct criterion *c = &s->criterion;
	struct criteria_view run = { v->stats, v->windows, 0, v->elapsed };
	struct window_sum sum;

	if (c->span != CRITERION_RUN || c->after_s > 0 ||
	    !criteria_past_due(&s->past, v->elapsed))
		return;
	criteria_value_collect(&run, c->series, c->tags, &sum);
	criteria_past_mark(&s->past, v->elapsed, &sum);
}

/* `value` is the last one, or that of the first breach. */
static void note_breach(struct criterion_state *s, double value,
    double elapsed)
{
	if (s->held++ > 0)
		return;
	s->value = value;
	s->first_s = elapsed;
}

/* True when the criterion is met now, for as long as it asks. */
static bool judge_window(struct criterion_state *s, const struct criteria_view *v)
{
	const struct criterion *c = &s->criterion;
	double value;

	if (c->span == CRITERION_OVER &&
	    v->elapsed < c->after_s + c->span_s - 0.5)
		return false;
	if (!measure(s, v, NULL, &value)) {
		s->since_s = -1;
		return false;
	}
	s->known = true;
	s->judged++;
	if (s->held == 0)
		s->value = value;
	if (!criterion_holds(c, value)) {
		s->since_s = -1;
		return false;
	}
	if (s->since_s < 0)
		s->since_s = v->elapsed - 1;
	if (c->span == CRITERION_FOR &&
	    v->elapsed - s->since_s < c->span_s - 0.5)
		return false;
	note_breach(s, value, v->elapsed);
	return true;
}

/* The whole run so far; the last value counts. */
static bool judge_run(struct criterion_state *s, const struct criteria_view *v)
{
	double value;

	if (!measure(s, v, NULL, &value))
		return false;
	s->known = true;
	s->judged++;
	if (criterion_holds(&s->criterion, value))
		note_breach(s, value, v->elapsed);
	s->value = value;
	return criterion_holds(&s->criterion, value);
}

static void take_before(struct criterion_state *s, const struct criteria_view *v)
{
	struct criteria_view run = { v->stats, v->windows, 0, v->elapsed };

	if (s->has_before || s->criterion.after_s <= 0)
		return;
	criteria_value_collect(&run, s->criterion.series, s->criterion.tags,
	    &s->before);
	s->has_before = true;
}

/* A window must not reach back into the time that `after` leaves out. */
static double window_of(const struct criterion *c, double elapsed)
{
	double seconds = c->span == CRITERION_FOR ? FOR_WINDOW : c->span_s;
	double there = elapsed - c->after_s;

	return fmax(1, fmin(seconds, there));
}

static bool tick_one(struct criterion_state *s, struct criteria_view *v)
{
	const struct criterion *c = &s->criterion;

	if (v->elapsed < c->after_s + 0.5) {
		/* The last tick before it begins is what came before. */
		if (v->elapsed > c->after_s - 0.5)
			take_before(s, v);
		return false;
	}
	take_before(s, v);
	if (c->span == CRITERION_RUN) {
		v->seconds = 0;
		return judge_run(s, v) && c->action == CRITERION_STOP;
	}
	v->seconds = window_of(c, v->elapsed);
	if (v->elapsed < s->rest_until || !judge_window(s, v))
		return false;
	s->broken = true;
	if (c->action == CRITERION_STEP_DOWN) {
		s->stepped = true;
		s->rest_until = v->elapsed + fmax(c->span_s, STEP_REST);
		s->since_s = -1;
	}
	return c->action == CRITERION_STOP;
}

const struct criterion_state *criteria_tick(struct criteria *c,
    const struct stats *stats, const struct windows *windows,
    double elapsed)
{
	const struct criterion_state *stop = NULL;

	for (size_t i = 0; i < c->count; i++) {
		struct criteria_view v = { stats, windows, 0, elapsed };

		if (elapsed > c->states[i].criterion.after_s)
			add_point(&c->states[i], &v);
		if (c->marks)
			add_mark(&c->states[i], &v);
		if (tick_one(&c->states[i], &v)) {
			c->states[i].broken = true;
			if (!stop)
				stop = &c->states[i];
		}
	}
	return stop;
}

void criteria_finish(struct criteria *c, const struct stats *stats,
    double elapsed, double warm_up)
{
	for (size_t i = 0; i < c->count; i++) {
		struct criterion_state *s = &c->states[i];
		struct criteria_view v = { stats, NULL, 0, elapsed };
		const struct criteria_mark *mark = warm_up > 0 ?
		    criteria_past_at(&s->past, warm_up) : NULL;
		double value;

		if (s->criterion.span != CRITERION_RUN || s->broken)
			continue;
		if (elapsed <= s->criterion.after_s) {
			s->known = false;
			continue;
		}
		s->known = measure(s, &v, mark, &value);
		if (!s->known)
			continue;
		s->value = value;
		s->broken = criterion_holds(&s->criterion, value);
	}
}
