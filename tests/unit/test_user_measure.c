/* What users measure: transactions, samples, paces; and what they draw. */
#include "user_kit.h"

#include <errno.h>
#include <math.h>

/* ---- transactions, names, tags ---- */

static void sample(struct swarm_user *u, const char *name, bool passes)
{
	struct swarm_timer t = swarm_begin(u, "T", name);

	if (passes)
		swarm_done(&t, 1);
	else
		swarm_fail(&t, "no");
}

static void measured(struct swarm_user *u)
{
	swarm_transaction_begin(u, "outer");
	for (int i = 0; i < 7; i++)
		assert_int_equal(swarm_transaction_begin(u, "deep"), 0);
	assert_int_equal(swarm_transaction_begin(u, "deeper"), -1);
	for (int i = 0; i < 6; i++)
		assert_int_equal(swarm_transaction_end(u), 0);
	swarm_transaction_drop(u);
	sample(u, "one", false);
	assert_int_equal(swarm_transaction_end(u), -1);
	assert_int_equal(swarm_transaction_end(u), -1);
	swarm_transaction_begin(u, "said");
	swarm_transaction_fail(u, "because %d", 1);
	swarm_transaction_fail(u, "never said");
	swarm_transaction_end(u);
	for (int i = 0; i < 150; i++) {
		swarm_tag(u, "id", swarm_printf(u, "v%d", i));
		sample(u, "tagged", true);
	}
	assert_int_equal(swarm_tag(u, "a key", "x"), -1);
	swarm_tag(u, "id", NULL);
	swarm_name(u, "given");
	sample(u, "own", true);
	swarm_stop_user(u);
}

static uint64_t requests(const char *type, const char *name)
{
	const struct series *s = stats_find(stats, type, name);

	return s != NULL ? s->requests : 0;
}

static void test_measure(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "measured",
	    .tasks = SWARM_TASKS(SWARM_TASK(measured)) });

	(void)state;
	users_set_split_by("other,id");
	/* Room for a hundred values. */
	stats->max_series = 1000;
	users_set_target((size_t)class, 1, 0);
	pass_ms(5);
	assert_int_equal(requests("TRANSACTION", "outer"), 1);
	assert_int_equal(requests("TRANSACTION", "deep"), 6);
	assert_int_equal(stats_find(stats, "TRANSACTION", "deep")->failures,
	    0);
	assert_int_equal(stats_find(stats, "TRANSACTION", "outer")->failures,
	    1);
	assert_int_equal(requests("TRANSACTION", "deeper"), 0);
	assert_int_equal(stats_find(stats, "TRANSACTION", "said")->failures,
	    1);
	assert_int_equal(requests("T", "tagged [id=v0]"), 1);
	assert_int_equal(requests("T", "tagged [id=v99]"), 1);
	assert_int_equal(requests("T", "tagged [id=(other)]"), 50);
	assert_int_equal(requests("T", "tagged"), 0);
	assert_int_equal(requests("T", "given"), 1);
	/* Transactions are no part of the total. */
	assert_int_equal(stats->total.requests, 152);
	end();
}

/* ---- samples ---- */

static void samples(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "T", "ok");

	swarm_sleep(0.005);
	assert_int_equal(swarm_done(&t, 10), 0);
	assert_int_equal(swarm_done(&t, 10), 0);
	t = swarm_begin(u, "T", "bad");
	errno = EPIPE;
	assert_int_equal(swarm_fail(&t, "write: %m"), -1);
	t = swarm_begin(u, "T", "dropped");
	swarm_drop(&t);
	swarm_done(&t, 1);
	swarm_raise(u, "no %s", "token");
}

static void test_samples(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "samples",
	    .wait = SWARM_CONSTANT(100),
	    .tasks = SWARM_TASKS(SWARM_TASK(samples)) });
	struct series *ok;

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(10);
	ok = stats_series(stats, "T", "ok");
	assert_int_equal(ok->requests, 1);
	assert_int_equal(ok->bytes, 10);
	assert_int_equal(stats->total.requests, 2);
	assert_int_equal(stats->total.failures, 1);
	assert_int_equal(stats->error_count, 1);
	assert_string_equal(stats->errors[0]->text, "write: Broken pipe");
	assert_non_null(strstr(raised, "no token @ "));
	assert_non_null(strstr(raised, "test_user_measure.c:"));
	assert_non_null(strstr(raised, "task samples of samples"));
	end();
}

/* A paced task that overruns starts late: response times say so, service
 * times do not. */
static void paced(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "T", "paced");

	swarm_transaction_begin(u, "paced");
	swarm_sleep(0.030);
	swarm_transaction_end(u);
	swarm_done(&t, 0);
}

static void test_pacing_counts_lag(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "paced",
	    .wait = SWARM_PACING(0.020),
	    .tasks = SWARM_TASKS(SWARM_TASK(paced)) });
	struct series *s;

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(100);
	/* A transaction counts from the intended start, too. */
	s = stats_find(stats, "TRANSACTION", "paced");
	assert_in_range(series_response(s)->max, 39 * NS_PER_MS,
	    45 * NS_PER_MS);
	s = stats_series(stats, "T", "paced");
	assert_in_range(s->requests, 3, 4);
	assert_in_range(s->service.max, 29 * NS_PER_MS, 33 * NS_PER_MS);
	assert_in_range(series_response(s)->max, 39 * NS_PER_MS,
	    45 * NS_PER_MS);
	end();
}

/* A wait without end ends with the user, and is not over at once. */
static void note_task(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "T", "rare");

	swarm_done(&t, 0);
}

static void runs_once(const struct swarm_user_class *def)
{
	int class = begin(def);
	const struct series *s;

	users_set_target((size_t)class, 1, 0);
	spin(3);
	pass_ms(20);
	s = stats_series(stats, "T", "rare");
	assert_int_equal(s->requests, 1);
	assert_int_equal(series_response(s)->max, s->service.max);
	end();
}

static void test_endless_waits(void **state)
{
	(void)state;
	runs_once(&(struct swarm_user_class){ .name = "constant",
	    .wait = SWARM_CONSTANT(INFINITY),
	    .tasks = SWARM_TASKS(SWARM_TASK(note_task)) });
	runs_once(&(struct swarm_user_class){ .name = "long",
	    .wait = SWARM_CONSTANT(1e12),
	    .tasks = SWARM_TASKS(SWARM_TASK(note_task)) });
	runs_once(&(struct swarm_user_class){ .name = "throughput",
	    .wait = SWARM_THROUGHPUT(0.0),
	    .tasks = SWARM_TASKS(SWARM_TASK(note_task)) });
}

/* ---- distributions ---- */

static double drawn[5];

static void draws(struct swarm_user *u)
{
	const int n = 20000;
	unsigned zero = 0;

	memset(drawn, 0, sizeof drawn);
	for (int i = 0; i < n; i++) {
		double x = swarm_normal(u, 10, 2);

		drawn[0] += x / n;
		drawn[1] += (x - 10) * (x - 10) / n;
		drawn[2] += swarm_exponential(u, 3) / n;
		drawn[4] += log(swarm_wait_lognormal(u, &(struct swarm_wait){
			.a = 2, .b = 0.5 })) / n;
		zero += swarm_zipf(u, 1000, 1.0) == 0;
		assert_true(swarm_zipf(u, 7, 2.5) < 7);
		assert_true(swarm_below(u, 3) < 3);
	}
	drawn[3] = (double)zero / n;
}

static void test_distributions(void **state)
{
	int class = begin(&(struct swarm_user_class){ .name = "draws",
	    .wait = SWARM_CONSTANT(100),
	    .tasks = SWARM_TASKS(SWARM_TASK(draws)) });

	(void)state;
	users_set_target((size_t)class, 1, 0);
	spin(3);
	assert_float_equal(drawn[0], 10, 0.1);
	assert_float_equal(drawn[1], 4, 0.25);
	assert_float_equal(drawn[2], 3, 0.15);
	/* The median is what was asked for. */
	assert_float_equal(drawn[4], log(2), 0.03);
	/* 1 / H(1000) = 0.1336 */
	assert_float_equal(drawn[3], 0.1336, 0.013);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measure),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_pacing_counts_lag),
		cmocka_unit_test(test_endless_waits),
		cmocka_unit_test(test_distributions),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
