/* Received messages, one block each: head and bytes. */
#ifndef GRPC_INBOX_H
#define GRPC_INBOX_H

#include <swarm/grpc.h>

#include <grpc/grpc.h>

struct message {
	struct message *next;
	struct rpc_call *call;
	size_t size;                    /* of the block */
	struct rpc_message m;
	char bytes[];
};

/* [worker] A copy of it, decompressed; NULL when it cannot be. */
struct message *inbox_take(struct rpc_call *, grpc_byte_buffer *,
    int64_t received);
/* NULL is fine. */
void inbox_free(struct message *);
/* Frees what is kept for reuse. */
void inbox_stop(void);

#endif
