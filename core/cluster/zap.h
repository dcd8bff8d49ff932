/*
 * Who may join: ZeroMQ asks for each connection of an encrypted socket (ZAP,
 * RFC 27 of ZeroMQ) whether its key is known.
 */
#ifndef CLUSTER_ZAP_H
#define CLUSTER_ZAP_H

#include "cluster/keys.h"

#define ZAP_DOMAIN "swarm"

struct zap;

/* Answers for all sockets of `context`; before they are bound.  `keys` must
 * stay.  NULL after log_error(). */
struct zap *zap_new(void *context, const struct keys *keys);
/* Before the context goes.  NULL is fine. */
void zap_free(struct zap *);

#endif
