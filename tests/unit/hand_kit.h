/* A worker played by hand, over a real socket, for the master in this
 * process.  After <cmocka.h>. */
#ifndef HAND_KIT_H
#define HAND_KIT_H

#include "cluster/master.h"
#include "cluster/zsock.h"
#include "wait_kit.h"

#define HAND_ID "host1_0123456789abcdef0123456789abcdef"

static struct zsock *hand;

/* What it was told. */
static struct {
	int acks;
	struct wire_ack ack;
	int pongs;
	struct wire_pong pong;
} heard;

/* An answer of the master's, which it keeps. */
static void hand_hear(const struct wire_message *m)
{
	if (m->type == WIRE_ACK)
		assert_int_equal(wire_read_ack(&m->data, &heard.ack), 0);
	heard.acks += m->type == WIRE_ACK;
	if (m->type == WIRE_HEARTBEAT) {
		wire_read_pong(&m->data, &heard.pong);
		heard.pongs++;
	}
}

static void hand_open(void (*on_message)(const char *from, const void *data,
    size_t len, void *arg))
{
	const struct zsock_options o = { .identity = HAND_ID,
		.message = on_message };

	memset(&heard, 0, sizeof heard);
	hand = zsock_new(&o);
	assert_int_equal(zsock_connect(hand, master_endpoint()), 0);
}

static void hand_say(struct buf *b)
{
	assert_int_equal(zsock_send(hand, NULL, b->data, b->len), 0);
	buf_release(b);
}

/* `span`: of a relay. */
static void hand_join(unsigned span)
{
	struct buf b = BUF_INIT(1000);
	int before = heard.acks;

	wire_encode_client_ready(&b, HAND_ID, span);
	hand_say(&b);
	wait_until(heard.acks > before);
}

/* Until the master has heard it, and has said what it then says; the number
 * of the last report that it has. */
static uint64_t hand_heartbeat(const char *state)
{
	struct wire_heartbeat hb = { .state = state, .sent = 1,
		.clock_error = -1 };
	struct buf b = BUF_INIT(4096);
	int before = heard.pongs;

	health_init(&hb.health);
	hb.health.loop_busy = 0.1;
	wire_encode_heartbeat(&b, HAND_ID, &hb);
	hand_say(&b);
	wait_until(heard.pongs > before);
	return heard.pong.taken;
}

/* A report of so many samples. */
static void hand_report(const struct wire_ticket *t, int samples)
{
	struct stats *delta = stats_new(10, 10);
	struct series *s = stats_series(delta, "GET", "/");
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	for (int i = 0; i < samples; i++)
		stats_record(delta, s, clock_now(), NS_PER_MS, 0, 1, false);
	wire_stats_encode(&b, HAND_ID, delta, t, NULL, 0);
	hand_say(&b);
	stats_free(delta);
}

#endif
