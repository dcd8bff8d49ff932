/* Calls with messages of protobuf-c: see tests/e2e/test_grpc.py. */
#include "packed.pb-c.h"

#include <swarm/grpc.h>
#include <swarm/swarm.h>

#include <string.h>

static void call(struct swarm_user *u)
{
	Packed__Small q = PACKED__SMALL__INIT, *a;
	struct rpc *c = rpc_connect(u);
	const struct rpc_reply *r;

	q.id = (char *)(uintptr_t)"packed by protobuf-c";
	r = rpc_unary(c, .method = "swarm.test.Echo/Unary", RPC_PACK(u, &q));
	a = packed__small__unpack(NULL, r->len, r->data);
	if (!a || strcmp(a->id, q.id) != 0)
		swarm_raise(u, "the answer differs");
	packed__small__free_unpacked(a, NULL);
	rpc_free(c);
	swarm_stop_user(u);
}

SWARM_SCENARIO({ .name = "packed", .tasks = SWARM_TASKS(SWARM_TASK(call)) });
