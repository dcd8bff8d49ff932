/*
 * A relay between a master and workers that are played by hand, over real
 * sockets.
 */
#include "cluster/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cluster/master.h"
#include "cluster/worker.h"
#include "cluster/wire_object.h"
#include "cluster/zsock.h"
#include "log_kit.h"
#include "wait_kit.h"

#define FIRST 2000                      /* index of its workers */

static const char *const classes[] = { "Alpha" };

/* A worker below. */
struct hand {
	char id[32];
	struct zsock *sock;
	int acks;
	struct wire_ack ack;
	int answers;
	struct wire_rows rows;
	int reconnects;
};
static struct hand hands[2];

/* The master above. */
static struct {
	struct zsock *sock;
	char from[64];                  /* the relay's name */
	int ready;
	int questions;
	struct wire_rows_wanted wanted;
	bool ended;
} above;

static void on_up(const char *from, const void *data, size_t len, void *arg)
{
	struct wire_message m;

	(void)arg;
	assert_int_equal(wire_decode(&m, data, len), 0);
	snprintf(above.from, sizeof above.from, "%s", from);
	above.ready += m.type == WIRE_CLIENT_READY;
	if (m.type == WIRE_ROWS) {
		assert_int_equal(wire_read_rows_wanted(&m.data,
		    &above.wanted), 0);
		above.questions++;
	}
	wire_message_release(&m);
}

static void say_up(struct hand *h, struct buf *b)
{
	assert_int_equal(zsock_send(h->sock, NULL, b->data, b->len), 0);
	buf_release(b);
}

static void on_down(const char *from, const void *data, size_t len, void *arg)
{
	struct buf b = BUF_INIT(1000);
	struct wire_message m;
	struct hand *h = arg;

	(void)from;
	assert_int_equal(wire_decode(&m, data, len), 0);
	if (m.type == WIRE_ACK) {
		assert_int_equal(wire_read_ack(&m.data, &h->ack), 0);
		h->acks++;
	}
	if (m.type == WIRE_QUIT) {
		wire_encode_nil(&b, "quit", h->id);
		say_up(h, &b);
	}
	h->reconnects += m.type == WIRE_RECONNECT;
	if (m.type == WIRE_ROWS) {
		assert_int_equal(wire_read_rows(&m.data, &h->rows), 0);
		h->answers++;
	}
	wire_message_release(&m);
}

static void say_down(struct buf *b)
{
	assert_int_equal(zsock_send(above.sock, above.from, b->data, b->len),
	    0);
	buf_release(b);
}

/* As Locust's workers do. */
static void say_locust(struct hand *h)
{
	struct buf b = BUF_INIT(1000);
	msgpack_packer pk;

	wire_object_packer(&pk, &b);
	msgpack_pack_array(&pk, 3);
	wire_object_put_text(&pk, "client_ready");
	wire_object_put_text(&pk, "2.12.1");
	wire_object_put_text(&pk, h->id);
	say_up(h, &b);
}

static void say_ready(struct hand *h, unsigned span)
{
	struct buf b = BUF_INIT(1000);

	wire_encode_client_ready(&b, h->id, span);
	say_up(h, &b);
}

static void knock(struct hand *h, unsigned span)
{
	const struct zsock_options o = { .identity = h->id,
		.message = on_down, .arg = h };

	h->sock = zsock_new(&o);
	assert_int_equal(zsock_connect(h->sock, master_endpoint()), 0);
	say_ready(h, span);
}

static void on_ended(const char *why, void *arg)
{
	(void)why;
	(void)arg;
	above.ended = true;
}

static void acknowledge(uint64_t instance, int64_t first)
{
	const struct wire_ack ack = { .swarm = true, .report_interval = 60,
		.instance = instance, .first = first };
	struct buf b = BUF_INIT(1000);

	wire_encode_ack(&b, above.from, &ack);
	say_down(&b);
}

/* A relay that has joined, with `workers` below it. */
static void begin(size_t workers)
{
	struct relay_options o = { .bind = "tcp://127.0.0.1:0",
		.expect = workers, .class_count = 1, .class_names = classes,
		.ended = on_ended };

	o.connect = zsock_endpoint(above.sock);
	assert_int_equal(relay_start(&o), 0);
	for (size_t i = 0; i < workers; i++)
		knock(&hands[i], 0);
	wait_until(above.ready == 1);
	acknowledge(1, FIRST);
	for (size_t i = 0; i < workers; i++)
		wait_until(hands[i].acks == 1);
}

static int setup(void **state)
{
	const struct zsock_options o = { .router = true, .message = on_up };

	(void)state;
	memset(&above, 0, sizeof above);
	memset(hands, 0, sizeof hands);
	for (size_t i = 0; i < 2; i++)
		snprintf(hands[i].id, sizeof hands[i].id, "host%zu_x", i);
	log_kit_start();
	if (loop_init() == -1)
		return -1;
	above.sock = zsock_new(&o);
	return above.sock == NULL ? -1 :
	    zsock_bind(above.sock, "tcp://127.0.0.1:0");
}

static int teardown(void **state)
{
	(void)state;
	relay_leave();
	wait_until(above.ended);
	for (size_t i = 0; i < 2; i++)
		zsock_free(hands[i].sock, 0);
	relay_release();
	zsock_free(above.sock, 0);
	loop_release();
	log_kit_stop();
	return 0;
}

/* ---- rows ---- */

static void want(struct hand *h, uint64_t rows)
{
	struct buf b = BUF_INIT(1000);

	wire_encode_rows_wanted(&b, h->id, &(struct wire_rows_wanted){
	    .want = rows, .check = 77 });
	say_up(h, &b);
}

static void hand_out(uint64_t from, uint64_t count)
{
	struct buf b = BUF_INIT(1000);

	wire_encode_rows(&b, above.from, &(struct wire_rows){ .from = from,
	    .count = count });
	say_down(&b);
}

/* Near the end of the rows the master gives few: who got none of them asks
 * again, and is not told that there are none. */
static void test_few_rows_for_many(void **state)
{
	(void)state;
	begin(2);
	want(&hands[0], 64);
	wait_until(above.questions == 1);
	want(&hands[1], 64);
	wait_until(above.questions == 2);
	assert_int_equal(above.wanted.want, 128);
	assert_int_equal(above.wanted.check, 77);
	hand_out(0, 10);
	wait_until(hands[0].answers == 1 && above.questions == 3);
	assert_int_equal(hands[0].rows.count, 10);
	assert_int_equal(hands[1].answers, 0);
	assert_int_equal(above.wanted.want, 128);
	assert_int_equal(above.wanted.check, 77);
	hand_out(10, 5);
	wait_until(hands[1].answers == 1);
	assert_int_equal(hands[1].rows.from, 10);
	assert_int_equal(hands[1].rows.count, 5);
	want(&hands[1], 64);
	wait_until(above.questions == 4);
	hand_out(0, 0);
	wait_until(hands[1].answers == 2);
	assert_int_equal(hands[1].rows.count, 0);
	assert_int_equal(above.questions, 4);
}

/* ---- who is above, and below ---- */

static void heartbeat(struct hand *h)
{
	struct wire_heartbeat hb = { .state = "ready", .sent = 1,
		.clock_error = -1 };
	struct buf b = BUF_INIT(4096);

	health_init(&hb.health);
	hb.health.loop_busy = 0.1;
	wire_encode_heartbeat(&b, h->id, &hb);
	say_up(h, &b);
}

/* A master that was restarted may have given the range to another relay. */
static void test_other_numbers_from_a_new_master(void **state)
{
	struct buf b = BUF_INIT(1000);
	uint64_t instance;

	(void)state;
	begin(2);
	assert_int_equal(hands[0].ack.index + hands[1].ack.index,
	    2 * FIRST + 1);
	instance = hands[0].ack.instance;
	/* It does not know the relay. */
	wire_encode_nil(&b, "reconnect", above.from);
	say_down(&b);
	wait_until(above.ready == 2);
	acknowledge(2, FIRST + 500);
	wait_until(master_peer_count() == 0);
	for (int i = 0; i < 2; i++) {
		heartbeat(&hands[i]);
		wait_until(hands[i].reconnects == 1);
		say_ready(&hands[i], 0);
		wait_until(hands[i].acks == 2);
		assert_int_equal(hands[i].ack.index, FIRST + 500 + i);
		assert_true(hands[i].ack.instance != instance);
	}
	/* The same range: nobody is disturbed. */
	wire_encode_nil(&b, "reconnect", above.from);
	say_down(&b);
	wait_until(above.ready == 3);
	acknowledge(3, FIRST + 500);
	wait_until(worker_registered());
	assert_int_equal(master_peer_count(), 2);
}

static void test_a_relay_below_is_refused(void **state)
{
	(void)state;
	begin(1);
	knock(&hands[1], 128);
	wait_until(hands[1].acks == 1);
	assert_int_equal(hands[1].ack.first, -1);
	assert_int_equal(master_peer_count(), 1);
	assert_non_null(strstr(logged, "relay host1_x is refused"));
	assert_non_null(strstr(logged, "the master's own --master-host"));
}

static void test_locust_below_is_refused(void **state)
{
	(void)state;
	begin(1);
	logged[0] = '\0';
	knock(&hands[1], 128);
	wait_until(hands[1].acks == 1);
	say_locust(&hands[1]);
	wait_until(strstr(logged, "worker host1_x is refused: it is Locust's"));
	assert_int_equal(hands[1].acks, 1);
	assert_int_equal(master_peer_count(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_few_rows_for_many, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_other_numbers_from_a_new_master, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_relay_below_is_refused,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_locust_below_is_refused,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
