/*
 * Received messages on their way to a user: to its handler at once, or into a
 * bounded queue until mqtt_receive() asks.
 */
#ifndef MQTT_INBOX_H
#define MQTT_INBOX_H

#include "queued.h"

#include <swarm/fiber.h>

struct inbox {
	struct queued *first;
	struct queued **last;
	struct queued *current;         /* what the user looks at */
	size_t count;
	size_t bytes;
	uint64_t received;
	uint64_t dropped;
	mqtt_handler *handler;
	void *arg;
	struct swarm_waiters waiters;
};

void inbox_init(struct inbox *);
void inbox_release(struct inbox *);
/* [worker] A message has come.  Dropped and counted when `max_count` messages
 * or 64 MiB wait already. */
void inbox_put(struct inbox *, struct mqtt *, const struct mqtt_message *,
    size_t topic_len, size_t max_count);
/* [worker] One has come that cannot be handed over: counted. */
void inbox_drop(struct inbox *);
/* [fiber] The next message if there is one, else NULL. */
const struct mqtt_message *inbox_take(struct inbox *);
void inbox_handle(struct inbox *, struct mqtt *, mqtt_handler *, void *arg);

#endif
