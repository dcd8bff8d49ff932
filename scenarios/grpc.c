/*
 * gRPC: calls, and a conversation on a stream.
 *
 *	swarm -f grpc.c --host 127.0.0.1:50051 -u 100 -r 20 -t 1m
 *
 * The server has the service swarm.test.Echo (plugins/grpc/tests/echo.proto),
 * whose types it tells by reflection: no code is generated, messages are
 * written as JSON.  What is said on a stream is answered message by message;
 * `.match` has each timed to its own answer, whichever comes first.
 */
#include <swarm/grpc.h>
#include <swarm/swarm.h>

#define TURNS 5

struct person {
	struct rpc *rpc;
};

static void start(struct swarm_user *u)
{
	struct person *p = swarm_data(u);

	p->rpc = rpc_connect(u, .keepalive = 30,
	    .metadata = RPC_METADATA({ "x-client", "swarm", 0 }));
}

static void ask(struct swarm_user *u)
{
	struct person *p = swarm_data(u);
	const struct rpc_reply *r = rpc_unary(p->rpc,
	    .method = "swarm.test.Echo/Unary", .timeout = 2,
	    .json = "{\"id\": \"1\", \"text\": \"hello\"}");

	if (r->code == RPC_OK && r->len == 0)
		swarm_raise(u, "an answer without content");
}

/* Not there is what is hoped for: no failure. */
static void look_for(struct swarm_user *u)
{
	struct person *p = swarm_data(u);

	rpc_unary(p->rpc, .method = "swarm.test.Echo/Unary",
	    .json = "{\"code\": 5}", .name = "look for what is not there",
	    .expect = RPC_EXPECT(RPC_NOT_FOUND));
}

static void talk(struct swarm_user *u)
{
	struct person *p = swarm_data(u);
	struct rpc_call *s = rpc_open(p->rpc,
	    .method = "swarm.test.Echo/Bidi",
	    .match = RPC_MATCH_KEY, .key_field = "id");

	for (int i = 0; i < TURNS; i++) {
		if (rpc_send(s, .json = swarm_printf(u, "{\"id\": \"%d\", "
		    "\"delayUs\": 10000}", i)) == -1 ||
		    !rpc_receive(s, swarm_in(2)))
			break;
	}
	rpc_finish(s);
}

SWARM_MODULE(
	.name = "grpc_talk",
	.users = SWARM_USERS({
		.name = "person",
		.data_size = sizeof(struct person),
		.wait = SWARM_BETWEEN(0.5, 1.5),
		.start = start,
		.tasks = SWARM_TASKS(SWARM_TASK(ask, .weight = 3),
		    SWARM_TASK(look_for), SWARM_TASK(talk)),
	}),
);
