/*
 * Which worker below a relay has how many users of which class.
 */
#ifndef CLUSTER_RELAY_SHARE_H
#define CLUSTER_RELAY_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets peer->wanted of all that are here, so that each of so many classes has
 * its target. */
void relay_share_users(const int64_t *target, size_t classes);
/* Whether all workers have reached what they were asked for. */
bool relay_share_reached(const int64_t *target, size_t classes);

#endif
