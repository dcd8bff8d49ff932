/*
 * MQTT 5 properties between the interface's structs and Paho's lists.
 */
#ifndef MQTT_PROPS_H
#define MQTT_PROPS_H

#include <swarm/mqtt.h>

#include <MQTTAsync.h>

/* Each fills an empty list, to be freed by MQTTProperties_free(). */
MQTTProperties props_connect(const struct mqtt_connect_args *);
MQTTProperties props_will(const struct mqtt_will *);
MQTTProperties props_publish(const struct mqtt_publish_args *);
MQTTProperties props_subscribe(const struct mqtt_subscribe_args *);
MQTTProperties props_unsubscribe(const struct mqtt_unsubscribe_args *);
MQTTProperties props_disconnect(const struct mqtt_disconnect_args *);

/* The number of a property, or `otherwise`. */
uint32_t props_number(const MQTTProperties *, enum MQTTPropertyCodes,
    uint32_t otherwise);
/* A copy of a text, to be freed by free(), or NULL. */
char *props_text(const MQTTProperties *, enum MQTTPropertyCodes);

/* What a message's properties point at. */
struct props_view {
	char *memory;
	struct mqtt_property *properties;
	uint32_t *ids;
};
/* Fills the MQTT 5 fields of a message; 0, or -1 without memory. */
int props_message(struct props_view *, struct mqtt_message *,
    const MQTTProperties *);
void props_view_release(struct props_view *);

#endif
