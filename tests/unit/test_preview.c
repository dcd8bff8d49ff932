/* The plan of a test on paper. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <swarm/shape.h>

#include "run/preview.h"
#include "run/spec.h"

static struct spec parse(const char *text)
{
	struct spec deflt, s;

	spec_init(&deflt);
	assert_int_equal(spec_parse(&s, text, &deflt), 0);
	spec_release(&deflt);
	return s;
}

/* The value of a line at a moment. */
static double at(const double *values, double span, double t)
{
	return values[lround(t / span * (PREVIEW_POINTS - 1))];
}

static void test_users(void **state)
{
	struct spec s = parse("name=a,users=100,spawn-rate=10,start=30s,"
	    "time=60s");
	struct preview_line line;

	(void)state;
	assert_true(preview_length(&s, NULL) == 90);
	preview_fill(&s, NULL, 239, &line);
	assert_true(at(line.users, 239, 29) == 0);
	assert_true(at(line.users, 239, 35) == 50);
	assert_true(at(line.users, 239, 60) == 100);
	assert_true(at(line.users, 239, 91) == 0);
	assert_true(isnan(line.rate[100]));
	spec_release(&s);
	s = parse("name=a,users=5,spawn-rate=1");
	assert_true(isinf(preview_length(&s, NULL)));
	spec_release(&s);
}

static void test_shape(void **state)
{
	struct spec s = parse("name=a;shape=stages:60s:60,60s:60,30s:0");
	struct preview_line line;
	double length = preview_length(&s, NULL);

	(void)state;
	assert_true(length >= 150 && length <= 152);
	preview_fill(&s, NULL, 239, &line);
	assert_true(fabs(at(line.users, 239, 30) - 30) <= 2);
	assert_true(at(line.users, 239, 100) == 60);
	assert_true(at(line.users, 239, 160) == 0);
	spec_release(&s);
	/* For ever. */
	s = parse("name=a;shape=wave:min=10,max=30,period=60s");
	assert_true(isinf(preview_length(&s, NULL)));
	preview_fill(&s, NULL, 239, &line);
	for (size_t i = 2; i < PREVIEW_POINTS; i++)
		assert_true(line.users[i] >= 9 && line.users[i] <= 30);
	spec_release(&s);
}

static bool never(double seconds, struct swarm_load *load)
{
	(void)seconds;
	(void)load;
	fail_msg("a module's shape is not asked");
	return false;
}

static const struct swarm_shape own = { .tick = never };

static const struct swarm_shape *find(const char *name)
{
	(void)name;
	return &own;
}

static void test_shape_of_a_module(void **state)
{
	struct spec s = parse("name=a;shape=mine:5");
	struct preview_line line;

	(void)state;
	assert_true(preview_length(&s, find) == 0);
	preview_fill(&s, find, 100, &line);
	assert_true(isnan(line.users[0]) && isnan(line.users[100]));
	spec_release(&s);
}

static void test_rate(void **state)
{
	struct spec s = parse("name=a;rate=100s:0-50,50s:50;start=10s");
	struct preview_line line;

	(void)state;
	assert_true(preview_length(&s, NULL) == 160);
	preview_fill(&s, NULL, 239, &line);
	assert_true(line.rate[5] == 0);
	assert_true(fabs(at(line.rate, 239, 60) - 25) < 0.01);
	assert_true(at(line.rate, 239, 130) == 50);
	assert_true(at(line.rate, 239, 170) == 0);
	assert_true(at(line.users, 239, 130) == 50);
	spec_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_shape_of_a_module),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
