/*
 * Events of a replay that wait on a worker (user/pending.h), the numbers that
 * are done with (user/tally.h), and the memory that tells what was begun
 * (user/begun.h).
 */
#include "user/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "user/begun.h"
#include "user/tally.h"

struct event {
	int64_t due;
	uint64_t key;
};

static void add(struct pending *p, const struct event *e, size_t count,
    uint64_t number)
{
	struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; i < count; i++) {
		const struct record r = { .due = e[i].due, .key = e[i].key };

		assert_int_equal(record_put(&b, &r), 0);
	}
	assert_int_equal(pending_add(p, b.data, b.len, number), count);
	buf_release(&b);
}

static void expect(struct pending *p, const struct event *e, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_non_null(pending_first(p));
		assert_int_equal(pending_first(p)->due, e[i].due);
		assert_int_equal(pending_first(p)->key, e[i].key);
		pending_drop(p);
	}
}

static void test_in_order(void **state)
{
	const struct event a[] = { { 1, 1 }, { 2, 2 }, { 2, 3 } };
	const struct event b[] = { { 2, 4 }, { 9, 5 } };
	struct pending p = { 0 };

	(void)state;
	assert_null(pending_first(&p));
	add(&p, a, 3, 10);
	add(&p, b, 2, 13);
	assert_int_equal(p.count, 1);
	assert_int_equal(pending_number(&p), 10);
	expect(&p, a, 3);
	assert_int_equal(pending_number(&p), 13);
	expect(&p, b, 2);
	assert_null(pending_first(&p));
	add(&p, b, 2, 15);
	assert_int_equal(pending_number(&p), 15);
	pending_release(&p);
}

/* What comes late goes between, behind its equals that were here. */
static void test_late_ones(void **state)
{
	const struct event now[] = { { 10, 1 }, { 30, 2 }, { 50, 3 } };
	const struct event late[] = { { 5, 7 }, { 30, 8 }, { 40, 7 } };
	const struct event later[] = { { 50, 4 }, { 60, 7 } };
	const struct event all[] = { { 5, 7 }, { 10, 1 }, { 30, 2 }, { 30, 8 },
		{ 40, 7 }, { 50, 3 }, { 50, 4 }, { 60, 7 } };
	struct pending p = { 0 };

	(void)state;
	add(&p, now, 3, 0);
	add(&p, late, 3, 3);
	add(&p, later, 2, 6);
	assert_int_equal(p.count, 2);
	expect(&p, all, 8);
	assert_null(pending_first(&p));
	/* The second queue goes when it is of no use. */
	add(&p, later, 2, 8);
	assert_int_equal(p.count, 1);
	/* One batch may hold both. */
	add(&p, (const struct event[]){ { 90, 1 }, { 70, 2 }, { 80, 3 } }, 3,
	    10);
	expect(&p, later, 2);
	expect(&p, (const struct event[]){ { 70, 2 }, { 80, 3 }, { 90, 1 } },
	    3);
	pending_release(&p);
}

/* Whatever is lost and given again: each user's events stay in order. */
static void test_users_keep_their_order(void **state)
{
	struct pending p = { 0 };
	uint64_t last[8] = { 0 };
	struct rng rng;
	uint64_t seen = 0, sent = 0;
	int64_t moment = 0;

	(void)state;
	rng_seed(&rng, 7, 0);
	for (int turn = 0; turn < 3000; turn++) {
		struct event e[4];
		int64_t due = moment + (int64_t)rng_below(&rng, 40);
		static int64_t newest[8];
		uint64_t key = rng_below(&rng, 8);
		size_t n = 1 + rng_below(&rng, 4);

		if (turn == 0)
			memset(newest, 0, sizeof newest);
		if (due < newest[key])
			due = newest[key];
		for (size_t i = 0; i < n; i++)
			e[i] = (struct event){ due, key };
		newest[key] = due;
		add(&p, e, n, sent);
		sent += n;
		while (pending_first(&p) != NULL &&
		    pending_first(&p)->due < moment) {
			uint64_t number = pending_number(&p);
			uint64_t k = pending_first(&p)->key;

			assert_true(last[k] == 0 || number + 1 > last[k]);
			last[k] = number + 1;
			pending_drop(&p);
			seen++;
		}
		moment += (int64_t)rng_below(&rng, 3);
	}
	assert_true(seen > 5000);
	assert_true(p.count > 1);
	pending_release(&p);
}

static void test_malformed(void **state)
{
	const struct record r = { .due = 3, .key = 1 };
	struct buf b = BUF_INIT(1 << 20);
	struct pending p = { 0 };

	(void)state;
	record_put(&b, &r);
	buf_puts(&b, "and a piece");
	assert_int_equal(pending_add(&p, b.data, b.len, 4), -1);
	assert_int_equal(pending_number(&p), 4);
	expect(&p, (const struct event[]){ { 3, 1 } }, 1);
	assert_null(pending_first(&p));
	assert_int_equal(pending_add(&p, "x", 1, 5), -1);
	assert_int_equal(pending_add(&p, "", 0, 5), 0);
	buf_release(&b);
	pending_release(&p);
}

static void test_tally(void **state)
{
	struct tally t = { 0 };
	uint8_t bits[2];

	(void)state;
	tally_begin(&t, 1000);
	tally_done(&t, 1000);
	assert_int_equal(t.low, 1001);
	/* Backwards, over more than it had room for. */
	for (uint64_t n = 6000; n > 1001; n--)
		tally_done(&t, n);
	assert_int_equal(t.low, 1001);
	tally_done(&t, 1001);
	assert_int_equal(t.low, 6001);
	tally_done(&t, 5);
	assert_int_equal(t.low, 6001);
	/* Round the ring. */
	for (uint64_t n = 6001; n < 40000; n += 2) {
		tally_done(&t, n + 1);
		assert_int_equal(t.low, n);
		tally_done(&t, n);
		assert_int_equal(t.low, n + 2);
	}
	tally_begin(&t, 3);
	assert_int_equal(tally_beyond(&t, bits, 2), 0);
	tally_done(&t, 4);
	tally_done(&t, 3 + 15);
	assert_int_equal(tally_beyond(&t, bits, 2), 2);
	assert_true(bits[0] == 2 && bits[1] == 128);
	assert_int_equal(tally_beyond(&t, bits, 1), -1);
	assert_int_equal(t.low, 3);
	tally_release(&t);
}

static void test_begun(void **state)
{
	struct begun *ours, *theirs;
	int fd = begun_new(&ours);
	int other[2];

	(void)state;
	assert_true(fd >= 0);
	theirs = begun_open(fd);
	assert_non_null(theirs);
	assert_false(begun_has(ours, 0));
	for (uint64_t n = 0; n < 5; n++)
		begun_mark(theirs, n * BEGUN_EVENTS + 7);
	assert_true(begun_has(ours, 4 * BEGUN_EVENTS + 7));
	assert_false(begun_has(ours, 7));
	assert_false(begun_has(ours, 4 * BEGUN_EVENTS + 8));
	assert_false(begun_has(ours, 5 * BEGUN_EVENTS + 7));
	/* What is no such memory is not taken for it. */
	assert_int_equal(pipe(other), 0);
	assert_null(begun_open(other[0]));
	assert_null(begun_open(9999));
	close(other[0]);
	close(other[1]);
	close(fd);
	begun_free(ours);
	begun_free(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_late_ones),
		cmocka_unit_test(test_users_keep_their_order),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
