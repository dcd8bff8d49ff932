/* finds: users: in mid-wait
 * check: --timeout 3 */
#include <swarm/swarm.h>

static void try_again(struct swarm_user *u)
{
	(void)u;
	while (swarm_sleep(0.01) == -1)
		;
}

SWARM_MODULE(.summary = "waits again when a wait has failed",
	.users = SWARM_USERS({ .name = "stubborn",
		.tasks = SWARM_TASKS(SWARM_TASK(try_again)) }));
