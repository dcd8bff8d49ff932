/*
 * How long TCP took to connect a channel: the library tells of the whole
 * handshake only.
 */
#ifndef GRPC_SOCKETS_H
#define GRPC_SOCKETS_H

#include <grpc/grpc.h>

#include <stdbool.h>
#include <stdint.h>

struct sockets;

/* [worker] NULL when this version of the library cannot be watched. */
struct sockets *sockets_new(void);
/* [worker] The channel has gone; NULL is fine. */
void sockets_free(struct sockets *);
/* To be given to the channel. */
grpc_arg sockets_arg(struct sockets *);
/* [worker] The channel is connected: when its socket began to, and how long TCP
 * took; false when that is not known. */
bool sockets_take(struct sockets *, int64_t *began, int64_t *tcp_ns);
/* [worker] An attempt has failed. */
void sockets_drop(struct sockets *);

#endif
