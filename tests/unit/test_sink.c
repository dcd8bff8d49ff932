/* Sinks: what waits is put together without loss, and a sink that fails gets
 * it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/sink.h"

/* A sink whose calls wait at a gate, so that the queue fills. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	bool inside;
	unsigned refuse;                /* so many calls */
	unsigned calls;
	unsigned events;
	uint64_t requests;
	uint64_t samples;
	uint64_t total;
	uint64_t row_total;
	uint64_t errors;
	int64_t counter;
	unsigned intervals;
	unsigned largest;
	unsigned tests;
	unsigned ends;
} gate;

static void *gate_start(const struct swarm_sink_start *s)
{
	return strcmp(s->target, "bad") == 0 ? NULL : &gate;
}

static int gate_interval(void *sink, const struct swarm_sink_interval *i)
{
	int rc = 0;

	(void)sink;
	pthread_mutex_lock(&gate.lock);
	gate.inside = true;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.calls++;
	if (gate.refuse > 0) {
		gate.refuse--;
		rc = swarm_sink_fail("not now");
	} else {
		gate.requests += i->total->requests;
		gate.samples += swarm_times_count(i->total->times);
		gate.total = i->total->total_requests;
		gate.row_total = 0;
		for (size_t k = 0; k < i->row_count; k++)
			gate.row_total += i->rows[k]->total_requests;
		for (size_t k = 0; k < i->error_count; k++)
			gate.errors += i->errors[k]->count;
		for (size_t k = 0; k < i->counter_count; k++)
			gate.counter += i->counters[k]->change;
		gate.intervals += i->intervals;
		if (i->intervals > gate.largest)
			gate.largest = i->intervals;
		gate.tests = i->test;
	}
	pthread_mutex_unlock(&gate.lock);
	return rc;
}

static int gate_event(void *sink, const struct swarm_sink_event *e)
{
	(void)sink;
	(void)e;
	gate.events++;
	return 0;
}

static int gate_end(void *sink, const struct swarm_sink_end *e)
{
	(void)sink;
	assert_string_equal(e->verdict, "passed");
	gate.ends++;
	return 0;
}

static const struct swarm_sink gate_sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "gate",
	.start = gate_start,
	.interval = gate_interval,
	.event = gate_event,
	.end = gate_end,
};

static struct sink *begin(bool open, unsigned refuse)
{
	struct swarm_sink_start start = { sizeof(start), "", "", "", "1" };
	struct sink *s;

	memset(&gate, 0, sizeof(gate));
	pthread_mutex_init(&gate.lock, NULL);
	pthread_cond_init(&gate.changed, NULL);
	gate.open = open;
	gate.refuse = refuse;
	s = sink_start(&gate_sink, &start);
	assert_non_null(s);
	return s;
}

static struct delta_row row(uint32_t id, const char *name, unsigned n)
{
	struct delta_row r = { .id = id, .type = xstrdup("GET"),
		.name = xstrdup(name), .requests = n };
	struct histogram h;

	histogram_init(&h);
	histogram_record_n(&h, 1000000 * (1 + (int64_t)id % 7), n);
	sparse_from(&r.times, &h);
	histogram_release(&h);
	return r;
}

/* Three endpoints that come and go. */
static struct delta *second(unsigned test, unsigned i)
{
	struct delta *d = xcalloc(1, sizeof(*d));

	d->test = test;
	d->intervals = 1;
	d->length = 1;
	d->state = "running";
	d->rows = xcalloc(2, sizeof(*d->rows));
	d->rows[d->row_count++] = row(i % 3, i % 3 ? "b" : "a", 10);
	if (i % 2)
		d->rows[d->row_count++] = row(90, "c", 5);
	d->total = row(DELTA_TOTAL, "Aggregated", i % 2 ? 15 : 10);
	d->errors = xcalloc(1, sizeof(*d->errors));
	d->errors[d->error_count++] = (struct delta_error){ xstrdup("GET"),
		xstrdup("a"), xstrdup(i % 2 ? "odd" : "even"), 1 };
	d->counters = xcalloc(1, sizeof(*d->counters));
	d->counters[d->counter_count++] = (struct delta_counter){
		xstrdup("bytes"), -3 };
	return d;
}

static void finish(struct sink *s, struct sink_account *account)
{
	struct timespec deadline;

	sink_end(s, 0, "passed", "fine", 0);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += 20;
	sink_finish(s, &deadline, account);
	assert_false(account->stuck);
	assert_int_equal(gate.ends, 1);
}

static void open_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static void wait_inside(void)
{
	pthread_mutex_lock(&gate.lock);
	while (!gate.inside)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

/* One is inside, 16 wait, 83 are put together with the last of those. */
static void test_full_queue_loses_nothing(void **state)
{
	struct sink *s = begin(false, 0);
	struct sink_account account;

	(void)state;
	sink_put(s, second(1, 0));
	wait_inside();
	for (unsigned i = 1; i < 100; i++)
		sink_put(s, second(1, i));
	for (unsigned i = 0; i < SINK_EVENTS + 7; i++)
		sink_event(s, 1, 0, 0, "something");
	open_gate();
	finish(s, &account);
	assert_int_equal(gate.calls, 1 + SINK_QUEUE);
	assert_int_equal(gate.largest, 100 - SINK_QUEUE);
	assert_int_equal(gate.intervals, 100);
	assert_int_equal(gate.requests, 50 * 10 + 50 * 15);
	assert_int_equal(gate.samples, gate.requests);
	assert_int_equal(gate.total, gate.requests);
	assert_int_equal(gate.row_total, gate.requests);
	assert_int_equal(gate.errors, 100);
	assert_int_equal(gate.counter, -300);
	assert_int_equal(gate.events, SINK_EVENTS);
	assert_int_equal(account.intervals, 100);
	assert_int_equal(account.joined, 99 - SINK_QUEUE);
	assert_int_equal(account.lost, 0);
	assert_int_equal(account.events_dropped, 7);
}

static void test_refused_comes_again(void **state)
{
	struct sink *s = begin(true, 3);
	struct sink_account account;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		sink_put(s, second(1, i));
	finish(s, &account);
	assert_int_equal(gate.largest, 4);
	assert_int_equal(gate.requests, 50);
	assert_int_equal(gate.total, 50);
	assert_int_equal(gate.errors, 4);
	assert_int_equal(account.lost, 0);
	assert_int_equal(account.joined, 3);
}

/* What the end finds refused is tried again, then counted. */
static void test_refused_for_good(void **state)
{
	struct sink *s = begin(true, 1000);
	struct sink_account account;

	(void)state;
	sink_put(s, second(1, 0));
	sink_put(s, second(1, 1));
	finish(s, &account);
	assert_int_equal(account.intervals, 0);
	assert_int_equal(account.lost, 2);
	assert_int_equal(account.lost_requests, 25);
	assert_true(gate.calls > 2);
}

/* Totals begin again; the two are never put together. */
static void test_next_test(void **state)
{
	struct sink *s = begin(false, 0);
	struct sink_account account;

	(void)state;
	sink_put(s, second(1, 0));
	wait_inside();
	for (unsigned i = 0; i < 30; i++)
		sink_put(s, second(1, 0));
	for (unsigned i = 0; i < 30; i++)
		sink_put(s, second(2, 0));
	open_gate();
	finish(s, &account);
	assert_int_equal(gate.tests, 2);
	assert_int_equal(gate.total, 300);
	assert_int_equal(gate.requests, 610);
}

static void test_does_not_start(void **state)
{
	struct swarm_sink_start start = { sizeof(start), "bad", "", "", "1" };

	(void)state;
	assert_null(sink_start(&gate_sink, &start));
}

/* A sink that is inside a call when time is up. */
static void test_left_behind(void **state)
{
	struct sink *s = begin(false, 0);
	struct sink_account account;
	struct timespec now;

	(void)state;
	sink_put(s, second(1, 0));
	wait_inside();
	sink_put(s, second(1, 1));
	sink_end(s, 0, "passed", "fine", 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	sink_finish(s, &now, &account);
	assert_true(account.stuck);
	assert_int_equal(account.lost, 1);
	assert_int_equal(account.lost_requests, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_queue_loses_nothing),
		cmocka_unit_test(test_refused_comes_again),
		cmocka_unit_test(test_refused_for_good),
		cmocka_unit_test(test_next_test),
		cmocka_unit_test(test_does_not_start),
		/* Last: its thread stays in the gate. */
		cmocka_unit_test(test_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
