/* finds: tables: has the weight -3 */
#include <swarm/swarm.h>

static void nap(struct swarm_user *u)
{
	(void)u;
	swarm_sleep(0.001);
}

SWARM_MODULE(.summary = "fewer users than none",
	.users = SWARM_USERS({ .name = "napper", .weight = -3,
		.tasks = SWARM_TASKS(SWARM_TASK(nap)) }));
