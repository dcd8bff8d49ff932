/*
 * The table of "swarm.mqtt/1", alike for both providers.
 */
#ifndef MQTT_CALLS_H
#define MQTT_CALLS_H

#include <swarm/mqtt.h>

extern const struct mqtt_api calls_api;

#endif
