/* The figures of a heartbeat that Locust does not have. */
#ifndef CLUSTER_WIRE_HEALTH_H
#define CLUSTER_WIRE_HEALTH_H

#include <stdbool.h>

#include <msgpack.h>

#include "cluster/health.h"

/* How many entries wire_health_put() adds to a map. */
unsigned wire_health_count(const struct health *);
void wire_health_put(msgpack_packer *, const struct health *);
/* What is absent stays as it was: 0, or -1 when malformed. */
int wire_health_read(const msgpack_object *map, struct health *);

#endif
