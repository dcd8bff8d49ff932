/* Executors declared as data. */
#include <swarm/swarm.h>

static void look(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "LOAD", "look");

	swarm_done(&t, 1);
}

static void order(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "LOAD", "order");

	swarm_done(&t, 1);
}

SWARM_MODULE(
	.name = "declared",
	.users = SWARM_USERS(
		{ .name = "Visitor", .wait = SWARM_CONSTANT(0.1),
		  .tasks = SWARM_TASKS(SWARM_TASK(look)) },
		{ .name = "Customer",
		  .tasks = SWARM_TASKS(SWARM_TASK(order)) }),
	.executors = SWARM_EXECUTORS(
		{ .name = "visits", .users = 4, .spawn_rate = 100,
		  .time = 2 },
		{ .name = "orders", .classes = "Customer", .start = 1,
		  .rate = "1s:50", .users = 5 }),
);
