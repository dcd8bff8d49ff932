/* See the header. */
#include "report/execution.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/text.h"
#include "run/executor.h"

#define EXECUTORS_MAX 1000

void execution_take(struct result *r, const struct run_status *run)
{
	r->executors = xcalloc(run->executor_count + 1, sizeof *r->executors);
	for (size_t i = 0; i < run->executor_count; i++) {
		const struct executor_status *e = &run->executors[i];

		r->executors[r->executor_count++] = (struct result_executor){
			.name = xstrdup(e->name),
			.classes = xstrdup(e->classes != NULL ? e->classes :
			    ""),
			.model = xstrdup(e->model),
			.state = xstrdup(executor_state_name(e->state)),
			.reason = xstrdup(e->reason != NULL ? e->reason : ""),
			.start = e->start,
			.time = e->time,
			.iterations = e->iterations,
			.started = e->started,
			.done = e->done,
			.due = e->due,
			.dropped = e->dropped,
			.late = e->late,
		};
	}
}

void execution_release(struct result *r)
{
	for (size_t i = 0; i < r->executor_count; i++) {
		free(r->executors[i].name);
		free(r->executors[i].classes);
		free(r->executors[i].model);
		free(r->executors[i].state);
		free(r->executors[i].reason);
	}
	free(r->executors);
}

/* The series that sums its samples up. */
static const struct result_series *series_of(const struct result *r,
    const struct result_executor *e)
{
	for (size_t i = 0; i < r->series_count && e->name[0] != '\0'; i++) {
		if (strcmp(r->series[i].type, "executor") == 0 &&
		    strcmp(r->series[i].name, e->name) == 0)
			return &r->series[i];
	}
	return r->executor_count == 1 ? &r->total : NULL;
}

/* ---- JSON ---- */

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "iterations_wanted", offsetof(struct result_executor, iterations) },
	{ "iterations_started", offsetof(struct result_executor, started) },
	{ "iterations_done", offsetof(struct result_executor, done) },
	{ "arrivals_due", offsetof(struct result_executor, due) },
	{ "arrivals_dropped", offsetof(struct result_executor, dropped) },
	{ "arrivals_late", offsetof(struct result_executor, late) },
};

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "name", offsetof(struct result_executor, name) },
	{ "classes", offsetof(struct result_executor, classes) },
	{ "model", offsetof(struct result_executor, model) },
	{ "state", offsetof(struct result_executor, state) },
	{ "reason", offsetof(struct result_executor, reason) },
};

#define NUMBERS (sizeof numbers / sizeof numbers[0])
#define TEXTS   (sizeof texts / sizeof texts[0])

static json_t *times_ms(const struct histogram *h)
{
	json_t *o = json_object();

	json_object_set_new(o, "count", json_integer((json_int_t)h->count));
	if (h->count == 0)
		return o;
	json_object_set_new(o, "mean", json_real(histogram_mean(h) / 1e6));
	json_object_set_new(o, "p50", json_real(
	    (double)histogram_quantile(h, 0.5) / 1e6));
	json_object_set_new(o, "p95", json_real(
	    (double)histogram_quantile(h, 0.95) / 1e6));
	json_object_set_new(o, "p99", json_real(
	    (double)histogram_quantile(h, 0.99) / 1e6));
	json_object_set_new(o, "max", json_real((double)h->max / 1e6));
	return o;
}

json_t *execution_json(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->executor_count; i++) {
		const struct result_executor *e = &r->executors[i];
		const struct result_series *s = series_of(r, e);
		json_t *o = json_object();

		for (size_t k = 0; k < TEXTS; k++)
			json_object_set_new(o, texts[k].key, json_string(
			    *(char *const *)((const char *)e +
			    texts[k].offset)));
		json_object_set_new(o, "start_s", json_real(e->start));
		json_object_set_new(o, "time_s", json_real(e->time));
		for (size_t k = 0; k < NUMBERS; k++)
			json_object_set_new(o, numbers[k].key, json_integer(
			    *(const int64_t *)(const void *)
			    ((const char *)e + numbers[k].offset)));
		if (s != NULL) {
			json_object_set_new(o, "requests",
			    json_integer((json_int_t)s->requests));
			json_object_set_new(o, "failures",
			    json_integer((json_int_t)s->failures));
			json_object_set_new(o, "response_ms",
			    times_ms(&s->response));
			json_object_set_new(o, "service_ms",
			    times_ms(&s->service));
		}
		json_array_append_new(array, o);
	}
	return array;
}

static double real_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : 0;
}

static void read_one(struct result_executor *e, const json_t *o)
{
	for (size_t k = 0; k < TEXTS; k++) {
		const char *text = json_string_value(
		    json_object_get(o, texts[k].key));

		*(char **)(void *)((char *)e + texts[k].offset) =
		    xstrdup(text != NULL ? text : "");
	}
	for (size_t k = 0; k < NUMBERS; k++)
		*(int64_t *)(void *)((char *)e + numbers[k].offset) =
		    json_integer_value(json_object_get(o, numbers[k].key));
	e->start = real_of(o, "start_s");
	e->time = real_of(o, "time_s");
}

void execution_read(struct result *r, const json_t *result)
{
	const json_t *array = json_object_get(result, "executors");
	size_t n = json_array_size(array);

	n = n < EXECUTORS_MAX ? n : EXECUTORS_MAX;
	r->executors = xcalloc(n + 1, sizeof *r->executors);
	for (size_t i = 0; i < n; i++)
		read_one(&r->executors[r->executor_count++],
		    json_array_get(array, i));
}

/* ---- the table ---- */

static void put_count(struct buf *line, int64_t n)
{
	struct buf value = BUF_INIT(32);

	text_short_count(&value, n > 0 ? (uint64_t)n : 0);
	text_right(line, buf_str(&value), 11);
	buf_release(&value);
}

static void put_line(struct buf *line, const struct result *r, size_t i)
{
	const struct result_executor *e = &r->executors[i];
	const struct result_series *s = series_of(r, e);
	struct buf value = BUF_INIT(32);

	buf_puts(line, "  ");
	text_name(line, e->name[0] != '\0' ? e->name : "(all)", 18, false,
	    true);
	text_right(line, e->model, 11);
	buf_putc(line, ' ');
	put_count(line, e->done);
	put_count(line, e->dropped);
	put_count(line, s != NULL ? (int64_t)s->requests : 0);
	put_count(line, s != NULL ? (int64_t)s->failures : 0);
	if (s != NULL && s->response.count > 0)
		text_ms(&value,
		    (double)histogram_quantile(&s->response, 0.99));
	else
		buf_putc(&value, '-');
	text_right(line, buf_str(&value), 11);
	buf_release(&value);
}

void execution_print(const struct result *r, FILE *stream)
{
	if (r->executor_count == 0 || r->executors[0].name[0] == '\0')
		return;
	fprintf(stream, "\n  %-18s%11s %11s%11s%11s%11s%11s\n", "EXECUTORS",
	    "model", "iterations", "dropped", "requests", "failed", "p99 ms");
	for (size_t i = 0; i < r->executor_count; i++) {
		struct buf line = BUF_INIT(4096);

		put_line(&line, r, i);
		fprintf(stream, "%s\n", buf_str(&line));
		buf_release(&line);
	}
}
