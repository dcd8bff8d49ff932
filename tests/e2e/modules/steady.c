/*
 * A sample every 20 ms from every user, for as long as the test runs; its
 * stop hook takes `linger` seconds, so that stopping can be interrupted.
 */
#include <swarm/swarm.h>

static double linger;

static void beat(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "BEAT", "beat");

	swarm_done(&t, 1);
}

static void leave(struct swarm_user *u)
{
	(void)u;
	if (linger > 0)
		swarm_sleep(linger);
}

SWARM_MODULE(
	.name = "steady",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(linger, "0", "time that leaving takes")),
	.users = SWARM_USERS({ .name = "beater", .wait = SWARM_CONSTANT(0.02),
		.stop = leave, .tasks = SWARM_TASKS(SWARM_TASK(beat)) }),
);
