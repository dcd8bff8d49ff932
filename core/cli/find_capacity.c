/* See find_capacity.h. */
#include "cli/find_capacity.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "report/capacity_view.h"
#include "report/report.h"
#include "run/capacity.h"
#include "run/criteria_value.h"
#include "run/criterion.h"
#include "run/executor.h"
#include "run/run.h"
#include "stats/stats.h"

#define POOL       "1000"               /* users, unless said otherwise */
#define ERRORS     "errors<1%"          /* likewise: errors are fast */
#define FIRST_RATE 10.0
#define LEAST_RATE 0.1
#define MOST       1e8
#define AT_ONCE    1e6                  /* users started in a second */
#define LAST_TICK  0.5                  /* seconds: one tick of the windows */
#define GROWTH     50                   /* seconds, to the first failure */
#define STEP       0.05
#define FINE_STEP  0.02
#define FINE_TIMES 3                    /* as much for the finer answer */

static struct {
	struct capacity *search;
	struct capacity_options o;
	struct criterion slos[CAPACITY_SLOS];
	char *texts[CAPACITY_SLOS];     /* the criteria's own */
	const struct stats *stats;
	double load;                    /* asked for */
	size_t probes;                  /* said */
	bool has_told;                  /* the plan */
	int64_t due, late, dropped;     /* at the last tick */
	bool has_before;
} find;

void find_capacity_words(int argc, char **argv)
{
	static char by_users[] = "--by-users";

	for (int i = 0; i < argc; i++) {
		bool alone = i + 1 == argc ||
		    !isdigit((unsigned char)argv[i + 1][0]);

		if (strcmp(argv[i], "--users") == 0 && alone)
			argv[i] = by_users;
	}
}

/* Of the first probe, which the run begins with. */
static double first_load(const struct options *o)
{
	double first = o->by_users ? 1 : FIRST_RATE;

	if (o->search_from > 0)
		first = o->by_users ? fmax(floor(o->search_from), 1) :
		    o->search_from;
	return o->search_to > 0 ? fmin(first, o->search_to) : first;
}

/* Options that would say otherwise, by a command line, a file or the
 * environment. */
static int refuse_load(const struct options *o)
{
	if (options_given("rate"))
		log_error("swarm capacity sets the rate itself: leave out "
		    "--rate; --search-from and --search-to say where to "
		    "look");
	else if (o->by_users && options_given("users"))
		log_error("with --users swarm capacity says how many: leave "
		    "out -u; --search-from and --search-to say where to look");
	else
		return 0;
	return -1;
}

int find_capacity_defaults(struct options *o)
{
	char first[32];

	o->capacity = true;
	if (refuse_load(o) == -1)
		return -1;
	snprintf(first, sizeof first, o->by_users ? "%.0f" : "%.6f",
	    first_load(o));
	if ((!o->headful && options_default(o, "headless", "true") == -1) ||
	    options_default(o, "progress", "0") == -1 ||
	    options_default(o, "spawn-rate", "100000") == -1)
		return -1;
	if (o->by_users)
		return options_default(o, "users", first);
	if (options_default(o, "users", POOL) == -1)
		return -1;
	return options_default(o, "rate", first);
}

/* ---- objectives ---- */

/* The share of requests that must be good; false when it is no such thing. */
static bool wanted_share(const struct criterion *c, double *share)
{
	bool below = c->op == CRITERION_LT || c->op == CRITERION_LE;

	if (c->span != CRITERION_RUN || c->after_s > 0)
		return false;
	switch (c->stat) {
	case CRITERION_QUANTILE:
		*share = c->parameter;
		return below;
	case CRITERION_ERROR_SHARE:
		*share = 1 - c->value;
		return below;
	case CRITERION_SHARE:
		*share = c->value;
		return !below && (c->op == CRITERION_GT ||
		    c->op == CRITERION_GE);
	default:
		return false;
	}
}

static int add_slo(const char *text)
{
	struct buf error = BUF_INIT(1024);
	size_t i = find.o.slo_count;
	struct criterion *c = &find.slos[i];
	int rc = -1;

	if (i == CAPACITY_SLOS) {
		log_error("--slo: at most %d objectives", CAPACITY_SLOS);
	} else if (criterion_parse(c, text, CRITERION_FAIL, &error) == -1) {
		log_error("--slo: %s", buf_str(&error));
	} else if (!wanted_share(c, &find.o.slo_share[i])) {
		log_error("--slo %s: an objective is like p99<200ms, "
		    "errors<0.1%% or share<=300ms>95%%, without a time",
		    text);
		criterion_release(c);
	} else {
		find.o.slo_limit_ns[i] = c->stat == CRITERION_QUANTILE ?
		    c->value : c->stat == CRITERION_SHARE ? c->parameter :
		    0;
		find.texts[i] = c->text;
		find.o.slo_count++;
		rc = 0;
	}
	buf_release(&error);
	return rc;
}

/* What fails at once is not answered within any time. */
static int add_slos(const struct options *o)
{
	bool errors = false;

	for (size_t i = 0; i < o->slos.count; i++) {
		if (add_slo(o->slos.items[i]) == -1)
			return -1;
		errors = errors ||
		    find.slos[i].stat == CRITERION_ERROR_SHARE;
	}
	return errors || find.o.slo_count == CAPACITY_SLOS ? 0 :
	    add_slo(ERRORS);
}

static int check(const struct options *o)
{
	if (o->slos.count == 0)
		log_error("swarm capacity: what must hold?  Give --slo, for "
		    "example --slo 'p99<200ms,errors<0.1%%'");
	else if (o->shape != NULL || o->executors.count > 0 ||
	    o->iterations > 0 || o->user_iterations > 0)
		log_error("swarm capacity sets the load itself: leave out "
		    "--shape, --executor and iterations");
	else if (o->run_time > 0)
		log_error("swarm capacity ends when it knows: leave out "
		    "--run-time; --probe-time says how long it looks");
	else if (o->probe_time < 5 || o->probe_time > 300)
		log_error("--probe-time: 5 s to 5 min");
	else if (o->confirm_time > CAPACITY_SECONDS)
		log_error("--confirm-time: at most %d s", CAPACITY_SECONDS);
	else if (o->search_time > 0 && o->search_time < o->confirm_time +
	    o->probe_time)
		log_error("--search-time is less than one probe and the time "
		    "that the answer is held");
	else if (o->by_users && o->search_to > 0 && o->search_to < 1)
		log_error("--search-to: at least one user");
	else if (o->search_to > 0 && o->search_to < o->search_from)
		log_error("--search-to is less than --search-from");
	else
		return 0;
	return -1;
}

static double wanted_step(const struct options *o)
{
	if (o->within > 0)
		return o->within / 100;
	return o->fine ? FINE_STEP : STEP;
}

/* Growth, probes around the limit, and the answer held, twice where the first
 * time is not borne. */
static double time_of_search(const struct options *o)
{
	double narrow = 4 * o->probe_time;

	if (o->search_time > 0)
		return o->search_time;
	return GROWTH + (wanted_step(o) < STEP ? FINE_TIMES : 1) * narrow +
	    2 * o->confirm_time;
}

int find_capacity_start(struct options *o)
{
	double most = o->search_to > 0 ? o->search_to : MOST;

	if (check(o) == -1)
		return -1;
	find.o = (struct capacity_options){
		.start = first_load(o),
		.hurry = o->search_from == 0,
		.least = o->by_users ? 1 : o->search_from > 0 ?
		    o->search_from / 16 : fmin(LEAST_RATE, most),
		.most = o->by_users ? floor(most) : most,
		.step = wanted_step(o),
		.probe_s = o->probe_time,
		.confirm_s = o->confirm_time,
		.search_s = time_of_search(o),
		.users = o->by_users,
	};
	if (add_slos(o) == -1) {
		find_capacity_release();
		return -1;
	}
	find.search = capacity_new(&find.o);
	find.load = capacity_load(find.search);
	return 0;
}

void find_capacity_release(void)
{
	for (size_t i = 0; i < find.o.slo_count; i++)
		criterion_release(&find.slos[i]);
	capacity_free(find.search);
	memset(&find, 0, sizeof find);
}

void find_capacity_tell(struct report_options *r)
{
	if (find.search == NULL)
		return;
	find.stats = r->stats;
	r->capacity = find.search;
	r->capacity_users = find.o.users;
	r->slos = find.texts;
	r->slo_count = find.o.slo_count;
}

/* ---- seconds ---- */

static void take_slo(struct capacity_second *s, size_t i,
    const struct criteria_view *v)
{
	const struct criterion *c = &find.slos[i];
	struct window_sum sum;
	double limit = c->stat == CRITERION_QUANTILE ? c->value :
	    c->parameter;

	if (!criteria_value_collect(v, c->series, c->tags, &sum))
		goto out;
	if (c->stat == CRITERION_ERROR_SHARE) {
		s->of[i] = sum.requests;
		s->good[i] = sum.requests - sum.failures;
	} else {
		s->of[i] = sum.response.count;
		s->good[i] = histogram_count_to(&sum.response,
		    (int64_t)limit);
	}
out:
	window_sum_release(&sum);
}

/* `sum`: of the last second, which the response times are read from. */
static void take_statistics(struct capacity_second *s,
    const struct criteria_view *v, const struct window_sum *sum)
{
	s->requests = sum->requests;
	s->failures = sum->failures;
	if (sum->response.count > 0) {
		s->response = &sum->response;
		s->service = histogram_mean(&sum->response) - sum->lag /
		    (double)sum->response.count;
		s->r50 = (double)histogram_quantile(&sum->response, 0.5);
		s->r99 = (double)histogram_quantile(&sum->response, 0.99);
	}
	for (size_t i = 0; i < find.o.slo_count; i++)
		take_slo(s, i, v);
}

static void take_generator(struct capacity_second *s,
    const struct report_load *load)
{
	for (size_t i = 0; i < load->worker_count; i++) {
		const struct health *h = &load->workers[i].health;

		if (h->loop_busy >= 0)
			s->busy = fmax(isnan(s->busy) ? 0 : s->busy,
			    h->loop_busy);
		if (h->delay_p99_ms >= 0)
			s->delay_p99_ns = fmax(isnan(s->delay_p99_ns) ? 0 :
			    s->delay_p99_ns, h->delay_p99_ms * 1e6);
	}
}

/* Arrivals that the generator itself was late for were not made as planned;
 * those that wait for a free user were. */
static void take_arrivals(struct capacity_second *s,
    const struct run_status *status)
{
	const struct executor_status *e = &status->executors[0];

	s->begun = s->planned = -1;
	s->in_flight = (double)(status->users_running - e->idle + e->queued);
	if (find.o.users) {
		s->in_flight = (double)status->users_running;
		return;
	}
	if (find.has_before && e->due >= find.due && e->late >= find.late) {
		s->planned = (double)(e->due - find.due);
		s->begun = s->planned - (double)(e->late - find.late);
	}
	s->starved = (double)(e->queued + e->dropped - find.dropped);
	find.due = e->due;
	find.late = e->late;
	find.dropped = e->dropped;
	find.has_before = true;
}

static void say_probes(void)
{
	const struct capacity_probe *probes;
	size_t count = capacity_probes(find.search, &probes);
	struct buf text = BUF_INIT(1024);
	struct capacity_view view;

	if (count == find.probes)
		return;
	capacity_view_take(&view, find.search, find.o.users, find.texts,
	    find.o.slo_count);
	for (; find.probes < count; find.probes++) {
		buf_clear(&text);
		capacity_view_probe(&text, &view, find.probes);
		report_event("%s", buf_str(&text));
	}
	capacity_view_release(&view);
	buf_release(&text);
}

static void say_plan(void)
{
	struct buf text = BUF_INIT(1024);

	for (size_t i = 0; i < find.o.slo_count; i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", find.texts[i]);
	report_event("looks for the most %s with %s, for at most %.0f min%s",
	    find.o.users ? "users" : "arrivals a second", buf_str(&text),
	    ceil(find.o.search_s / 60), find.o.confirm_s > 0 ?
	    ", the answer held included" : "");
	buf_release(&text);
	find.has_told = true;
}

static void set_load(double load)
{
	const char *why;
	int rc;

	if (load == find.load)
		return;
	find.load = load;
	rc = find.o.users ? run_set_load(NULL, (int64_t)load, AT_ONCE, &why) :
	    run_set_rate(NULL, load, &why);
	if (rc == -1)
		run_stop(why);
}

void find_capacity_tick(const struct run_status *status,
    const struct report_load *load)
{
	struct capacity_second s = { .r50 = NAN, .r99 = NAN, .busy = NAN,
		.service = NAN, .delay_p99_ns = NAN };
	struct criteria_view v = { find.stats, report_windows(), LAST_TICK,
		0 };
	struct window_sum sum;
	bool more;

	if (find.search == NULL || status->state != RUN_RUNNING ||
	    status->paused || status->executor_count != 1)
		return;
	if (!find.has_told)
		say_plan();
	criteria_value_collect(&v, NULL, NULL, &sum);
	take_statistics(&s, &v, &sum);
	take_generator(&s, load);
	take_arrivals(&s, status);
	more = capacity_second(find.search, &s);
	window_sum_release(&sum);
	say_probes();
	if (more)
		set_load(capacity_load(find.search));
	else
		run_stop("the search is over");
}

const struct capacity *find_capacity_search(bool *users)
{
	*users = find.o.users;
	return find.search;
}

json_t *find_capacity_json(void)
{
	struct capacity_view view;
	json_t *o;

	if (find.search == NULL)
		return json_null();
	capacity_view_take(&view, find.search, find.o.users, find.texts,
	    find.o.slo_count);
	o = capacity_view_json(&view);
	if (view.answer.end == CAPACITY_RUNNING)
		json_object_set_new(o, "sentence",
		    json_string("the search goes on"));
	capacity_view_release(&view);
	return o;
}

void find_capacity_print(void)
{
	struct buf out = BUF_INIT(64 * 1024);
	struct capacity_view view;

	if (find.search == NULL)
		return;
	capacity_view_take(&view, find.search, find.o.users, find.texts,
	    find.o.slo_count);
	capacity_view_text(&out, &view);
	printf("\n%s", buf_str(&out));
	fflush(stdout);
	capacity_view_release(&view);
	buf_release(&out);
}
