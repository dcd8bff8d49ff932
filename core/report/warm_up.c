/*
 * Warm-up, from the seconds of a run at full load: a ramp is never steady.
 *
 * Both what was answered in a second and how long it took have to have
 * settled, so the later of two cuts counts.  Times are cut on their logarithm:
 * they are never negative, and a warm-up multiplies them.
 */
#include "report/warm_up.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/xalloc.h"
#include "report/property.h"
#include "report/result.h"
#include "report/text.h"
#include "stats/steady.h"

static const char *const names[] = { "unknown", "steady", "drifting",
	"never" };
#define STATES (sizeof(names) / sizeof(*names))

int warm_up_parse(const char *text, double *out)
{
	if (strcmp(text, "none") == 0)
		*out = WARM_UP_NONE;
	else if (strcmp(text, "auto") == 0)
		*out = WARM_UP_AUTO;
	else if (parse_duration(text, out) == -1)
		return -1;
	return 0;
}

/* The seconds of a stretch as two columns; the caller frees both. */
struct columns {
	double *rate;
	double *mean;                   /* ns */
	size_t count;
};

static void columns_init(struct columns *c, const struct result_point *p,
    size_t count)
{
	double last = 0;

	*c = (struct columns){ xcalloc(count + 1, sizeof *c->rate),
		xcalloc(count + 1, sizeof *c->mean), count };
	for (size_t i = 0; i < count; i++) {
		/* A second without an answer says nothing of times. */
		if (p[i].response.count > 0)
			last = (double)p[i].response.sum /
			    (double)p[i].response.count;
		c->mean[i] = last;
		c->rate[i] = p[i].length > 0 ?
		    (double)p[i].requests / p[i].length : 0;
	}
}

static void columns_release(struct columns *c)
{
	free(c->rate);
	free(c->mean);
}

/* In a short run the best cut may come late by chance: a series without a
 * trend needs none. */
static bool cut_one(const double *values, const double *plain, size_t count,
    size_t *cut)
{
	struct steady_trend all;

	if (steady_cut(values, count, cut))
		return true;
	all = steady_trend(plain, count);
	*cut = 0;
	return !steady_drifts(&all);
}

/* The later of the two cuts; false when either finds none. */
static bool cut_of(const struct columns *c, size_t *cut)
{
	double *logs = xcalloc(c->count + 1, sizeof *logs);
	size_t by_rate, by_mean;
	bool found;

	for (size_t i = 0; i < c->count; i++)
		logs[i] = log(c->mean[i] > 1 ? c->mean[i] : 1);
	found = cut_one(logs, c->mean, c->count, &by_mean);
	found = cut_one(c->rate, c->rate, c->count, &by_rate) && found;
	free(logs);
	*cut = by_mean > by_rate ? by_mean : by_rate;
	return found;
}

static void judge(struct warm_up *w, const struct columns *c, size_t cut)
{
	struct steady_trend rate, mean;

	rate = steady_trend(c->rate + cut, c->count - cut);
	mean = steady_trend(c->mean + cut, c->count - cut);
	w->drift_rate = rate.drift;
	w->drift_latency = mean.drift;
	w->state = steady_drifts(&rate) || steady_drifts(&mean) ?
	    WARM_UP_DRIFTING : WARM_UP_STEADY;
}

static const struct {
	const char *name;
	double q;                       /* 0: the mean */
} figures[WARM_UP_FIGURES] = { { "mean", 0 }, { "p50", 0.5 }, { "p90", 0.9 },
	{ "p95", 0.95 }, { "p99", 0.99 }, { "p99.9", 0.999 } };
enum { P50 = 1, P95 = 3 };

static void take_figures(struct warm_up *w, const struct histogram *h)
{
	w->timed = h->count;
	for (size_t i = 0; i < WARM_UP_FIGURES; i++)
		w->ms[i] = (figures[i].q > 0 ? (double)histogram_quantile(h,
		    figures[i].q) : histogram_mean(h)) / 1e6;
}

static void add_up(struct warm_up *w, const struct result_point *p,
    size_t count)
{
	struct histogram response;

	histogram_init(&response);
	for (size_t i = 0; i < count; i++) {
		w->requests += p[i].requests;
		w->failures += p[i].failures;
		sparse_add(&response, &p[i].response);
	}
	take_figures(w, &response);
	histogram_release(&response);
	if (count == 0)
		return;
	w->from_s = p[0].end - p[0].length;
	w->to_s = p[count - 1].end;
}

void warm_up_take(struct warm_up *w, const struct result *r, double asked)
{
	size_t first, count = result_steady(r, &first), cut = 0;
	struct columns c;

	memset(w, 0, sizeof *w);
	w->applied = asked < 0 || asked > 0;
	while (asked > 0 && count > 0 &&
	    r->points[first].end - r->points[first].length < asked - 0.5) {
		first++;
		count--;
	}
	columns_init(&c, r->points + first, count);
	if (count >= STEADY_LEAST && asked > 0)
		judge(w, &c, 0);
	else if (count >= STEADY_LEAST && !cut_of(&c, &cut))
		w->state = WARM_UP_NEVER;
	else if (count >= STEADY_LEAST)
		judge(w, &c, cut);
	columns_release(&c);
	if (w->state == WARM_UP_NEVER || count < STEADY_LEAST)
		cut = 0;
	add_up(w, r->points + first + cut, count - cut);
}

static void put_drift(struct buf *out, const struct warm_up *w)
{
	bool latency = fabs(w->drift_latency) >= STEADY_DRIFT;

	if (latency)
		buf_printf(out, "response times went %s by %.0f %%",
		    w->drift_latency > 0 ? "up" : "down",
		    fabs(w->drift_latency) * 100);
	if (fabs(w->drift_rate) >= STEADY_DRIFT)
		buf_printf(out, "%sthroughput went %s by %.0f %%",
		    latency ? ", " : "", w->drift_rate > 0 ? "up" : "down",
		    fabs(w->drift_rate) * 100);
}

static void put_rest(struct buf *out, const struct warm_up *w)
{
	double seconds = w->to_s - w->from_s;

	text_rate(out, seconds > 0 ? (double)w->requests / seconds : 0);
	buf_puts(out, " req/s");
	if (w->timed == 0)
		return;
	buf_puts(out, ", p50 ");
	text_ms(out, w->ms[P50] * 1e6);
	buf_puts(out, ", p95 ");
	text_ms(out, w->ms[P95] * 1e6);
	buf_puts(out, " ms");
}

void warm_up_sentence(struct buf *out, const struct warm_up *w)
{
	switch (w->state) {
	case WARM_UP_UNKNOWN:
		buf_printf(out, "too short to tell: it takes %d seconds at "
		    "full load", STEADY_LEAST);
		return;
	case WARM_UP_NEVER:
		buf_puts(out, "never: the run was still changing when its "
		    "first half was over");
		return;
	case WARM_UP_STEADY:
	case WARM_UP_DRIFTING:
		break;
	}
	buf_puts(out, "from ");
	text_clock(out, w->from_s);
	buf_puts(out, " to ");
	text_clock(out, w->to_s);
	if (w->state == WARM_UP_DRIFTING) {
		buf_puts(out, ", but not steady (");
		put_drift(out, w);
		buf_putc(out, ')');
	}
	buf_puts(out, ": ");
	put_rest(out, w);
}

/* ---- JSON ---- */

json_t *warm_up_json(const struct warm_up *w)
{
	json_t *o = json_object(), *times = json_object();
	double seconds = w->to_s - w->from_s;

	property_set_text(o, "state", names[w->state]);
	property_set(o, "applied", json_boolean(w->applied));
	property_set_real(o, "from_s", w->from_s);
	property_set_real(o, "to_s", w->to_s);
	property_set_real(o, "drift_response", w->drift_latency);
	property_set_real(o, "drift_throughput", w->drift_rate);
	property_set_count(o, "requests", w->requests);
	property_set_count(o, "failures", w->failures);
	property_set_real(o, "requests_per_s", seconds > 0 ?
	    (double)w->requests / seconds : 0);
	property_set_count(times, "count", w->timed);
	for (size_t i = 0; i < WARM_UP_FIGURES && w->timed > 0; i++)
		property_set_real(times, figures[i].name, w->ms[i]);
	property_set(o, "response_ms", times);
	return o;
}

void warm_up_read(struct warm_up *w, const json_t *o)
{
	const json_t *times = json_object_get(o, "response_ms");
	const char *state = json_string_value(json_object_get(o, "state"));

	w->applied = property_true(o, "applied");
	w->from_s = property_real(o, "from_s", 0);
	w->to_s = property_real(o, "to_s", 0);
	w->requests = property_count(o, "requests");
	w->failures = property_count(o, "failures");
	w->timed = property_count(times, "count");
	for (size_t i = 0; i < WARM_UP_FIGURES; i++)
		w->ms[i] = fabs(property_real(times, figures[i].name, 0));
	w->drift_latency = property_real(o, "drift_response", 0);
	w->drift_rate = property_real(o, "drift_throughput", 0);
	w->state = WARM_UP_UNKNOWN;
	for (size_t i = 0; state != NULL && i < STATES; i++) {
		if (strcmp(names[i], state) == 0)
			w->state = (enum warm_up_state)i;
	}
}
