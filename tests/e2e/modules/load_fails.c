/* A scenario whose load() refuses. */
#include <swarm/swarm.h>

static int load(void)
{
	swarm_error("no data file for the test");
	return -1;
}

static void nothing(struct swarm_user *u)
{
	(void)u;
}

SWARM_MODULE(
	.name = "load_fails",
	.load = load,
	.users = SWARM_USERS({ .name = "never",
		.tasks = SWARM_TASKS(SWARM_TASK(nothing)) }),
);
