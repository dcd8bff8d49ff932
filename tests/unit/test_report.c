/*
 * A run as the outputs see it: the same totals in CSV, JSON and the summary,
 * Locust's bytes in the CSV files, the verdict and the exit code.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "report/csv.h"
#include "report/html.h"
#include "report/json.h"
#include "stats/stats.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BEGIN (1000 * NS_PER_S)

struct fixture {
	char dir[64];
	struct stats *stats;
	struct report_options options;
	struct report_outcome outcome;
	char *prefix;
	char *json;
};

static char *argv_of_test[] = { (char *)"swarm", (char *)"-f",
	(char *)"it's.c", NULL };

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/swarm-report-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->prefix = xasprintf("%s/new/folder/out", f->dir);
	f->json = xasprintf("%s/result", f->dir);
	f->stats = stats_new(100, 100);
	f->options = (struct report_options){
		.stats = f->stats, .scenario = "it's.c", .argc = 3,
		.argv = argv_of_test, .csv = f->prefix, .json_file = f->json,
		.exit_code_on_error = 1, .summary = REPORT_SUMMARY_FULL,
		.host = "http://127.0.0.1",
	};
	f->outcome = (struct report_outcome){
		.run = { .state = RUN_RUNNING, .started = BEGIN,
			.users_running = 4, .users_target = 4, .workers = 2 },
		.scenario_exit_code = -1,
	};
	clock_freeze(BEGIN);
	unsetenv("CLICOLOR_FORCE");
	setenv("LC_ALL", "C", 1);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	clock_thaw();
	assert_int_equal(nftw(f->dir, remove_one, 8, FTW_DEPTH), 0);
	stats_free(f->stats);
	free(f->prefix);
	free(f->json);
	free(f);
	return 0;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct buf text = BUF_INIT(1 << 24);
	char part[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(&text, part, n);
	fclose(file);
	return buf_detach(&text);
}

/* Calls report_finish() with standard output going to a file. */
static char *finish(struct fixture *f, int *code)
{
	char *path = xasprintf("%s/stdout", f->dir), *text;
	int saved = dup(1), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	fflush(stdout);
	dup2(fd, 1);
	*code = report_finish(&f->outcome);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(fd);
	text = read_file(path);
	free(path);
	return text;
}

static void sample(struct fixture *f, const char *name, int64_t ms,
    const char *error)
{
	struct series *s = stats_series(f->stats, "GET", name);

	stats_record(f->stats, s, clock_now(), ms * NS_PER_MS, 0, 33,
	    error != NULL);
	if (error)
		stats_error(f->stats, s, error, 1, clock_wall(),
		    clock_wall());
}

static void second(struct fixture *f)
{
	struct report_load load = { 50, 0.5, 1, NULL, 0 };

	clock_advance(NS_PER_S);
	report_tick(&f->outcome.run, &load);
}

static uint64_t csv_total(struct fixture *f, const char *suffix,
    const char *start, int column)
{
	char *path = xasprintf("%s_%s.csv", f->prefix, suffix);
	char *text = read_file(path), *row = NULL, *at;
	uint64_t v;

	for (at = text; at && *at; at = strstr(at, "\r\n")) {
		at += at > text ? 2 : 0;
		if (strncmp(at, start, strlen(start)) == 0)
			row = at;
	}
	assert_non_null(row);
	while (column-- > 0)
		row = strchr(row, ',') + 1;
	v = strtoull(row, NULL, 10);
	free(text);
	free(path);
	return v;
}

static json_t *load_json(struct fixture *f)
{
	char *path = xasprintf("%s.json", f->json);
	json_t *o = json_load_file(path, 0, NULL);

	free(path);
	assert_non_null(o);
	return o;
}

static int64_t json_count(json_t *o, const char *a, const char *b)
{
	return json_integer_value(json_object_get(json_object_get(o, a), b));
}

static void test_totals_are_equal(void **state)
{
	struct fixture *f = *state;
	struct rng rng;
	char *text, wanted[64];
	json_t *o, *history, *slot, *series, *one;
	uint64_t requests = 0, in_history = 0, in_series = 0, buckets = 0;
	size_t i;
	int code;

	rng_seed(&rng, 1, 1);
	assert_int_equal(report_start(&f->options), 0);
	for (int t = 0; t < 30; t++) {
		for (uint64_t n = rng_below(&rng, 100); n > 0; n--) {
			sample(f, n % 3 ? "/a" : "/b, \"quoted\"",
			    (int64_t)rng_below(&rng, 500),
			    n % 11 ? NULL : "boom");
			requests++;
		}
		second(f);
	}
	/* What arrives after the last tick counts, too. */
	sample(f, "/a", 5, "boom");
	requests++;
	f->outcome.run.state = RUN_STOPPED;
	f->outcome.run.stopped = clock_now();
	text = finish(f, &code);
	assert_int_equal(code, 1);

	assert_int_equal(f->stats->total.requests, requests);
	assert_int_equal(csv_total(f, "stats", ",Aggregated", 2), requests);
	assert_int_equal(csv_total(f, "stats", ",Aggregated", 3),
	    f->stats->total.failures);
	assert_int_equal(csv_total(f, "stats", "GET,/a", 2) +
	    f->stats->series[0]->requests + f->stats->series[1]->requests,
	    requests + stats_find(f->stats, "GET", "/a")->requests);
	o = load_json(f);
	assert_int_equal(json_count(o, "total", "requests"), requests);
	assert_int_equal(json_count(o, "total", "failures"),
	    f->stats->total.failures);
	history = json_object_get(o, "history");
	json_array_foreach(history, i, slot)
		in_history += (uint64_t)json_integer_value(
		    json_object_get(slot, "requests"));
	assert_int_equal(in_history, requests);
	series = json_object_get(o, "series");
	json_array_foreach(series, i, one)
		in_series += (uint64_t)json_integer_value(
		    json_object_get(one, "requests"));
	assert_int_equal(in_series, requests);
	one = json_object_get(json_object_get(o, "total"),
	    "response_buckets");
	for (i = 1; i < json_array_size(one); i += 2)
		buckets += (uint64_t)json_integer_value(
		    json_array_get(one, i));
	assert_int_equal(buckets, requests);
	snprintf(wanted, sizeof(wanted), "requests %llu %03llu",
	    (unsigned long long)requests / 1000,
	    (unsigned long long)requests % 1000);
	assert_non_null(strstr(text, wanted));
	assert_non_null(strstr(text, "FAILED"));
	assert_non_null(strstr(text, "boom"));
	json_decref(o);
	free(text);
}

/* No line of the summary is wider than the terminal, nor has escapes, with
 * names as bad as they come. */
static void test_summary_fits(void **state)
{
	struct fixture *f = *state;
	char *text, name[200];
	int code;

	assert_int_equal(report_start(&f->options), 0);
	for (int i = 0; i < 60; i++) {
		memset(name, 'a' + i % 26, sizeof(name));
		snprintf(name + 190, 9, "%d", i);
		name[i % 190] = i % 2 ? '\n' : '\x1b';
		sample(f, name, i * i * i, i % 2 ? name : NULL);
	}
	second(f);
	report_note("A sentence that is long enough to need more than one "
	    "line of a terminal that has eighty columns, as most have.");
	text = finish(f, &code);
	for (const char *line = text; *line; line += strspn(line, "\n")) {
		size_t len = strcspn(line, "\n");

		assert_in_range(len, 0, 80);
		line += len;
	}
	free(text);
}

static void test_summary_has_no_escapes(void **state)
{
	struct fixture *f = *state;
	char *text;
	int code;

	assert_int_equal(report_start(&f->options), 0);
	sample(f, "\x1b[31m/red\x07", 12, "\x1b]0;title\x07");
	second(f);
	text = finish(f, &code);
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f));
	free(text);
}

static void expect_row(const char *table, const char *row)
{
	if (!strstr(table, row))
		fail_msg("no row %s among %s", row, table);
}

/* To the byte. */
static void test_csv_stats(void **state)
{
	struct fixture *f = *state;
	struct buf out = BUF_INIT(1 << 16);

	csv_stats(&out, f->stats);
	assert_string_equal(buf_str(&out),
	    "Type,Name,Request Count,Failure Count,Median Response Time,"
	    "Average Response Time,Min Response Time,Max Response Time,"
	    "Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,"
	    "95%,98%,99%,99.9%,99.99%,100%\r\n"
	    ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0,N/A,N/A,N/A,N/A,N/A,N/A,N/A,"
	    "N/A,N/A,N/A,N/A\r\n");
	buf_clear(&out);
	for (int ms = 1; ms <= 10; ms++)
		sample(f, "/b \"x\", y", ms, NULL);
	sample(f, "/a", 147, "no");
	f->stats->total.start_time = 1000;
	f->stats->total.last_time = 1004;
	csv_stats(&out, f->stats);
	expect_row(buf_str(&out), "\r\nGET,/a,1,1,147,147.0,147.0,147.0,33.0,"
	    "0.25,0.25,150,150,150,150,150,150,150,150,150,150,150\r\n");
	expect_row(buf_str(&out), "\r\nGET,\"/b \"\"x\"\", y\",10,0,5,5.5,1.0,"
	    "10.0,33.0,2.5,0.0,6,7,8,9,10,10,10,10,10,10,10\r\n");
	/* By name, then type; the total last. */
	assert_true(strstr(buf_str(&out), "/a") <
	    strstr(buf_str(&out), "/b"));
	assert_true(strstr(buf_str(&out), "/b") <
	    strstr(buf_str(&out), ",Aggregated,11,1,"));
	buf_release(&out);
}

static void test_csv_failures(void **state)
{
	struct fixture *f = *state;
	struct buf out = BUF_INIT(1 << 16);
	struct series *s = stats_series(f->stats, "POST", "/ok");

	stats_error(f->stats, s, "a \"b\",\nc", 7, 1795249539.9,
	    1795249540.1);
	stats_error(f->stats, s, "old worker", 1, 0, 0);
	csv_failures(&out, f->stats);
	expect_row(buf_str(&out),
	    "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n");
	expect_row(buf_str(&out), "\r\nPOST,/ok,\"a \"\"b\"\",\nc\",7,"
	    "2026-11-21T08:25:39Z,2026-11-21T08:25:40Z\r\n");
	expect_row(buf_str(&out), "\r\nPOST,/ok,old worker,1,,\r\n");
	buf_clear(&out);
	stats_exception(f->stats, "kaboom", "line 1\nline 2", "host_1");
	stats_exception(f->stats, "kaboom", "line 1\nline 2", "host_2");
	csv_exceptions(&out, f->stats);
	assert_string_equal(buf_str(&out), "Count,Message,Traceback,Nodes\r\n"
	    "2,kaboom,\"line 1\nline 2\",\"host_1, host_2\"\r\n");
	buf_release(&out);
}

static int count_lines(const char *text, const char *with)
{
	int n = 0;

	for (const char *at = strstr(text, with); at;
	    at = strstr(at + 1, with))
		n++;
	return n;
}

static void test_csv_history(void **state)
{
	struct fixture *f = *state;
	char *path = xasprintf("%s_stats_history.csv", f->prefix), *text;
	int code;

	for (int full = 0; full < 2; full++) {
		stats_reset(f->stats);
		f->options.csv_full_history = full;
		f->outcome.run.started = clock_now();
		assert_int_equal(report_start(&f->options), 0);
		for (int t = 0; t < 20; t++) {
			sample(f, "/a", t < 5 ? 400 : 10, NULL);
			second(f);
		}
		text = finish(f, &code);
		free(text);
		text = read_file(path);
		/* One a second, and the last. */
		assert_int_equal(count_lines(text, ",4,,Aggregated,"), 21);
		assert_int_equal(count_lines(text, ",4,GET,/a,"), full * 21);
		/* Ten seconds with the full history, else the whole run. */
		assert_int_equal(count_lines(text, ",10,10,10,10,10,10,10,"
		    "10,10,10,10,20,0,"), full ? 4 : 0);
		assert_int_equal(count_lines(text, ",10,10,400,400,400,400,"
		    "400,400,400,400,400,20,0,"), full ? 0 : 2);
		free(text);
	}
	free(path);
}

static void expect_code(struct fixture *f, int expected, const char *word)
{
	char *text;
	int code;

	f->options.csv = NULL;
	f->options.json_file = NULL;
	assert_int_equal(report_start(&f->options), 0);
	text = finish(f, &code);
	assert_int_equal(code, expected);
	if (!strstr(text, word))
		fail_msg("no '%s' in\n%s", word, text);
	free(text);
}

static void test_exit_codes(void **state)
{
	struct fixture *f = *state;

	expect_code(f, REPORT_NO_ANSWER, "INCONCLUSIVE");
	sample(f, "/a", 1, "bad");
	expect_code(f, REPORT_NO_ANSWER, "every request failed");
	sample(f, "/a", 1, NULL);
	expect_code(f, 1, "1 request failed (50.0 %)");
	f->options.exit_code_on_error = 0;
	expect_code(f, 0, "PASSED");
	f->options.exit_code_on_error = 42;
	expect_code(f, 42, "FAILED");
	f->outcome.run.workers_lost = 1;
	expect_code(f, REPORT_WORKERS, "INCONCLUSIVE");
	f->outcome.run.workers_crashed = 1;
	expect_code(f, REPORT_CRASHED, "1 worker crashed");
	f->outcome.scenario_exit_code = 0;
	expect_code(f, 0, "PASSED");
	f->outcome.scenario_exit_code = 7;
	expect_code(f, 7, "FAILED");
	f->outcome = (struct report_outcome){ .scenario_exit_code = -1 };
	expect_code(f, 0, "no test was run");
	f->outcome.run.workers_missing = true;
	expect_code(f, REPORT_WORKERS, "workers are missing");
}

/* Only phases, counters or an exception. */
static void test_verdict_without_requests(void **state)
{
	struct fixture *f = *state;

	stats_observe(f->stats, stats_series(f->stats, "HTTP", "connect"),
	    500000, 0);
	expect_code(f, 0, "PASSED");
	stats_exception(f->stats, "kaboom", "line 1", "host");
	expect_code(f, 1, "exceptions");
}

/* What makes the figures doubtful is said. */
static void test_notes(void **state)
{
	struct report_load busy = { 100, 0.97, 80, NULL, 0 };
	struct fixture *f = *state;
	char *text, name[32];
	int code;

	f->options.csv = NULL;
	f->options.json_file = NULL;
	f->options.summary = REPORT_SUMMARY_COMPACT;
	assert_int_equal(report_start(&f->options), 0);
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "/item/%d", i);
		stats_record(f->stats, stats_series(f->stats, "GET", name),
		    clock_now(), NS_PER_MS, i * NS_PER_MS, 0, false);
	}
	second(f);
	clock_advance(NS_PER_S);
	report_tick(&f->outcome.run, &busy);
	text = finish(f, &code);
	/* Over line breaks. */
	for (char *c = text; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	assert_non_null(strstr(text, "at its limit in 1 of 2"));
	assert_non_null(strstr(text, "97 %"));
	assert_non_null(strstr(text, "50 samples went to"));
	assert_non_null(strstr(text, "started later than intended"));
	free(text);
}

static void test_unusable_files(void **state)
{
	struct fixture *f = *state;

	f->options.csv = "/dev/null/x";
	assert_int_equal(report_start(&f->options), -1);
	f->options.csv = NULL;
	f->options.json_file = "/dev/null/x";
	assert_int_equal(report_start(&f->options), -1);
}

/* A percentile that was not seen often enough is not printed. */
static void test_insufficient(void **state)
{
	struct fixture *f = *state;
	json_t *o, *confidence, *p50;
	char *text;
	int code;

	f->options.csv = NULL;
	assert_int_equal(report_start(&f->options), 0);
	for (int i = 0; i < 800; i++)
		sample(f, "/a", 10 + i % 7, NULL);
	second(f);
	text = finish(f, &code);
	assert_non_null(strstr(text, "p99.9 n/a (needs 10 000)"));
	if (!strstr(text, "p99 16.0?"))
		fail_msg("%s", text);
	assert_non_null(strstr(text, "p95 16.0 "));
	free(text);
	o = load_json(f);
	confidence = json_object_get(json_object_get(o, "total"),
	    "response_confidence_ms");
	assert_int_equal(json_array_size(json_object_get(confidence,
	    "insufficient")), 2);
	p50 = json_object_get(confidence, "p50");
	assert_true(json_real_value(json_array_get(p50, 0)) <= 13.06);
	assert_true(json_real_value(json_array_get(p50, 1)) >= 12.94);
	json_decref(o);
}

static char *path_in(struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->dir, name);
}

static void same_series(const struct result_series *a,
    const struct result_series *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->type, b->type);
	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->lagged, b->lagged);
	assert_true(fabs(a->effective - b->effective) < 1e-6);
	assert_int_equal(a->response.count, b->response.count);
	assert_int_equal(a->response.min, b->response.min);
	assert_int_equal(a->response.max, b->response.max);
	assert_true(fabs(histogram_mean(&a->response) -
	    histogram_mean(&b->response)) < 1);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(histogram_at(&a->response, i),
		    histogram_at(&b->response, i));
}

/* Names that would break out of any of the formats. */
static const char hostile[] = "/<script>alert(1)</script>&\"'|`]]>\n@all";

static void messy_run(struct fixture *f)
{
	static char *const fail_if[] = { (char *)"p95(\"*<*\") > 1ms",
		(char *)"count < 5", NULL };

	f->options.csv = NULL;
	f->options.fail_if = fail_if;
	assert_int_equal(report_start(&f->options), 0);
	for (int t = 0; t < 40; t++) {
		sample(f, hostile, 10 + t, t % 9 ? NULL : hostile);
		sample(f, "/b", 3, NULL);
		stats_observe(f->stats, stats_series(f->stats, "TCP",
		    hostile), 1000 * t, 1);
		second(f);
	}
	stats_count(f->stats, stats_counter(f->stats, hostile), 42);
	stats_exception(f->stats, hostile, hostile, "node");
	report_event("%s", hostile);
	report_note("%s", hostile);
}

/* What is read back is what was written; from the report, too. */
static void test_read_back(void **state)
{
	struct fixture *f = *state;
	char *html = path_in(f, "r.html"), *json = path_in(f, "result.json");
	struct result a, b;
	char *text;
	int code;

	f->options.html = html;
	messy_run(f);
	text = finish(f, &code);
	free(text);
	assert_int_equal(json_read(&a, json), 0);
	assert_int_equal(json_read(&b, html), 0);
	assert_int_equal(a.exit_code, code);
	assert_int_equal(a.total.requests, f->stats->total.requests);
	assert_int_equal(a.total.failures, f->stats->total.failures);
	same_series(&a.total, &b.total);
	assert_int_equal(a.series_count, 3);
	assert_int_equal(b.series_count, 3);
	for (size_t i = 0; i < 3; i++)
		same_series(&a.series[i], &b.series[i]);
	assert_int_equal(a.error_count, 1);
	assert_int_equal(a.errors[0].occurrences, 5);
	assert_true(a.errors[0].first_seen > 1e9);
	assert_int_equal(a.exception_count, 1);
	assert_int_equal(a.criterion_count, 2);
	assert_true(a.criteria[0].failed);
	assert_false(a.criteria[1].failed);
	assert_int_equal(a.counter_count, 1);
	assert_int_equal(a.counters[0].value, 42);
	assert_int_equal(a.event_count, 1);
	assert_int_equal(a.note_count, 1);
	assert_int_equal(a.point_count, 40);
	result_release(&a);
	result_release(&b);
	free(html);
	free(json);
}

static void test_damaged_files(void **state)
{
	static const char *const bad[] = {
		"", "{}", "[", "<html>", "{\"schema\": \"swarm-results/9\"}",
		"{\"schema\": \"swarm-results/1\"}",
		"{\"schema\": \"swarm-results/1\", \"verdict\": {\"result\": "
		"\"passed\"}, \"total\": {\"response_buckets\": [1, -1]}}",
		"{\"schema\": \"swarm-results/1\", \"verdict\": {\"result\": "
		"\"passed\"}, \"total\": {\"response_buckets\": [9999, 1]}}",
		"{\"schema\": \"swarm-results/1\", \"verdict\": {\"result\": "
		"\"passed\"}, \"total\": {\"response_buckets\": [5, 1, 4, 1]}}",
		"{\"schema\": \"swarm-results/1\", \"verdict\": {\"result\": "
		"\"passed\"}, \"total\": {\"requests\": 1, \"failures\": 2}}",
		HTML_DATA_BEGIN "AAAA" HTML_DATA_END,
		HTML_DATA_BEGIN "!!!!" HTML_DATA_END,
	};
	struct fixture *f = *state;
	char *path = path_in(f, "bad.json");
	struct result r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		FILE *file = fopen(path, "w");

		fputs(bad[i], file);
		fclose(file);
		if (json_read(&r, path) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
	free(path);
}

/* The page is well formed where it matters, and nothing of the target's is
 * live in it. */
static void test_html(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "r-4-2-60.html"), *text, *end;
	char *name = path_in(f, "r-{u}-{r}-{t}.html");
	int code;

	f->options.html = name;
	f->outcome.run.spawn_rate = 2;
	f->outcome.run.run_time = 60;
	messy_run(f);
	text = finish(f, &code);
	free(text);
	text = read_file(path);
	/* The one that unpacks the page, and none of a name. */
	assert_int_equal(count_lines(text, "<script>"), 1);
	assert_non_null(strstr(text, "<script>(async"));
	assert_non_null(strstr(text, "script-src 'strict-dynamic' 'sha256-"));
	assert_non_null(strstr(text, "&lt;script&gt;alert(1)"));
	assert_int_equal(count_lines(text, "<svg "), 3);
	assert_int_equal(count_lines(text, "</svg>"), 3);
	assert_int_equal(count_lines(text, "<table>"),
	    count_lines(text, "</table>"));
	assert_int_equal(count_lines(text, "<section"),
	    count_lines(text, "</section>"));
	end = strstr(text, HTML_DATA_BEGIN);
	assert_non_null(end);
	/* Packed data may hold any letters. */
	*end = '\0';
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "src="));
	assert_int_equal(count_lines(text, "href="), 1);
	assert_non_null(strstr(text, "href=\"data:,\""));
	/* Readable first: the data comes last. */
	assert_true(strstr(text, "<h2>Failures</h2>") < end);
	assert_true(strstr(text, "<h1>Failed</h1>") <
	    strstr(text, "<h2>Criteria</h2>"));
	free(text);
	free(name);
	free(path);
}

static void test_markdown_and_junit(void **state)
{
	struct fixture *f = *state;
	char *md = path_in(f, "r.md"), *xml = path_in(f, "r.xml"), *text;
	int code;

	f->options.markdown = md;
	f->options.junit = xml;
	messy_run(f);
	text = finish(f, &code);
	free(text);
	text = read_file(md);
	assert_non_null(strstr(text, "### ❌ Failed"));
	assert_null(strstr(text, "<script>"));
	assert_null(strchr(text, '@'));
	assert_non_null(strstr(text, "&lt;script\\>alert\\(1\\)"));
	/* Each row has as many cells as the head: nothing got through. */
	for (const char *line = text; *line; line += strspn(line, "\n")) {
		size_t len = strcspn(line, "\n"), bars = 0;

		for (size_t i = 1; i < len; i++)
			bars += line[i] == '|' && line[i - 1] != '\\';
		if (line[0] == '|')
			assert_true(bars == 3 || bars == 8);
		line += len;
	}
	free(text);
	text = read_file(xml);
	assert_non_null(strstr(text, "tests=\"3\" failures=\"2\""));
	assert_int_equal(count_lines(text, "<testcase "), 3);
	assert_int_equal(count_lines(text, "<failure "), 2);
	assert_null(strstr(text, "*<*"));
	free(text);
	free(md);
	free(xml);
}

/* Reads one line of an HdrHistogram log back, by the format's own rules. */
static uint64_t decode_hdr(const char *text, struct histogram *h)
{
	unsigned char raw[65536], plain[65536], *at, *end;
	size_t len = strcspn(text, "\n"), index = 0;
	uLongf plain_len = sizeof(plain);
	uint64_t samples = 0;
	int n;

	n = EVP_DecodeBlock(raw, (const unsigned char *)text, (int)len);
	assert_true(n > 8);
	assert_memory_equal(raw, "\x1c\x84\x93\x14", 4);
	assert_int_equal(uncompress(plain, &plain_len, raw + 8,
	    (uLong)(raw[4] << 24 | raw[5] << 16 | raw[6] << 8 | raw[7])),
	    Z_OK);
	assert_memory_equal(plain, "\x1c\x84\x93\x13", 4);
	assert_int_equal(plain[4] << 24 | plain[5] << 16 | plain[6] << 8 |
	    plain[7], plain_len - 40);
	/* No offset, two digits, from 1, as they are. */
	assert_memory_equal(plain + 8, "\0\0\0\0\0\0\0\x02"
	    "\0\0\0\0\0\0\0\x01", 16);
	assert_memory_equal(plain + 32, "\x3f\xf0\0\0\0\0\0\0", 8);
	end = plain + plain_len;
	for (at = plain + 40; at < end; ) {
		uint64_t v = 0;
		int64_t count;

		for (int shift = 0;; shift += 7) {
			v |= (uint64_t)(*at & 0x7f) << shift;
			if (!(*at++ & 0x80))
				break;
		}
		count = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
		if (count < 0) {
			index += (size_t)-count;
			continue;
		}
		histogram_add_at(h, (unsigned)index++, (uint64_t)count);
		samples += (uint64_t)count;
	}
	return samples;
}

static void test_hdr_log(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "r.hlog"), *text;
	const struct histogram *truth;
	struct histogram total, tagged;
	uint64_t samples = 0, in_tags = 0;
	int code;

	f->options.hdr_log = path;
	messy_run(f);
	text = finish(f, &code);
	free(text);
	text = read_file(path);
	assert_non_null(strstr(text, "#[Histogram log format version 1.3]\n"));
	histogram_init(&total);
	histogram_init(&tagged);
	for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
		char *data = strstr(line, ",HIST");

		if (line[0] == '#' || line[0] == '"')
			continue;
		assert_non_null(data);
		if (strncmp(line, "Tag=", 4) == 0)
			in_tags += decode_hdr(data + 1, &tagged);
		else
			samples += decode_hdr(data + 1, &total);
	}
	assert_int_equal(samples, f->stats->total.requests);
	/* The phase has a tag of its own. */
	assert_int_equal(in_tags, samples + 40);
	truth = series_response(&f->stats->total);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(histogram_at(&total, i),
		    histogram_at(truth, i));
	histogram_release(&total);
	histogram_release(&tagged);
	free(text);
	free(path);
}

static void test_stream(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "r.ndjson"), *text;
	uint64_t requests = 0, in_series = 0, total = 0;
	int code, seconds = 0, events = 0, verdicts = 0;

	f->options.ndjson = path;
	messy_run(f);
	text = finish(f, &code);
	free(text);
	text = read_file(path);
	for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
		json_t *o = json_loadb(line, strcspn(line, "\n"), 0, NULL);
		const char *kind;
		size_t i;
		json_t *s;

		assert_non_null(o);
		kind = json_string_value(json_object_get(o, "kind"));
		seconds += strcmp(kind, "second") == 0;
		events += strcmp(kind, "event") == 0;
		verdicts += strcmp(kind, "verdict") == 0;
		requests += (uint64_t)json_integer_value(
		    json_object_get(o, "requests"));
		json_array_foreach(json_object_get(o, "series"), i, s)
			in_series += (uint64_t)json_integer_value(
			    json_object_get(s, "requests"));
		if (json_object_get(o, "total_requests"))
			total = (uint64_t)json_integer_value(
			    json_object_get(o, "total_requests"));
		json_decref(o);
	}
	assert_int_equal(seconds, 41);
	assert_int_equal(verdicts, 1);
	/* The one of the run, and the criterion met. */
	assert_true(events >= 1);
	assert_int_equal(requests, f->stats->total.requests);
	assert_int_equal(in_series, requests);
	assert_int_equal(total, requests);
	free(text);
	free(path);
}

static void test_prometheus(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "r.prom"), *text;
	int code;

	f->options.prometheus = path;
	messy_run(f);
	text = finish(f, &code);
	free(text);
	text = read_file(path);
	assert_non_null(strstr(text, "\nswarm_users 4\n"));
	assert_non_null(strstr(text,
	    "\nswarm_requests_total{type=\"GET\",name=\"/b\"} 40\n"));
	assert_non_null(strstr(text, "\nswarm_response_seconds_bucket{type="
	    "\"GET\",name=\"/b\",le=\"0.0025\"} 0\n"));
	assert_non_null(strstr(text, "\nswarm_response_seconds_bucket{type="
	    "\"GET\",name=\"/b\",le=\"0.005\"} 40\n"));
	assert_non_null(strstr(text, "\nswarm_response_seconds_bucket{type="
	    "\"GET\",name=\"/b\",le=\"+Inf\"} 40\n"));
	assert_non_null(strstr(text, "swarm_state{state=\"running\"} 1"));
	/* Every line is a comment or a value; no name broke out. */
	for (char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_true(line[0] == '#' ||
		    strncmp(line, "swarm_", 6) == 0);
	assert_non_null(strstr(text, "alert(1)</script>&\\\"'|"));
	free(text);
	free(path);
}

static char stop_reason[100];

static void stop(const char *why)
{
	snprintf(stop_reason, sizeof(stop_reason), "%s", why);
}

static void test_criteria(void **state)
{
	static char *const fail_if[] = { (char *)"p95 > 100ms over 5s",
		(char *)"errors% > 50%", (char *)"max > 1ms -> warn", NULL };
	static char *const stop_if[] = { (char *)"errors > 4 within 3s",
		NULL };
	struct fixture *f = *state;
	json_t *o, *criteria;
	char *text;
	int code;

	f->options.csv = NULL;
	f->options.fail_if = fail_if;
	f->options.stop_if = stop_if;
	f->options.stop = stop;
	stop_reason[0] = '\0';
	assert_int_equal(report_start(&f->options), 0);
	for (int i = 0; i < 30; i++) {
		sample(f, "/a", 10, i % 5 ? NULL : "bad");
		second(f);
	}
	assert_string_equal(stop_reason, "");
	/* Failed requests alone do not fail a run that has criteria. */
	text = finish(f, &code);
	assert_int_equal(code, 0);
	assert_non_null(strstr(text, "none of 3 failure criteria was met"));
	assert_non_null(strstr(text, "!  max > 1ms -> warn"));
	free(text);

	stats_reset(f->stats);
	f->outcome.run.started = clock_now();
	assert_int_equal(report_start(&f->options), 0);
	for (int i = 0; i < 10; i++) {
		sample(f, "/a", 500, NULL);
		second(f);
	}
	assert_string_equal(stop_reason, "");
	for (int i = 0; i < 5; i++)
		sample(f, "/a", 500, "bad");
	second(f);
	assert_string_equal(stop_reason, "errors > 4 within 3s");
	text = finish(f, &code);
	assert_int_equal(code, REPORT_CRITERION);
	assert_non_null(strstr(text, "2 of 3 criteria"));
	assert_non_null(strstr(text, "x  p95 > 100ms over 5s"));
	assert_non_null(strstr(text, "exit 99"));
	free(text);
	o = load_json(f);
	criteria = json_object_get(o, "criteria");
	assert_int_equal(json_array_size(criteria), 4);
	assert_true(json_is_true(json_object_get(json_array_get(criteria, 0),
	    "failed")));
	assert_true(json_is_false(json_object_get(json_array_get(criteria,
	    1), "failed")));
	json_decref(o);
}

static void test_bad_criterion(void **state)
{
	static char *const bad[] = { (char *)"p95 > 100", NULL };
	struct fixture *f = *state;

	f->options.fail_if = bad;
	assert_int_equal(report_start(&f->options), -1);
}

/* Standard output is JSON and nothing else. */
static void test_json_on_stdout(void **state)
{
	struct fixture *f = *state;
	char *text;
	json_t *o;
	int code;

	f->options.json = true;
	f->options.json_file = NULL;
	f->options.progress = 1;
	assert_int_equal(report_start(&f->options), 0);
	report_event("worker %d lost: \"gone\"", 2);
	for (int t = 0; t < 3; t++) {
		sample(f, "/\xff", 10, NULL);
		second(f);
	}
	text = finish(f, &code);
	assert_int_equal(code, 0);
	o = json_loads(text, 0, NULL);
	if (!o)
		fail_msg("no JSON: %s", text);
	assert_string_equal(json_string_value(json_object_get(o, "schema")),
	    "swarm-results/1");
	assert_string_equal(json_string_value(json_object_get(
	    json_object_get(o, "run"), "command")), "swarm -f 'it'\\''s.c'");
	assert_int_equal(json_array_size(json_object_get(o, "events")), 1);
	json_decref(o);
	free(text);
}

/* Ten times as many seconds as a JSON file has slots. */
static void test_long_history(void **state)
{
	struct fixture *f = *state;
	json_t *o, *history, *slot;
	uint64_t requests = 0;
	double end = 0;
	char *text;
	size_t i;
	int code;

	f->options.csv = NULL;
	assert_int_equal(report_start(&f->options), 0);
	for (int t = 0; t < 6001; t++) {
		sample(f, "/a", 10, NULL);
		second(f);
	}
	text = finish(f, &code);
	free(text);
	o = load_json(f);
	history = json_object_get(o, "history");
	assert_true(json_array_size(history) <= 600);
	assert_true(json_array_size(history) > 500);
	json_array_foreach(history, i, slot) {
		double length = json_real_value(json_object_get(slot,
		    "length_s"));

		requests += (uint64_t)json_integer_value(
		    json_object_get(slot, "requests"));
		assert_true(fabs(end + length - json_real_value(
		    json_object_get(slot, "end_s"))) < 1e-6);
		end += length;
	}
	assert_int_equal(requests, 6001);
	json_decref(o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_totals_are_equal),
		TEST(test_summary_fits),
		TEST(test_summary_has_no_escapes),
		TEST(test_csv_stats),
		TEST(test_csv_failures),
		TEST(test_csv_history),
		TEST(test_exit_codes),
		TEST(test_verdict_without_requests),
		TEST(test_notes),
		TEST(test_unusable_files),
		TEST(test_insufficient),
		TEST(test_read_back),
		TEST(test_damaged_files),
		TEST(test_html),
		TEST(test_markdown_and_junit),
		TEST(test_hdr_log),
		TEST(test_stream),
		TEST(test_prometheus),
		TEST(test_criteria),
		TEST(test_bad_criterion),
		TEST(test_json_on_stdout),
		TEST(test_long_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
