/*
 * A sample every 20 ms from every user, for as long as the test runs; its
 * stop hook takes `linger` seconds, so that stopping can be interrupted.
 * With `service` each takes an exponential time of that mean.
 */
#include <math.h>

#include <swarm/swarm.h>

static double linger;
static double service;

static void beat(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "BEAT", "beat");

	if (service > 0 &&
	    swarm_sleep(-service * log(1 - swarm_uniform(u))) == -1)
		swarm_drop(&t);
	else
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
		SWARM_OPTION_DURATION(linger, "0", "time that leaving takes"),
		SWARM_OPTION_DURATION(service, "0", "mean time of a sample")),
	.users = SWARM_USERS({ .name = "beater", .wait = SWARM_CONSTANT(0.02),
		.stop = leave, .tasks = SWARM_TASKS(SWARM_TASK(beat)) }),
);
