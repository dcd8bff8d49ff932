/* Messages and statuses as they are given on the command line. */
#include "load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void messages(void **state)
{
	struct load_plan p = { .message_count = 0 };

	(void)state;
	assert_int_equal(load_data_json(&p, "{ \"a\": 1 }"), 0);
	assert_int_equal(load_data_json(&p, "[{}, {\"b\": [2]}]"), 0);
	assert_int_equal(p.message_count, 3);
	assert_string_equal(p.messages[0].json, "{\"a\":1}");
	assert_string_equal(p.messages[2].json, "{\"b\":[2]}");
	load_data_free(&p);
	assert_int_equal(p.message_count, 0);
}

static void no_messages(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "1", "[1]", "{}x",
		"@/no/such/file", "{\"a\":1,\"a\":2}" };
	struct load_plan p = { .message_count = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(load_data_json(&p, texts[i]), -1);
	assert_int_equal(load_data_binary(&p, "/no/such/file"), -1);
	assert_int_equal(load_data_binary(&p, "/"), -1);
	assert_int_equal(p.message_count, 0);
	load_data_free(&p);
}

static void codes(void **state)
{
	unsigned mask;

	(void)state;
	assert_int_equal(load_data_codes("NOT_FOUND", &mask), 0);
	assert_int_equal(mask, 1u << 5);
	assert_int_equal(load_data_codes("not_found,16,0", &mask), 0);
	assert_int_equal(mask, 1u << 5 | 1u << 16 | 1);
	assert_int_equal(load_data_codes("", &mask), -1);
	assert_int_equal(load_data_codes("17", &mask), -1);
	assert_int_equal(load_data_codes("-1", &mask), -1);
	assert_int_equal(load_data_codes("NOT_FOUND,", &mask), -1);
	assert_int_equal(load_data_codes("NOT", &mask), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(no_messages),
		cmocka_unit_test(codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
