/* Events on the wire, and the order of a trace user's events on a worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <swarm/trace.h>

#include "user/lanes.h"
#include "user/record.h"

static struct swarm_user *user(uintptr_t n)
{
	return (struct swarm_user *)(n * 64);
}

static struct record event(uint64_t key, int64_t due)
{
	return (struct record){ .due = due, .key = key, .user = "who",
		.user_len = 3, .payload = "what", .payload_len = 4 };
}

/* ---- records ---- */

static void test_records(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct record r = event(7, 123);
	struct record got;

	(void)state;
	assert_int_equal(record_put(&b, &r), 0);
	r.user_len = r.payload_len = 0;
	assert_int_equal(record_put(&b, &r), 0);
	assert_int_equal(record_get(&got, b.data, b.len), RECORD_HEAD + 7);
	assert_int_equal(got.due, 123);
	assert_int_equal(got.key, 7);
	assert_memory_equal(got.user, "who", 3);
	assert_memory_equal(got.payload, "what", 4);
	assert_int_equal(record_get(&got, b.data + RECORD_HEAD + 7,
	    RECORD_HEAD), RECORD_HEAD);
	assert_int_equal(record_get(&got, b.data, 0), 0);
	/* Cut anywhere, and with lengths that lie. */
	for (size_t n = 1; n < RECORD_HEAD + 7; n++) {
		char *copy = malloc(n);

		memcpy(copy, b.data, n);
		assert_int_equal(record_get(&got, copy, n), -1);
		free(copy);
	}
	memset(b.data + 16, 0xff, 8);
	assert_int_equal(record_get(&got, b.data, b.len), -1);
	memset(b.data, 0xff, 8);
	assert_int_equal(record_get(&got, b.data, b.len), -1);
	buf_release(&b);
}

/* Who goes takes nobody else's users along. */
static void test_places(void **state)
{
	static const uint64_t three[] = { 1, 2, 3 };
	static const uint64_t two[] = { 1, 3 };
	size_t counts[3] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t key = record_key((const char *)&i, sizeof i);
		size_t at = record_place(key, three, 3);

		counts[at]++;
		if (at != 1)
			assert_int_equal(two[record_place(key, two, 2)],
			    three[at]);
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(counts[i], 850, 1150);
	assert_int_not_equal(record_key("", 0), 0);
}

/* ---- lanes ---- */

static void add(struct lanes *l, uint64_t key, int64_t due)
{
	struct record r = event(key, due);

	lanes_add(l, lanes_item(l, &r, 0));
}

/* When the item is due, which is done with then; 0: there is none. */
static int64_t done(struct lanes *l, struct lanes_item *item)
{
	int64_t due = item != NULL ? item->due : 0;

	if (item != NULL)
		lanes_item_free(l, item);
	return due;
}

static void test_order(void **state)
{
	struct lanes l;

	(void)state;
	lanes_init(&l, false);
	lanes_begin(&l, 1, user(1));
	assert_true(lanes_held(&l, 1));
	assert_false(lanes_held(&l, 2));
	add(&l, 1, 10);
	add(&l, 1, 20);
	add(&l, 2, 30);
	assert_int_equal(l.waiting, 3);
	/* Of 1 nothing is ready while it runs. */
	assert_int_equal(done(&l, lanes_take_ready(&l)), 30);
	lanes_begin(&l, 2, user(2));
	assert_null(lanes_take_ready(&l));
	lanes_end(&l, 1);
	assert_int_equal(done(&l, lanes_take_of(&l, 1)), 10);
	lanes_begin(&l, 1, user(1));
	lanes_end(&l, 1);
	/* Its user has no time: any may have it. */
	lanes_wait(&l, 1);
	assert_null(lanes_take_of(&l, 1));
	assert_int_equal(done(&l, lanes_take_ready(&l)), 20);
	assert_ptr_equal(lanes_user(&l, 1), user(1));
	lanes_forget(&l, 1, user(1));
	assert_null(lanes_user(&l, 1));
	lanes_release(&l);
}

/* Nobody's events, and all with overlap, wait for no other. */
static void test_parallel(void **state)
{
	struct lanes l;

	(void)state;
	lanes_init(&l, false);
	lanes_begin(&l, 0, user(1));
	assert_false(lanes_held(&l, 0));
	add(&l, 0, 10);
	assert_int_equal(done(&l, lanes_take_ready(&l)), 10);
	lanes_release(&l);

	lanes_init(&l, true);
	lanes_begin(&l, 5, user(1));
	assert_false(lanes_held(&l, 5));
	add(&l, 5, 10);
	add(&l, 6, 15);
	add(&l, 5, 20);
	assert_int_equal(done(&l, lanes_take_ready(&l)), 10);
	assert_int_equal(done(&l, lanes_take_ready(&l)), 15);
	assert_int_equal(done(&l, lanes_take_ready(&l)), 20);
	assert_null(lanes_take_ready(&l));
	lanes_release(&l);
}

static void test_put_back(void **state)
{
	struct lanes l;
	struct lanes_item *item;

	(void)state;
	lanes_init(&l, false);
	add(&l, 1, 10);
	add(&l, 1, 20);
	item = lanes_take_ready(&l);
	lanes_begin(&l, 1, user(1));
	lanes_end(&l, 1);
	lanes_put_back(&l, item);
	lanes_forget(&l, 1, user(1));
	assert_int_equal(l.waiting, 2);
	assert_int_equal(done(&l, lanes_take_ready(&l)), 10);
	lanes_begin(&l, 1, user(2));
	lanes_end(&l, 1);
	assert_int_equal(done(&l, lanes_take_of(&l, 1)), 20);
	assert_int_equal(l.bytes, 0);
	lanes_release(&l);
}

/* Many come and go: nothing stays but who is remembered. */
static void test_many(void **state)
{
	struct lanes l;

	(void)state;
	lanes_init(&l, false);
	for (uint64_t key = 1; key <= 5000; key++) {
		add(&l, key, (int64_t)key);
		assert_int_equal(done(&l, lanes_take_ready(&l)), key);
		lanes_begin(&l, key, user(1));
		lanes_end(&l, key);
		if (key > 1)
			lanes_forget(&l, key - 1, user(1));
	}
	for (uint64_t key = 1; key <= 1000; key++)
		add(&l, key, 1);
	assert_int_equal(l.count, 1001);
	assert_int_equal(lanes_clear(&l), 1000);
	assert_null(lanes_take_ready(&l));
	for (uint64_t key = 1; key <= 1000; key++)
		lanes_forget(&l, key, user(1));
	assert_int_equal(l.count, 1);
	lanes_release(&l);
}

static void test_large(void **state)
{
	struct lanes l;
	struct record r = event(1, 1);
	char *data = calloc(1, 100000);

	(void)state;
	lanes_init(&l, false);
	r.payload = data;
	r.payload_len = 100000;
	lanes_add(&l, lanes_item(&l, &r, 0));
	assert_true(l.bytes > 100000);
	lanes_item_free(&l, lanes_take_ready(&l));
	assert_int_equal(l.bytes, 0);
	free(data);
	lanes_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
