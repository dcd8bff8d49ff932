/*
 * Keeps Paho's receive thread from sleeping through what happens.
 */
#ifndef MQTT_TICKLER_H
#define MQTT_TICKLER_H

/* [worker] Starts it and waits until it runs: 0, or -1 after
 * swarm_error(). */
int tickler_start(void);
/* [worker] At the end of the worker. */
void tickler_stop(void);
/* [worker] One connect more or less under way. */
void tickler_connecting(int change);

#endif
