/* Descriptors: edges remembered, deadlines, cancellation, errors. */
#include "fiber_test.h"

#include <swarm/fiber.h>

#include <fcntl.h>
#include <sys/socket.h>

static int pair[2];

static int setup_pair(void **state)
{
	assert_int_equal(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	return setup(state);
}

static int teardown_pair(void **state)
{
	close(pair[0]);
	close(pair[1]);
	return teardown(state);
}

struct waiting {
	struct swarm_io *io;
	unsigned want;
	int64_t deadline;
	int rc;
	int error;
	bool done;
};

static void wait_fd(void *arg)
{
	struct waiting *w = arg;

	w->rc = swarm_wait_fd(pair[0], w->want, w->deadline);
	w->error = errno;
	w->done = true;
}

static void wait_io(void *arg)
{
	struct waiting *w = arg;

	w->rc = swarm_io_wait(w->io, w->want, w->deadline);
	w->error = errno;
	w->done = true;
}

static void test_wait_fd(void **state)
{
	struct waiting w = { .want = SWARM_READ, .deadline = SWARM_FOREVER };

	(void)state;
	fiber_start(NULL, wait_fd, &w, NULL);
	settle();
	assert_false(w.done);
	assert_int_equal(write(pair[1], "x", 1), 1);
	settle();
	assert_true(w.done);
	assert_int_equal(w.rc, SWARM_READ);

	w = (struct waiting){ .want = SWARM_READ | SWARM_WRITE,
		.deadline = SWARM_FOREVER };
	fiber_start(NULL, wait_fd, &w, NULL);
	settle();
	assert_int_equal(w.rc, SWARM_READ | SWARM_WRITE);
}

static void test_wait_fd_fails(void **state)
{
	struct waiting w = { .want = SWARM_READ,
		.deadline = START + 3 * NS_PER_MS };
	struct fiber *f;

	(void)state;
	fiber_start(NULL, wait_fd, &w, NULL);
	clock_advance(4 * NS_PER_MS);
	settle();
	assert_int_equal(w.rc, -1);
	assert_int_equal(w.error, ETIMEDOUT);

	w = (struct waiting){ .want = SWARM_READ, .deadline = SWARM_FOREVER };
	f = fiber_start(NULL, wait_fd, &w, NULL);
	fiber_cancel(f, true);
	settle();
	assert_int_equal(w.error, ECANCELED);

	/* Neither left anything behind in the kernel. */
	assert_int_equal(write(pair[1], "x", 1), 1);
	settle();
}

static void bad_descriptors(void *arg)
{
	(void)arg;
	assert_int_equal(swarm_wait_fd(-1, SWARM_READ, SWARM_FOREVER), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(swarm_wait_fd(9999, SWARM_READ, SWARM_FOREVER), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(swarm_wait_fd(pair[0], 0, SWARM_FOREVER), -1);
	assert_int_equal(errno, EINVAL);
	assert_null(swarm_io_new(-1));
	assert_int_equal(errno, EBADF);
	assert_null(swarm_io_new(9999));
	assert_int_equal(errno, EBADF);
	swarm_io_free(NULL);
}

static void test_bad_descriptors(void **state)
{
	(void)state;
	fiber_start(NULL, bad_descriptors, NULL, NULL);
}

static void test_edges_are_remembered(void **state)
{
	struct waiting w = { .want = SWARM_READ, .deadline = SWARM_FOREVER };
	char c;

	(void)state;
	w.io = swarm_io_new(pair[0]);
	assert_non_null(w.io);
	assert_int_equal(write(pair[1], "x", 1), 1);
	settle();
	/* The edge came while nobody waited. */
	fiber_start(NULL, wait_io, &w, NULL);
	assert_true(w.done);
	assert_int_equal(w.rc, SWARM_READ);
	/* It was taken: the byte, not read, is no second one. */
	w.done = false;
	fiber_start(NULL, wait_io, &w, NULL);
	settle();
	assert_false(w.done);
	assert_int_equal(read(pair[0], &c, 1), 1);
	assert_int_equal(write(pair[1], "y", 1), 1);
	settle();
	assert_true(w.done);
	swarm_io_free(w.io);
}

static void test_reader_and_writer(void **state)
{
	struct waiting r = { .want = SWARM_READ, .deadline = SWARM_FOREVER };
	struct waiting w = { .want = SWARM_WRITE, .deadline = SWARM_FOREVER };
	struct waiting again = { .want = SWARM_READ };
	char block[4096] = { 0 };

	(void)state;
	while (write(pair[0], block, sizeof(block)) > 0)
		;
	r.io = w.io = again.io = swarm_io_new(pair[0]);
	settle();
	fiber_start(NULL, wait_io, &r, NULL);
	fiber_start(NULL, wait_io, &w, NULL);
	fiber_start(NULL, wait_io, &again, NULL);
	assert_int_equal(again.rc, -1);
	assert_int_equal(again.error, EBUSY);
	settle();
	assert_false(r.done || w.done);
	while (read(pair[1], block, sizeof(block)) > 0)
		;
	settle();
	assert_true(w.done);
	assert_int_equal(w.rc, SWARM_WRITE);
	assert_false(r.done);
	/* The end of the stream counts as readable. */
	shutdown(pair[1], SHUT_WR);
	settle();
	assert_true(r.done);
	assert_int_equal(r.rc, SWARM_READ);
	swarm_io_free(r.io);
}

static void test_io_fails(void **state)
{
	struct waiting w = { .want = SWARM_READ,
		.deadline = START + NS_PER_MS };
	struct fiber *f;

	(void)state;
	w.io = swarm_io_new(pair[0]);
	fiber_start(NULL, wait_io, &w, NULL);
	clock_advance(2 * NS_PER_MS);
	settle();
	assert_int_equal(w.error, ETIMEDOUT);
	w.deadline = SWARM_FOREVER;
	w.done = false;
	f = fiber_start(NULL, wait_io, &w, NULL);
	fiber_cancel(f, true);
	settle();
	assert_int_equal(w.error, ECANCELED);
	/* Freed under the waiting fiber. */
	w.done = false;
	fiber_start(NULL, wait_io, &w, NULL);
	swarm_io_free(w.io);
	settle();
	assert_true(w.done);
	assert_int_equal(w.rc, -1);
	assert_int_equal(w.error, EBADF);
}

static void free_io(void *arg)
{
	swarm_io_free(arg);
}

/* The edge has come, but another fiber frees it before this one runs. */
static void test_freed_when_ready(void **state)
{
	struct waiting w = { .want = SWARM_READ, .deadline = SWARM_FOREVER };
	struct fiber *f;

	(void)state;
	w.io = swarm_io_new(pair[0]);
	f = fiber_start(NULL, wait_io, &w, NULL);
	fiber_ready(f);
	fiber_start(NULL, free_io, w.io, NULL);
	settle();
	assert_true(w.done);
	assert_int_equal(w.rc, -1);
	assert_int_equal(w.error, EBADF);
}

/* More descriptors at once than a pass takes: the loop does not wait before
 * all of them have been told. */
#define MANY 150

static void test_many_at_once(void **state)
{
	static struct waiting w[MANY];
	int ends[MANY][2];
	int passes;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends[i]), 0);
		w[i] = (struct waiting){ .want = SWARM_READ,
			.deadline = SWARM_FOREVER,
			.io = swarm_io_new(ends[i][0]) };
	}
	settle();
	for (int i = 0; i < MANY; i++) {
		fiber_start(NULL, wait_io, &w[i], NULL);
		assert_int_equal(write(ends[i][1], "x", 1), 1);
	}
	alarm(10);
	for (passes = 0; alive() > 0; passes++)
		loop_once(true);
	alarm(0);
	assert_true(passes > 1);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(w[i].rc, SWARM_READ);
		swarm_io_free(w[i].io);
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

/* Two fibers, a megabyte through small pieces both ways. */
#define TOTAL (1 << 20)

static void pump_out(void *arg)
{
	struct swarm_io *io = arg;
	size_t left = TOTAL;
	char block[3000];

	memset(block, 'z', sizeof(block));
	while (left) {
		size_t n = left < sizeof(block) ? left : sizeof(block);
		ssize_t w = write(pair[0], block, n);

		if (w > 0)
			left -= (size_t)w;
		else
			assert_true(swarm_io_wait(
			    io, SWARM_WRITE, SWARM_FOREVER) > 0);
	}
}

static size_t got;

static void pump_in(void *arg)
{
	char block[1000];

	while (got < TOTAL) {
		ssize_t n = read(pair[1], block, sizeof(block));

		if (n > 0)
			got += (size_t)n;
		else
			assert_true(swarm_io_wait(
			    arg, SWARM_READ, SWARM_FOREVER) > 0);
	}
}

static void test_stream(void **state)
{
	struct swarm_io *out = swarm_io_new(pair[0]);
	struct swarm_io *in = swarm_io_new(pair[1]);

	(void)state;
	got = 0;
	fiber_start(NULL, pump_out, out, NULL);
	fiber_start(NULL, pump_in, in, NULL);
	for (int i = 0; i < 10000 && alive(); i++)
		loop_once(false);
	assert_int_equal(got, TOTAL);
	swarm_io_free(out);
	swarm_io_free(in);
}

#define TEST_PAIR(name) \
	cmocka_unit_test_setup_teardown(name, setup_pair, teardown_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_PAIR(test_wait_fd),
		TEST_PAIR(test_wait_fd_fails),
		TEST_PAIR(test_bad_descriptors),
		TEST_PAIR(test_edges_are_remembered),
		TEST_PAIR(test_reader_and_writer),
		TEST_PAIR(test_io_fails),
		TEST_PAIR(test_freed_when_ready),
		TEST_PAIR(test_many_at_once),
		TEST_PAIR(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
