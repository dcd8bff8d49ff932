/* A scenario that calls a function nobody provides. */
#include <swarm/swarm.h>

int nobody_has_this(void);

static void call(struct swarm_user *u)
{
	(void)u;
	nobody_has_this();
}

SWARM_SCENARIO({ .name = "caller", .tasks = SWARM_TASKS(SWARM_TASK(call)) });
