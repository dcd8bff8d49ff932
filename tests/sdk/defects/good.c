/* finds: nothing */
#include <swarm/swarm.h>

static int pauses;

static void pause_briefly(struct swarm_user *u)
{
	(void)u;
	for (int i = 0; i < pauses && swarm_sleep(0.001) == 0; i++)
		;
}

SWARM_MODULE(
	.name    = "good",
	.summary = "pauses",
	.options = SWARM_OPTIONS(SWARM_OPTION(pauses, "3", "for each task")),
	.users   = SWARM_USERS({
		.name  = "pauser",
		.tasks = SWARM_TASKS(SWARM_TASK(pause_briefly)),
	}, {
		.name  = "wanderer",
		.flow  = SWARM_MARKOV,
		.tasks = SWARM_TASKS(SWARM_TASK(pause_briefly,
			.next = SWARM_NEXT({ "pause_briefly", 1 }))),
	}),
);
