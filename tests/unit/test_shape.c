/* Load shapes: values at chosen moments, ends, bad arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "run/shape.h"

static struct shape *chosen;

static int choose(const char *text,
    const struct swarm_shape *(*find)(const char *name))
{
	shape_free(chosen);
	chosen = shape_new(text, find);
	return chosen != NULL ? 0 : -1;
}

static void clear(void)
{
	shape_free(chosen);
	chosen = NULL;
}

static double at(double seconds)
{
	struct swarm_load load;

	return shape_tick(chosen, seconds, &load) ? load.users : -1;
}

static void test_stages(void **state)
{
	(void)state;
	assert_int_equal(choose("stages:10s:100,20s:100,10s:0", NULL), 0);
	assert_float_equal(at(0), 0, 1e-9);
	assert_float_equal(at(5), 50, 1e-9);
	assert_float_equal(at(10), 100, 1e-9);
	assert_float_equal(at(29.9), 100, 1e-9);
	assert_float_equal(at(35), 50, 1e-9);
	assert_float_equal(at(40), -1, 0);
	clear();
}

static void test_steps(void **state)
{
	(void)state;
	assert_int_equal(choose("steps:users=10,every=5s,max=25", NULL),
	    0);
	assert_float_equal(at(0), 10, 0);
	assert_float_equal(at(5), 20, 0);
	assert_float_equal(at(10), 25, 0);
	assert_float_equal(at(15), -1, 0);
	clear();
}

static void test_spike(void **state)
{
	(void)state;
	assert_int_equal(choose(
	    "spike:base=1,peak=50,at=10s,for=5s", NULL), 0);
	assert_float_equal(at(9.9), 1, 0);
	assert_float_equal(at(10), 50, 0);
	assert_float_equal(at(15), 1, 0);
	assert_float_equal(at(25), -1, 0);
	clear();
}

static void test_waves(void **state)
{
	(void)state;
	assert_int_equal(choose("wave:min=10,max=110,period=1m", NULL),
	    0);
	assert_float_equal(at(0), 10, 1e-9);
	assert_float_equal(at(15), 60, 1e-9);
	assert_float_equal(at(30), 110, 1e-9);
	assert_float_equal(at(3600), 10, 1e-6);
	assert_int_equal(choose("double-wave:min=0,max=100,time=30s",
	    NULL), 0);
	assert_float_equal(at(10), 100, 0.1);
	assert_float_equal(at(20), 100, 0.1);
	assert_true(at(15) < 50);
	assert_float_equal(at(30), -1, 0);
	clear();
}

/* Two of one kind keep their own parameters. */
static void test_side_by_side(void **state)
{
	struct shape *a = shape_new("steps:users=10,every=5s,max=25", NULL);
	struct shape *b = shape_new("steps:users=1,every=1s,max=3", NULL);
	struct swarm_load load;

	(void)state;
	assert_true(shape_tick(a, 5, &load));
	assert_float_equal(load.users, 20, 0);
	assert_true(shape_tick(b, 1, &load));
	assert_float_equal(load.users, 2, 0);
	assert_true(shape_tick(a, 10, &load));
	assert_float_equal(load.users, 25, 0);
	shape_free(a);
	shape_free(b);
}

static int started;

static int own_start(const char *arguments)
{
	started = strcmp(arguments, "x=1") == 0;
	return started ? 0 : -1;
}

static bool own_tick(double seconds, struct swarm_load *load)
{
	load->users = 2 * seconds;
	load->spawn_rate = 3;
	return seconds < 10;
}

static const struct swarm_shape own = {
	SWARM_IFACE(struct swarm_shape, 0),
	.name = "own", .start = own_start, .tick = own_tick,
};

static const struct swarm_shape *find(const char *name)
{
	return strcmp(name, "own") == 0 ? &own : NULL;
}

static void test_module_shape(void **state)
{
	(void)state;
	assert_int_equal(choose("own:x=1", find), 0);
	assert_int_equal(started, 1);
	assert_float_equal(at(4), 8, 0);
	assert_float_equal(at(10), -1, 0);
	assert_int_equal(choose("own:x=2", find), -1);
	clear();
}

static void test_bad(void **state)
{
	static const char *const bad[] = { "nope", "stage:1s:1", "stages",
		"stages:1s", "stages:x:5", "steps:users=1,every=0s,max=5",
		"steps:users=1", "spike:base=1,peak=2,at=1s,for=1s,more=2",
		"wave:min=1,max=2,period=-5s" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(choose(bad[i], find), -1);
	clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_spike),
		cmocka_unit_test(test_waves),
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_module_shape),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
