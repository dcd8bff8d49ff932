/* See the header. */
#include "report/execution.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/property.h"
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

	property_set_count(o, "count", h->count);
	if (h->count == 0)
		return o;
	property_set_real(o, "mean", histogram_mean(h) / 1e6);
	property_set_real(o, "p50", (double)histogram_quantile(h, 0.5) / 1e6);
	property_set_real(o, "p95", (double)histogram_quantile(h, 0.95) / 1e6);
	property_set_real(o, "p99", (double)histogram_quantile(h, 0.99) / 1e6);
	property_set_real(o, "max", (double)h->max / 1e6);
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
			property_set_text(o, texts[k].key, *(char *const *)
			    ((const char *)e + texts[k].offset));
		property_set_real(o, "start_s", e->start);
		property_set_real(o, "time_s", e->time);
		for (size_t k = 0; k < NUMBERS; k++)
			property_set(o, numbers[k].key, json_integer(
			    *(const int64_t *)(const void *)
			    ((const char *)e + numbers[k].offset)));
		if (s != NULL) {
			property_set_count(o, "requests", s->requests);
			property_set_count(o, "failures", s->failures);
			property_set(o, "response_ms", times_ms(&s->response));
			property_set(o, "service_ms", times_ms(&s->service));
		}
		json_array_append_new(array, o);
	}
	return array;
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
	e->start = property_real(o, "start_s", 0);
	e->time = property_real(o, "time_s", 0);
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
