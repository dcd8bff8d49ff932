/* Both implementations of the two calls that make and switch contexts. */
#include "fiber/context.h"
#include "fiber/tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 65536

/* Fresh ones for each check, as pooled stacks are. */
static _Alignas(64) char stacks[4][SIZE];
static char trace[64];

typedef struct context_from jump_fn(context_t, void *);
static jump_fn *jump;

static void add(const char *s)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s", s);
}

static void body(struct context_from from)
{
	volatile double d = 1.5;

	for (int i = 0;; i++) {
		add(from.data);
		d += i;
		assert_true(d >= 1.5);
		from = jump(from.context, i % 2 ? "odd" : "even");
	}
}

static void check(char stack[2][SIZE],
    context_t (*make)(void *, size_t, context_fn *), jump_fn *j)
{
	struct context_from a, b;

	jump = j;
	trace[0] = '\0';
	a.context = make(stack[0] + SIZE, SIZE, body);
	b.context = make(stack[1] + SIZE, SIZE, body);
	a = jump(a.context, "a1 ");
	assert_string_equal(a.data, "even");
	b = jump(b.context, "b1 ");
	assert_string_equal(b.data, "even");
	a = jump(a.context, "a2 ");
	assert_string_equal(a.data, "odd");
	b = jump(b.context, "b2 ");
	a = jump(a.context, "a3 ");
	assert_string_equal(a.data, "even");
	assert_string_equal(trace, "a1 b1 a2 b2 a3 ");
}

static struct context_from chosen_jump(context_t to, void *data)
{
	return context_jump(to, data);
}

static context_t chosen_make(void *top, size_t size, context_fn *fn)
{
	return context_make(top, size, fn);
}

static void test_chosen(void **state)
{
	(void)state;
	check(stacks, chosen_make, chosen_jump);
}

static void test_ucontext(void **state)
{
	(void)state;
	check(stacks + 2, context_ucontext_make, context_ucontext_jump);
}

static int setup(void **state)
{
	static struct tools tools[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		tools_valgrind_new(&tools[i], stacks[i], SIZE);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_ucontext),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
