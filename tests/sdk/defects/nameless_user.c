/* finds: opens: user class 2 has no name */
#include <swarm/swarm.h>

static void rest(struct swarm_user *u)
{
	(void)u;
	swarm_sleep(0.01);
}

SWARM_MODULE(.summary = "a user class that ends the list", .users =
	SWARM_USERS({ .name = "first", .tasks = SWARM_TASKS(SWARM_TASK(rest)) },
		{ .weight = 3, .tasks = SWARM_TASKS(SWARM_TASK(rest)) }));
