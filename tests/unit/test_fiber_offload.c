/* Blocking calls in the pool: results, errno, order, cancellation. */
#include "fiber_test.h"

#include <swarm/fiber.h>

#include <pthread.h>
#include <semaphore.h>

struct call {
	int value;
	pthread_t thread;
	sem_t *go;
	int rc;
	int error;
	bool done;
};

static int work(void *arg)
{
	struct call *c = arg;

	c->thread = pthread_self();
	if (c->go)
		sem_wait(c->go);
	errno = c->value;
	return c->value;
}

static void call(void *arg)
{
	struct call *c = arg;

	c->rc = swarm_offload(work, c);
	c->error = errno;
	c->done = true;
}

static void test_result(void **state)
{
	struct call c = { .value = ENOENT };

	(void)state;
	fiber_start(NULL, call, &c, NULL);
	run_until(&c.done);
	assert_int_equal(c.rc, ENOENT);
	assert_int_equal(c.error, ENOENT);
	assert_false(pthread_equal(c.thread, pthread_self()));
}

static void test_many(void **state)
{
	static struct call c[200];

	(void)state;
	memset(c, 0, sizeof(c));
	for (int i = 0; i < 200; i++) {
		c[i].value = i;
		fiber_start(NULL, call, &c[i], NULL);
	}
	for (int i = 0; i < 200; i++) {
		run_until(&c[i].done);
		assert_int_equal(c[i].rc, i);
	}
}

static void test_not_cancelled_half_way(void **state)
{
	struct call c = { .value = 5 };
	struct call late = { .value = 6 };
	struct fiber *f;
	sem_t go;

	(void)state;
	sem_init(&go, 0, 0);
	c.go = &go;
	f = fiber_start(NULL, call, &c, NULL);
	fiber_cancel(f, true);
	fiber_ready(f);
	settle();
	assert_false(c.done);
	sem_post(&go);
	run_until(&c.done);
	assert_int_equal(c.rc, 5);
	sem_destroy(&go);

	/* One that has not begun does not. */
	struct fiber_group g = { .cancelled = true };

	fiber_start_in(&g, NULL, call, &late, NULL);
	assert_true(late.done);
	assert_int_equal(late.rc, -1);
	assert_int_equal(late.error, ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_result),
		TEST(test_many),
		TEST(test_not_cancelled_half_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
