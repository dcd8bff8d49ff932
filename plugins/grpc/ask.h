/* What is asked of the library for a call. */
#ifndef GRPC_ASK_H
#define GRPC_ASK_H

#include <swarm/grpc.h>

#include <grpc/grpc.h>

#include "cq.h"

struct rpc_call;

/* A request until it is handed to the library. */
struct request {
	grpc_byte_buffer *message;      /* or NULL */
	grpc_metadata *pairs;
	size_t count;
	size_t own;                     /* of these, to be given back */
	bool own_pairs;                 /* the array, too */
	bool has_host;
	bool last;                      /* no more messages will follow */
	uint32_t flags;
	grpc_slice host;
	gpr_timespec deadline;
};

/* [fiber] Copies all that is to be sent; 0, or -1 with c->refused. */
int ask_prepare(struct rpc_call *, const struct rpc_call_args *,
    const void *data, size_t len, bool last);
/* [worker] Begins the call and asks for all that is to come; 0, or -1 with
 * c->refused. */
int ask_now(struct rpc_call *);
/* [worker] Does on the loop's stack, soon, what is to be done with the call:
 * begins it, if it has not ended, and drops the caller's reference. */
void ask_later(struct rpc_call *);
/* Whether so many are under way that the loop's stack is the better one. */
bool ask_is_busy(void);
/* [worker] Does what is left of it, at the end. */
void ask_stop(void);
/* Gives back what the request holds; and what the library holds. */
void ask_release(struct rpc_call *);
void ask_destroy(struct rpc_call *);
/* Asks for operations; the event holds a reference.  0, or -1. */
int ask_start(struct rpc_call *, const grpc_op *, size_t count,
    struct cq_event *);

/* Metadata as the library takes it; every slice is the caller's.  0, or -1
 * with *why and nothing made. */
int ask_metadata(grpc_metadata *to, const struct rpc_metadata *from,
    size_t count, const char **why);
grpc_byte_buffer *ask_buffer(const void *data, size_t len);

#endif
