/*
 * What scripts, exporters and Locust's own pages ask for: the keys of both of
 * its generations, keys sorted, two blanks of indent.
 *
 * Percentiles are Locust's: whole milliseconds of two digits; swarm's own are
 * under /api/v1.  One deliberate difference: an impossible load is refused
 * with status 400 instead of being accepted or answered by 500.
 */
#include "web/locust.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/jsonw.h"
#include "base/xalloc.h"
#include "report/bundle.h"
#include "stats/locust.h"
#include "web/command.h"
#include "web/context.h"
#include "web/feed.h"
#include "web/locust_csv.h"

#define LIST_LIMIT 500                  /* rows, as Locust cuts */

static void write_row(struct jsonw *j, const struct snapshot *s,
    const struct snapshot_row *r)
{
	jsonw_object(j);
	jsonw_put_float(j, "avg_content_length",
	    locust_per_request(r, r->bytes));
	jsonw_put_float(j, "avg_response_time", r->avg);
	jsonw_put_float(j, "current_fail_per_sec", r->locust_fps);
	jsonw_put_float(j, "current_rps", r->locust_rps);
	jsonw_put_float(j, "max_response_time", r->max);
	jsonw_put_double(j, "median_response_time", r->locust_median);
	jsonw_put_string(j, "method", r->type);
	jsonw_put_float(j, "min_response_time", r->min);
	jsonw_put_string(j, "name", r->name);
	jsonw_put_int(j, "ninetieth_response_time",
	    r->locust_quantile[SNAPSHOT_P90]);
	jsonw_put_int(j, "ninety_ninth_response_time",
	    r->locust_quantile[SNAPSHOT_P99]);
	jsonw_put_int(j, "num_failures", (int64_t)r->failures);
	jsonw_put_int(j, "num_requests", (int64_t)r->requests);
	jsonw_put_int(j, "response_time_percentile_0.95",
	    r->locust_quantile[SNAPSHOT_P95]);
	jsonw_put_int(j, "response_time_percentile_0.99",
	    r->locust_quantile[SNAPSHOT_P99]);
	jsonw_put_string(j, "safe_name", r->name);
	jsonw_put_float(j, "total_fail_per_sec",
	    locust_overall(s, r->failures));
	jsonw_put_float(j, "total_rps", locust_overall(s, r->requests));
	jsonw_end(j);
}

static void write_error(struct jsonw *j, const struct snapshot_error *e)
{
	jsonw_object(j);
	jsonw_put_string(j, "error", e->text);
	if (e->first_seen > 0)
		jsonw_put_double(j, "first_seen", e->first_seen);
	else
		jsonw_put_null(j, "first_seen");
	if (e->last_seen > 0)
		jsonw_put_double(j, "last_seen", e->last_seen);
	else
		jsonw_put_null(j, "last_seen");
	jsonw_put_string(j, "method", e->type);
	jsonw_put_string(j, "name", e->name);
	jsonw_put_int(j, "occurrences", (int64_t)e->occurrences);
	jsonw_end(j);
}

static void write_workers(struct jsonw *j, const struct snapshot *s)
{
	jsonw_put_int(j, "worker_count", s->run.workers);
	jsonw_key(j, "workers");
	jsonw_array(j);
	for (size_t i = 0; i < s->worker_count; i++) {
		const struct web_worker *w = &s->workers[i];

		jsonw_object(j);
		jsonw_put_float(j, "cpu_usage", w->cpu);
		jsonw_put_string(j, "id", w->id);
		jsonw_put_int(j, "memory_usage", w->memory);
		jsonw_put_string(j, "state", w->state);
		jsonw_put_int(j, "user_count", w->users);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

/* null until there was a window to look at. */
static void write_recent(struct jsonw *j, const char *key, int64_t value)
{
	if (value < 0)
		jsonw_put_null(j, key);
	else
		jsonw_put_int(j, key, value);
}

static void write_stats(struct jsonw *j, const struct snapshot *s)
{
	size_t count;
	const struct snapshot_row **rows = locust_rows(s, &count);

	jsonw_key(j, "stats");
	jsonw_array(j);
	for (size_t i = 0; i < count && i < LIST_LIMIT; i++)
		write_row(j, s, rows[i]);
	write_row(j, s, &s->total);
	jsonw_end_array(j);
	free(rows);
}

static bool stats_requests(struct http_call *call)
{
	const struct snapshot *s = call->snapshot;
	int64_t p50 = s->locust_recent_p50;
	int64_t p95 = s->locust_recent_p95;
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_put_float(&j, "current_fail_per_sec", s->total.locust_fps);
	write_recent(&j, "current_response_time_percentile_50", p50);
	write_recent(&j, "current_response_time_percentile_95", p95);
	jsonw_key(&j, "current_response_time_percentiles");
	jsonw_object(&j);
	write_recent(&j, "response_time_percentile_0.5", p50);
	write_recent(&j, "response_time_percentile_0.95", p95);
	jsonw_end(&j);
	jsonw_put_float(&j, "current_rps", s->total.locust_rps);
	jsonw_key(&j, "errors");
	jsonw_array(&j);
	for (size_t i = 0; i < s->error_count && i < LIST_LIMIT; i++)
		write_error(&j, &s->errors[i]);
	jsonw_end_array(&j);
	jsonw_put_float(&j, "fail_ratio",
	    locust_per_request(&s->total, s->total.failures));
	jsonw_put_string(&j, "state", run_state_name(s->run.state));
	write_stats(&j, s);
	jsonw_put_float(&j, "total_fail_per_sec",
	    locust_overall(s, s->total.failures));
	jsonw_put_float(&j, "total_rps", locust_overall(s, s->total.requests));
	jsonw_put_int(&j, "user_count", s->run.users_running);
	write_workers(&j, s);
	jsonw_end(&j);
	http_json(call);
	return true;
}

/* ---- CSV ---- */

static void attachment(struct http_call *call, const char *what,
    const char *suffix)
{
	time_t now = (time_t)call->snapshot->time;
	char when[32], name[100];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d-%Hh%M", &tm);
	snprintf(name, sizeof(name), "%s",
	    context_get()->options->scenario ?
	    context_get()->options->scenario : "run");
	for (char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"\\/", *p))
			*p = '_';
	http_header(call, "content-disposition:",
	    "attachment; filename=\"swarm_%s_%s_%s.%s\"", when, name, what,
	    suffix);
}

static bool requests_csv(struct http_call *call)
{
	attachment(call, "requests", "csv");
	call->type = "text/csv";
	locust_write_requests_csv(&call->body, call->snapshot);
	return true;
}

static bool failures_csv(struct http_call *call)
{
	attachment(call, "failures", "csv");
	call->type = "text/csv";
	locust_write_failures_csv(&call->body, call->snapshot);
	return true;
}

static bool full_history_csv(struct http_call *call)
{
	http_text(call, 404, "Error: Server was not started with option to "
	    "generate full history.");
	return true;
}

/* ---- exceptions: faults in the code of scenarios ---- */

static bool exceptions(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_key(&j, "exceptions");
	jsonw_array(&j);
	for (size_t i = 0; i < call->snapshot->exception_count; i++) {
		const struct snapshot_exception *e =
		    &call->snapshot->exceptions[i];

		jsonw_object(&j);
		jsonw_put_int(&j, "count", (int64_t)e->count);
		jsonw_put_string(&j, "msg", e->message);
		jsonw_put_string(&j, "nodes", e->nodes);
		jsonw_put_string(&j, "traceback", e->traceback);
		jsonw_end(&j);
	}
	jsonw_end_array(&j);
	jsonw_end(&j);
	http_json(call);
	return true;
}

static bool exceptions_csv(struct http_call *call)
{
	attachment(call, "exceptions", "csv");
	call->type = "text/csv";
	locust_write_exceptions_csv(&call->body, call->snapshot);
	return true;
}

/* ---- ratios ---- */

static void write_task_ratios(struct jsonw *j, const struct web_task *tasks,
    size_t count, double share)
{
	double weights = 0;

	for (size_t i = 0; i < count; i++)
		weights += tasks[i].off ? 0 : tasks[i].weight;
	jsonw_key(j, "tasks");
	jsonw_object(j);
	for (size_t i = 0; i < count; i++) {
		double part = tasks[i].weight / weights * share;

		if (tasks[i].off)
			continue;
		jsonw_key(j, tasks[i].name);
		jsonw_object(j);
		jsonw_put_float(j, "ratio", part);
		if (tasks[i].task_count > 0)
			write_task_ratios(j, tasks[i].tasks,
			    tasks[i].task_count, part);
		jsonw_end(j);
	}
	jsonw_end(j);
}

static void write_ratios(struct jsonw *j, const struct snapshot *s,
    bool absolute)
{
	const struct web_options *o = context_get()->options;
	const struct web_class *classes = context_classes(s);
	double users = 0;

	for (size_t i = 0; i < s->class_count; i++)
		users += (double)s->class_users[i];
	jsonw_object(j);
	for (size_t i = 0; i < o->class_count; i++) {
		const struct web_class *c = &classes[i];
		double share = users > 0 ?
		    (double)s->class_users[i] / users : 0;

		if (users > 0 && s->class_users[i] == 0)
			continue;
		jsonw_key(j, c->name);
		jsonw_object(j);
		jsonw_put_float(j, "ratio", share);
		write_task_ratios(j, c->tasks, c->task_count,
		    absolute ? share : 1);
		jsonw_end(j);
	}
	jsonw_end(j);
}

static bool tasks(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_key(&j, "per_class");
	write_ratios(&j, call->snapshot, false);
	jsonw_key(&j, "total");
	write_ratios(&j, call->snapshot, true);
	jsonw_end(&j);
	http_json(call);
	return true;
}

/* ---- logs ---- */

struct log_filter {
	struct jsonw *j;
	const char *source;
};

static void add_log(const char *source, const char *text, void *arg)
{
	struct log_filter *f = arg;

	if (strcmp(source, f->source) == 0)
		jsonw_string(f->j, text);
}

static void write_log_of(struct jsonw *j, const char *source)
{
	struct log_filter filter = { j, source };

	jsonw_array(j);
	feed_each_log(add_log, &filter);
	jsonw_end_array(j);
}

static bool logs(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_key(&j, "master");
	write_log_of(&j, "master");
	jsonw_key(&j, "workers");
	jsonw_object(&j);
	for (size_t i = 0; i < call->snapshot->worker_count; i++) {
		jsonw_key(&j, call->snapshot->workers[i].id);
		write_log_of(&j, call->snapshot->workers[i].id);
	}
	jsonw_end(&j);
	jsonw_end(&j);
	http_json(call);
	return true;
}

static bool worker_count(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_put_int(&j, "worker_count", call->snapshot->run.workers);
	jsonw_end(&j);
	http_json(call);
	return true;
}

/* ---- control ---- */

static void finish_swarm(struct command *c, struct http_call *call)
{
	struct jsonw j;

	if (c->rc < 0) {
		http_error(call, c->rc == WEB_BAD_VALUE ? 400 : 409, NULL,
		    "%s", c->error);
		http_send(call);
		return;
	}
	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_put_string(&j, "host", call->snapshot->run.host ?
	    call->snapshot->run.host : "");
	jsonw_put_string(&j, "message", "Swarming started");
	if (c->load->load.run_time > 0)
		jsonw_put_double(&j, "run_time", c->load->load.run_time);
	jsonw_put_bool(&j, "success", true);
	jsonw_end(&j);
	http_json(call);
	http_send(call);
}

static bool is_active(const struct snapshot *s)
{
	return s->run.state == RUN_SPAWNING || s->run.state == RUN_RUNNING ||
	    s->run.waiting;
}

static bool swarm(struct http_call *call)
{
	char field[256], error[256];
	struct load_form *load;
	struct command *c;
	struct form form;

	if (http_form(call, &form) == -1)
		return true;
	load = load_form_read(&form, field, error, sizeof(error));
	if (!load) {
		http_error(call, 400, field, "%s", error);
		return true;
	}
	if (load->load.users < 0 || load->load.spawn_rate < 0) {
		http_error(call, 400, load->load.users < 0 ? "user_count" :
		    "spawn_rate", "Missing user_count or spawn_rate from "
		    "/swarm request");
		load_form_free(load);
		return true;
	}
	c = command_new(call, is_active(call->snapshot) ? COMMAND_EDIT :
	    COMMAND_START, finish_swarm);
	c->load = load;
	command_submit(c);
	return false;
}

/* Changes a class: 201 with an empty object, as Locust answers. */
static void finish_user(struct command *c, struct http_call *call)
{
	if (c->rc < 0) {
		http_error(call, 400, NULL, "%s", c->error);
	} else {
		buf_puts(&call->body, "{}");
		http_json(call);
		call->status = 201;
	}
	http_send(call);
}

static bool user(struct http_call *call)
{
	struct command *c = command_new(call, COMMAND_USER, finish_user);

	c->text = xstrndup(call->request->body, call->request->body_len);
	command_submit(c);
	return false;
}

static void finish_stop(struct command *c, struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_put_string(&j, "message", c->rc == 0 ? "Test stopped" :
	    c->error);
	jsonw_put_bool(&j, "success", c->rc == 0);
	jsonw_end(&j);
	http_json(call);
	http_send(call);
}

static bool stop(struct http_call *call)
{
	struct command *c = command_new(call, COMMAND_STOP, finish_stop);

	c->wait = true;
	command_submit(c);
	return false;
}

static void finish_reset(struct command *c, struct http_call *call)
{
	(void)c;
	http_text(call, 200, "ok");
	call->body.len = 2;             /* exactly Locust's two bytes */
	http_send(call);
}

static bool reset(struct http_call *call)
{
	struct command *c = command_new(call, COMMAND_RESET, finish_reset);

	command_submit(c);
	return false;
}

static void finish_report(struct command *c, struct http_call *call)
{
	struct buf policy = BUF_INIT(1024);
	struct form form;

	if (c->rc == -1) {
		http_text(call, 500, "There is no report yet.");
		http_send(call);
		return;
	}
	command_give_body(c, call);
	call->type = "text/html; charset=utf-8";
	bundle_policy(&policy);
	buf_puts(&policy, "; frame-ancestors 'none'");
	call->policy = buf_detach(&policy);
	http_header(call, "cache-control:", "no-store");
	if (form_parse_query(&form, call->request->query) == 0 &&
	    form_get(&form, "download"))
		attachment(call, "report", "html");
	form_release(&form);
	http_send(call);
}

static bool report(struct http_call *call)
{
	struct command *c = command_new(call, COMMAND_REPORT, finish_report);

	command_submit(c);
	return false;
}

const struct http_route locust_routes[] = {
	{ "/swarm", HTTP_POSTS | HTTP_CHANGES, swarm },
	{ "/user", HTTP_POSTS | HTTP_CHANGES, user },
	{ "/stop", HTTP_READS | HTTP_CHANGES, stop },
	{ "/stats/requests", HTTP_READS, stats_requests },
	{ "/stats/report", HTTP_READS, report },
	{ "/stats/reset", HTTP_READS | HTTP_CHANGES, reset },
	{ "/stats/requests/csv", HTTP_READS, requests_csv },
	{ "/stats/failures/csv", HTTP_READS, failures_csv },
	{ "/stats/requests_full_history/csv", HTTP_READS, full_history_csv },
	{ "/exceptions", HTTP_READS, exceptions },
	{ "/exceptions/csv", HTTP_READS, exceptions_csv },
	{ "/tasks", HTTP_READS, tasks },
	{ "/logs", HTTP_READS, logs },
	{ "/worker-count", HTTP_READS, worker_count },
	{ NULL, 0, NULL },
};
