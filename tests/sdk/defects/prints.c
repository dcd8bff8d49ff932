/* finds: output: it wrote "user 0 rests"; standard output is for results */
#include <swarm/swarm.h>

#include <stdio.h>

static void rest(struct swarm_user *u)
{
	printf("user %u rests\n", swarm_user_id(u));
	swarm_sleep(0.01);
}

SWARM_MODULE(.summary = "prints among the results",
	.users = SWARM_USERS({ .name = "chatter",
		.tasks = SWARM_TASKS(SWARM_TASK(rest)) }));
