/* Blocks that go round: sizes, contents, limits. */
#include "pool.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 4000

/* Every block holds what was asked for, whatever it held before. */
static void test_sizes(void **state)
{
	unsigned char *block[3000];
	size_t size, i;
	int round;

	(void)state;
	pool_start();
	for (round = 0; round < 3; round++) {
		for (size = 0; size < 3000; size++) {
			block[size] = size % 2 ? pool_malloc(size)
			    : pool_calloc(1, size);
			assert_non_null(block[size]);
			assert_true(malloc_usable_size(block[size]) >= size);
			for (i = 0; i < size && size % 2 == 0; i++)
				assert_int_equal(block[size][i], 0);
			memset(block[size], (int)size & 0xff, size);
		}
		for (size = 0; size < 3000; size++) {
			for (i = 0; i < size; i++)
				assert_int_equal(block[size][i], size & 0xff);
			pool_free(block[size]);
		}
	}
	pool_free(NULL);
	assert_null(pool_calloc(SIZE_MAX, 2));
	pool_release();
}

static void test_growing(void **state)
{
	char *block = NULL;
	size_t size, i;

	(void)state;
	pool_start();
	for (size = 1; size < 5000; size += 7) {
		block = pool_realloc(block, size);
		assert_non_null(block);
		for (i = 0; i + 7 < size; i++)
			assert_int_equal(block[i], 'x');
		memset(block, 'x', size);
	}
	block = pool_realloc(block, 10);
	assert_memory_equal(block, "xxxxxxxxxx", 10);
	pool_free(block);
	block = pool_strdup("text");
	assert_string_equal(block, "text");
	/* A block is malloc()'s. */
	free(block);
	pool_release();
}

/* Freed blocks are used again, but a burst's are not all kept. */
static void test_limit(void **state)
{
	void *block[MANY], *again;
	size_t before, after;
	int i;

	(void)state;
	pool_start();
	again = pool_malloc(1500);
	pool_free(again);
#ifndef __SANITIZE_ADDRESS__
	assert_ptr_equal(pool_malloc(1499), again);
	pool_free(again);
#endif
	for (i = 0; i < MANY; i++)
		block[i] = pool_malloc(1000);
	before = mallinfo2().uordblks;
	for (i = 0; i < MANY; i++)
		pool_free(block[i]);
	after = mallinfo2().uordblks;
#ifndef __SANITIZE_ADDRESS__
	assert_true(before - after > (size_t)MANY * 1000 - 200000);
#endif
	pool_drop();
	assert_true(mallinfo2().uordblks <= after);
	pool_release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
