/*
 * The steady stretch of made-up runs: what is cut, what is said of it, and
 * that it survives the way through JSON.
 */
#include "report/warm_up.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "report/result.h"

/* `count` seconds at 10 users after a ramp of 5, with so many ms each. */
static void make(struct result *r, int count, double (*ms)(int))
{
	struct histogram h;
	struct rng rng;

	memset(r, 0, sizeof *r);
	rng_seed(&rng, 1, 0);
	r->points = xcalloc((size_t)count + 5, sizeof *r->points);
	for (int i = 0; i < count + 5; i++) {
		struct result_point *p = &r->points[r->point_count++];
		double mean = ms(i < 5 ? 0 : i - 5);

		*p = (struct result_point){ .end = i + 1, .length = 1,
			.users = i < 5 ? 2 * i + 1 : 10 };
		histogram_init(&h);
		for (int k = 0; k < 100; k++)
			histogram_record(&h, (int64_t)(mean * NS_PER_MS *
			    (0.9 + 0.2 * rng_uniform(&rng))));
		p->requests = 95 + rng_below(&rng, 11);
		sparse_from(&p->response, &h);
		histogram_release(&h);
	}
}

static double flat(int i)
{
	(void)i;
	return 10;
}

static double cold(int i)
{
	return 10 + 40 * exp(-i / 4.0);
}

static double leaking(int i)
{
	return 10 + i / 10.0;
}

static void expect(const struct result *r, double asked,
    enum warm_up_state state, const char *part)
{
	struct buf text = BUF_INIT(2000);
	struct warm_up w, again;
	json_t *o;

	warm_up_take(&w, r, asked);
	warm_up_sentence(&text, &w);
	if (w.state != state || strstr(buf_str(&text), part) == NULL)
		fail_msg("%d: %s", (int)w.state, buf_str(&text));
	o = warm_up_json(&w);
	memset(&again, 0, sizeof again);
	warm_up_read(&again, o);
	json_decref(o);
	assert_memory_equal(&w, &again, sizeof w);
	buf_release(&text);
}

static void test_states(void **state)
{
	struct result r;
	struct warm_up w;

	(void)state;
	make(&r, 12, flat);
	expect(&r, WARM_UP_NONE, WARM_UP_UNKNOWN, "takes 20 seconds");
	result_release(&r);
	make(&r, 60, flat);
	/* The ramp alone goes. */
	expect(&r, WARM_UP_NONE, WARM_UP_STEADY, "from 00:06 to 01:05");
	result_release(&r);
	make(&r, 60, leaking);
	expect(&r, WARM_UP_NONE, WARM_UP_NEVER, "still changing");
	expect(&r, 10, WARM_UP_DRIFTING, "response times went up by");
	result_release(&r);
	make(&r, 120, cold);
	warm_up_take(&w, &r, WARM_UP_AUTO);
	assert_int_equal(w.state, WARM_UP_STEADY);
	assert_true(w.applied);
	assert_true(w.from_s >= 16 && w.from_s <= 46);
	/* What is left is like the rest was made. */
	assert_true(fabs(w.ms[0] - 10) < 0.6);
	assert_true(w.timed == (uint64_t)(125 - w.from_s) * 100);
	/* A time is taken as it is. */
	warm_up_take(&w, &r, 40);
	assert_true(w.from_s == 40 && w.to_s == 125);
	/* To the second that most of it lies in. */
	warm_up_take(&w, &r, 40.4);
	assert_true(w.from_s == 40);
	warm_up_take(&w, &r, 40.6);
	assert_true(w.from_s == 41);
	result_release(&r);
}

static void test_words(void **state)
{
	double t;

	(void)state;
	assert_int_equal(warm_up_parse("auto", &t), 0);
	assert_true(t == WARM_UP_AUTO);
	assert_int_equal(warm_up_parse("none", &t), 0);
	assert_true(t == WARM_UP_NONE);
	assert_int_equal(warm_up_parse("1m30s", &t), 0);
	assert_true(t == 90);
	assert_int_equal(warm_up_parse("later", &t), -1);
}

static void test_what_is_read_may_be_anything(void **state)
{
	struct warm_up w = { 0 };
	json_t *o = json_loads("{\"state\": 7, \"from_s\": 1e300, "
	    "\"requests\": -5, \"response_ms\": []}", 0, NULL);

	(void)state;
	warm_up_read(&w, o);
	assert_int_equal(w.state, WARM_UP_UNKNOWN);
	assert_true(w.from_s == 0 && w.requests == 0 && w.timed == 0);
	warm_up_read(&w, NULL);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_what_is_read_may_be_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
