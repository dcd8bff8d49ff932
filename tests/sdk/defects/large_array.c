/* finds: stack: large arrays belong into swarm_alloc() */
#include <swarm/swarm.h>

#include <string.h>

static void fill(struct swarm_user *u)
{
	char page[52 * 1024];

	memset(page, 'x', sizeof(page));
	swarm_sleep(0.001 * (page[swarm_below(u, sizeof(page))] == 'x'));
}

SWARM_MODULE(.summary = "close to the end of its stack",
	.users = SWARM_USERS({ .name = "filler",
		.tasks = SWARM_TASKS(SWARM_TASK(fill)) }));
