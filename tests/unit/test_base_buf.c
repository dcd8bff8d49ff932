/* The growing buffer and the allocation that cannot fail. */
#include "base/buf.h"
#include "base/xalloc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_empty(void **state)
{
	struct buf b = BUF_INIT(10);
	char *s;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_consume(&b, 5);
	buf_clear(&b);
	s = buf_detach(&b);
	assert_string_equal(s, "");
	free(s);
	buf_release(&b);
}

static void test_add_to_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_puts(&b, "abc"), 0);
	assert_int_equal(buf_puts(&b, "def"), -1);
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "abc");
	assert_int_equal(buf_add(&b, "de", 2), 0);
	assert_int_equal(buf_putc(&b, 'f'), -1);
	assert_int_equal(b.len, 5);
	assert_true(b.cap <= 6);
	buf_clear(&b);
	assert_false(b.overflow);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	buf_release(&b);
	assert_int_equal(b.max, 5);
}

static void test_grows(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	char *s;

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_printf(&b, "%d,", i), 0);
	assert_int_equal(strlen(buf_str(&b)), b.len);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5);
	assert_memory_equal(b.data + b.len - 10, "9998,9999,", 10);
	s = buf_detach(&b);
	assert_memory_equal(s, "0,1,2,", 6);
	assert_null(b.data);
	free(s);
}

static void test_printf_too_long_adds_nothing(void **state)
{
	struct buf b = BUF_INIT(8);

	(void)state;
	assert_int_equal(buf_printf(&b, "%s", "1234"), 0);
	assert_int_equal(buf_printf(&b, "%s", "56789"), -1);
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "1234");
	assert_int_equal(buf_printf(&b, "%s", "5678"), 0);
	assert_string_equal(buf_str(&b), "12345678");
	buf_release(&b);
}

static void test_reserve_and_consume(void **state)
{
	struct buf b = BUF_INIT(100);
	char *at;

	(void)state;
	at = buf_reserve(&b, 40);
	assert_non_null(at);
	memcpy(at, "hello world", 11);
	b.len += 11;
	assert_string_equal(buf_str(&b), "hello world");
	buf_consume(&b, 6);
	assert_string_equal(buf_str(&b), "world");
	assert_null(buf_reserve(&b, 96));
	assert_true(b.overflow);
	assert_non_null(buf_reserve(&b, 95));
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_consume(&b, 1000);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
}

static void test_binary(void **state)
{
	struct buf b = BUF_INIT(100);

	(void)state;
	assert_int_equal(buf_add(&b, "a\0b", 3), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b\0", 4);
	buf_release(&b);
}

static void test_xalloc(void **state)
{
	volatile size_t zero = 0;
	char *s;
	void *p;

	(void)state;
	p = xmalloc(zero);
	assert_non_null(p);
	p = xrealloc(p, 10);
	p = xreallocarray(p, 4, 10);
	memset(p, 1, 40);
	free(p);
	p = xcalloc(3, 5);
	assert_memory_equal(p, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	free(p);
	s = xstrndup("abcdef", 3);
	assert_string_equal(s, "abc");
	free(s);
	s = xstrdup("");
	assert_string_equal(s, "");
	free(s);
	s = xasprintf("%d-%s", 7, "x");
	assert_string_equal(s, "7-x");
	free(s);
}

static void die_malloc(void)
{
	volatile size_t huge = SIZE_MAX / 4;

	free(xmalloc(huge));
}

static void die_overflow(void)
{
	volatile size_t huge = SIZE_MAX / 4;

	free(xreallocarray(NULL, huge, 8));
}

/* Runs fn in a child without core dump or output; whether it died of it. */
static void assert_dies(void (*fn)(void))
{
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_xalloc_dies(void **state)
{
	(void)state;
	assert_dies(die_malloc);
	assert_dies(die_overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add_to_the_maximum),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_printf_too_long_adds_nothing),
		cmocka_unit_test(test_reserve_and_consume),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_xalloc),
		cmocka_unit_test(test_xalloc_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
