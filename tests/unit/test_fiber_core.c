/* Starting, waiting, waking, deadlines, cancellation, groups. */
#include "fiber_test.h"

static char trace[64];
static int ended_count;

static void mark(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
}

static int setup_core(void **state)
{
	trace[0] = '\0';
	ended_count = 0;
	return setup(state);
}

static void ended(void *arg)
{
	(void)arg;
	assert_null(fiber_self());
	ended_count++;
}

struct waiter {
	int64_t deadline;
	int rc;
	int error;
	struct fiber *fiber;
	struct fiber_group *group;
	struct swarm_user *user;
};

static void wait_once(void *arg)
{
	struct waiter *w = arg;

	mark('<');
	w->fiber = fiber_self();
	w->user = fiber_user(fiber_self());
	errno = 0;
	w->rc = fiber_wait(w->deadline);
	w->error = errno;
	mark('>');
}

static void leave_at_once(void *arg)
{
	(void)arg;
	mark('x');
}

static void test_start_runs_to_the_first_wait(void **state)
{
	struct swarm_user *user = (struct swarm_user *)trace;
	struct waiter w = { .deadline = INT64_MAX };
	struct fiber *f;

	(void)state;
	assert_null(fiber_self());
	f = fiber_start(user, wait_once, &w, ended);
	assert_string_equal(trace, "<");
	assert_ptr_equal(f, w.fiber);
	assert_ptr_equal(w.user, user);
	assert_null(fiber_self());
	fiber_ready(f);
	assert_string_equal(trace, "<");
	loop_once(false);
	assert_string_equal(trace, "<>");
	assert_int_equal(w.rc, 0);
	assert_int_equal(ended_count, 1);
}

static void test_start_of_one_that_does_not_wait(void **state)
{
	(void)state;
	assert_null(fiber_start(NULL, leave_at_once, NULL, ended));
	assert_string_equal(trace, "x");
	assert_int_equal(ended_count, 1);
}

static void start_another(void *arg)
{
	mark('a');
	assert_non_null(fiber_start(NULL, leave_at_once, arg, ended));
	mark('b');
}

static void test_start_on_a_fiber_runs_soon(void **state)
{
	(void)state;
	fiber_start(NULL, start_another, NULL, ended);
	assert_string_equal(trace, "ab");
	loop_once(false);
	assert_string_equal(trace, "abx");
	assert_int_equal(ended_count, 2);
}

static void test_deadline(void **state)
{
	struct waiter w = { .deadline = START + 5 * NS_PER_MS };

	(void)state;
	fiber_start(NULL, wait_once, &w, ended);
	settle();
	clock_advance(4 * NS_PER_MS);
	settle();
	assert_string_equal(trace, "<");
	clock_advance(1 * NS_PER_MS);
	settle();
	assert_string_equal(trace, "<>");
	assert_int_equal(w.rc, -1);
	assert_int_equal(w.error, ETIMEDOUT);
	assert_true(wheel_next() == INT64_MAX);
}

/* Waits in a row: each has its own deadline, though the timer of the one
 * before is still set. */
static void wait_in_turn(void *arg)
{
	static const int seconds[] = { 5, 20, 2, 30 };
	struct waiter *w = arg;

	w->fiber = fiber_self();
	for (size_t i = 0; i < 4; i++) {
		w->rc = fiber_wait(clock_now() + seconds[i] * NS_PER_S);
		mark(w->rc == 0 ? 'r' : 't');
	}
	/* No deadline, and a timer that is left. */
	w->rc = fiber_wait(INT64_MAX);
	mark(w->rc == 0 ? 'r' : 't');
}

static void advance(int seconds)
{
	clock_advance(seconds * NS_PER_S + 2 * NS_PER_MS);
	settle();
}

static void test_deadlines_in_turn(void **state)
{
	struct waiter w = { 0 };

	(void)state;
	fiber_start(NULL, wait_in_turn, &w, NULL);
	fiber_ready(w.fiber);           /* 5 s */
	settle();
	assert_string_equal(trace, "r");
	advance(19);                    /* of 20 s, beyond the 5 before */
	assert_string_equal(trace, "r");
	advance(1);
	assert_string_equal(trace, "rt");
	advance(1);
	assert_string_equal(trace, "rt");
	advance(1);                     /* 2 s, before the 20 */
	assert_string_equal(trace, "rtt");
	fiber_ready(w.fiber);           /* 30 s */
	settle();
	advance(60);
	assert_string_equal(trace, "rttr");
	fiber_ready(w.fiber);
	settle();
	assert_string_equal(trace, "rttrr");
}

static void test_first_reason_counts(void **state)
{
	struct waiter a = { .deadline = START + NS_PER_MS };
	struct waiter b = { .deadline = START + NS_PER_MS };
	struct fiber *f;

	(void)state;
	/* Readied, and then both the deadline and a cancellation come. */
	f = fiber_start(NULL, wait_once, &a, ended);
	fiber_ready(f);
	clock_advance(2 * NS_PER_MS);
	fiber_cancel(f, true);
	settle();
	assert_int_equal(a.rc, 0);
	/* Cancelled first. */
	f = fiber_start(NULL, wait_once, &b, ended);
	fiber_cancel(f, true);
	fiber_ready(f);
	settle();
	assert_int_equal(b.rc, -1);
	assert_int_equal(b.error, ECANCELED);
	assert_true(wheel_next() == INT64_MAX);
}

static void wait_twice(void *arg)
{
	wait_once(arg);
	wait_once(arg);
}

static void test_cancel_and_undo(void **state)
{
	struct waiter w = { .deadline = INT64_MAX };
	struct fiber *f;

	(void)state;
	f = fiber_start(NULL, wait_twice, &w, ended);
	assert_false(fiber_cancelled(f));
	fiber_cancel(f, true);
	assert_true(fiber_cancelled(f));
	/* The second wait fails at once too. */
	settle();
	assert_string_equal(trace, "<><>");
	assert_int_equal(w.error, ECANCELED);

	trace[0] = '\0';
	f = fiber_start(NULL, wait_twice, &w, ended);
	fiber_cancel(f, true);
	fiber_cancel(f, false);
	settle();
	/* The first had been told already, the second waits. */
	assert_string_equal(trace, "<><");
	fiber_ready(f);
	settle();
	assert_int_equal(w.rc, 0);
}

static void wait_shielded(void *arg)
{
	struct waiter *w = arg;

	w->rc = fiber_wait_shielded(FIBER_EVENT, INT64_MAX);
	mark('s');
	wait_once(arg);
}

static void test_shielded(void **state)
{
	struct waiter w = { .deadline = INT64_MAX };
	struct fiber *f;

	(void)state;
	f = fiber_start(NULL, wait_shielded, &w, ended);
	fiber_cancel(f, true);
	settle();
	assert_string_equal(trace, "");
	fiber_ready(f);
	settle();
	assert_string_equal(trace, "s<>");
	assert_int_equal(w.error, ECANCELED);
}

static void yield_thrice(void *arg)
{
	for (int i = 0; i < 3; i++) {
		mark(*(char *)arg);
		fiber_yield();
	}
}

static void test_yield(void **state)
{
	char a = 'a', b = 'b';

	(void)state;
	fiber_start(NULL, yield_thrice, &a, ended);
	fiber_start(NULL, yield_thrice, &b, ended);
	settle();
	assert_string_equal(trace, "ababab");
}

static int emptied;

static void on_empty(struct fiber_group *g)
{
	assert_int_equal(g->count, 0);
	assert_null(g->first);
	emptied++;
}

static void test_group_cancel(void **state)
{
	struct fiber_group g = { .empty = on_empty };
	struct waiter w[3];

	(void)state;
	emptied = 0;
	for (int i = 0; i < 3; i++) {
		w[i] = (struct waiter){ .deadline = INT64_MAX };
		fiber_start_in(&g, NULL, wait_once, &w[i], ended);
	}
	assert_int_equal(g.count, 3);
	fiber_ready(w[1].fiber);
	settle();
	assert_int_equal(g.count, 2);
	assert_int_equal(w[1].rc, 0);
	fiber_group_cancel(&g, true);
	settle();
	assert_int_equal(w[0].error, ECANCELED);
	assert_int_equal(w[2].error, ECANCELED);
	assert_int_equal(emptied, 1);
	/* One that starts later is cancelled too, until it is undone. */
	fiber_start_in(&g, NULL, wait_once, &w[0], ended);
	assert_int_equal(g.count, 0);
	fiber_group_cancel(&g, false);
	fiber_start_in(&g, NULL, wait_once, &w[0], ended);
	settle();
	assert_int_equal(g.count, 1);
	fiber_ready(w[0].fiber);
	settle();
	assert_int_equal(w[0].rc, 0);
	assert_int_equal(emptied, 3);
}

static void wait_for_group(void *arg)
{
	struct waiter *w = arg;

	errno = 0;
	w->rc = fiber_group_wait(w->group, w->deadline);
	w->error = errno;
	mark('g');
}

static void test_group_wait(void **state)
{
	struct fiber_group g = { 0 };
	struct waiter a = { .deadline = INT64_MAX };
	struct waiter b = { .deadline = INT64_MAX };
	struct waiter in = { .deadline = INT64_MAX, .group = &g };
	struct waiter late = { .deadline = START + NS_PER_MS, .group = &g };

	(void)state;
	fiber_start_in(&g, NULL, wait_once, &a, ended);
	fiber_start_in(&g, NULL, wait_once, &b, ended);
	fiber_start(NULL, wait_for_group, &late, ended);
	clock_advance(NS_PER_MS);
	settle();
	assert_int_equal(late.rc, -1);
	assert_int_equal(late.error, ETIMEDOUT);
	/* A member waits for the others only, cancelled or not. */
	trace[0] = '\0';
	fiber_start_in(&g, NULL, wait_for_group, &in, ended);
	fiber_ready(a.fiber);
	settle();
	assert_string_equal(trace, ">");
	fiber_group_cancel(&g, true);
	settle();
	assert_string_equal(trace, ">>g");
	assert_int_equal(in.rc, 0);
	assert_int_equal(g.count, 0);
}

static void test_ids(void **state)
{
	struct waiter w = { .deadline = INT64_MAX };
	struct fiber *f = fiber_start(NULL, wait_once, &w, ended);
	uint64_t id = fiber_id(f);

	(void)state;
	assert_true(id != 0);
	assert_ptr_equal(fiber_find(id), f);
	assert_null(fiber_find(0));
	assert_null(fiber_find(id + 1));
	assert_null(fiber_find(UINT64_MAX));
	fiber_ready(f);
	settle();
	assert_null(fiber_find(id));
	/* The same stack, another fiber. */
	assert_ptr_equal(fiber_start(NULL, wait_once, &w, ended), f);
	assert_null(fiber_find(id));
	assert_true(fiber_id(f) != id);
	fiber_ready(f);
	settle();
}

static struct fiber_info dumped[4];
static int dumped_count;

static void collect(const struct fiber_info *info, void *arg)
{
	assert_ptr_equal(arg, trace);
	assert_true(dumped_count < 4);
	dumped[dumped_count++] = *info;
}

static void test_dump(void **state)
{
	struct swarm_user *user = (struct swarm_user *)trace;
	struct waiter a = { .deadline = START + NS_PER_S };
	struct waiter b = { .deadline = INT64_MAX };
	const struct fiber_info *ia;

	(void)state;
	dumped_count = 0;
	fiber_start(user, wait_once, &a, ended);
	fiber_start(NULL, wait_once, &b, ended);
	fiber_start(NULL, leave_at_once, NULL, ended);
	fiber_dump(collect, trace);
	assert_int_equal(dumped_count, 2);
	ia = dumped[0].user ? &dumped[0] : &dumped[1];
	assert_ptr_equal(ia->user, user);
	assert_int_equal(ia->cause, FIBER_EVENT);
	assert_int_equal(ia->fd, -1);
	assert_true(ia->deadline == a.deadline);
	assert_string_equal(fiber_cause_name(FIBER_RUNNING), "running");
	fiber_ready(a.fiber);
	fiber_ready(b.fiber);
	settle();
}

#define TEST_CORE(name) \
	cmocka_unit_test_setup_teardown(name, setup_core, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_CORE(test_start_runs_to_the_first_wait),
		TEST_CORE(test_start_of_one_that_does_not_wait),
		TEST_CORE(test_start_on_a_fiber_runs_soon),
		TEST_CORE(test_deadline),
		TEST_CORE(test_deadlines_in_turn),
		TEST_CORE(test_first_reason_counts),
		TEST_CORE(test_cancel_and_undo),
		TEST_CORE(test_shielded),
		TEST_CORE(test_yield),
		TEST_CORE(test_group_cancel),
		TEST_CORE(test_group_wait),
		TEST_CORE(test_ids),
		TEST_CORE(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
