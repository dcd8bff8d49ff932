/* What a search for capacity says and with which exit code it ends, and the same
 * again from a file, which may be anybody's. */
#include "report_kit.h"

#include "report/capacity_view.h"

#include "capacity_kit.h"

static char *slos[] = { (char *)"p99<50ms", (char *)"errors<1%" };

/* The end of a run with this search. */
static char *finished(struct fixture *f, const struct capacity *c, int *code)
{
	f->options.csv = NULL;
	f->options.json_file = NULL;
	f->options.capacity = c;
	f->options.slos = slos;
	f->options.slo_count = 2;
	assert_int_equal(report_start(&f->options), 0);
	return finish(f, code);
}

static void expect(struct fixture *f, const struct capacity *c, int expected,
    const char *word)
{
	struct buf sentence = BUF_INIT(4096);
	struct capacity_view view;
	int code;

	free(finished(f, c, &code));
	capacity_view_take(&view, c, false, slos, 2);
	capacity_view_sentence(&sentence, &view);
	if (!strstr(buf_str(&sentence), word))
		fail_msg("no '%s' in\n%s", word, buf_str(&sentence));
	assert_int_equal(code, expected);
	capacity_view_release(&view);
	buf_release(&sentence);
}

static struct capacity *searched(double within, double seconds)
{
	struct capacity_options o = options;
	struct capacity *c;
	struct queue q;

	o.slo_count = 2;
	o.slo_share[1] = 0.99;
	o.step = within;
	o.search_s = seconds;
	c = capacity_new(&o);
	queue_init(&q, &one_server, 1);
	search(c, &q);
	queue_release(&q);
	return c;
}

static void test_found_as_asked_for(void **state)
{
	struct capacity *c = searched(0.05, 290);
	struct capacity_answer a;

	capacity_answer(c, &a);
	assert_true(a.sure);
	assert_true(a.range.hi <= 1.05 * 1.05 * a.range.lo);
	expect(*state, c, REPORT_PASSED, "held for 60 s; above that");
	capacity_free(c);
}

static void test_found_less_sure(void **state)
{
	struct capacity *c = searched(0.0005, 290);

	expect(*state, c, REPORT_UNSURE, " only and not 0.05 %");
	capacity_free(c);
	c = searched(0.5, 60);
	expect(*state, c, REPORT_UNSURE, "not held");
	capacity_free(c);
}

static void test_target_is_down(void **state)
{
	struct fixture *f = *state;
	const struct capacity_probe *probes;
	struct capacity_options o = options;
	struct capacity_second s = { .begun = 10, .planned = 10,
		.requests = 10, .failures = 10, .of = { 10, 10 },
		.good = { 10, 0 }, .r50 = 1e5, .r99 = 1e5, .service = 1e5,
		.busy = 0.1, .delay_p99_ns = 1e5 };
	struct capacity *c;

	o.slo_count = 2;
	o.slo_share[1] = 0.99;
	c = capacity_new(&o);
	do {
		s.begun = s.planned = capacity_load(c);
	} while (capacity_second(c, &s));
	/* Once more, at less, is enough. */
	assert_int_equal(capacity_probes(c, &probes), 2);
	sample(f, "/a", 1, "refused");
	expect(f, c, REPORT_NO_ANSWER, "does not meet errors<1% at 2.50/s, "
	    "the least load tried: every request failed");
	sample(f, "/a", 1, NULL);
	expect(f, c, REPORT_CRITERION, "does not meet errors<1%");
	capacity_free(c);
}

static size_t times(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* One table each, with a mark beside the colour and what was missed. */
static void test_tables(void **state)
{
	struct capacity *c = searched(0.05, 290);
	struct buf text = BUF_INIT(1 << 20);
	struct capacity_view view;
	const char *end;

	(void)state;
	capacity_view_take(&view, c, false, slos, 2);
	capacity_view_markdown(&text, &view);
	assert_int_equal(times(buf_str(&text), "\n| "), view.count + 1);
	assert_non_null(strstr(buf_str(&text), "| fail \\(p99&lt;50ms\\) |"));
	end = buf_str(&text) + text.len;
	assert_string_equal(end - 2, "\n\n");
	buf_clear(&text);
	capacity_view_html(&text, &view);
	assert_int_equal(times(buf_str(&text), "<tr>"), view.count + 1);
	assert_non_null(strstr(buf_str(&text),
	    "<td class=\"bad\">\u2717 fail (p99&lt;50ms)"));
	assert_non_null(strstr(buf_str(&text), "<td class=\"good\">\u2713 "
	    "pass"));
	capacity_view_release(&view);
	capacity_free(c);
	buf_release(&text);
}

/* The generator has too few of them. */
static void test_too_few_users(void **state)
{
	struct capacity *c = capacity_new(&options);
	struct capacity_second s;
	struct queue q;

	queue_init(&q, &one_server, 5);
	do {
		play(&q, capacity_load(c), &s);
		s.service = 1e6;
		if (capacity_load(c) > 100) {
			s.starved = 30;
			s.good[0] = 0;
		}
	} while (capacity_second(c, &s));
	expect(*state, c, REPORT_NO_CAPACITY, "bears at least 40.0/s: "
	    "generator-limited, it could not make 160/s: all its users were "
	    "busy; give it more with -u");
	capacity_free(c);
	queue_release(&q);
}

/* A generator that fails once it is known what is too much. */
static void test_too_slow_at_last(void **state)
{
	struct capacity *c = capacity_new(&options);
	const struct capacity_probe *probes;
	struct capacity_second s;
	struct queue q;

	queue_init(&q, &one_server, 5);
	do {
		size_t n = capacity_probes(c, &probes);

		play(&q, capacity_load(c), &s);
		if (n > 0 && (probes[n - 1].verdict == CAPACITY_OVERLOAD ||
		    probes[n - 1].verdict == CAPACITY_INVALID))
			s.busy = 0.99;
	} while (capacity_second(c, &s));
	expect(*state, c, REPORT_NO_CAPACITY, "bears at least 832/s and not "
	    "1 082/s: generator-limited, it could not make 881/s in time");
	capacity_free(c);
	queue_release(&q);
}

static void test_again_from_a_file(void **state)
{
	struct capacity *c = searched(0.05, 290);
	struct capacity_view view, again;
	json_t *first, *second;

	(void)state;
	capacity_view_take(&view, c, false, slos, 2);
	first = capacity_view_json(&view);
	capacity_view_read(&again, first);
	second = capacity_view_json(&again);
	assert_true(json_equal(first, second));
	capacity_view_release(&view);
	capacity_view_release(&again);
	json_decref(first);
	json_decref(second);
	capacity_free(c);
}

static void test_file_of_a_stranger(void **state)
{
	static const char *const texts[] = { "{}", "[]", "3",
		"{\"answer\": \"found\", \"unit\": \"users\", \"load\": 1e300, "
		"\"range\": [-1e300, 1e300], \"held_s\": \"x\", \"sure\": "
		"false, \"probes\": [3, {\"load\": -5, \"limit\": 99}], "
		"\"slos\": [1], \"limit\": 7}",
		"{\"answer\": \"found\", \"unit\": \"users\", \"range\": "
		"[0, null], \"sure\": false}",
		"{\"answer\": \"none\"}", "{\"answer\": \"lost\"}",
		"{\"answer\": \"at-least\", \"limit\": -3}" };
	struct buf text = BUF_INIT(1 << 20);
	struct capacity_view view;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *o = json_loads(texts[i], JSON_DECODE_ANY, NULL);

		assert_non_null(o);
		capacity_view_read(&view, o);
		capacity_view_html(&text, &view);
		capacity_view_markdown(&text, &view);
		capacity_view_text(&text, &view);
		capacity_view_release(&view);
		json_decref(o);
	}
	assert_null(strstr(buf_str(&text), "inf"));
	assert_null(strstr(buf_str(&text), "nan"));
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found_as_asked_for),
		TEST(test_found_less_sure),
		TEST(test_target_is_down),
		TEST(test_tables),
		TEST(test_too_few_users),
		TEST(test_too_slow_at_last),
		TEST(test_again_from_a_file),
		TEST(test_file_of_a_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
