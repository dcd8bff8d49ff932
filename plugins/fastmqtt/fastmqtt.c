/*
 * MQTT 3.1.1 and 5 with a codec of its own on swarm's streams: what this
 * provider adds to the parts shared with the mqtt plugin (../mqtt/common).
 *
 * It offers what the mqtt plugin offers, for tens of thousands of clients a
 * worker: no threads, no walk over all clients, no stack for one that waits,
 * and exact times for every packet.
 */
#include "fast.h"

const struct provider provider = {
	.size = sizeof(struct mqtt),
	.open = conn_open,
	.close = conn_close,
	.abandon = pending_abandon,
	.release = conn_release,
	.full = publish_full,
	.busy = publish_busy,
	.publish = publish_send,
	.subscribe = publish_subscribe,
	.unsubscribe = publish_unsubscribe,
	.ping = publish_ping,
	.next = conn_next,
	.tick = conn_tick,
};
