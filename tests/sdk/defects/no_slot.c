/* finds: users: there is no slot 0
 * flags: -Wno-unused-function */
#include <swarm/swarm.h>

static int slot;

static int load(void)
{
	slot = swarm_slot_new(sizeof(unsigned), NULL);
	return 0;
}

static void count(struct swarm_user *u)
{
	unsigned *n = swarm_slot(u, slot);

	++*n;
	swarm_sleep(0.01);
}

SWARM_MODULE(.summary = "forgets to name its load()",
	.users = SWARM_USERS({ .name = "counter",
		.tasks = SWARM_TASKS(SWARM_TASK(count)) }));
