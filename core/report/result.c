/*
 * Taking the result of a run out of the live statistics.  Everything is
 * copied: results outlive runs, and several are compared side by side.
 */
#include "report/result.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "report/command_line.h"
#include "report/execution.h"
#include "report/gap.h"
#include "report/output.h"
#include "report/text.h"
#include "report/verdict.h"
#include "stats/locust.h"

#include <swarm/version.h>

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* What comes from the target is made valid once, here. */
static char *clean(const char *text)
{
	struct buf out = BUF_INIT(1 << 20);

	text_clean(&out, text);
	return buf_detach(&out);
}

static char *clean_lines(const char *text)
{
	struct buf out = BUF_INIT(1 << 20);

	text_clean_lines(&out, text);
	return buf_detach(&out);
}

static void take_series(struct result_series *out, const struct series *s,
    double seconds)
{
	*out = (struct result_series){
		.type = clean(s->type),
		.name = clean(s->name),
		.phase = s->phase,
		.transaction = s->transaction,
		.lagged = s->response != NULL,
		.requests = s->requests,
		.failures = s->failures,
		.untimed = s->untimed,
		.bytes = s->bytes,
		.rps = seconds > 0 ? (double)s->requests / seconds : 0,
	};
	histogram_init(&out->service);
	histogram_init(&out->response);
	histogram_copy(&out->service, &s->service);
	histogram_copy(&out->response, series_response(s));
}

static int compare_series(const void *a, const void *b)
{
	const struct result_series *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->type, y->type);
}

static void take_all_series(struct result *r, const struct stats *stats)
{
	double seconds = stats->total.last_time - stats->total.start_time;

	/* A pause is nobody's time. */
	if (r->paused > 0 && seconds > r->duration)
		seconds = r->duration;
	take_series(&r->total, &stats->total, seconds);
	r->series = xcalloc(stats->count + 1, sizeof(*r->series));
	for (size_t i = 0; i < stats->count; i++)
		take_series(&r->series[r->series_count++], stats->series[i],
		    seconds);
}

static int compare_errors(const void *a, const void *b)
{
	const struct result_error *x = a, *y = b;

	if (x->occurrences != y->occurrences)
		return x->occurrences < y->occurrences ? 1 : -1;
	return strcmp(x->text, y->text);
}

static void take_errors(struct result *r, const struct stats *stats)
{
	r->errors = xcalloc(stats->error_count + 1, sizeof(*r->errors));
	for (size_t i = 0; i < stats->error_count; i++) {
		const struct error_row *row = stats->errors[i];

		r->errors[r->error_count++] = (struct result_error){
			.type = clean(row->series->type),
			.name = clean(row->series->name),
			.text = clean(row->text),
			.occurrences = row->occurrences,
			.first_seen = row->first_seen,
			.last_seen = row->last_seen,
		};
	}
	qsort(r->errors, r->error_count, sizeof(*r->errors), compare_errors);
	r->exceptions = xcalloc(stats->exception_count + 1,
	    sizeof(*r->exceptions));
	for (size_t i = 0; i < stats->exception_count; i++) {
		const struct exception_row *row = &stats->exceptions[i];

		r->exceptions[r->exception_count++] =
		    (struct result_exception){
			.message = clean(row->message),
			.traceback = clean_lines(row->traceback),
			.count = row->count,
		};
	}
}

static void take_counters(struct result *r, const struct stats *stats)
{
	r->counters = xcalloc(stats->counter_count + 1,
	    sizeof(*r->counters));
	for (size_t i = 0; i < stats->counter_count; i++)
		r->counters[r->counter_count++] = (struct result_counter){
			.name = clean(stats->counters[i].name),
			.value = stats->counters[i].value,
		};
}

static int compare_metrics(const void *a, const void *b)
{
	const struct result_metric *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->kind - (int)y->kind;
}

static void take_metrics(struct result *r, const struct metrics *all)
{
	r->metrics = xcalloc(all->count + 1, sizeof(*r->metrics));
	for (size_t i = 0; i < all->count; i++) {
		const struct metric *m = &all->at[i];
		struct result_metric *to;

		if (m->count == 0)
			continue;
		to = &r->metrics[r->metric_count++];
		*to = (struct result_metric){
			.name = clean(m->name),
			.unit = clean(m->unit),
			.kind = m->kind,
			.count = m->count,
			.last = m->last,
			.min = m->min,
			.max = m->max,
			.mean = metric_mean(m),
		};
		histogram_init(&to->values);
		histogram_copy(&to->values, &m->values);
	}
	qsort(r->metrics, r->metric_count, sizeof(*r->metrics),
	    compare_metrics);
}

static void take_points(struct result *r, const struct windows *windows)
{
	const struct history_slot *slots;
	size_t count = windows_history(windows, &slots);

	r->points = xcalloc(count + 1, sizeof(*r->points));
	for (size_t i = 0; i < count; i++) {
		struct result_point *p = &r->points[r->point_count++];
		const struct window_slot *slot = &slots[i].slot;

		*p = (struct result_point){
			.end = slot->end,
			.length = slot->length,
			.users = slots[i].users,
			.requests = slot->requests,
			.failures = slot->failures,
			.bytes = slot->bytes,
		};
		sparse_merge(&p->response, &slot->response);
	}
}

/* Points shorter than that are ends of runs. */
#define LEAST_LENGTH 0.5

size_t result_steady(const struct result *r, size_t *first)
{
	size_t from = 0, to = r->point_count;
	int64_t most = 0;

	for (size_t i = 0; i < r->point_count; i++) {
		if (r->points[i].users > most)
			most = r->points[i].users;
	}
	/* Users at the end of a point: the next one has them all the time. */
	while (from < to && r->points[from].users < most)
		from++;
	if (from < to)
		from++;
	while (to > from && (r->points[to - 1].users < most ||
	    r->points[to - 1].length < LEAST_LENGTH))
		to--;
	if (2 * (to - from) < r->point_count) {
		*first = 0;
		return r->point_count;
	}
	*first = from;
	return to - from;
}

/* What was finished in each second of the steady stretch; the caller frees.
 * `timed`: only what has a time, with its sum. */
static struct confidence_slot *slots_of(const struct result *r, size_t *count,
    bool timed)
{
	struct confidence_slot *slots;
	size_t first;

	*count = result_steady(r, &first);
	slots = xcalloc(*count + 1, sizeof(*slots));
	for (size_t i = 0; i < *count; i++) {
		const struct result_point *p = &r->points[first + i];

		slots[i] = (struct confidence_slot){
			.count = timed ? p->response.count : p->requests,
			.sum = (double)p->response.sum,
			.length = p->length,
		};
	}
	return slots;
}

double result_rate(const struct result *r, struct interval *interval)
{
	double requests = 0, seconds = 0;
	struct confidence_slot *slots;
	size_t count;

	slots = slots_of(r, &count, false);
	for (size_t i = 0; i < count; i++) {
		requests += (double)slots[i].count;
		seconds += slots[i].length;
	}
	*interval = confidence_throughput(slots, count);
	free(slots);
	return seconds > 0 ? requests / seconds : 0;
}

static double variance(const struct histogram *h)
{
	double deviation = histogram_stddev(h);

	return deviation * deviation;
}

/*
 * The autocorrelation time of a series.  Its batches saw each worker alone;
 * `whole` is the time of the total seen second by second over all workers (0:
 * too short a run), and `alone` that of the total's batches.
 */
static double time_of(const struct series *s, const struct series *total,
    double whole, double alone, unsigned streams)
{
	const struct histogram *h = series_response(s);
	double time = batches_time(&s->batches, variance(h));
	double share = total->service.count ? (double)h->count /
	    (double)total->service.count : 0;

	/* Locust's workers send no batches. */
	if (s->batches.level[0].n * 4 < h->count)
		return whole * share > 1 ? whole * share : 1;
	if (whole > 0)
		return whole > alone ? time * whole / alone : time;
	/* At worst the streams say the same. */
	return 1 + (time - 1) * (streams ? streams : 1);
}

static void take_confidence(struct result *r, const struct report *report)
{
	const struct stats *stats = report->options.stats;
	const struct series *total = &stats->total;
	const struct histogram *all = series_response(total);
	size_t count;
	struct confidence_slot *slots = slots_of(r, &count, true);
	double alone = batches_time(&total->batches, variance(all));
	double whole = confidence_time_of_slots(slots, count, variance(all));

	result_rate(r, &r->throughput);
	r->total.effective = confidence_effective(all, time_of(total, total,
	    whole, alone, report->workers_max));
	/* Before they are sorted: in the order of the statistics. */
	for (size_t i = 0; i < r->series_count; i++)
		r->series[i].effective = confidence_effective(
		    &r->series[i].response, time_of(stats->series[i], total,
		    whole, alone, report->workers_max));
	free(slots);
}

static void take_criteria(struct result *r, const struct criteria *criteria)
{
	size_t count = criteria_count(criteria);

	r->criteria = xcalloc(count + 1, sizeof(*r->criteria));
	for (size_t i = 0; i < count; i++) {
		const struct criterion_state *s = criteria_at(criteria, i);
		struct buf shown = BUF_INIT(100);

		if (s->known)
			criterion_print_value(&s->criterion, s->value,
			    &shown);
		r->criteria[r->criterion_count++] =
		    (struct result_criterion){
			.text = clean(s->criterion.text),
			.action = xstrdup(criterion_action_name(
			    s->criterion.action)),
			.failed = criterion_state_failed(s),
			.broken = s->broken,
			.known = s->known,
			.value = s->value,
			.shown = s->known ? xstrdup(buf_str(&shown)) : NULL,
			.first_s = s->held ? s->first_s : -1,
			.share = s->judged ? (double)s->held /
			    (double)s->judged : 0,
		};
		buf_release(&shown);
	}
}

static void take_story(struct result *r, const struct report *report)
{
	r->events = xcalloc(report->event_count + 1, sizeof(*r->events));
	for (size_t i = 0; i < report->event_count; i++)
		r->events[r->event_count++] = (struct result_event){
			.at = report->events[i].at,
			.text = clean(report->events[i].text),
		};
	r->notes = xcalloc(report->note_count + 1, sizeof(*r->notes));
	for (size_t i = 0; i < report->note_count; i++)
		r->notes[r->note_count++] = clean(report->notes[i]);
}

static char *without_password(const char *text)
{
	struct buf out = BUF_INIT(1 << 20);

	text_no_password(&out, text);
	return buf_detach(&out);
}

void result_init(struct result *r, const struct report *report,
    const struct report_outcome *outcome)
{
	const struct report_options *o = &report->options;
	const struct run_status *run = &outcome->run;
	int64_t stopped = run->stopped ? run->stopped : clock_now();

	memset(r, 0, sizeof(*r));
	r->version = xstrdup(SWARM_VERSION);
	r->scenario = copy(o->scenario);
	r->host = o->host ? without_password(o->host) : NULL;
	r->command = command_line_text(o->argc, o->argv);
	if (o->capacity)
		capacity_view_take(&r->capacity, o->capacity,
		    o->capacity_users, o->slos, o->slo_count);
	hold_view_take(&r->hold, run->hold);
	r->flight = &report->flight;
	card_take(&r->card, o->seed, o->seed_chosen, o->load);
	if (run->started) {
		r->started = clock_wall_at(run->started);
		r->paused = run->paused_s;
		r->duration = (double)(stopped - run->started) /
		    (double)NS_PER_S - r->paused;
	}
	r->users = report->users_max;
	r->workers = report->workers_max;
	r->workers_lost = run->workers_lost;
	r->stop_reason = run->stop_reason ? clean(run->stop_reason) : NULL;
	take_all_series(r, o->stats);
	take_errors(r, o->stats);
	take_counters(r, o->stats);
	take_metrics(r, &o->stats->metrics);
	take_points(r, report->windows);
	take_confidence(r, report);
	qsort(r->series, r->series_count, sizeof(*r->series),
	    compare_series);
	take_criteria(r, report->criteria);
	take_story(r, report);
	warm_up_take(&r->warm_up, r, o->warm_up);
	resources_copy(&r->resources, &report->resources);
	past_take(&r->past, &report->past, o->stats);
	generator_take(&r->generator, &report->generator, o->stats);
	r->complete = true;
	execution_take(r, run);
	gap_take(r, run);
	verdict_decide(r, report, outcome);
}

double result_warm_up(const struct report *report)
{
	struct result r = { 0 };
	double from = 0;

	if (report->options.warm_up != WARM_UP_AUTO)
		return 0;
	take_points(&r, report->windows);
	warm_up_take(&r.warm_up, &r, WARM_UP_AUTO);
	if (r.warm_up.state == WARM_UP_STEADY ||
	    r.warm_up.state == WARM_UP_DRIFTING)
		from = r.warm_up.from_s;
	result_release(&r);
	return from;
}

static void release_series(struct result_series *s)
{
	free(s->type);
	free(s->name);
	histogram_release(&s->service);
	histogram_release(&s->response);
}

static void release_errors(struct result *r)
{
	for (size_t i = 0; i < r->error_count; i++) {
		free(r->errors[i].type);
		free(r->errors[i].name);
		free(r->errors[i].text);
	}
	free(r->errors);
	for (size_t i = 0; i < r->exception_count; i++) {
		free(r->exceptions[i].message);
		free(r->exceptions[i].traceback);
	}
	free(r->exceptions);
}

void result_release(struct result *r)
{
	free(r->version);
	card_release(&r->card);
	capacity_view_release(&r->capacity);
	hold_view_release(&r->hold);
	flight_free(r->flight_of_file);
	free(r->scenario);
	free(r->host);
	free(r->command);
	free(r->stop_reason);
	free(r->comparison);
	free(r->sentence);
	release_series(&r->total);
	for (size_t i = 0; i < r->series_count; i++)
		release_series(&r->series[i]);
	free(r->series);
	release_errors(r);
	generator_result_release(&r->generator);
	resources_clear(&r->resources);
	past_release(&r->past);
	for (size_t i = 0; i < r->counter_count; i++)
		free(r->counters[i].name);
	free(r->counters);
	for (size_t i = 0; i < r->metric_count; i++) {
		free(r->metrics[i].name);
		free(r->metrics[i].unit);
		histogram_release(&r->metrics[i].values);
	}
	free(r->metrics);
	for (size_t i = 0; i < r->criterion_count; i++) {
		free(r->criteria[i].text);
		free(r->criteria[i].action);
		free(r->criteria[i].shown);
	}
	free(r->criteria);
	for (size_t i = 0; i < r->event_count; i++)
		free(r->events[i].text);
	free(r->events);
	for (size_t i = 0; i < r->note_count; i++)
		free(r->notes[i]);
	free(r->notes);
	execution_release(r);
	gap_release(r);
	for (size_t i = 0; i < r->point_count; i++)
		sparse_release(&r->points[i].response);
	free(r->points);
	memset(r, 0, sizeof(*r));
}

const char *result_verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "passed", "failed",
		"inconclusive" };

	return names[verdict];
}
