/* finds: leaks: forgetter leaves about */
#include <swarm/swarm.h>

#include <stdlib.h>

static void start(struct swarm_user *u)
{
	char **name = swarm_data(u);

	*name = malloc(20);
}

static void nap(struct swarm_user *u)
{
	(void)u;
	swarm_sleep(10);
}

SWARM_MODULE(.summary = "forgets twenty bytes a user",
	.users = SWARM_USERS({ .name = "forgetter", .start = start,
		.data_size = sizeof(char *),
		.tasks = SWARM_TASKS(SWARM_TASK(nap)) }));
