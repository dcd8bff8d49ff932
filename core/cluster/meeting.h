/*
 * Users that wait for each other over several workers: who counts them.  The
 * master decides that enough are there and lets them go; a relay passes sums
 * up and shares what comes down.  Numbers are absolute, so that a message that
 * is repeated does no harm.
 */
#ifndef CLUSTER_MEETING_H
#define CLUSTER_MEETING_H

#include <stdint.h>

struct peer;
struct wire_meet;

/* `up`: a relay's way to its master; NULL: we decide. */
void meeting_init(void (*up)(const struct wire_meet *));
void meeting_take(struct peer *, const struct wire_meet *);
void meeting_lost(struct peer *);
/* Of a relay: from above, so many since the test began. */
void meeting_release(const char *name, int64_t released);
/* A test begins, or it is over. */
void meeting_clear(void);

#endif
