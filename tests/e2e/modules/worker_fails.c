/* Loads in the master, but its workers can't start. */
#include <swarm/swarm.h>

static void never(struct swarm_user *u)
{
	(void)u;
}

static int start(void)
{
	swarm_error("no room on this machine");
	return -1;
}

SWARM_MODULE(
	.name = "worker_fails",
	.worker_start = start,
	.users = SWARM_USERS({ .name = "nobody",
		.tasks = SWARM_TASKS(SWARM_TASK(never)) }),
);
