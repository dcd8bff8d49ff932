/* TLS contexts of swarm's own, by the files and values that a client names. */
#ifndef MQTT_TLS_H
#define MQTT_TLS_H

#include <swarm/mqtt.h>
#include <swarm/net.h>

/* [worker] Shared by all with these values, and kept; NULL, after
 * swarm_error() the first time, when they cannot be used. */
struct swarm_tls *tls_context(const struct mqtt_tls *);

#endif
