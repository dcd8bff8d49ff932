/* The string map, also beside a plain array after thousands of changes. */
#include "base/rng.h"
#include "base/strmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void test_basics(void **state)
{
	struct strmap m = { 0 };
	int a, b;

	(void)state;
	assert_null(strmap_get(&m, "x"));
	assert_null(strmap_remove(&m, "x"));
	assert_null(strmap_put(&m, "x", &a));
	assert_null(strmap_put(&m, "", &b));
	assert_ptr_equal(strmap_get(&m, "x"), &a);
	assert_ptr_equal(strmap_get(&m, ""), &b);
	assert_ptr_equal(strmap_put(&m, "x", &b), &a);
	assert_int_equal(m.count, 2);
	assert_ptr_equal(strmap_remove(&m, "x"), &b);
	assert_null(strmap_get(&m, "x"));
	assert_int_equal(m.count, 1);
	assert_null(strmap_putn(&m, "a\0b", 3, &a));
	assert_null(strmap_get(&m, "a"));
	assert_ptr_equal(strmap_getn(&m, "a\0b", 3), &a);
	strmap_release(&m);
	assert_int_equal(m.count, 0);
	assert_null(strmap_get(&m, ""));
	strmap_release(&m);
}

static void test_hash(void **state)
{
	(void)state;
	/* Published values of 64-bit FNV-1a. */
	assert_true(strmap_hash("", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(strmap_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(
	    strmap_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void test_order(void **state)
{
	struct strmap m = { 0 };
	char key[32];

	(void)state;
	for (uintptr_t i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key %u", (unsigned)i);
		strmap_put(&m, key, (void *)(i + 1));
	}
	for (uintptr_t i = 0; i < m.count; i++) {
		snprintf(key, sizeof(key), "key %u", (unsigned)i);
		assert_string_equal(m.entries[i].key, key);
		assert_ptr_equal(m.entries[i].value, (void *)(i + 1));
	}
	strmap_release(&m);
}

static void test_random_changes(void **state)
{
	enum { KEYS = 300 };
	uintptr_t model[KEYS] = { 0 };
	struct strmap m = { 0 };
	size_t alive = 0;
	struct rng r;
	char key[32];

	(void)state;
	rng_seed(&r, 3, 0);
	for (uintptr_t step = 1; step <= 50000; step++) {
		size_t k = rng_below(&r, KEYS);
		void *got;

		snprintf(key, sizeof(key), "k%zu", k);
		if (rng_below(&r, 2)) {
			got = strmap_put(&m, key, (void *)step);
			alive += model[k] == 0;
			assert_ptr_equal(got, (void *)model[k]);
			model[k] = step;
		} else {
			got = strmap_remove(&m, key);
			alive -= model[k] != 0;
			assert_ptr_equal(got, (void *)model[k]);
			model[k] = 0;
		}
		assert_int_equal(m.count, alive);
		if (step % 500)
			continue;
		for (size_t i = 0; i < KEYS; i++) {
			snprintf(key, sizeof(key), "k%zu", i);
			assert_ptr_equal(
			    strmap_get(&m, key), (void *)model[i]);
		}
	}
	strmap_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_random_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
