/* finds: users: a user of sleeper, stopped after
 * check: --timeout 1 */
#include <swarm/swarm.h>

static void sleep_on(struct swarm_user *u)
{
	(void)u;
	for (;;)
		swarm_sleep(0.001);
}

SWARM_MODULE(.summary = "does not hear that it is to stop",
	.users = SWARM_USERS({ .name = "sleeper",
		.tasks = SWARM_TASKS(SWARM_TASK(sleep_on)) }));
