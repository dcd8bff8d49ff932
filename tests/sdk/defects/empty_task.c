/* finds: tables: needs a function or a set */
#include <swarm/swarm.h>

SWARM_MODULE(.summary = "a task that does nothing",
	.users = SWARM_USERS({ .name = "idler",
		.tasks = SWARM_TASKS({ .name = "nothing" }) }));
