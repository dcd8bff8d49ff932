/* A trace as it is replayed: what is given, in which order, and due when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <swarm/trace.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/trace.h"

#define S NS_PER_S

/* Events of a script: at a time in ms, of a type. */
struct step {
	int64_t ms;
	const char *type;               /* NULL: not readable */
	const char *user;
};

static const struct step *script;
static size_t step_count;
static int64_t resolution;
static int64_t base;                    /* ns, added to times */
static struct buf said = BUF_INIT(1 << 16);

struct player {
	size_t at;
};

static void *open_script(const struct swarm_trace_open *o)
{
	(void)o;
	return calloc(1, sizeof(struct player));
}

static void close_script(void *trace)
{
	free(trace);
}

static enum swarm_trace_result next_step(void *trace,
    struct swarm_trace_event *e)
{
	struct player *p = trace;
	const struct step *s = &script[p->at];

	if (p->at == step_count)
		return SWARM_TRACE_END;
	e->place = ++p->at;
	if (s->type == NULL) {
		e->why = "no type";
		return SWARM_TRACE_SKIP;
	}
	if (strcmp(s->type, "BROKEN") == 0)
		return SWARM_TRACE_ERROR;
	e->time = base + s->ms * NS_PER_MS;
	e->resolution = resolution;
	e->type = s->type;
	e->flags = strcmp(s->type, "POST") == 0 ? SWARM_TRACE_CHANGES : 0;
	e->user = s->user;
	e->user_len = s->user != NULL ? strlen(s->user) : 0;
	e->payload = s;
	e->payload_len = sizeof *s;
	return SWARM_TRACE_EVENT;
}

static void perform(struct swarm_user *u, const struct swarm_trace_event *e)
{
	(void)u;
	(void)e;
}

static const struct swarm_trace def = {
	.name = "script", .help = "steps", .open = open_script,
	.next = next_step, .close = close_script, .perform = perform,
};

static struct trace_options options(void)
{
	return (struct trace_options){ .def = &def, .path = "script",
		.speed = 1, .passes = 1, .window = 10 };
}

static struct trace *open_steps(const struct step *s, size_t n,
    const struct trace_options *o)
{
	script = s;
	step_count = n;
	return trace_open(o);
}

/* "0 100 200": when each is due, in ms; and closes it. */
static const char *dues(struct trace *t, struct trace_counts *counts)
{
	static char text[512];
	enum trace_answer rc;
	struct record r;
	size_t n = 0;

	assert_non_null(t);
	text[0] = '\0';
	while ((rc = trace_next(t, &r)) != TRACE_END && n < 400) {
		if (rc == TRACE_EVENT)
			n += (size_t)snprintf(text + n, sizeof text - n,
			    "%s%g", n > 0 ? " " : "",
			    (double)r.due / (double)NS_PER_MS);
	}
	trace_counts(t, counts);
	trace_close(t);
	return text;
}

#define STEPS(...) (const struct step[]){ __VA_ARGS__ }, \
	sizeof (const struct step[]){ __VA_ARGS__ } / sizeof(struct step)

static void reset(void)
{
	resolution = 0;
	base = 1706702400 * S;
	buf_clear(&said);
}

static void test_speed(void **state)
{
	struct trace_options o = options();
	struct trace_counts c;

	(void)state;
	reset();
	o.speed = 4;
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 1000, "GET", "a" }, { 1000, "GET", "b" }, { 3000, "GET", "a" }),
	    &o), &c), "0 250 250 750");
	assert_int_equal(c.events, 4);
}

/* Whole seconds: spread, in their order. */
static void test_spread(void **state)
{
	struct trace_options o = options();
	struct trace_counts c;

	(void)state;
	reset();
	resolution = S;
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 0, "GET", "b" }, { 1000, "GET", "a" }, { 0, "GET", "c" },
	    { 0, "GET", "d" }, { 5000, "GET", "a" }), &o), &c),
	    "0 250 500 750 1000 5000");
}

static void test_window(void **state)
{
	struct trace_options o = options();
	struct trace_counts c;

	(void)state;
	reset();
	o.window = 1;
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 500, "GET", "a" }, { 100, "GET", "b" }, { 1600, "GET", "a" },
	    { 4000, "GET", "a" }, { 200, "GET", "c" }, { 1700, "GET", "c" }),
	    &o), &c), "0 100 500 1600 1700 4000");
	assert_int_equal(c.out_of_order, 1);
}

/* A user's events of one time stay in the order of the file. */
static void test_ties(void **state)
{
	static const struct step steps[] = { { 0, "GET", "x" },
		{ 5, "GET", "x" }, { 5, "GET", "x" }, { 5, "GET", "x" },
		{ 0, "GET", "x" }, { 5, "GET", "x" } };
	static const size_t want[] = { 0, 4, 1, 2, 3, 5 };
	struct trace_options o = options();
	struct trace *t;
	struct record r;

	(void)state;
	reset();
	t = open_steps(steps, 6, &o);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(trace_next(t, &r), TRACE_EVENT);
		assert_memory_equal(r.payload, &steps[want[i]],
		    sizeof steps[0]);
		assert_int_equal(r.key, record_key("x", 1));
	}
	assert_int_equal(trace_next(t, &r), TRACE_END);
	trace_close(t);
}

static void test_bounds(void **state)
{
	struct trace_options o = options();
	struct trace_counts c;

	(void)state;
	reset();
	o.from = "+1s";
	o.to = "2024-01-31T13:00:03+01:00";
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 1000, "GET", "a" }, { 2999, "GET", "a" }, { 3000, "GET", "a" },
	    { 2000, "GET", "a" }, { 60000, "GET", "a" }, { 1500, "GET", "a" }),
	    &o), &c), "0 1000 1999");
	assert_int_equal(c.left_out, 3);
	o.from = "+5s";
	assert_null(open_steps(STEPS({ 0, "GET", "a" }), &o));
	assert_non_null(strstr(buf_str(&said), "is not before"));
	o.from = "yesterday";
	assert_null(open_steps(STEPS({ 0, "GET", "a" }), &o));
}

/* What no clock says: times of other centuries, bounds beyond all of them, and
 * slower than they may go by. */
static void test_extremes(void **state)
{
	const int64_t year = INT64_C(31557600) * 1000;
	struct trace_options o = options();
	struct trace_counts c;
	const char *text;

	(void)state;
	reset();
	o.speed = 1e-3;
	o.passes = 2;
	o.to = "+9000000000s";
	text = dues(open_steps(STEPS({ -100 * year, "GET", "a" },
	    { 0, "GET", "a" }, { 10 * year, "GET", "a" },
	    { 100 * year, "GET", "a" }), &o), &c);
	/* Not one of them is before the one before. */
	assert_int_equal(strncmp(text, "0 2.305", 7), 0);
	assert_int_equal(c.events, 6);
	assert_int_equal(c.unreadable, 2);
	assert_non_null(strstr(buf_str(&said), "minutes"));
	/* More than a minute is said, at the speed that is asked for. */
	buf_clear(&said);
	o = options();
	dues(open_steps(STEPS({ 0, "GET", "a" }, { 59000, "GET", "a" }), &o),
	    &c);
	assert_int_equal(said.len, 0);
	o.speed = 0.5;
	dues(open_steps(STEPS({ 0, "GET", "a" }, { 59000, "GET", "a" }), &o),
	    &c);
	assert_non_null(strstr(buf_str(&said), "for 2.0 minutes"));
	/* Backwards, each by more than the window. */
	o = options();
	dues(open_steps(STEPS({ 90000, "GET", "a" }, { 60000, "GET", "a" },
	    { 120000, "GET", "a" }, { 30000, "GET", "a" }, { 0, "GET", "b" }),
	    &o), &c);
	assert_int_equal(c.events + c.out_of_order, 5);
	assert_true(c.events >= 2);
	o.from = "+9000000000s";
	dues(open_steps(STEPS({ 0, "GET", "a" }, { 1, "GET", "a" }), &o), &c);
	assert_int_equal(c.events, 0);
}

static void test_limit_and_passes(void **state)
{
	struct trace_options o = options();
	struct trace_counts c;

	(void)state;
	reset();
	o.limit = 3;
	o.passes = 2;
	o.max_gap = 0.5;
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 100, "GET", "a" }, { 9100, "GET", "a" }, { 9200, "GET", "a" }),
	    &o), &c), "0 100 600 800 900 1400");
	assert_int_equal(c.passes, 2);
	assert_int_equal(c.gap_cut_ns, 2 * 8500 * NS_PER_MS);
	/* All at one time: passes still move on. */
	o = options();
	o.passes = 0;
	o.limit = 1;
	assert_non_null(strstr(dues(open_steps(STEPS({ 0, "GET", "a" }), &o),
	    &c), "0 1 2 3 4 5"));
}

static void test_methods(void **state)
{
	struct trace_options o = options();
	struct trace_counts c;
	struct trace *t;

	(void)state;
	reset();
	t = open_steps(STEPS({ 0, "GET", "a" }, { 1, "POST", "a" },
	    { 2, NULL, "a" }, { 3, "PUT", "a" }, { 4, "POST", "a" }), &o);
	for (struct record r; trace_next(t, &r) != TRACE_END; )
		;
	trace_counts(t, &c);
	assert_int_equal(c.events, 2);
	assert_int_equal(c.left_out, 2);
	assert_int_equal(c.unreadable, 1);
	trace_say(t);
	assert_non_null(strstr(buf_str(&said), "2 left out: POST may change "
	    "something over there (--methods POST, or all) (the first at 2)"));
	assert_non_null(strstr(buf_str(&said), "1 left out: no type (the "
	    "first at 3)"));
	trace_close(t);
	o.methods = "put,POST";
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 1, "POST", "a" }, { 2, "PUT", "a" }, { 4, "PU", "a" }), &o),
	    &c), "0 1");
	o.methods = "all";
	assert_string_equal(dues(open_steps(STEPS({ 0, "GET", "a" },
	    { 1, "POST", "a" }), &o), &c), "0 1");
}

static void test_refused(void **state)
{
	struct trace_options o = options();
	struct trace *t;
	struct record r;

	(void)state;
	reset();
	assert_null(open_steps(STEPS({ 0, NULL, "a" }, { 0, NULL, "a" }),
	    &o));
	assert_non_null(strstr(buf_str(&said), "script:1: no type; and so for "
	    "all of the first 2: not what --format script reads (steps)"));
	assert_null(open_steps(NULL, 0, &o));
	assert_null(open_steps(STEPS({ 0, "BROKEN", "a" }), &o));
	t = open_steps(STEPS({ 0, "GET", "a" }, { 0, "BROKEN", "a" },
	    { 0, "GET", "a" }), &o);
	assert_int_equal(trace_next(t, &r), TRACE_EVENT);
	assert_int_equal(trace_next(t, &r), TRACE_FAILED);
	assert_int_equal(trace_next(t, &r), TRACE_FAILED);
	trace_close(t);
	/* Times that no arithmetic bears. */
	base = INT64_MAX - 10;
	assert_null(open_steps(STEPS({ 0, "GET", "a" }), &o));
}

static void test_dates(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(trace_date("2024-01-31T12:00:00Z", &ns), 0);
	assert_int_equal(ns, 1706702400 * S);
	assert_int_equal(trace_date("2024-01-31 12:00", &ns), 0);
	assert_int_equal(ns, 1706702400 * S);
	assert_int_equal(trace_date("2024-01-31T12:00:00.5-0330", &ns), 0);
	assert_int_equal(ns, 1706702400 * S + S / 2 + 12600 * S);
	assert_int_equal(trace_date("1706702400.25", &ns), 0);
	/* A double has no more. */
	assert_in_range(ns - 1706702400 * S, S / 4 - 500, S / 4 + 500);
	assert_int_equal(trace_date("2024-01-31", &ns), 0);
	assert_int_equal(trace_date("2024-01-31T12:00:00+1", &ns), -1);
	assert_int_equal(trace_date("2024-01-31T12:00:00+01:00x", &ns), -1);
	assert_int_equal(trace_date("31.1.2024", &ns), -1);
	assert_int_equal(trace_date("", &ns), -1);
	assert_int_equal(trace_date("2024-01-31T12:00:00.5e300", &ns), -1);
	assert_int_equal(trace_date("2024-01-31T12:00:00.nan", &ns), -1);
	assert_int_equal(trace_date("9e9", &ns), 0);
	assert_int_equal(trace_date("1e10", &ns), -1);
}

static void note(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	buf_printf(&said, "%s\n", line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_limit_and_passes),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dates),
	};
	int rc;

	log_set_sink(note, NULL);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	buf_release(&said);
	return rc;
}
