/*
 * One messy run, with names that would break out of any format, in each of the
 * files: what is read back is what was written, and nothing of the target's is
 * live in them.
 */
#include "report_kit.h"

#include "report/html.h"
#include "report/json.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <math.h>

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

static void set_text(json_t *o, const char *key, const char *text)
{
	assert_int_equal(json_object_set_new(o, key, json_string(text)), 0);
}

/* A stranger's file may hold what a terminal obeys. */
static void test_texts_are_safe_to_show(void **state)
{
	struct fixture *f = *state;
	json_t *o, *executor = json_object();
	struct result r;
	char *text;
	int code;

	messy_run(f);
	free(finish(f, &code));
	o = load_json(f);
	set_text(json_array_get(json_object_get(o, "criteria"), 0), "shown",
	    "5\033[2J");
	set_text(json_array_get(json_object_get(o, "exceptions"), 0),
	    "traceback", "a\n\033b\n");
	set_text(json_object_get(o, "run"), "stop_reason", "a\nb\302\233");
	set_text(executor, "model", "\033c");
	json_array_append_new(json_object_get(o, "executors"), executor);
	json_object_set_new(json_object_get(o, "counters"), "n\033",
	    json_integer(1));
	text = json_dumps(o, 0);
	assert_int_equal(json_read_text(&r, text, strlen(text), "it"), 0);
	assert_string_equal(r.criteria[0].shown, "5\xef\xbf\xbd[2J");
	assert_string_equal(r.exceptions[0].traceback,
	    "a\n\xef\xbf\xbd" "b\n");
	assert_string_equal(r.stop_reason, "a b\xef\xbf\xbd");
	assert_string_equal(r.executors[r.executor_count - 1].model,
	    "\xef\xbf\xbd" "c");
	for (size_t i = 0; i < r.counter_count; i++)
		assert_null(strchr(r.counters[i].name, '\033'));
	result_release(&r);
	free(text);
	json_decref(o);
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
	uint64_t requests = 0, in_series = 0, total = 0, failures = 0;
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
		json_array_foreach(json_object_get(o, "series"), i, s) {
			assert_int_equal(json_is_true(json_object_get(s,
			    "phase")), strcmp(json_string_value(
			    json_object_get(s, "type")), "TCP") == 0);
			in_series += (uint64_t)json_integer_value(
			    json_object_get(s, "requests"));
		}
		if (json_object_get(o, "total_requests")) {
			total = (uint64_t)json_integer_value(
			    json_object_get(o, "total_requests"));
			failures = (uint64_t)json_integer_value(
			    json_object_get(o, "total_failures"));
		}
		json_decref(o);
	}
	assert_int_equal(seconds, 41);
	assert_int_equal(verdicts, 1);
	/* The one of the run, and the criterion met. */
	assert_true(events >= 1);
	assert_int_equal(requests, f->stats->total.requests);
	assert_int_equal(in_series, requests);
	assert_int_equal(total, requests);
	assert_int_equal(failures, f->stats->total.failures);
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
	for (int kind = METRIC_GAUGE; kind <= METRIC_RATE; kind++)
		metrics_record(&f->stats->metrics, metrics_get(
		    &f->stats->metrics, (enum metric_kind)kind, "twin", ""),
		    1);
	metrics_record(&f->stats->metrics, metrics_get(&f->stats->metrics,
	    METRIC_GAUGE, "lone", ""), 5);
	text = finish(f, &code);
	free(text);
	text = read_file(path);
	/* No labels twice. */
	assert_non_null(strstr(text,
	    "\nswarm_metric{name=\"twin\",kind=\"gauge\"} 1\n"));
	assert_non_null(strstr(text,
	    "\nswarm_metric{name=\"twin\",kind=\"rate\"} 1\n"));
	assert_non_null(strstr(text, "\nswarm_metric{name=\"lone\"} 5\n"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_back),
		TEST(test_damaged_files),
		TEST(test_texts_are_safe_to_show),
		TEST(test_html),
		TEST(test_markdown_and_junit),
		TEST(test_hdr_log),
		TEST(test_stream),
		TEST(test_prometheus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
