/*
 * MQTT 3.1.1 and 5 on paho.mqtt.c: what this provider adds to the parts shared
 * with fastmqtt (common/).
 *
 * Paho serves all clients of a process with two threads of its own, and its
 * cost per message grows with their number; up to about 250 clients a worker
 * it is a complete and well-tried client.  What it measures wrongly by itself
 * is put right here: times are taken on its threads, its polling is kept
 * awake (tickler.c), names are resolved elsewhere (target.c).
 */
#include "paho.h"
#include "tickler.h"

static int worker_start(void)
{
	MQTTAsync_init_options init = MQTTAsync_init_options_initializer;

	/* OpenSSL 3 initializes itself, and others use it too. */
	init.do_openssl_init = 0;
	MQTTAsync_global_init(&init);
	return tickler_start();
}

const struct provider provider = {
	.size = sizeof(struct mqtt),
	.worker_start = worker_start,
	.worker_stop = tickler_stop,
	.unsupported = conn_unsupported,
	.open = conn_open,
	.close = conn_close,
	.abandon = conn_abandon,
	.release = conn_release,
	.full = publish_full,
	.busy = publish_busy,
	.publish = publish_send,
	.subscribe = publish_subscribe,
	.unsubscribe = publish_unsubscribe,
	.ping = publish_ping,
	.next = publish_next,
	.tick = publish_tick,
};
