/* Which message an answer belongs to. */
#include "match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void in_order(void **state)
{
	struct match m = { .rule = RPC_MATCH_ORDER };

	(void)state;
	assert_int_equal(match_take(&m, 0), 0);
	for (int i = 1; i <= 100; i++)
		assert_false(match_add(&m, 0, i));
	for (int i = 1; i <= 100; i++)
		assert_int_equal(match_take(&m, 0), i);
	assert_int_equal(match_take(&m, 0), 0);
	match_release(&m);
}

static void by_key(void **state)
{
	struct match m = { .rule = RPC_MATCH_KEY };

	(void)state;
	for (int i = 1; i <= 50; i++)
		match_add(&m, (uint64_t)i, 1000 + i);
	assert_int_equal(match_take(&m, 99), 0);
	for (int i = 50; i >= 2; i--) {
		assert_int_equal(match_take(&m, (uint64_t)i), 1000 + i);
		assert_int_equal(match_take(&m, (uint64_t)i), 0);
	}
	assert_int_equal(match_next(&m), 1001);
	assert_int_equal(match_next(&m), 0);
	/* Holes at the front went with the one before them. */
	assert_int_equal(m.count, 0);
	match_release(&m);
}

static void wraps_and_grows(void **state)
{
	struct match m = { .rule = RPC_MATCH_KEY };
	uint64_t next = 1, due = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 3; i++, next++)
			match_add(&m, next, (int64_t)next);
		for (int i = 0; i < 2; i++, due++)
			assert_int_equal(match_take(&m, due), due);
	}
	while (due < next) {
		assert_int_equal(match_next(&m), due);
		due++;
	}
	match_release(&m);
}

static void has_a_limit(void **state)
{
	struct match m = { .rule = RPC_MATCH_ORDER };
	int lost = 0;

	(void)state;
	for (int i = 1; i <= 70000; i++)
		lost += match_add(&m, 0, i);
	assert_int_equal(lost, 70000 - 65536);
	assert_int_equal(match_take(&m, 0), 70000 - 65536 + 1);
	match_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(by_key),
		cmocka_unit_test(wraps_and_grows),
		cmocka_unit_test(has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
