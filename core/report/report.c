/*
 * The fan-out: one place that owns the windows and the story of the run, and
 * a table of outputs that are shown it.
 *
 * A failing output never stops another, nor the run: what can be known to
 * fail (a folder that can't be written) fails at the start.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "report/against.h"
#include "report/file.h"
#include "report/block.h"
#include "report/html.h"
#include "report/output.h"
#include "report/prometheus.h"
#include "report/request_log.h"
#include "report/verdict.h"
#include "stats/stats.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS 1000
#define MAX_NOTES  100
#define SAVE_EVERY (10 * NS_PER_S)
#define UNKNOWN_LOAD (struct report_load){ -1, -1, -1, NULL, 0 }

static const struct output *const outputs[] = {
	&output_block, &output_progress, &output_csv, &output_json, &output_html,
	&output_markdown, &output_junit, &output_hdr, &output_ndjson, &output_flight,
	&output_prometheus, &output_sinks, &output_figures,
	&output_summary, &output_against,
};

#define OUTPUTS (sizeof(outputs) / sizeof(*outputs))

static struct report report;
static bool active[OUTPUTS];
static bool started;
static int64_t test_started;            /* of the test that is shown */
static bool closed;                     /* its last reports were taken */
static int64_t next_save;               /* clock_now() */

static void release(void)
{
	windows_free(report.windows);
	criteria_free(report.criteria);
	generator_clear(&report.generator);
	flight_clear(&report.flight);
	resources_clear(&report.resources);
	past_clear(&report.past);
	for (size_t i = 0; i < report.event_count; i++)
		free(report.events[i].text);
	free(report.events);
	for (size_t i = 0; i < report.note_count; i++)
		free(report.notes[i]);
	free(report.notes);
	memset(&report, 0, sizeof(report));
	memset(active, 0, sizeof(active));
	started = false;
}

static int add_criteria(char *const *texts, enum criterion_action action)
{
	for (; texts && *texts; texts++) {
		if (criteria_add(report.criteria, *texts, action) == -1)
			return -1;
	}
	return 0;
}

static int start_criteria(void)
{
	report.criteria = criteria_new();
	if (add_criteria(report.options.fail_if, CRITERION_FAIL) == -1 ||
	    add_criteria(report.options.stop_if, CRITERION_STOP) == -1)
		return -1;
	windows_keep(report.windows, criteria_longest(report.criteria));
	if (report.options.warm_up == WARM_UP_AUTO)
		criteria_keep_marks(report.criteria);
	else
		criteria_skip(report.criteria, report.options.warm_up);
	return 0;
}

static int check_request_log(void)
{
	char *path;
	int rc;

	if (!report.options.request_log)
		return 0;
	path = request_log_path(report.options.request_log, 0);
	rc = file_check(path);
	free(path);
	return rc;
}

int report_start(const struct report_options *options)
{
	release();
	report.options = *options;
	report.windows = windows_new();
	report.flight.before = options->flight_before;
	report.flight.after = options->flight_after;
	report.wall = clock_wall();
	report.load = UNKNOWN_LOAD;
	test_started = 0;
	closed = false;
	next_save = 0;
	started = true;
	if (start_criteria() == -1 || check_request_log() == -1 ||
	    against_check(options) == -1) {
		release();
		return -1;
	}
	for (size_t i = 0; i < OUTPUTS; i++) {
		const struct output *o = outputs[i];

		if (!o->wanted(&report))
			continue;
		if (o->start && o->start(&report) == -1) {
			release();
			return -1;
		}
		active[i] = true;
	}
	return 0;
}

/* The story of the test before is not this one's. */
static void forget(void)
{
	windows_clear(report.windows);
	criteria_clear(report.criteria);
	for (size_t i = 0; i < report.event_count; i++)
		free(report.events[i].text);
	report.event_count = 0;
	report.users_max = 0;
	report.workers_max = 0;
	generator_clear(&report.generator);
	flight_clear(&report.flight);
	resources_clear(&report.resources);
	past_clear(&report.past);
	closed = false;
}

static void take_status(const struct run_status *run)
{
	int64_t now = clock_now();

	/* What happened while waiting for workers belongs to the first. */
	if (run->started != test_started && test_started != 0)
		forget();
	test_started = run->started;
	report.run = *run;
	report.wall = clock_wall();
	report.elapsed = 0;
	if (run->started)
		report.elapsed = (double)((run->stopped ? run->stopped : now) -
		    run->started) / (double)NS_PER_S - run->paused_s;
	if (run->users_target > 0)
		report.users_asked = run->users_target;
	if (run->users_running > report.users_max)
		report.users_max = run->users_running;
	if (run->workers > report.workers_max)
		report.workers_max = run->workers;
}

static void take_load(const struct report_load *load)
{
	struct buf warning = BUF_INIT(1000);

	report.load = load ? *load : UNKNOWN_LOAD;
	generator_tick(&report.generator, &report.run, load,
	    report.options.stats, clock_now());
	/* They are the caller's. */
	report.load.workers = NULL;
	report.load.worker_count = 0;
	while (generator_warn(&report.generator, &warning)) {
		report_event("%s", buf_str(&warning));
		buf_clear(&warning);
	}
	buf_release(&warning);
}

static void step_down(void)
{
	const struct criterion_state *s;

	while ((s = criteria_step(report.criteria)) != NULL) {
		double share = s->criterion.step;
		bool done = report.options.step_down != NULL &&
		    report.options.step_down(share);

		report_event(done ? "step down by %.0f %%: %s" :
		    "this load can't be stepped down (by %.0f %%): %s",
		    share * 100, s->criterion.text);
	}
}

static double now_in_test(void);

/* Something has gone wrong just now. */
static void record_flight(const char *why)
{
	uint64_t id = report.options.ask_flight != NULL ?
	    flight_begin(&report.flight, now_in_test(), why) : 0;
	double before, after;

	flight_window(&report.flight, &before, &after);
	if (id != 0)
		report.options.ask_flight(id, before, after);
}

void report_flight(uint64_t id, int64_t worker, const void *lines,
    size_t len)
{
	flight_add(&report.flight, id, worker, lines, len, test_started +
	    (int64_t)(report.run.paused_s * (double)NS_PER_S));
}

static void look_for_burst(void)
{
	struct window_sum sum;
	char why[100];

	windows_last(report.windows, NULL, &sum);
	if (flight_burst(&report.flight, sum.requests, sum.failures)) {
		snprintf(why, sizeof why, "burst of errors: %llu of %llu "
		    "requests of a second", (unsigned long long)sum.failures,
		    (unsigned long long)sum.requests);
		record_flight(why);
	}
	window_sum_release(&sum);
}

/* Says which criteria have just been broken, once each. */
static void judge(void)
{
	const struct criterion_state *stop;
	size_t count = criteria_count(report.criteria);
	bool *before;

	if (count == 0)
		return;
	before = xcalloc(count, sizeof(*before));
	for (size_t i = 0; i < count; i++)
		before[i] = criteria_at(report.criteria, i)->broken;
	stop = criteria_tick(report.criteria, report.options.stats,
	    report.windows, report.elapsed);
	for (size_t i = 0; i < count; i++) {
		const struct criterion_state *s =
		    criteria_at(report.criteria, i);
		struct buf value = BUF_INIT(100);

		if (s->broken && !before[i]) {
			criterion_print_value(&s->criterion, s->value,
			    &value);
			report_event("criterion met: %s (%s)",
			    s->criterion.text, buf_str(&value));
			record_flight(s->criterion.text);
		}
		buf_release(&value);
	}
	free(before);
	step_down();
	if (stop && report.options.stop)
		report.options.stop(stop->criterion.text);
}

/*
 * What a killed master would leave: soon after the start, then every ten
 * seconds, and when the test has ended.  Where that takes long it is done less
 * often, so that it never takes more than a hundredth of the time.
 */
static void save(void)
{
	struct report_outcome outcome = { report.run, -1 };
	int64_t begun = clock_now(), took;
	struct result result;
	bool wanted = false;

	for (size_t i = 0; i < OUTPUTS; i++)
		wanted = wanted || (active[i] && outputs[i]->save);
	if (!wanted || (begun < next_save && !closed))
		return;
	result_init(&result, &report, &outcome);
	if (!closed)
		verdict_open(&result);
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (active[i] && outputs[i]->save)
			outputs[i]->save(&report, &result);
	}
	result_release(&result);
	took = clock_now() - begun;
	next_save = begun + SAVE_EVERY;
	if (next_save < begun + 100 * took)
		next_save = begun + 100 * took;
}

/* A clock that stands still while the run is paused. */
static int64_t run_clock(const struct run_status *run)
{
	return clock_now() - (int64_t)(run->paused_s * (double)NS_PER_S);
}

/* What came in since the last one. */
static void next_second(const struct run_status *run, bool last)
{
	(last ? windows_end : windows_tick)(report.windows,
	    report.options.stats, run_clock(run), run->users_running);
	past_tick(&report.past, report.windows, report.options.stats,
	    windows_elapsed(report.windows));
}

void report_tick(const struct run_status *run, const struct report_load *load)
{
	take_status(run);
	take_load(load);
	/* Once more after the end, for what came in since the last tick. */
	report.fresh = run->started && !closed && !run->paused;
	closed = run->started && run->stopped;
	if (report.fresh)
		next_second(run, false);
	resources_tick(&report.resources, report.elapsed, report.fresh);
	/* Users that leave are no fault of the target. */
	if (run->state == RUN_SPAWNING || run->state == RUN_RUNNING) {
		look_for_burst();
		judge();
	}
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (active[i] && outputs[i]->tick)
			outputs[i]->tick(&report);
	}
	if (report.fresh)
		save();
}

void report_resource(const char *name, const char *unit, double value)
{
	if (started)
		resources_put(&report.resources, name, unit, value);
}

const struct resources *report_resources(void)
{
	return &report.resources;
}

/* Seconds into the test, also between two ticks. */
static double now_in_test(void)
{
	if (!report.run.started)
		return 0;
	if (report.run.stopped)
		return report.elapsed;
	return (double)(clock_now() - report.run.started) /
	    (double)NS_PER_S - report.run.paused_s;
}

void report_event(const char *fmt, ...)
{
	struct result_event *event;
	va_list ap;

	if (!started || report.event_count == MAX_EVENTS)
		return;
	report.events = xreallocarray(report.events, report.event_count + 1,
	    sizeof(*report.events));
	event = &report.events[report.event_count++];
	va_start(ap, fmt);
	*event = (struct result_event){ now_in_test(),
		report.event_count < MAX_EVENTS ? xvasprintf(fmt, ap) :
		xstrdup("there were more events, which are not kept") };
	va_end(ap);
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (active[i] && outputs[i]->event)
			outputs[i]->event(&report, event);
	}
}

void report_note(const char *fmt, ...)
{
	va_list ap;
	char *note;

	va_start(ap, fmt);
	note = xvasprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < report.note_count; i++) {
		if (strcmp(report.notes[i], note) == 0) {
			free(note);
			return;
		}
	}
	if (!started || report.note_count == MAX_NOTES) {
		free(note);
		return;
	}
	report.notes = xreallocarray(report.notes, report.note_count + 1,
	    sizeof(*report.notes));
	report.notes[report.note_count++] = note;
}

/* Workers write it, and tell by a counter what they could not. */
static void note_request_log(void)
{
	const struct stats *stats = report.options.stats;

	for (size_t i = 0; i < stats->counter_count; i++) {
		const struct counter *c = &stats->counters[i];

		if (c->value > 0 && strcmp(c->name, REPORT_LOG_DROPPED) == 0)
			report_note("%lld requests are missing in the request "
			    "log: the disk could not take them; the figures "
			    "here have them.", (long long)c->value);
	}
}

/* When the figures can't be taken as they are. */
static void note_doubts(void)
{
	const struct stats *stats = report.options.stats;
	const struct series *total = &stats->total;
	double late;

	if (report.generator.busy_seconds > 0)
		report_note("The load generator was at its limit in %u of %u "
		    "seconds (a worker's loop was busy up to %.0f %% of the "
		    "time): response times may include its own delay. More "
		    "workers, or fewer users, would tell.",
		    report.generator.busy_seconds, report.generator.seconds,
		    report.generator.busiest * 100);
	if (stats->capped > 0)
		report_note("%llu samples went to the endpoint " STATS_OTHER
		    ": there were more than %zu names. Names with ids in them "
		    "should be templates.", (unsigned long long)stats->capped,
		    stats->max_series);
	if (!total->response)
		return;
	late = (double)histogram_quantile(total->response, 0.99) /
	    fmax((double)histogram_quantile(&total->service, 0.99), 1);
	if (late > 1.1)
		report_note("Requests started later than intended: p99 from "
		    "the intended start is %.1f times that from the real one.",
		    late);
}

int report_finish(const struct report_outcome *outcome)
{
	struct result result;
	int code;

	take_status(&outcome->run);
	/* The last reports came after the last tick. */
	report.fresh = true;
	next_second(&outcome->run, true);
	if (report.run.started)
		criteria_finish(report.criteria, report.options.stats,
		    report.elapsed, result_warm_up(&report));
	note_doubts();
	note_request_log();
	result_init(&result, &report, outcome);
	against_judge(&report.options, &result);
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (!active[i] || !outputs[i]->finish)
			continue;
		/* Results that could not be written are no success; the
		 * summary, which comes after them, says so. */
		if (outputs[i]->finish(&report, &result) == -1 &&
		    result.exit_code == 0)
			result.exit_code = REPORT_FAILED;
	}
	code = result.exit_code;
	result_release(&result);
	release();
	return code;
}

int report_page(struct buf *out)
{
	struct report_outcome outcome = { report.run, -1 };
	struct result result;
	int rc;

	if (!report.windows)
		return -1;
	result_init(&result, &report, &outcome);
	rc = html_write(out, &result);
	result_release(&result);
	return rc;
}

void report_leave(void)
{
	block_leave();
}

enum limit report_limit(struct buf *why)
{
	if (!started)
		return LIMIT_UNKNOWN;
	return generator_judge(&report.generator, report.options.stats, why);
}

int report_metrics(struct buf *out)
{
	struct run_status now;

	if (!started)
		return -1;
	run_status(&now);
	return prometheus_write(out, report.options.stats, &now,
	    &report.load);
}

const struct criteria *report_criteria(void)
{
	return report.criteria;
}

const struct windows *report_windows(void)
{
	return report.windows;
}

void report_skip(void)
{
	if (!started)
		return;
	windows_skip(report.windows, report.options.stats);
	report.generator.at = 0;
}
