/* Numbers of users, and positions in feeds: given out once, given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cluster/lease.h"
#include "cluster/numbers.h"

#define REST 10

/* The wire between a master's list and a worker's. */
static void tell(struct numbers_list *master, struct numbers_list *worker)
{
	struct buf bytes = BUF_INIT(1 << 20);

	numbers_encode(master, &bytes);
	assert_int_equal(numbers_decode(worker, master->count, bytes.data,
	    bytes.len), 0);
	assert_int_equal(worker->count, master->count);
	if (master->count > 0)
		assert_memory_equal(worker->at, master->at,
		    master->count * sizeof master->at[0]);
	buf_release(&bytes);
}

static void test_lowest_first(void **state)
{
	struct numbers_list a = { 0 }, b = { 0 };

	(void)state;
	numbers_reset(UINT32_MAX);
	numbers_set(&a, 3, 0, REST);
	numbers_set(&b, 2, 0, REST);
	assert_int_equal(a.at[2], 2);
	assert_int_equal(b.at[0], 3);
	/* The last started rest, then they are the lowest free ones. */
	numbers_set(&a, 1, 1, REST);
	numbers_set(&b, 3, 2, REST);
	assert_int_equal(b.at[2], 5);
	numbers_set(&b, 5, 1 + REST, REST);
	assert_int_equal(b.at[3], 1);
	assert_int_equal(b.at[4], 2);
	/* A lost worker's are free at once. */
	numbers_free(&b);
	numbers_set(&a, 3, 1 + REST, REST);
	assert_int_equal(a.at[1], 1);
	assert_int_equal(a.at[2], 2);
	numbers_free(&a);
	numbers_release();
}

/* Whatever happens, no number is held twice, and workers know theirs. */
static void test_any_history(void **state)
{
	enum { WORKERS = 5, STEPS = 2000, MOST = 60 };
	struct numbers_list master[WORKERS] = { 0 };
	struct numbers_list worker[WORKERS] = { 0 };
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1, 2);
	numbers_reset(UINT32_MAX);
	for (int64_t now = 0; now < STEPS; now++) {
		size_t i = (size_t)rng_below(&rng, WORKERS);
		uint8_t seen[WORKERS * MOST * 4] = { 0 };

		if (rng_below(&rng, 20) == 0) {
			numbers_free(&master[i]);
			free(worker[i].at);
			memset(&worker[i], 0, sizeof worker[i]);
		}
		numbers_set(&master[i], (size_t)rng_below(&rng, MOST), now,
		    REST);
		if (rng_below(&rng, 3) > 0)
			tell(&master[i], &worker[i]);
		for (size_t w = 0; w < WORKERS; w++) {
			for (size_t k = 0; k < master[w].count; k++) {
				assert_in_range(master[w].at[k], 0,
				    sizeof seen - 1);
				assert_int_equal(seen[master[w].at[k]]++, 0);
			}
		}
	}
	for (size_t w = 0; w < WORKERS; w++) {
		tell(&master[w], &worker[w]);
		free(worker[w].at);
		numbers_free(&master[w]);
	}
	numbers_release();
}

static void test_compact(void **state)
{
	struct numbers_list a = { 0 }, b = { 0 }, got = { 0 };
	struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	numbers_reset(UINT32_MAX);
	for (size_t i = 1; i <= 50000; i++) {
		numbers_set(&a, i, 0, REST);
		numbers_set(&b, i, 0, REST);
	}
	numbers_encode(&a, &bytes);
	assert_true(bytes.len < 16);
	assert_int_equal(numbers_decode(&got, a.count, bytes.data, bytes.len),
	    0);
	assert_memory_equal(got.at, a.at, a.count * sizeof a.at[0]);
	/* Cut anywhere it is refused, or shorter; never longer than asked. */
	for (size_t i = 0; i < bytes.len; i++) {
		numbers_decode(&got, 100, bytes.data, i);
		assert_true(got.count <= 100);
	}
	assert_int_equal(numbers_decode(&got, 10, "\x0b", 1), -1);
	assert_int_equal(numbers_decode(&got, 10, "\x00\x00\x01\xff\x01", 5),
	    -1);
	free(got.at);
	numbers_free(&a);
	numbers_free(&b);
	buf_release(&bytes);
	numbers_release();
}

/* A relay has only what it was given. */
static void test_limited(void **state)
{
	struct numbers_list a = { 0 };

	(void)state;
	numbers_reset(0);
	numbers_add(7);
	numbers_add(5000);
	numbers_set(&a, 3, 0, REST);
	assert_int_equal(a.at[0], 7);
	assert_int_equal(a.at[1], 5000);
	assert_int_equal(a.at[2], NUMBERS_NONE);
	numbers_free(&a);
	numbers_release();
}

/* ---- leases ---- */

static void test_lease_once(void **state)
{
	enum { TOTAL = 1000, WORKERS = 3 };
	uint8_t seen[TOTAL] = { 0 };
	uint64_t used[WORKERS] = { 0 };
	struct lease l;
	size_t got = 0, questions = 0;

	(void)state;
	lease_init(&l, TOTAL);
	for (size_t w = 0;; w = (w + 1) % WORKERS) {
		struct lease_range r = lease_grant(&l, (int64_t)w, 64,
		    used[w], WORKERS);

		if (r.count == 0)
			break;
		questions++;
		for (uint64_t i = 0; i < r.count; i++, got++)
			assert_int_equal(seen[r.from + i]++, 0);
		used[w] += r.count;
	}
	assert_int_equal(got, TOTAL);
	assert_true(questions < 100);
	lease_release(&l);
}

static void test_lease_lost(void **state)
{
	struct lease_range r;
	struct lease l;

	(void)state;
	lease_init(&l, UINT64_MAX);
	r = lease_grant(&l, 1, 100, 0, 2);
	assert_int_equal(r.from, 0);
	assert_int_equal(r.count, 100);
	r = lease_grant(&l, 1, 100, 60, 2);
	assert_int_equal(r.from, 100);
	r = lease_grant(&l, 2, 10, 0, 2);
	assert_int_equal(r.from, 200);
	/* It had said that 60 are used: 60..99 and 100..199 come back. */
	lease_lost(&l, 1);
	r = lease_grant(&l, 2, 64, 10, 1);
	assert_int_equal(r.from, 60);
	assert_int_equal(r.count, 40);
	r = lease_grant(&l, 2, 1000, 10, 1);
	assert_int_equal(r.from, 100);
	assert_int_equal(r.count, 100);
	r = lease_grant(&l, 2, 5, 10, 1);
	assert_int_equal(r.from, 210);
	lease_lost(&l, 77);
	lease_release(&l);
}

/* One that only takes gets no more some day, and costs no time. */
static void test_lease_hoarded(void **state)
{
	struct lease_range r;
	struct lease l;
	int n = 0;

	(void)state;
	lease_init(&l, UINT64_MAX);
	do {
		r = lease_grant(&l, 1, 2, 0, 1);
	} while (r.count > 0 && ++n < 1000000);
	assert_in_range(n, 10000, 200000);
	/* Others do. */
	assert_int_equal(lease_grant(&l, 2, 2, 0, 2).count, 2);
	assert_int_equal(lease_grant(&l, 1, 2, UINT64_C(1) << 60, 2).count, 2);
	lease_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_first),
		cmocka_unit_test(test_any_history),
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_limited),
		cmocka_unit_test(test_lease_once),
		cmocka_unit_test(test_lease_lost),
		cmocka_unit_test(test_lease_hoarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
