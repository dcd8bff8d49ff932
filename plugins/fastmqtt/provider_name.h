/* How this provider of "swarm.mqtt/1" is called. */
#ifndef FASTMQTT_PROVIDER_NAME_H
#define FASTMQTT_PROVIDER_NAME_H

#define PROVIDER_NAME "fastmqtt"
#define PROVIDER_SUMMARY \
	"MQTT 3.1.1 and 5 client for many thousand connections"

#endif
