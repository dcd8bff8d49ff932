/*
 * A received message with everything it points at, in one piece of memory.
 */
#ifndef MQTT_QUEUED_H
#define MQTT_QUEUED_H

#include <swarm/mqtt.h>

struct queued {
	struct queued *next;
	size_t bytes;
	struct mqtt_message message;
};

/* Copies a message and all it points at; topic_len, because the topic need
 * not end in NUL.  NULL when memory runs out.  Freed by free(). */
struct queued *queued_new(const struct mqtt_message *, size_t topic_len);

#endif
