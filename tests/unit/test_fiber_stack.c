/* Many stacks under each kind of guard, overflow, and no allocation. */
#include "fiber_test.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/fiber_impl.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Beyond what mprotect() guards can cover by default.  The sanitizers and
 * valgrind keep much more for each. */
#define MANY \
	(TOOLS_TSAN || TOOLS_ASAN || tools_on_valgrind() ? 2000 : 40000)

#define BURST (TOOLS_TSAN ? 1500 : 6000)

static int warnings;

static void count_warnings(enum log_level level, const char *line, void *arg)
{
	(void)line;
	(void)arg;
	warnings += level == LOG_LEVEL_WARN;
}

static void wait_and_count(void *arg)
{
	volatile char block[512];

	memset((char *)block, 1, sizeof(block));
	if (fiber_wait(INT64_MAX) == 0)
		++*(size_t *)arg;
	assert_int_equal(block[511], 1);
}

static void keep(const struct fiber_info *info, void *arg)
{
	(void)info;
	++*(size_t *)arg;
}

static void many(const char *guard)
{
	struct fiber **f = xcalloc(MANY, sizeof(*f));
	struct fiber_stats s;
	size_t count = 0, listed = 0;

	setup_with(&(struct fiber_options){ .guard = guard });
	warnings = 0;
	log_set_sink(count_warnings, NULL);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++)
			f[i] = fiber_start(NULL, wait_and_count, &count, NULL);
		assert_int_equal(alive(), MANY);
		for (int i = 0; i < MANY; i++)
			fiber_ready(f[i]);
		if (round == 0)
			fiber_dump(keep, &listed);
		settle();
	}
	log_set_sink(NULL, NULL);
	assert_int_equal(count, 2 * MANY);
	assert_int_equal(listed, MANY);
	fiber_stats(&s);
	assert_int_equal(s.stacks, MANY);
	/* Said once, if at all. */
	assert_true(warnings <= 1);
	if (strcmp(guard, "mprotect") != 0 || warnings == 0)
		assert_string_equal(s.guard, guard);
	else
		assert_string_equal(s.guard, "canary");
	free(f);
	teardown(NULL);
}

static bool has_madvise(void)
{
	struct fiber_stats s;
	bool has;

	setup(NULL);
	fiber_stats(&s);
	has = strcmp(s.guard, "madvise") == 0;
	teardown(NULL);
	return has;
}

static void test_many_madvise(void **state)
{
	(void)state;
	if (has_madvise())
		many("madvise");
	else
		skip();
}

static void test_many_mprotect(void **state)
{
	(void)state;
	many("mprotect");
}

static void test_many_canary(void **state)
{
	(void)state;
	many("canary");
}

static void test_unknown_guard(void **state)
{
	(void)state;
	log_set_sink(count_warnings, NULL);
	assert_int_equal(
	    fiber_init(&(struct fiber_options){ .guard = "wall" }), -1);
	log_set_sink(NULL, NULL);
}

/* Recurses until a frame lies at `low`.  Not with locals on the heap, as
 * AddressSanitizer may keep them. */
TOOLS_NO_ASAN static int __attribute__((noinline)) dive(
    const volatile char *low)
{
	volatile char block[256];

	memset((char *)block, 1, sizeof(block));
	if ((uintptr_t)block <= (uintptr_t)low)
		return block[0];
	return dive(low) + block[255];
}

static void overflow(void *arg)
{
	volatile const char *low = fiber_self()->stack.low;

	/* A canary stands for nothing at the moment of the overflow. */
	if (!*(bool *)arg)
		low = NULL;
	dive(low);
	fiber_yield();
}

/* The signal a child died of when its fiber overflowed; 0: an exit status. */
static int overflow_signal(const char *guard)
{
	bool canary = strcmp(guard, "canary") == 0;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		close(STDERR_FILENO);
		setup_with(&(struct fiber_options){ .guard = guard });
		/* The neighbour below, so that the slab is not the end. */
		fiber_start(NULL, wait_and_count, &status, NULL);
		fiber_start(NULL, overflow, &canary, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		assert_int_not_equal(WEXITSTATUS(status), 0);
		return 0;
	}
	return WTERMSIG(status);
}

static void assert_overflow(const char *guard, int signo)
{
	int got = overflow_signal(guard);

	/* The sanitizers make an exit of it. */
	if (!TOOLS_ASAN && !TOOLS_TSAN)
		assert_int_equal(got, signo);
}

static void test_overflow(void **state)
{
	(void)state;
	if (has_madvise())
		assert_overflow("madvise", SIGSEGV);
	assert_overflow("mprotect", SIGSEGV);
	assert_overflow("canary", SIGABRT);
}

static void use_much(void *arg)
{
	volatile char block[20000];

	memset((char *)block, 1, sizeof(block));
	*(char *)arg = block[7];
}

#ifdef NDEBUG
static void assert_high_water(size_t bytes)
{
	assert_int_equal(bytes, 0);
}
#else
static void assert_high_water(size_t bytes)
{
	assert_in_range(bytes, 20000, 60000);
}
#endif

static void test_high_water(void **state)
{
	struct fiber_stats s;
	char c;

	setup(state);
	fiber_start(NULL, use_much, &c, NULL);
	fiber_stats(&s);
	assert_high_water(s.stack_bytes);
	teardown(state);
}

static long resident_kib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "RssAnon:", 8) == 0)
			kib = strtol(line + 8, NULL, 10);
	fclose(f);
	return kib;
}

static void burst(int n)
{
	struct fiber **f = xcalloc((size_t)n, sizeof(*f));
	size_t count = 0;

	for (int i = 0; i < n; i++)
		f[i] = fiber_start(NULL, wait_and_count, &count, NULL);
	for (int i = 0; i < n; i++)
		fiber_ready(f[i]);
	settle();
	assert_int_equal(count, n);
	free(f);
}

static void calm(int starts)
{
	for (int i = 0; i < starts; i++)
		burst(1);
}

static void test_the_pool_shrinks_after_a_burst(void **state)
{
	struct fiber_stats s;
	long full, calmed;

	setup(state);
	burst(BURST);
	full = resident_kib();
	/* Not at once, and not in the middle of it. */
	calm(5000);
	assert_true(resident_kib() > full - 2000);
	clock_advance(10 * NS_PER_S);
	calm(5000);
	clock_advance(10 * NS_PER_S);
	calm(50000);
	calmed = resident_kib();
	if (!TOOLS_ASAN && !TOOLS_TSAN && !tools_on_valgrind())
		assert_true(calmed < full - 4000 * 4);
	/* They are used again, guards and all. */
	burst(BURST);
	fiber_stats(&s);
	assert_int_equal(s.stacks, BURST);
	teardown(state);
}

static void test_the_pool_shrinks_by_itself(void **state)
{
	long full;

	setup(state);
	burst(BURST);
	full = resident_kib();
	for (int i = 0; i < 10; i++) {
		clock_advance(3 * NS_PER_S);
		settle();
	}
	while (wheel_next() != INT64_MAX) {
		clock_advance(3 * NS_PER_S);
		settle();
	}
	if (!TOOLS_ASAN && !TOOLS_TSAN && !tools_on_valgrind())
		assert_true(resident_kib() < full - 4000 * 4);
	teardown(state);
}

static void spin(void *arg)
{
	int *left = arg;

	while (--*left > 0)
		fiber_yield();
}

static void test_no_allocation(void **state)
{
	size_t before = 0;

	setup(state);
	for (int round = 0; round < 3; round++) {
		int left = 1000;

		if (round == 1)
			before = mallinfo2().uordblks;
		fiber_start(NULL, spin, &left, NULL);
		settle();
		for (int i = 0; i < 100; i++) {
			left = 1;
			fiber_start(NULL, spin, &left, NULL);
		}
	}
	assert_int_equal(mallinfo2().uordblks, before);
	teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_madvise),
		cmocka_unit_test(test_many_mprotect),
		cmocka_unit_test(test_many_canary),
		cmocka_unit_test(test_unknown_guard),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_high_water),
		cmocka_unit_test(test_the_pool_shrinks_after_a_burst),
		cmocka_unit_test(test_the_pool_shrinks_by_itself),
		cmocka_unit_test(test_no_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
