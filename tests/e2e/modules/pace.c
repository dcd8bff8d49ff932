/*
 * Think times and nothing else, so that the number of tasks is arithmetic:
 * users / mean wait each second.
 */
#include <swarm/swarm.h>

static void nothing(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "TASK", "nothing");

	swarm_done(&t, 0);
}

SWARM_SCENARIO({ .name = "idler", .wait = SWARM_BETWEEN(1, 3),
	.tasks = SWARM_TASKS(SWARM_TASK(nothing)) });
