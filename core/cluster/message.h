/*
 * Messages of scenarios, <swarm/message.h>: who listens, and how one gets
 * out of this process.
 */
#ifndef CLUSTER_MESSAGE_H
#define CLUSTER_MESSAGE_H

#include "cluster/wire.h"

/* The way out: 0, or -1 with errno.  NULL: there is none.  `json` has been
 * found short enough, the type a scenario's own. */
void message_way(int (*send)(const char *to, const char *type,
    const char *json));
/* One has come; from "" is the master.  What nobody listens to is told of
 * once a type. */
void message_take(const char *from, const struct wire_message *);
void message_release(void);

#endif
