/* finds: blocking: doze of dozer ran
 * finds: blocking: belong into swarm_offload() */
#include <swarm/swarm.h>

#include <unistd.h>

static void doze(struct swarm_user *u)
{
	(void)u;
	usleep(900000);
	swarm_sleep(0.5);
}

SWARM_MODULE(.summary = "stops everybody else",
	.users = SWARM_USERS({ .name = "dozer",
		.tasks = SWARM_TASKS(SWARM_TASK(doze)) }));
