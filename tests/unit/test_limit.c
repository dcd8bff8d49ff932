/*
 * The rule that says who limited a run, figure by figure; the runs that are
 * limited on purpose are in tests/e2e/test_limit.py.
 */
#include "report/limit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* 20 users that think for most of their time, in a run without a ramp. */
static struct limit_facts calm(void)
{
	return (struct limit_facts){
		.requests = 1000,
		.busiest = 0.2,
		.delay_p99 = 1e6,
		.response_p50 = 50e6,
		.descriptors = 40,
		.descriptors_max = 1024,
		.service = 50e6,
		.waiting = 0.1,
		.in_flight_ratio = NAN,
		.throughput_ratio = NAN,
	};
}

static void expect(const struct limit_facts *f, enum limit want,
    const char *part)
{
	struct buf why = BUF_INIT(2000);
	enum limit got = limit_decide(f, &why);

	if (got != want || strstr(buf_str(&why), part) == NULL)
		fail_msg("%s: %s (wanted %s: %s)", limit_name(got),
		    buf_str(&why), limit_name(want), part);
	buf_release(&why);
}

static void test_none(void **state)
{
	struct limit_facts f = calm();

	(void)state;
	expect(&f, LIMIT_NONE, "10 % of their time");
	f.waiting = NAN;
	expect(&f, LIMIT_NONE, "the plan was kept");
	/* A ramp that changed nothing while users had time. */
	f.waiting = 0.2;
	f.in_flight_ratio = 10;
	f.throughput_ratio = 1;
	expect(&f, LIMIT_NONE, "the plan was kept");
	f.requests = 0;
	expect(&f, LIMIT_UNKNOWN, "no request");
}

static void test_generator(void **state)
{
	struct limit_facts f = calm();

	(void)state;
	f.busy_share = 0.09;
	expect(&f, LIMIT_NONE, "");
	f.busy_share = 0.4;
	f.busiest = 0.99;
	expect(&f, LIMIT_GENERATOR, "40 % of the seconds (busy up to 99 %");
	/* Before all that its own figures may say. */
	f.waiting = 1;
	f.resent = 0.2;
	expect(&f, LIMIT_GENERATOR, "full in");
	f = calm();
	f.descriptors = 1020;
	expect(&f, LIMIT_GENERATOR, "1020 of 1024 descriptors");
	f = calm();
	f.no_port = 12;
	expect(&f, LIMIT_GENERATOR, "12 requests failed because a worker's");
	f = calm();
	f.no_descriptor = 3;
	expect(&f, LIMIT_GENERATOR, "too many descriptors");
	f = calm();
	f.delay_p99 = 12e6;
	expect(&f, LIMIT_NONE, "");
	f.delay_p99 = 14e6;
	expect(&f, LIMIT_GENERATOR, "waited 14.0 ms");
	/* A millisecond is nobody's concern, however fast the target. */
	f.delay_p99 = 1e6;
	f.response_p50 = 1e6;
	expect(&f, LIMIT_NONE, "");
	f.descriptors = -1;
	expect(&f, LIMIT_NONE, "");
}

static void test_network(void **state)
{
	struct limit_facts f = calm();

	(void)state;
	f.resent = 0.034;
	f.waiting = 1;
	expect(&f, LIMIT_NETWORK, "3.4 % of the TCP segments");
	f.resent = 0.001;
	f.link_share = 0.5;
	expect(&f, LIMIT_NETWORK, "link was full in 50 %");
	f.link_share = 0;
	expect(&f, LIMIT_SYSTEM, "");
}

static void test_schedule(void **state)
{
	struct limit_facts f = calm();

	(void)state;
	/* A pace that users could not keep. */
	f.waiting = 1;
	f.late = 2.9e6;
	f.service = 10e6;
	expect(&f, LIMIT_SYSTEM, "10.0 ms");
	f.late = 90e6;
	f.service = 100e6;
	expect(&f, LIMIT_SCHEDULE, "90.0 ms late on average");
	f.replay = true;
	expect(&f, LIMIT_SCHEDULE, "for want of the answer before them or of a "
	    "free user: users of the trace wait for each answer, which "
	    "--overlap does not, and it takes 100 ms");
	f.replay = false;
	f.in_flight_ratio = 4;
	f.throughput_ratio = 3.9;
	expect(&f, LIMIT_SCHEDULE, "4.0 times the requests in flight gave 3.9");
	/* The same, but the system gave no more with more. */
	f.throughput_ratio = 1.1;
	expect(&f, LIMIT_SYSTEM, "gave 1.1 times the throughput");
	/* Arrivals that were dropped. */
	f = calm();
	f.open = true;
	f.arrivals = 1000;
	f.dropped = 300;
	expect(&f, LIMIT_SCHEDULE, "30 % of the arrivals found no free user");
	f.dropped = 5;
	expect(&f, LIMIT_NONE, "");
	/* Users that did all they could, and more would have done more. */
	f = calm();
	f.waiting = 0.99;
	f.in_flight_ratio = 8;
	f.throughput_ratio = 7.5;
	expect(&f, LIMIT_SCHEDULE, "more users would get more");
}

static void test_system(void **state)
{
	struct limit_facts f = calm();

	(void)state;
	f.waiting = 0.97;
	expect(&f, LIMIT_SYSTEM, "users waited 97 % of their time");
	f.in_flight_ratio = 8;
	f.throughput_ratio = 1.2;
	expect(&f, LIMIT_SYSTEM, "requests queue in the system");
	f.waiting = 0.6;
	expect(&f, LIMIT_SYSTEM, "requests queue in the system");
	/* The open model: a pool that is large enough hides the wait. */
	f = calm();
	f.open = true;
	f.arrivals = 1000;
	f.waiting = 0.3;
	f.in_flight_ratio = 8;
	f.throughput_ratio = 1.0;
	expect(&f, LIMIT_SYSTEM, "requests queue in the system");
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < LIMITS; i++)
		assert_int_equal(limit_of_name(limit_name((enum limit)i)), i);
	assert_int_equal(limit_of_name("nobody"), LIMIT_UNKNOWN);
	assert_int_equal(limit_of_name(NULL), LIMIT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_generator),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
