/*
 * The controller.
 *
 * Velocity form: each second the logarithm of the load moves by
 *
 *	gain * (e - e before) + gain / reset * e + part * ln(answered / asked),
 *	e = ln(target / value)
 *
 * clamped to the speed and to [least, most], so that a bound or an alarm needs
 * no care for what an integral has piled up.  Logarithms make twice too much
 * and half too little the same size, at any scale.
 *
 * The last term is nothing as long as all that comes is answered.  Where it is
 * not, a queue grows by the difference, and seconds pass before the figure
 * shows it: without that term the load swings round what the server can do.
 *
 * A server that is full answers as many as it can, whatever comes: far beyond
 * the target the load goes at once to a part of what was answered, below what
 * the server can do, and the queue drains.
 *
 * A figure of few samples is an interval.  Where the target lies within it
 * there is nothing to act upon: the load stays, and what comes adds up, for a
 * minute at most.  Where it does not, it is acted upon for all the seconds that
 * were waited, beyond the target by the end that is nearest to it; and an alarm
 * is one only when all of the interval is beyond the threshold.
 *
 * Each move is of the load as it is, within its bounds, so that nothing winds
 * up at a bound, in an alarm or while it is waited.
 *
 * A generator at its limit measures itself.  Then the load stays below where
 * that was seen, with a little more tried after a while, and it is said.
 */
#include "run/hold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define FOLLOW       0.2                /* of what is asked and not answered */
#define FARTHEST     3.0                /* error: a twentieth, or 20 times */
#define BEGIN        0.7                /* error: half the target */
#define DRAIN        0.8                /* of what is answered, in an alarm */
#define BLIND_DRAIN  0.7                /* of the load, if that is unknown */
#define ALARM_REST   2                  /* seconds: the figure lags */
#define STEP_UP      1.02
#define STEP_DOWN    0.7
#define STEP_REST    5                  /* seconds */
#define LIMIT_MARGIN 0.95
#define LIMITED_FOR  3                  /* seconds */
#define LIMITED_MOST 5                  /* counted up to */
#define CALM         10                 /* seconds, then */
#define CALM_MORE    1.1                /* may be tried */
#define FOLLOW_MANY  400.0              /* arrivals in two seconds */
#define WAIT_MOST    60.0               /* seconds for more samples */
#define WAIT_COUNTS  5.0                /* seconds of it, at once */
#define WAIT_SPEED   2.0                /* likewise, of the speed */

static double clamp(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

void hold_init(struct hold *h, const struct hold_rules *rules, double load)
{
	memset(h, 0, sizeof *h);
	h->rules = *rules;
	h->load = clamp(load, rules->least, rules->most);
	h->done[0] = h->done[1] = h->last = NAN;
	for (size_t i = 0; i < HOLD_LOADS; i++)
		h->loads[i] = h->load;
}

void hold_release(struct hold *h)
{
	free(h->points);
	memset(h, 0, sizeof *h);
}

const char *hold_phase_name(enum hold_phase phase)
{
	static const char *const names[] = {
		[HOLD_BLIND] = "nothing measured",
		[HOLD_SEEKING] = "seeking",
		[HOLD_NEARBY] = "near",
		[HOLD_ALARM] = "alarm",
		[HOLD_LEAST] = "least load",
		[HOLD_MOST] = "most load",
		[HOLD_LIMITED] = "generator-limited",
	};

	return names[phase];
}

enum hold_phase hold_phase_of_name(const char *name)
{
	for (int i = HOLD_BLIND; i <= HOLD_LIMITED; i++) {
		if (strcmp(name, hold_phase_name((enum hold_phase)i)) == 0)
			return (enum hold_phase)i;
	}
	return HOLD_BLIND;
}

/* ---- what has been ---- */

static void thin_out(struct hold *h)
{
	for (size_t i = 0; 2 * i < h->count; i++)
		h->points[i] = h->points[2 * i];
	h->count = (h->count + 1) / 2;
	h->skip = 2 * h->skip + 1;
}

static void add_point(struct hold *h, double at, double value, double load)
{
	if (h->skipped++ < h->skip)
		return;
	h->skipped = 0;
	if (h->points == NULL)
		h->points = xcalloc(HOLD_POINTS, sizeof h->points[0]);
	if (h->count == HOLD_POINTS)
		thin_out(h);
	h->points[h->count++] = (struct hold_point){ at, value, load,
		h->phase };
}

/* ---- the next load ---- */

static double ceiling(const struct hold *h)
{
	double most = h->rules.most;

	return h->limit > 0 && h->limit < most ? h->limit : most;
}

static void move(struct hold *h, double load)
{
	double most = ceiling(h);

	h->load = clamp(load, h->rules.least < most ? h->rules.least : most,
	    most);
}

/* What the system answered of late; NAN. */
static double answered(const struct hold *h)
{
	if (isnan(h->done[0]))
		return h->done[1];
	return isnan(h->done[1]) ? h->done[0] :
	    (h->done[0] + h->done[1]) / 2;
}

static void drain(struct hold *h)
{
	double done = answered(h);

	if (h->rest-- > 0)
		return;
	h->rest = ALARM_REST;
	/* Never up: where little comes back it is no measure of what could. */
	move(h, isnan(done) ? BLIND_DRAIN * h->load :
	    fmin(h->load, DRAIN * done));
}

/* Into it beyond the threshold, out of it half way back. */
static bool alarmed(const struct hold *h, const struct hold_second *s)
{
	double value = s->few ? s->low : s->value;
	double threshold = h->rules.alarm * h->rules.target;
	double back = (h->rules.target + threshold) / 2;

	return h->rules.alarm > 0 &&
	    value >= (h->phase == HOLD_ALARM ? back : threshold);
}

/* More is asked than is answered, or less while a queue drains. */
static double follow(const struct hold *h)
{
	double asked = (h->loads[HOLD_LOADS - 2] + h->loads[HOLD_LOADS - 3]) / 2;
	double done = answered(h);

	if (!(done > 0) || !(asked > 0))
		return 0;
	/* By chance few are soon many more, or less. */
	return FOLLOW * fmin(1, 2 * asked / FOLLOW_MANY) *
	    clamp(log(done / asked), -1, 1);
}

static void smooth(struct hold *h, double error, double seconds)
{
	const struct hold_rules *r = &h->rules;
	double speed = r->speed * fmin(seconds, WAIT_SPEED);
	double change = r->gain / r->reset_s * error *
	    fmin(seconds, WAIT_COUNTS);

	if (h->has_error)
		change += r->gain * (error - h->error);
	change += follow(h);
	/* Far from the knee the figure says nothing about where it is. */
	if (!h->begun && error > BEGIN)
		change = speed;
	move(h, h->load * exp(clamp(change, -speed, speed)));
}

static void step(struct hold *h, double error)
{
	if (error < 0 && h->rest <= 0) {
		move(h, STEP_DOWN * h->load);
		h->rest = STEP_REST;
	} else if (h->rest > 0) {
		h->rest--;
	} else {
		move(h, STEP_UP * h->load);
	}
}

static enum hold_phase look(const struct hold *h, double error)
{
	if (h->limit > 0 && h->load >= h->limit && error > 0)
		return HOLD_LIMITED;
	if (h->load >= h->rules.most && error > HOLD_NEAR)
		return HOLD_MOST;
	if (h->load <= h->rules.least && error < -HOLD_NEAR)
		return HOLD_LEAST;
	if (fabs(error) <= HOLD_NEAR)
		return HOLD_NEARBY;
	/* Once there, a noisy second is not a journey. */
	if (h->phase == HOLD_NEARBY && fabs(error) < BEGIN)
		return HOLD_NEARBY;
	return HOLD_SEEKING;
}

static void note_limit(struct hold *h, bool limited)
{
	h->limited = limited ? h->limited + (h->limited < LIMITED_MOST) :
	    h->limited - (h->limited > 0);
	h->calm = limited ? 0 : h->calm + 1;
	if (h->limit > 0 && h->calm >= CALM) {
		h->limit *= CALM_MORE;
		h->calm = 0;
	}
	if (h->limited < LIMITED_FOR)
		return;
	/* Once more at its limit, it is lower than was thought. */
	h->limit = LIMIT_MARGIN * h->load;
	h->limited = 0;
	move(h, h->load);
}

static double error_of(const struct hold *h, double value)
{
	return value > 0 ? clamp(log(h->rules.target / value), -FARTHEST,
	    FARTHEST) : FARTHEST;
}

/* Whether there is something to act upon, and by which value. */
static bool is_clear(const struct hold *h, const struct hold_second *s,
    double *value)
{
	double target = h->rules.target;

	if (!s->few || s->wait_s >= WAIT_MOST)
		return true;
	if (s->low <= target && target <= s->high)
		return false;
	/* Too much rather at once: what is sure of it. */
	*value = target < s->low ? s->low : s->value;
	return true;
}

double hold_second(struct hold *h, double at, const struct hold_second *s)
{
	double before = h->load;
	double value = s->value;
	double error;

	h->done[0] = h->done[1];
	h->done[1] = s->done;
	h->last = s->value;
	note_limit(h, s->limited);
	if (isnan(s->value)) {
		add_point(h, at, NAN, before);
		return h->load;
	}
	memmove(h->loads, h->loads + 1, (HOLD_LOADS - 1) * sizeof h->loads[0]);
	h->loads[HOLD_LOADS - 1] = before;
	if (!alarmed(h, s) && !is_clear(h, s, &value)) {
		h->waited++;
		h->phase = look(h, error_of(h, s->value));
		add_point(h, at, s->value, before);
		return h->load;
	}
	error = error_of(h, value);
	h->begun = h->begun || error <= BEGIN;
	if (alarmed(h, s)) {
		if (h->phase != HOLD_ALARM)
			h->rest = 0;
		h->phase = HOLD_ALARM;
		drain(h);
	} else {
		if (h->phase == HOLD_ALARM)
			h->rest = 0;
		if (h->rules.how == HOLD_SMOOTH)
			smooth(h, error, 1 + h->waited);
		else
			step(h, error);
		h->phase = look(h, error);
	}
	h->error = error;
	h->has_error = true;
	h->waited = 0;
	add_point(h, at, s->value, before);
	return h->load;
}

double hold_last(const struct hold *h)
{
	return h->last;
}

void hold_moved(struct hold *h, double load)
{
	move(h, load);
}
