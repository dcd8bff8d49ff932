/* Iterations to be counted: tags, a stall, an error in the scenario. */
#include <swarm/swarm.h>

static double service;
static double stall;
static double every;

static void quick(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "IT", "quick");
	double into = 0;

	/* As a server that freezes for `stall` of each `every` seconds. */
	if (every > 0)
		into = (double)(swarm_now() % (int64_t)(every * 1e9)) / 1e9;
	if (into < stall)
		swarm_sleep(stall - into);
	else
		swarm_sleep(service);
	swarm_done(&t, 1);
}

static void raises(struct swarm_user *u)
{
	swarm_raise(u, "no token for %s", swarm_user_class_name(u));
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "iterate",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(service, "1ms", "length of a task"),
		SWARM_OPTION_DURATION(stall, "0s", "of each period"),
		SWARM_OPTION_DURATION(every, "0s", "the period")),
	.users = SWARM_USERS({ .name = "iterator",
		.tasks = SWARM_TASKS(SWARM_TASK(quick, .tags = "fast"),
		    SWARM_TASK(raises, .tags = "broken")) }),
);
