/* What a call answers: a copy in the task's memory. */
#ifndef GRPC_ANSWER_H
#define GRPC_ANSWER_H

#include <swarm/grpc.h>

struct rpc_call;

/* [fiber] Of a call that has ended; of one that was not made. */
const struct rpc_reply *answer_of(struct rpc_call *, struct swarm_user *);
const struct rpc_reply *answer_none(struct swarm_user *, enum rpc_code,
    const char *why);
/* Of one that is waited for no longer. */
const struct rpc_reply *answer_canceled(const struct rpc_call *,
    struct swarm_user *);
/* The call of the interface. */
const char *answer_json(const struct rpc_reply *);

#endif
