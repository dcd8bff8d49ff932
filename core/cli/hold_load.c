/*
 * See the header.
 *
 * A change of the rate reaches the workers half a second later and costs half
 * an arrival (run/executor.c), so that a low rate is changed less often than
 * once a second, and a change too small to matter not at all.
 *
 * Where the usual window holds too few samples for the figure (a p99 wants
 * some hundreds), all that came since the load was changed last are taken, and
 * an interval with them: the controller waits until that says something.
 */
#include "cli/hold_load.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "cli/page.h"
#include "report/hold_view.h"
#include "report/report.h"
#include "run/criteria_value.h"
#include "run/executor.h"
#include "run/hold.h"
#include "run/run.h"
#include "stats/confidence.h"
#include "stats/window.h"

#define AT_ONCE   1e6                   /* users started in a second */
#define LATE      0.05                  /* share of arrivals */
#define DELAY_PART 10.0                 /* of a set point */
#define DELAY_MOST 200e6                /* ns */
#define FAILS_MOST 0.5                  /* share of requests */
#define SAME      0.002                 /* share of the load */
#define ARRIVALS  5                     /* between two changes */
#define SAID_MOST 100
#define IN_EFFECT 1.5                  /* seconds after a change */
#define LONGEST   60.0                 /* seconds are looked at */
#define STRETCH   2.0                   /* of the usual window, at most */
#define TAIL      3.0                   /* samples beyond a quantile */
#define UNSEEN    2.0                   /* times the slowest seen */
#define FAR       2.0                   /* times below the set point */
#define FAR_LEAST 5
#define FAR_WINDOW 16.0                 /* seconds */
#define LEAST_OF  30                    /* samples, of any figure */

static struct {
	bool on;
	struct hold_spec spec;
	struct hold hold;
	struct hold_status status;
	const struct stats *stats;
	bool running;                   /* of this test */
	int64_t started;
	double sent;                    /* load, as the run has it */
	double sent_at;                 /* elapsed seconds */
	int64_t done, due, late;        /* at the last tick */
	bool has_before;
	enum hold_phase said;
	unsigned said_count;
} held;

/* ---- what was asked for ---- */

/* NULL after log_error(). */
static const struct spec *chosen(const struct run_options *run)
{
	const char *name = held.spec.executor;

	if (name == NULL && run->spec_count == 1)
		return &run->specs[0];
	for (size_t i = 0; name != NULL && i < run->spec_count; i++) {
		if (strcmp(run->specs[i].name, name) == 0)
			return &run->specs[i];
	}
	if (name == NULL)
		log_error("--hold: there are several executors; say which, as "
		    "in --hold '%s; executor=%s'", held.spec.text,
		    run->specs[0].name);
	else
		log_error("--hold: there is no executor named \"%s\"", name);
	return NULL;
}

static int check(const struct options *o, const struct run_options *run)
{
	const struct spec *s = chosen(run);

	if (s == NULL)
		return -1;
	held.status.users = spec_model(s) == SPEC_USERS;
	if (o->capacity)
		log_error("--hold and swarm capacity both set the load: leave "
		    "one out");
	else if (!held.status.users && spec_model(s) != SPEC_RATE)
		log_error("--hold moves a rate or a number of users: it goes "
		    "with --rate or --users, not with a shape or iterations");
	else if (held.spec.in_flight && held.status.users)
		log_error("--hold in-flight: users who wait for their answers "
		    "are always in flight; give --rate");
	else
		return 0;
	return -1;
}

int hold_load_start(const struct options *o, const struct run_options *run)
{
	struct buf error = BUF_INIT(4096);
	int rc;

	if (o->hold == NULL)
		return 0;
	rc = hold_parse(&held.spec, o->hold, &error);
	if (rc == -1)
		log_error("--hold: %s", buf_str(&error));
	buf_release(&error);
	if (rc == -1 || check(o, run) == -1)
		return -1;
	held.status.spec = &held.spec;
	held.status.hold = &held.hold;
	held.on = true;
	return 0;
}

void hold_load_tell(const struct stats *stats)
{
	held.stats = stats;
}

void hold_load_release(void)
{
	hold_release(&held.hold);
	hold_spec_release(&held.spec);
	memset(&held, 0, sizeof held);
}

void hold_load_show(struct run_status *status)
{
	if (held.on && held.running && held.started == status->started)
		status->hold = &held.status;
}

/* ---- a second of it ---- */

static const struct executor_status *executor_of(const struct run_status *s)
{
	for (size_t i = 0; i < s->executor_count; i++) {
		if (held.spec.executor == NULL ||
		    strcmp(s->executors[i].name, held.spec.executor) == 0)
			return &s->executors[i];
	}
	return NULL;
}

/* Refused at once is no fast answer: a server that is gone must not draw all
 * the load there is. */
static bool mostly_fails(const struct criteria_view *v)
{
	struct criterion c = held.spec.criterion;
	double share;

	c.stat = CRITERION_ERROR_SHARE;
	return criteria_value_take(&c, v, NULL, 0, &share) &&
	    share > FAILS_MOST;
}

static bool is_of_errors(void)
{
	return !held.spec.in_flight &&
	    (held.spec.criterion.stat == CRITERION_ERROR_SHARE ||
	    held.spec.criterion.stat == CRITERION_ERROR_RATE);
}

/* Samples that the figure should rest on; 0: it is none of samples. */
static double wanted(void)
{
	const struct criterion *c = &held.spec.criterion;

	if (held.spec.in_flight)
		return 0;
	switch (c->stat) {
	case CRITERION_QUANTILE:
		return fmax(TAIL / fmin(c->parameter, 1 - c->parameter),
		    LEAST_OF);
	case CRITERION_SHARE:
	case CRITERION_ERROR_SHARE:
		return fmax(TAIL / fmin(held.spec.rules.target,
		    fmax(1 - held.spec.rules.target, 0.01)), LEAST_OF);
	case CRITERION_MEAN:
	case CRITERION_APDEX:
	case CRITERION_LAG:
		return LEAST_OF;
	default:
		return 0;
	}
}

/* How far the figure may be from what it is of so few. */
static struct interval interval_of(const struct window_sum *sum, double value)
{
	const struct criterion *c = &held.spec.criterion;
	double n = c->stat == CRITERION_ERROR_SHARE ? (double)sum->requests :
	    (double)sum->response.count;
	struct interval range;

	switch (c->stat) {
	case CRITERION_QUANTILE:
		range = confidence_quantile(&sum->response, c->parameter, n);
		/* Nothing was seen of the tail: it may be far. */
		if (n * (1 - c->parameter) < TAIL)
			range.hi = fmax(range.hi, UNSEEN *
			    (double)sum->response.max);
		return range;
	case CRITERION_MEAN:
		return confidence_mean(&sum->response, n);
	case CRITERION_SHARE:
	case CRITERION_APDEX:
	case CRITERION_ERROR_SHARE:
		return confidence_share(value, n);
	default:
		/* Nobody knows: as far as chance lets a mean of them be. */
		return (struct interval){ value / (1 + 2 / sqrt(n)),
			value * (1 + 2 / sqrt(n)) };
	}
}

/* False: nothing came in it. */
static bool look_at(struct criteria_view *v, double seconds,
    struct hold_second *s, double *samples)
{
	struct window_sum sum;
	bool known;

	v->seconds = seconds;
	*samples = 0;
	known = criteria_value_take(&held.spec.criterion, v, NULL, 0,
	    &s->value);
	if (known && criteria_value_collect(v, held.spec.criterion.series,
	    held.spec.criterion.tags, &sum)) {
		struct interval range = interval_of(&sum, s->value);

		*samples = (double)(held.spec.criterion.stat ==
		    CRITERION_ERROR_SHARE ? sum.requests : sum.response.count);
		s->low = held.spec.turned ? 1 - range.hi : range.lo;
		s->high = held.spec.turned ? 1 - range.lo : range.hi;
		window_sum_release(&sum);
	}
	if (known && held.spec.turned)
		s->value = 1 - s->value;
	return known;
}

/* On the way up a few that are fast will do: one step more is soon taken
 * back. */
static bool is_far_below(struct criteria_view *v, struct hold_second *s)
{
	double samples;

	for (double w = held.spec.window_s; w <= FAR_WINDOW; w *= 2) {
		if (look_at(v, w, s, &samples) && samples >= FAR_LEAST)
			return s->value < held.spec.rules.target / FAR;
	}
	return false;
}

/* The usual window, or one that is long enough without being much longer: near
 * that border a figure must not come and go with chance.  False: in none of
 * them were `least` samples; the last is in `s`. */
static bool look_back(struct criteria_view *v, double least,
    struct hold_second *s)
{
	double usual = held.spec.window_s, samples;

	for (double w = usual; w <= STRETCH * usual; w++) {
		/* Far too few are so in the longest, too. */
		if (!look_at(v, w, s, &samples) || samples * STRETCH < least)
			return false;
		if (samples >= least)
			return true;
	}
	return false;
}

/* Workers tell of users who wait a little later than of users who run; of a
 * worker that was lost it is not known what became of its arrivals. */
static double in_flight(const struct executor_status *e)
{
	double busy = (double)(e->users_running - e->idle + e->queued);
	double begun = (double)(e->due - e->dropped - e->done);

	return e->due > 0 ? fmax(fmin(busy, begun), 0) : NAN;
}

static void measure(struct hold_second *s, const struct executor_status *e,
    double elapsed)
{
	struct criteria_view v = { held.stats, report_windows(),
		held.spec.window_s, elapsed };
	double least = wanted();
	double samples;

	s->value = NAN;
	s->wait_s = elapsed - held.sent_at - IN_EFFECT;
	if (!is_of_errors() && mostly_fails(&v))
		return;
	if (held.spec.in_flight) {
		s->value = in_flight(e);
		return;
	}
	if (look_back(&v, least, s))
		return;
	if (!held.hold.begun && is_far_below(&v, s))
		return;
	/* None of these was measured under another load. */
	s->few = least > 0;
	if (s->wait_s < 1 || !look_at(&v, fmin(s->wait_s, LONGEST), s,
	    &samples))
		s->value = s->few ? NAN : s->value;
	else if (samples >= least)
		s->few = false;
}

/* How late the worst worker's loop is, in ns. */
static double delay_of(const struct report_load *load)
{
	double delay = 0;

	for (size_t i = 0; i < load->worker_count; i++)
		delay = fmax(delay, load->workers[i].health.delay_p99_ms *
		    1e6);
	return delay;
}

/* Its own delay must not be taken for the system's. */
static bool delay_matters(double delay)
{
	bool time = !held.spec.in_flight &&
	    criterion_unit(&held.spec.criterion) == CRITERION_TIME;

	return delay > (time ? fmin(held.spec.rules.target / DELAY_PART,
	    DELAY_MOST) : DELAY_MOST);
}

/* Iterations that ended, and whether those that were due began in time; both
 * of the last second.  Where nothing was due the workers could not even say
 * so. */
static void take_iterations(struct hold_second *s,
    const struct executor_status *e, double delay)
{
	double due = (double)(e->due - held.due);
	double late = (double)(e->late - held.late);

	s->done = NAN;
	if (held.has_before && !held.status.users && e->done >= held.done) {
		s->done = (double)(e->done - held.done);
		s->limited = due > 0 ? late > LATE * due &&
		    delay_matters(delay) : held.sent > ARRIVALS;
	}
	held.done = e->done;
	held.due = e->due;
	held.late = e->late;
	held.has_before = true;
}

/* Once for each turn of events. */
static void say(double value)
{
	struct buf text = BUF_INIT(4096);
	enum hold_phase phase = held.hold.phase;

	if (phase == held.said || held.said_count >= SAID_MOST)
		return;
	/* From near to seeking and back is the course of a noisy figure. */
	if (phase == HOLD_SEEKING && held.said == HOLD_NEARBY)
		return;
	held.said = phase;
	held.said_count++;
	hold_view_now(&text, &held.status, value);
	report_event("%s", buf_str(&text));
	page_event("hold", buf_str(&text));
	buf_release(&text);
}

static void send(double elapsed)
{
	double load = held.hold.load;
	bool less = load < 0.9 * held.sent;
	const char *why;
	int rc;

	if (held.status.users)
		load = round(load);
	if (fabs(load - held.sent) <= SAME * held.sent)
		return;
	if (!held.status.users && !less &&
	    (elapsed - held.sent_at) * held.sent < ARRIVALS)
		return;
	rc = held.status.users ? run_set_load(held.spec.executor,
	    (int64_t)load, AT_ONCE, &why) :
	    run_set_rate(held.spec.executor, load, &why);
	if (rc == -1)
		log_warn("--hold: %s", why);
	held.sent = load;
	held.sent_at = elapsed;
}

static double load_of(const struct executor_status *e)
{
	return held.status.users ? (double)e->users_target : e->rate;
}

static void begin(const struct run_status *status, double load,
    double elapsed)
{
	hold_release(&held.hold);
	hold_init(&held.hold, &held.spec.rules, load);
	held.started = status->started;
	held.running = true;
	held.sent = load;
	held.sent_at = elapsed;
	held.has_before = false;
	held.said = HOLD_BLIND;
	held.said_count = 0;
}

/* Beyond half of the smallest step it was no rounding. */
static bool moved_by_hand(double load)
{
	return fabs(load - held.sent) > fmax(0.01 * held.sent,
	    held.status.users ? 0.6 : 0);
}

void hold_load_tick(const struct run_status *status,
    const struct report_load *load)
{
	const struct executor_status *e = executor_of(status);
	double elapsed = windows_elapsed(report_windows());
	struct hold_second s = { .value = NAN };
	double now;

	if (!held.on || e == NULL || status->paused ||
	    e->state != EXECUTOR_RUNNING || (status->state != RUN_RUNNING &&
	    status->state != RUN_SPAWNING) || elapsed < held.spec.after_s)
		return;
	now = load_of(e);
	/* Arrivals have not begun, or there is nobody to ask. */
	if (now <= 0)
		return;
	if (!held.running || held.started != status->started)
		begin(status, now, elapsed);
	else if (moved_by_hand(now)) {
		hold_moved(&held.hold, now);
		held.sent = now;
	}
	measure(&s, e, elapsed);
	take_iterations(&s, e, delay_of(load));
	s.limited = s.limited || load->loop_busy > REPORT_BUSY;
	hold_second(&held.hold, elapsed, &s);
	send(elapsed);
	say(s.value);
}

void hold_load_finish(void)
{
	struct run_status status;
	struct hold_view view;
	struct buf text = BUF_INIT(4096);

	if (!held.running)
		return;
	run_status(&status);
	hold_load_show(&status);
	hold_view_take(&view, status.hold);
	hold_view_sentence(&text, &view);
	if (view.present)
		report_note("Hold: %s.", buf_str(&text));
	hold_view_release(&view);
	buf_release(&text);
}
