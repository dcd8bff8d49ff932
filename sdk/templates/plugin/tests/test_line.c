/* Lines, whole and in every pair of pieces. */
#include "line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_split_everywhere(void **state)
{
	static const char text[] = "hello\r\nrest";

	(void)state;
	for (size_t cut = 0; cut < 7; cut++) {
		struct line l = { .len = 0 };

		assert_int_equal(line_feed(&l, text, cut), cut);
		assert_false(l.whole);
		assert_int_equal(line_feed(&l, text + cut, 11 - cut), 7 - cut);
		assert_true(l.whole);
		assert_string_equal(l.text, "hello");
	}
}

static void test_too_long(void **state)
{
	static char text[LINE_MAX_BYTES + 1];
	struct line l = { .len = 0 };

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(line_feed(&l, text, sizeof(text)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_everywhere),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
