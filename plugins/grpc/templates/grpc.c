/*
 * @NAME@: calls of a gRPC service.
 *
 *	swarm -f @FILE@ -H 127.0.0.1:50051 -u 10 -r 5
 *
 * swarm grpc 127.0.0.1:50051 describe shows what a server has to offer.
 */
#include <swarm/grpc.h>
#include <swarm/swarm.h>

struct caller {
	struct rpc *rpc;
};

static void start(struct swarm_user *u)
{
	struct caller *c = swarm_data(u);

	c->rpc = rpc_connect(u);
}

static void call(struct swarm_user *u)
{
	struct caller *c = swarm_data(u);
	const struct rpc_reply *r = rpc_unary(c->rpc,
	    .method = "package.Service/Method", .json = "{}", .timeout = 5);

	if (r->code == RPC_OK)
		swarm_debug("%s", rpc_json(r));
}

SWARM_MODULE(
	.users = SWARM_USERS({
		.name = "caller",
		.data_size = sizeof(struct caller),
		.wait = SWARM_BETWEEN(1, 5),
		.start = start,
		.tasks = SWARM_TASKS(SWARM_TASK(call)),
	}),
);
