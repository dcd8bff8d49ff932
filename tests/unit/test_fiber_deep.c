/* swarm_deep(): one large stack for all fibers. */
#include "fiber_test.h"

#include "base/log.h"

#include <swarm/fiber.h>
#include <swarm/user.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define LEVEL_BYTES 1024

/* Deeper than a fiber's stack, so that it crashes anywhere else. */
static unsigned recurse(unsigned levels)
{
	volatile char frame[LEVEL_BYTES];

	frame[0] = (char)levels;
	frame[LEVEL_BYTES - 1] = 1;
	if (levels == 0)
		return 0;
	return recurse(levels - 1) + (unsigned)frame[LEVEL_BYTES - 1];
}

struct job {
	unsigned levels;
	unsigned result;
	struct fiber *seen;
	bool done;
};

static void dig(void *arg)
{
	struct job *j = arg;

	j->seen = fiber_self();
	j->result = recurse(j->levels);
}

static void dig_twice(void *arg)
{
	struct job *j = arg;

	dig(j);
	swarm_deep(dig, j);
}

static void on_fiber(void *arg)
{
	struct job *j = arg;
	struct fiber *self = fiber_self();

	swarm_deep(dig, j);
	assert_ptr_equal(j->seen, self);
	assert_int_equal(j->result, j->levels);
	swarm_sleep(0.01);
	j->levels /= 2;
	swarm_deep(dig_twice, j);
	assert_int_equal(j->result, j->levels);
	j->done = true;
}

static void test_deep(void **state)
{
	struct job jobs[50];
	struct job plain = { .levels = 10 };

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		jobs[i] = (struct job){ .levels = 500 + (unsigned)i };
		fiber_start(NULL, on_fiber, &jobs[i], NULL);
	}
	clock_advance(100 * NS_PER_MS);
	settle();
	for (size_t i = 0; i < 50; i++)
		assert_true(jobs[i].done);
	swarm_deep(dig, &plain);
	assert_int_equal(plain.result, 10);
	assert_null(plain.seen);
}

static void wrong(void *arg)
{
	(void)arg;
	swarm_sleep(1);
}

static void waits_deep(void *arg)
{
	swarm_deep(wrong, arg);
}

static void say(enum log_level level, const char *line, void *arg)
{
	int *fd = arg;

	(void)level;
	dprintf(*fd, "%s\n", line);
}

/* What waits there would leave the stack to others while it stands on it. */
static void test_wait_ends_the_process(void **state)
{
	char said[512] = "";
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		log_set_sink(say, &fds[1]);
		fiber_start(NULL, waits_deep, NULL, NULL);
		_exit(0);
	}
	close(fds[1]);
	assert_true(read(fds[0], said, sizeof(said) - 1) > 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "swarm_deep()"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_deep),
		TEST(test_wait_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
