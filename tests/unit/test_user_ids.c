/* Ids of users: blocks that do not meet, and going round in one. */
#include "user/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/log.h"

static int warnings;

static void on_line(enum log_level level, const char *line, void *arg)
{
	(void)line;
	(void)arg;
	warnings += level == LOG_LEVEL_WARN;
}

/* Beside each other up to the last, and none beyond 32 bits. */
static void test_blocks(void **state)
{
	uint64_t end = 0;
	uint32_t first, count;

	(void)state;
	assert_true(IDS_INDEXES > 100000);
	for (uint64_t i = 0; i < IDS_INDEXES; i++) {
		ids_of_worker(i, &first, &count);
		assert_int_equal(first, end);
		assert_true(count >= 5000);
		end += count;
	}
	assert_true(end <= UINT32_MAX);
	ids_of_worker(4293, &first, &count);
	assert_true(first > 4293u * 100000u);
}

static void test_round(void **state)
{
	struct ids ids = { 0 };

	(void)state;
	ids_begin(&ids, 1000, 200);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(ids_take(&ids), 1000 + i);
	/* The long-lived keep theirs. */
	for (uint32_t i = 0; i < 200; i++) {
		if (i % 50 != 7)
			ids_give(&ids, 1000 + i);
	}
	for (uint32_t i = 0; i < 196; i++)
		assert_int_not_equal((ids_take(&ids) - 1000) % 50, 7);
	/* None is left. */
	log_set_sink(on_line, NULL);
	for (int i = 0; i < 3; i++)
		assert_in_range(ids_take(&ids), 1000, 1199);
	log_set_sink(NULL, NULL);
	assert_int_equal(warnings, 1);
	ids_give(&ids, 1123);
	assert_int_equal(ids_take(&ids), 1123);
	/* Not ours, or given back before. */
	ids_give(&ids, 5);
	ids_give(&ids, 1200);
	ids_give(&ids, 1123);
	ids_give(&ids, 1123);
	assert_int_equal(ids_take(&ids), 1123);
	/* A new test begins at the beginning, with what is free. */
	ids_give(&ids, 1003);
	ids_begin(&ids, 1000, 200);
	assert_int_equal(ids_take(&ids), 1003);
	ids_begin(&ids, 0, 64);
	assert_int_equal(ids_take(&ids), 0);
	ids_release(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
