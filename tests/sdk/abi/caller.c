/* The scenario of the two. */
#include "pair.h"

SWARM_IMPORT(kit_api, kit_api_, "swarm.kit/1", 3)

static void call(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "ABI", "pair");

	if (kit_api_->twice(u, 21) == 42)
		swarm_done(&t, 0);
	else
		swarm_fail(&t, "not 42");
}

SWARM_SCENARIO({ .name = "Caller", .tasks = SWARM_TASKS(SWARM_TASK(call)) });
