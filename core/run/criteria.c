/*
 * Judging criteria.
 *
 * A pattern may match several series; they are added up first, because a p99
 * of several endpoints is that of their samples together and of nothing else.
 *
 * `for` looks at the last two seconds, every second: a worker's report of a
 * second may come just after the tick, so that a single second may be empty
 * while nothing is wrong.
 */
#include "run/criteria.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOR_WINDOW 2.0

struct criteria {
	struct criterion_state *states;
	size_t count;
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
	for (size_t i = 0; i < c->count; i++)
		criterion_release(&c->states[i].criterion);
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
		c->states[c->count++].since_s = -1;
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
	    (s->broken || !s->known);
}

/* Where the numbers of a moment come from. */
struct view {
	const struct stats *stats;
	const struct windows *windows;
	double seconds;                 /* of the window; 0: the whole run */
	double elapsed;
};

static void add_run(struct window_sum *sum, const struct series *s)
{
	sum->requests += s->requests;
	sum->failures += s->failures;
	sum->bytes += s->bytes;
	histogram_merge(&sum->response, series_response(s));
}

static void add_window(struct window_sum *sum, const struct view *v,
    const struct series *s)
{
	struct window_sum part;

	windows_sum(v->windows, s, v->seconds, &part);
	sum->requests += part.requests;
	sum->failures += part.failures;
	sum->bytes += part.bytes;
	histogram_merge(&sum->response, &part.response);
	window_sum_release(&part);
}

/* A phase counts its observations. */
static void add(struct window_sum *sum, const struct view *v,
    const struct series *s, bool total)
{
	uint64_t before = sum->response.count;

	if (v->seconds > 0)
		add_window(sum, v, total ? NULL : s);
	else
		add_run(sum, s);
	if (s->phase)
		sum->requests += sum->response.count - before;
}

/* How long the window really is: that of the total, which all share. */
static double length_of(const struct view *v)
{
	struct window_sum total;
	double length;

	if (v->seconds <= 0)
		return v->elapsed;
	windows_sum(v->windows, NULL, v->seconds, &total);
	length = total.length;
	window_sum_release(&total);
	return length;
}

/* Fills `sum`; false when no series matches. */
static bool collect(const struct view *v, const char *pattern,
    struct window_sum *sum)
{
	bool found = false;

	memset(sum, 0, sizeof(*sum));
	histogram_init(&sum->response);
	sum->length = length_of(v);
	if (!pattern) {
		add(sum, v, &v->stats->total, true);
		return true;
	}
	for (size_t i = 0; i < v->stats->count; i++) {
		const struct series *s = v->stats->series[i];

		if (!criterion_matches(pattern, s->type, s->name))
			continue;
		add(sum, v, s, false);
		found = true;
	}
	return found;
}

/* A counter's value over the run; false when there is none. */
static bool counter(const struct stats *stats, const char *name, double *out)
{
	for (size_t i = 0; i < stats->counter_count; i++) {
		if (strcmp(stats->counters[i].name, name) == 0) {
			*out = (double)stats->counters[i].value;
			return true;
		}
	}
	return false;
}

/* How often: a series of that name, or a counter. */
static bool amount(const struct view *v, const char *name, double *out)
{
	struct window_sum sum;
	bool found = collect(v, name, &sum);

	*out = (double)sum.requests;
	window_sum_release(&sum);
	return found || counter(v->stats, name, out);
}

static bool ratio(const struct view *v, const struct criterion *c,
    double *out)
{
	double a, b;

	if (!amount(v, c->series, &a) || !amount(v, c->other, &b) || b == 0)
		return false;
	*out = a / b;
	return true;
}

static double apdex(const struct histogram *h, double limit)
{
	double satisfied = histogram_share(h, (int64_t)limit);
	double tolerating = histogram_share(h, (int64_t)(4 * limit)) -
	    satisfied;

	return satisfied + tolerating / 2;
}

/* False where there is nothing to take a statistic of. */
static bool time_value(const struct criterion *c, const struct histogram *h,
    double *out)
{
	if (h->count == 0)
		return false;
	switch (c->stat) {
	case CRITERION_MEAN:
		*out = histogram_mean(h);
		return true;
	case CRITERION_MIN:
		*out = (double)h->min;
		return true;
	case CRITERION_MAX:
		*out = (double)h->max;
		return true;
	case CRITERION_SHARE:
		*out = histogram_share(h, (int64_t)c->parameter);
		return true;
	case CRITERION_APDEX:
		*out = apdex(h, c->parameter);
		return true;
	default:
		*out = (double)histogram_quantile(h, c->parameter);
		return true;
	}
}

static bool value_of(const struct criterion *c, const struct window_sum *sum,
    double *out)
{
	switch (c->stat) {
	case CRITERION_COUNT:
		*out = (double)sum->requests;
		return true;
	case CRITERION_ERRORS:
		*out = (double)sum->failures;
		return true;
	case CRITERION_RATE:
		*out = (double)sum->requests / sum->length;
		return sum->length > 0;
	case CRITERION_ERROR_RATE:
		*out = (double)sum->failures / sum->length;
		return sum->length > 0;
	case CRITERION_ERROR_SHARE:
		*out = (double)sum->failures / (double)sum->requests;
		return sum->requests > 0;
	default:
		return time_value(c, &sum->response, out);
	}
}

static void subtract(struct window_sum *sum, const struct window_sum *before,
    double after_s)
{
	/* The statistics were reset since: all that is there came after. */
	if (sum->requests < before->requests ||
	    sum->failures < before->failures ||
	    sum->response.count < before->response.count)
		return;
	sum->requests -= before->requests;
	sum->failures -= before->failures;
	sum->bytes -= before->bytes;
	sum->length -= after_s;
	histogram_subtract(&sum->response, &before->response);
}

/* The statistic now; false when there is none. */
static bool measure(const struct criterion_state *s, const struct view *v,
    double *out)
{
	const struct criterion *c = &s->criterion;
	struct window_sum sum;
	bool known;

	if (c->stat == CRITERION_RATIO)
		return ratio(v, c, out);
	if (c->stat == CRITERION_COUNTER)
		return counter(v->stats, c->series, out);
	known = collect(v, c->series, &sum);
	if (v->seconds <= 0 && s->has_before)
		subtract(&sum, &s->before, c->after_s);
	known = known && value_of(c, &sum, out);
	window_sum_release(&sum);
	return known;
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
static bool judge_window(struct criterion_state *s, const struct view *v)
{
	const struct criterion *c = &s->criterion;
	double value;

	if (c->span == CRITERION_OVER &&
	    v->elapsed < c->after_s + c->span_s - 0.5)
		return false;
	if (!measure(s, v, &value)) {
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
static bool judge_run(struct criterion_state *s, const struct view *v)
{
	double value;

	if (!measure(s, v, &value))
		return false;
	s->known = true;
	s->judged++;
	if (criterion_holds(&s->criterion, value))
		note_breach(s, value, v->elapsed);
	s->value = value;
	return criterion_holds(&s->criterion, value);
}

static void take_before(struct criterion_state *s, const struct view *v)
{
	struct view run = { v->stats, v->windows, 0, v->elapsed };

	if (s->has_before || s->criterion.after_s <= 0)
		return;
	collect(&run, s->criterion.series, &s->before);
	s->has_before = true;
}

/* A window must not reach back into the time that `after` leaves out. */
static double window_of(const struct criterion *c, double elapsed)
{
	double seconds = c->span == CRITERION_FOR ? FOR_WINDOW : c->span_s;
	double there = elapsed - c->after_s;

	return fmax(1, fmin(seconds, there));
}

static bool tick_one(struct criterion_state *s, struct view *v)
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
	if (!judge_window(s, v))
		return false;
	s->broken = true;
	return c->action == CRITERION_STOP;
}

const struct criterion_state *criteria_tick(struct criteria *c,
    const struct stats *stats, const struct windows *windows,
    double elapsed)
{
	const struct criterion_state *stop = NULL;

	for (size_t i = 0; i < c->count; i++) {
		struct view v = { stats, windows, 0, elapsed };

		if (tick_one(&c->states[i], &v)) {
			c->states[i].broken = true;
			if (!stop)
				stop = &c->states[i];
		}
	}
	return stop;
}

void criteria_finish(struct criteria *c, const struct stats *stats,
    double elapsed)
{
	for (size_t i = 0; i < c->count; i++) {
		struct criterion_state *s = &c->states[i];
		struct view v = { stats, NULL, 0, elapsed };
		double value;

		if (s->criterion.span != CRITERION_RUN || s->broken)
			continue;
		if (elapsed <= s->criterion.after_s) {
			s->known = false;
			continue;
		}
		s->known = measure(s, &v, &value);
		if (!s->known)
			continue;
		s->value = value;
		s->broken = criterion_holds(&s->criterion, value);
	}
}
