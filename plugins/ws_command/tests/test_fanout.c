/* Stamps of broadcasts, and the spread over their receivers. */
#include "fanout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_stamp(void **state)
{
	struct fanout_stamp in = { 7, 1u << 20, 123456789012345 }, out;
	char text[FANOUT_STAMP_BYTES + 20];

	(void)state;
	memset(text, '{', sizeof text);
	fanout_put(text + 10, &in);
	assert_true(fanout_get(text, sizeof text, &out));
	assert_int_equal(out.sender, 7);
	assert_int_equal(out.number, 1u << 20);
	assert_int_equal(out.sent, in.sent);
	for (size_t n = 0; n < 10 + FANOUT_STAMP_BYTES; n++)
		assert_false(fanout_get(text, n, &out));
	text[20] = 'x';
	assert_false(fanout_get(text, sizeof text, &out));
}

static void test_spread(void **state)
{
	struct fanout_stamp a = { 1, 1, 0 }, b = { 1, 1 + 256, 0 };
	struct fanout_result r;

	(void)state;
	assert_false(fanout_note(&a, 100, 3, &r));
	assert_false(fanout_note(&a, 150, 3, &r));
	assert_true(fanout_note(&a, 170, 3, &r));
	assert_int_equal(r.spread, 70);
	assert_int_equal(r.reached, 3);
	/* One that is not complete makes room for the next. */
	assert_false(fanout_note(&a, 200, 3, &r));
	assert_false(fanout_note(&a, 210, 3, &r));
	assert_true(fanout_note(&b, 900, 3, &r));
	assert_int_equal(r.spread, 10);
	assert_int_equal(r.reached, 2);
	assert_false(fanout_note(&b, 901, 3, &r));
	assert_true(fanout_note(&b, 905, 3, &r));
	assert_int_equal(r.spread, 5);
	assert_true(fanout_note(&a, 1, 1, &r));
	assert_int_equal(r.spread, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
