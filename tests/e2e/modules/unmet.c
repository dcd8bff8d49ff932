/* A scenario that needs an interface nobody provides. */
#include <swarm/swarm.h>

struct nowhere_api {
	struct swarm_iface head;
};

SWARM_IMPORT(nowhere_api, nowhere, "swarm.nowhere/1", 0)

static void nothing(struct swarm_user *u)
{
	(void)u;
}

SWARM_SCENARIO({ .name = "lost", .tasks = SWARM_TASKS(SWARM_TASK(nothing)) });
