/* finds: load: nowhere */
#include <swarm/swarm.h>

static void nap(struct swarm_user *u)
{
	(void)u;
	swarm_sleep(0.001);
}

SWARM_MODULE(.summary = "goes on with a task that is not there",
	.users = SWARM_USERS({ .name = "wanderer", .flow = SWARM_MARKOV,
		.tasks = SWARM_TASKS(SWARM_TASK(nap,
			.next = SWARM_NEXT({ "nowhere", 1 }))) }));
