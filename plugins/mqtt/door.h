/*
 * The door from Paho's threads to the worker's loop: events are queued under
 * one lock and handed over in batches, one wake-up for each batch.
 */
#ifndef MQTT_DOOR_H
#define MQTT_DOOR_H

/* Embedded in what happened; must stay until run() was called. */
struct door_event {
	struct door_event *next;
	void (*run)(struct door_event *);       /* [worker] may free it */
};

/* [any thread] In order.  Takes a lock that is held for a few instructions
 * only, so it may be called under any of Paho's. */
void door_push(struct door_event *);

#endif
