/*
 * A run as the outputs see it: the same totals in CSV, JSON and the summary,
 * the verdict and the exit code.
 */
#include "report_kit.h"

#include "base/rng.h"

#include <math.h>

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
	/* No name at all, on the heap. */
	f->options.json_file = NULL;
	f->options.html = xstrdup("");
	assert_int_equal(report_start(&f->options), -1);
	free((char *)(uintptr_t)f->options.html);
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

/* What is answered with less load is not a criterion a run can pass by. */
static void test_only_steps_down(void **state)
{
	static char *const fail_if[] = {
		(char *)"max > 1ms over 3s -> step-down 20%", NULL };
	struct fixture *f = *state;
	char *text;
	int code;

	f->options.csv = NULL;
	f->options.fail_if = fail_if;
	assert_int_equal(report_start(&f->options), 0);
	sample(f, "/a", 10, NULL);
	sample(f, "/a", 10, "bad");
	second(f);
	text = finish(f, &code);
	assert_int_equal(code, 1);
	assert_non_null(strstr(text, "1 request failed (50.0 %)"));
	free(text);
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
	static char *argv[] = { (char *)"swarm", (char *)"-f",
		(char *)"it's.c", (char *)"--tags={a,b}", NULL };
	struct fixture *f = *state;
	char *text;
	json_t *o;
	int code;

	f->options.argv = argv;
	f->options.argc = 4;
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
	    json_object_get(o, "run"), "command")),
	    "swarm -f 'it'\\''s.c' '--tags={a,b}'");
	assert_int_equal(json_array_size(json_object_get(o, "events")), 1);
	json_decref(o);
	free(text);
}

/* Four users of which two wait at any time, whatever is done to the
 * statistics meanwhile. */
static void test_reset_is_no_load(void **state)
{
	struct fixture *f = *state;
	const json_t *waiting;
	char *text;
	json_t *o;
	int code;

	f->options.csv = NULL;
	assert_int_equal(report_start(&f->options), 0);
	for (int t = 0; t < 20; t++) {
		for (int i = 0; i < 2; i++)
			sample(f, "/a", 1000, NULL);
		if (t == 3) {
			stats_reset(f->stats);
			for (int i = 0; i < 50; i++)
				sample(f, "/a", 1, NULL);
		}
		if (t == 9) {
			for (int i = 0; i < 50; i++)
				sample(f, "/a", 1000, NULL);
			report_skip();
		}
		second(f);
	}
	text = finish(f, &code);
	free(text);
	o = load_json(f);
	waiting = json_object_get(json_object_get(o, "generator"),
	    "users_waiting");
	assert_float_equal(json_number_value(waiting), 0.5, 0.001);
	json_decref(o);
}

/* A run tells of so many events, and that there were more. */
static void test_too_many_events(void **state)
{
	struct fixture *f = *state;
	json_t *o, *events;
	char *text;
	int code;

	f->options.csv = NULL;
	assert_int_equal(report_start(&f->options), 0);
	for (int i = 0; i < 2000; i++)
		report_event("%d", i);
	sample(f, "/a", 10, NULL);
	second(f);
	text = finish(f, &code);
	free(text);
	o = load_json(f);
	events = json_object_get(o, "events");
	assert_int_equal(json_array_size(events), 1000);
	assert_string_equal(json_string_value(json_object_get(
	    json_array_get(events, 998), "text")), "998");
	assert_non_null(strstr(json_string_value(json_object_get(
	    json_array_get(events, 999), "text")), "more events"));
	json_decref(o);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_totals_are_equal),
		TEST(test_summary_fits),
		TEST(test_summary_has_no_escapes),
		TEST(test_exit_codes),
		TEST(test_verdict_without_requests),
		TEST(test_notes),
		TEST(test_unusable_files),
		TEST(test_insufficient),
		TEST(test_criteria),
		TEST(test_only_steps_down),
		TEST(test_bad_criterion),
		TEST(test_json_on_stdout),
		TEST(test_reset_is_no_load),
		TEST(test_too_many_events),
		TEST(test_long_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
