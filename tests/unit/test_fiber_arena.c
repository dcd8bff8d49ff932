/* Task arenas: alignment, growth, formatted text, no malloc once warm. */
#include "fiber/arena.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char *format(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static char *format(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

static void test_alloc(void **state)
{
	struct arena a = { 0 };
	unsigned char *p[300];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		p[i] = arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)(i & 255), i);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t n = 0; n < i; n++)
			assert_int_equal(p[i][n], i & 255);
	arena_clear(&a);
	assert_null(a.chunks);
	arena_clear(&a);
}

static void test_large(void **state)
{
	struct arena a = { 0 };
	char *small = arena_alloc(&a, 8);
	char *large = arena_alloc(&a, 1000000);
	char *next = arena_alloc(&a, 8);

	(void)state;
	memset(large, 1, 1000000);
	/* The large one does not end the use of the small one's chunk. */
	assert_ptr_equal(next, small + 16);
	arena_clear(&a);
	large = arena_alloc(&a, 1000000);
	memset(large, 1, 1000000);
	arena_clear(&a);
}

static void test_printf(void **state)
{
	static char text[10000];
	struct arena a = { 0 };
	char *s[500];

	(void)state;
	assert_string_equal(format(&a, "%s", ""), "");
	for (int i = 0; i < 500; i++)
		s[i] = format(&a, "number %d", i);
	for (int i = 0; i < 500; i++) {
		assert_memory_equal(s[i], "number ", 7);
		assert_int_equal((uintptr_t)s[i] % 16, 0);
		assert_int_equal(strtol(s[i] + 7, NULL, 10), i);
	}
	memset(text, 'a', sizeof(text) - 1);
	assert_string_equal(format(&a, "%s", text), text);
	arena_clear(&a);
}

static void use(struct arena *a)
{
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(a, 200), 0, 200);
	arena_clear(a);
}

static void test_no_malloc_once_warm(void **state)
{
	struct arena a = { 0 };
	size_t before;

	(void)state;
	use(&a);
	before = mallinfo2().uordblks;
	for (int i = 0; i < 100; i++)
		use(&a);
	assert_int_equal(mallinfo2().uordblks, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_no_malloc_once_warm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
