/* Users: life cycle, task choice, sets, stopping. */
#include "user_kit.h"

#include <errno.h>
#include <math.h>

#include <swarm/loop.h>

#include "user/rendezvous.h"

/* ---- life cycle ---- */

static void life_start(struct swarm_user *u)
{
	int *n = swarm_data(u);

	assert_int_equal(*n, 0);
	*n = 7;
	note(swarm_task_name(u));
	assert_string_equal(swarm_user_class_name(u), "life");
	assert_string_equal(swarm_host(u), "tcp://default:1");
	assert_true(swarm_user_id(u) >= 100);
	assert_ptr_equal(swarm_self(), u);
	/* Never begun, and no row is there yet. */
	swarm_rename(&(struct swarm_timer){ .user = u }, NULL, "x");
}

static void life_task(struct swarm_user *u)
{
	assert_int_equal(*(int *)swarm_data(u), 7);
	note("task");
}

static void life_stop(struct swarm_user *u)
{
	assert_true(swarm_stopping(u));
	assert_int_equal(swarm_sleep(0.001), 0);
	note(swarm_task_name(u));
}

static void test_life(void **state)
{
	int class = begin(&(struct swarm_user_class){
	    .name = "life", .data_size = sizeof(int),
	    .host = "tcp://default:1", .wait = SWARM_CONSTANT(1),
	    .start = life_start, .stop = life_stop,
	    .tasks = SWARM_TASKS(SWARM_TASK(life_task)) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	assert_true(all_reached);
	assert_int_equal(users_running((size_t)class), 1);
	assert_string_equal(trace, "start task");
	pass_ms(998);
	assert_string_equal(trace, "start task");
	pass_ms(4);
	assert_string_equal(trace, "start task task");
	assert_int_equal(stats->counters[0].value, 2);
	end();
	assert_string_equal(trace, "start task task stop");
}

/* ---- sets ---- */

static int visits;

static void set_enter(struct swarm_user *u)
{
	(void)u;
	note("<");
}

static void set_exit(struct swarm_user *u)
{
	(void)u;
	note(">");
}

static void set_a(struct swarm_user *u)
{
	(void)u;
	note("a");
}

static void set_b(struct swarm_user *u)
{
	note("b");
	if (++visits == 2)
		swarm_leave(u, true);
}

static void outer_task(struct swarm_user *u)
{
	(void)u;
	note("outer");
}

static const struct swarm_task_set inner = {
	.wait = SWARM_CONSTANT(0.010),
	.start = set_enter,
	.stop = set_exit,
	.tasks = SWARM_TASKS(SWARM_TASK(set_a, .weight = 2),
	    SWARM_TASK(set_b)),
	.flow = SWARM_SEQUENTIAL,
};

static void test_sets(void **state)
{
	int class = begin(&(struct swarm_user_class){
	    .name = "sets", .wait = SWARM_CONSTANT(1),
	    .tasks = SWARM_TASKS(SWARM_SET(inner), SWARM_TASK(outer_task)),
	    .flow = SWARM_SEQUENTIAL });

	(void)state;
	visits = 0;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(80);
	assert_string_equal(trace, "< a a b a a b > outer");
	end();
}

static void test_set_stop_runs_when_user_ends(void **state)
{
	int class = begin(&(struct swarm_user_class){
	    .name = "sets-end",
	    .tasks = SWARM_TASKS(SWARM_SET(inner)) });

	(void)state;
	visits = 10;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	end();
	assert_string_equal(trace, "< a >");
}

/* ---- Markov ---- */

static void m1(struct swarm_user *u)
{
	(void)u;
	note("1");
}

static void m2(struct swarm_user *u)
{
	(void)u;
	note("2");
}

static void m3(struct swarm_user *u)
{
	(void)u;
	note("3");
}

/* ---- queued tasks ---- */

static void queue_x(struct swarm_user *u)
{
	(void)u;
	note("x");
}

static void queue_y(struct swarm_user *u)
{
	note("y");
	swarm_leave(u, true);
}

static void queue_start(struct swarm_user *u)
{
	note("[");
	assert_int_equal(swarm_schedule(u, "queue_y", false), 0);
	assert_int_equal(swarm_schedule(u, "queue_x", true), 0);
	/* Taken away when queue_y leaves. */
	assert_int_equal(swarm_schedule(u, "queue_x", false), 0);
	assert_int_equal(swarm_schedule(u, "queue_b", true), -1);
}

static const struct swarm_task_set queue_set = {
	.start = queue_start,
	.tasks = SWARM_TASKS(SWARM_TASK(queue_x), SWARM_TASK(queue_y)),
	.flow = SWARM_SEQUENTIAL,
};

static void queue_a(struct swarm_user *u)
{
	note("a");
	swarm_schedule(u, "queue_b", false);
	swarm_schedule(u, "queue_set", false);
	swarm_schedule(u, "queue_b", true);
}

static void queue_b(struct swarm_user *u)
{
	note("b");
	swarm_skip_wait(u);
}

static void queue_begin(struct swarm_user *u)
{
	swarm_schedule(u, "queue_b", false);
}

/* Queued before the first task, after those before, or first; a set's own
 * queue within it. */
static void test_queue(void **state)
{
	int class = begin(&(struct swarm_user_class){
	    .name = "queue", .wait = SWARM_CONSTANT(0.001),
	    .start = queue_begin, .flow = SWARM_SEQUENTIAL,
	    .tasks = SWARM_TASKS(SWARM_TASK(queue_a, .weight = 9),
		SWARM_TASK(queue_b), SWARM_SET(queue_set)) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(40);
	if (strncmp(trace, "b a b b [ x y a b b [ x y a", 27) != 0)
		fail_msg("%s", trace);
	assert_non_null(strstr(raised, "no task \"queue_b\""));
	end();
}

static void test_markov(void **state)
{
	int class = begin(&(struct swarm_user_class){
	    .name = "markov", .wait = SWARM_CONSTANT(0.001),
	    .flow = SWARM_MARKOV, .tasks = SWARM_TASKS(
	    SWARM_TASK(m1, .next = SWARM_NEXT({ "m2", 1 })),
	    SWARM_TASK(m2, .next = SWARM_NEXT({ "m3", 1 })),
	    SWARM_TASK(m3, .next = SWARM_NEXT({ "m2", 1 }))) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(12);
	assert_memory_equal(trace, "1 2 3 2 3", 9);
	end();
}

static void test_markov_needs_known_tasks(void **state)
{
	int class = swarm_class_add(&(struct swarm_user_class){
	    .name = "markov-bad", .flow = SWARM_MARKOV,
	    .tasks = SWARM_TASKS(
	    SWARM_TASK(m1, .next = SWARM_NEXT({ "nowhere", 1 }))) });
	static char keep[] = "life";
	char *names[] = { keep, NULL };

	(void)state;
	assert_true(class >= 0);
	assert_int_equal(user_class_select(NULL, NULL, NULL), -1);
	/* Out of the way of the other tests. */
	assert_int_equal(user_class_select(names, NULL, NULL), 0);
}

/* ---- weights, tags ---- */

static unsigned counts[3];

static void count0(struct swarm_user *u)
{
	(void)u;
	counts[0]++;
}

static void count1(struct swarm_user *u)
{
	(void)u;
	counts[1]++;
}

static void count2(struct swarm_user *u)
{
	(void)u;
	counts[2]++;
}

static void test_weights(void **state)
{
	int class = begin(&(struct swarm_user_class){
	    .name = "weights", .wait = SWARM_CONSTANT(0.001),
	    .tasks = SWARM_TASKS(SWARM_TASK(count0),
	    SWARM_TASK(count1, .weight = 3)) });

	(void)state;
	memset(counts, 0, sizeof counts);
	users_set_target((size_t)class, 100, 0);
	spin(3);
	pass_ms(200);
	assert_true(counts[0] + counts[1] > 9000);
	/* Five standard deviations of a binomial. */
	assert_true(fabs(counts[1] - 0.75 * (counts[0] + counts[1])) <
	    5 * sqrt(0.75 * 0.25 * (counts[0] + counts[1])));
	end();
}

static void test_tags(void **state)
{
	static char fast[] = "fast", slow[] = "slow";
	char *tags[] = { fast, NULL };
	char *exclude[] = { slow, NULL };
	int class = swarm_class_add(&(struct swarm_user_class){
	    .name = "tags", .tasks = SWARM_TASKS(
	    SWARM_TASK(count0, .tags = "fast,read"),
	    SWARM_TASK(count1, .tags = "fast, slow"),
	    SWARM_TASK(count2)) });
	struct user_class *c = user_class_at((size_t)class);

	(void)state;
	assert_int_equal(user_class_select(NULL, NULL, exclude), 0);
	assert_int_equal(c->root.task_count, 2);
	assert_int_equal(user_class_select(NULL, tags, exclude), 0);
	assert_int_equal(c->root.task_count, 1);
	assert_string_equal(c->root.tasks[0].name, "count0");
}

/* ---- stopping ---- */

static int wait_result;
static int wait_errno;

static void long_task(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "T", "long");

	wait_result = swarm_sleep(1000);
	wait_errno = errno;
	if (wait_result == -1)
		swarm_fail(&t, "%m");
	else
		swarm_done(&t, 0);
}

static void test_cancel_at_once(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "cancel",
	    .tasks = SWARM_TASKS(SWARM_TASK(long_task)) });

	(void)state;
	wait_result = 0;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	users_set_target((size_t)class, 0, 0);
	assert_int_equal(users_running((size_t)class), 0);
	pass_ms(2);
	assert_int_equal(wait_result, -1);
	assert_int_equal(wait_errno, ECANCELED);
	/* The cut request is nobody's failure. */
	assert_int_equal(stats->total.requests, 0);
	assert_int_equal(users_alive(), 0);
	end();
}

static void test_cancel_after_timeout(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "patience",
	    .tasks = SWARM_TASKS(SWARM_TASK(long_task)) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	users_set_target((size_t)class, 0, 0.050);
	pass_ms(48);
	assert_int_equal(users_alive(), 1);
	pass_ms(5);
	assert_int_equal(users_alive(), 0);
	end();
}

static void hanging_stop(struct swarm_user *u)
{
	(void)u;
	while (swarm_sleep(1000) == 0)
		;
}

static void test_hanging_stop_is_cut(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "hang",
	    .stop = hanging_stop, .wait = SWARM_CONSTANT(1),
	    .tasks = SWARM_TASKS(SWARM_TASK(m1)) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	end();
}

static void quits(struct swarm_user *u)
{
	note("quits");
	swarm_stop_user(u);
}

static void test_stop_user_is_not_replaced(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "quits",
	    .tasks = SWARM_TASKS(SWARM_TASK(quits)) });

	(void)state;
	users_set_target((size_t)class, 2, 0);
	spin(3);
	users_set_target((size_t)class, 2, 0);
	spin(3);
	assert_string_equal(trace, "quits quits");
	assert_int_equal(users_alive(), 0);
	users_new_run();
	users_set_target((size_t)class, 1, 0);
	spin(3);
	assert_string_equal(trace, "quits quits quits");
	end();
}

/* ---- helpers, defers, slots ---- */

static int slot;
static int destroyed;

static void helper(void *arg)
{
	(void)arg;
	swarm_sleep(1000);
	note(errno == ECANCELED ? "helper-cancelled" : "helper");
}

static void on_defer(void *arg)
{
	note(arg);
}

static void uses_all(struct swarm_user *u)
{
	static char first[] = "first", second[] = "second";
	int *n = swarm_slot(u, slot);

	if ((*n)++ == 0)
		swarm_spawn(u, helper, NULL);
	swarm_defer(u, on_defer, first);
	swarm_defer(u, on_defer, second);
	assert_string_equal(swarm_printf(u, "%d-%s", 5, "x"), "5-x");
}

static void destroy(struct swarm_user *u, void *p)
{
	(void)u;
	destroyed = *(int *)p;
	note("destroyed");
}

static void test_helpers_and_slots(void **state)
{
	int class;

	(void)state;
	slot = swarm_slot_new(sizeof(int), destroy);
	class = begin(&(struct swarm_user_class){ .name = "helpers",
	    .wait = SWARM_CONSTANT(1),
	    .tasks = SWARM_TASKS(SWARM_TASK(uses_all)) });
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(1002);
	end();
	assert_int_equal(destroyed, 2);
	assert_string_equal(trace,
	    "second first second first helper-cancelled destroyed");
}

/* ---- a helper begun by a callback ---- */

static struct swarm_fiber *begun;
static struct swarm_alarm *beginner;

static void short_helper(void *arg)
{
	note(arg);
}

static void begin_helper(void *arg)
{
	static char word[] = "helped";

	begun = swarm_spawn(arg, short_helper, word);
	/* It begins soon, not here: a callback has more to do. */
	note("callback");
}

static void wants_help(struct swarm_user *u)
{
	begun = NULL;
	beginner = swarm_alarm_new(begin_helper, u);
	swarm_alarm_set(beginner, swarm_in(0.001));
	swarm_sleep(0.010);
	assert_non_null(begun);
	assert_int_equal(swarm_join(begun, SWARM_FOREVER), 0);
	swarm_alarm_free(beginner);
	note("joined");
}

static void test_helper_of_a_callback(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "helped",
	    .wait = SWARM_CONSTANT(100),
	    .tasks = SWARM_TASKS(SWARM_TASK(wants_help)) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(20);
	assert_string_equal(trace, "callback helped joined");
	end();
}

/* ---- those who wait for each other over all workers ---- */

static int told, refusals;

static int on_meet(const char *name, int64_t wanted, int64_t arrived,
    int64_t left, void *arg)
{
	(void)arg;
	assert_string_equal(name, "gate");
	assert_int_equal(wanted, 2);
	assert_int_equal(arrived, 1);
	assert_int_equal(left, 0);
	told++;
	return refusals-- > 0 ? -1 : 0;
}

static void meets(struct swarm_user *u)
{
	if (swarm_rendezvous(u, "gate", 2, 0) == 0)
		note("met");
}

/* While the link to the master is away nothing reaches it: what was to be
 * said is said when it is back, although nothing else happens. */
static void test_meeting_is_told_again(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "meets",
	    .wait = SWARM_CONSTANT(100),
	    .tasks = SWARM_TASKS(SWARM_TASK(meets)) });

	(void)state;
	told = 0;
	refusals = 3;
	users_release();
	users_init(&(struct users_options){ .seed = 42, .first_id = 100,
	    .reached = on_reached, .stopped = on_stopped,
	    .raised = on_raised, .stats = stats, .meet = on_meet });
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(2500);
	assert_int_equal(told, 3);
	pass_ms(1000);
	assert_int_equal(told, 4);
	/* It may have been lost on its way, or the answer. */
	pass_ms(2000);
	assert_int_equal(told, 6);
	rendezvous_met("gate", 1);
	pass_ms(20);
	assert_string_equal(trace, "met");
	pass_ms(3000);
	assert_int_equal(told, 6);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_markov_needs_known_tasks),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_set_stop_runs_when_user_ends),
		cmocka_unit_test(test_markov),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_cancel_at_once),
		cmocka_unit_test(test_cancel_after_timeout),
		cmocka_unit_test(test_hanging_stop_is_cut),
		cmocka_unit_test(test_stop_user_is_not_replaced),
		cmocka_unit_test(test_helpers_and_slots),
		cmocka_unit_test(test_helper_of_a_callback),
		cmocka_unit_test(test_meeting_is_told_again),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
