/* People who come and go with the wave, and who count themselves. */
#include <swarm/measure.h>
#include <swarm/swarm.h>

static void be_there(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "LIFE", "moment");

	swarm_record(swarm_metric(SWARM_DISTRIBUTION, "people", NULL),
	    swarm_user_number(u) + 1.0);
	swarm_done(&t, 0);
}

SWARM_SCENARIO({
	.name  = "person",
	.wait  = SWARM_CONSTANT(0.05),
	.tasks = SWARM_TASKS(SWARM_TASK(be_there)),
});
