/* How this provider of "swarm.mqtt/1" is called. */
#ifndef MQTT_PROVIDER_NAME_H
#define MQTT_PROVIDER_NAME_H

#define PROVIDER_NAME "mqtt"
#define PROVIDER_SUMMARY "MQTT 3.1.1 and 5 client on paho.mqtt.c"

#endif
