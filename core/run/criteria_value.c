/*
 * What a criterion's statistic is at a moment.
 *
 * A pattern may match several series; they are added up first, because a p99
 * of several endpoints is that of their samples together and of nothing else.
 */
#include "run/criteria_value.h"

#include <string.h>

#include "run/pattern.h"

static void add_run(struct window_sum *sum, const struct series *s)
{
	sum->requests += s->requests;
	sum->failures += s->failures;
	sum->bytes += s->bytes;
	if (s->response != NULL)
		sum->lag += (double)(s->response->sum - s->service.sum);
	histogram_merge(&sum->response, series_response(s));
}

static void add_window(struct window_sum *sum, const struct criteria_view *v,
    const struct series *s)
{
	struct window_sum part;

	windows_sum(v->windows, s, v->seconds, &part);
	sum->requests += part.requests;
	sum->failures += part.failures;
	sum->bytes += part.bytes;
	sum->lag += part.lag;
	histogram_merge(&sum->response, &part.response);
	window_sum_release(&part);
}

/* A phase counts its observations. */
static void add(struct window_sum *sum, const struct criteria_view *v,
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
static double length_of(const struct criteria_view *v)
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
bool criteria_value_collect(const struct criteria_view *v,
    const char *pattern, const char *tags, struct window_sum *sum)
{
	bool found = false;

	memset(sum, 0, sizeof(*sum));
	histogram_init(&sum->response);
	sum->length = length_of(v);
	if (!pattern && !tags) {
		add(sum, v, &v->stats->total, true);
		return true;
	}
	for (size_t i = 0; i < v->stats->count; i++) {
		const struct series *s = v->stats->series[i];

		if (!pattern_matches(pattern, tags, s->type,
		    s->name))
			continue;
		/* A sum of requests; parts of them only by name. */
		if (!pattern && (s->phase || s->transaction))
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
static bool amount(const struct criteria_view *v, const char *name, double *out)
{
	struct window_sum sum;
	bool found = criteria_value_collect(v, name, NULL, &sum);

	*out = (double)sum.requests;
	window_sum_release(&sum);
	return found || counter(v->stats, name, out);
}

static bool ratio(const struct criteria_view *v, const struct criterion *c,
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
static bool time_value(const struct criterion *c,
    const struct window_sum *sum, double *out)
{
	const struct histogram *h = &sum->response;

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
	case CRITERION_LAG:
		*out = sum->lag / (double)h->count;
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
		return time_value(c, sum, out);
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
	sum->lag = sum->lag > before->lag ? sum->lag - before->lag : 0;
	sum->length -= after_s;
	histogram_subtract(&sum->response, &before->response);
}

/* A metric of a scenario or a plugin: what it is now, or over the run. */
static bool external(const struct stats *stats, const struct criterion *c,
    double *out)
{
	for (size_t i = 0; i < stats->metrics.count; i++) {
		const struct metric *m = &stats->metrics.at[i];

		if (strcmp(m->name, c->series) != 0 || m->count == 0)
			continue;
		if (m->kind == METRIC_DISTRIBUTION && c->parameter >= 0)
			*out = metric_quantile(&m->values, c->parameter);
		else
			*out = m->kind == METRIC_GAUGE ? m->last :
			    metric_mean(m);
		return true;
	}
	return counter(stats, c->series, out);
}

bool criteria_value_take(const struct criterion *c,
    const struct criteria_view *v, const struct window_sum *before,
    double before_s, double *out)
{
	struct window_sum sum;
	bool known;

	switch (c->stat) {
	case CRITERION_RATIO:
		return ratio(v, c, out);
	case CRITERION_COUNTER:
		return counter(v->stats, c->series, out);
	case CRITERION_EXTERNAL:
		return external(v->stats, c, out);
	default:
		break;
	}
	known = criteria_value_collect(v, c->series, c->tags, &sum);
	if (v->seconds <= 0 && before != NULL)
		subtract(&sum, before, before_s);
	known = known && value_of(c, &sum, out);
	window_sum_release(&sum);
	return known;
}
