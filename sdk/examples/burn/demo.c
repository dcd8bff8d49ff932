/* One request in twenty fails. */
#include <swarm/swarm.h>

static void request(struct swarm_user *u)
{
	unsigned *count = swarm_data(u);
	struct swarm_timer t = swarm_begin(u, "DEMO", "request");

	if (++*count % 20 == 0)
		swarm_fail(&t, "unlucky");
	else
		swarm_done(&t, 1);
}

SWARM_SCENARIO({
	.name      = "caller",
	.data_size = sizeof(unsigned),
	.wait      = SWARM_CONSTANT(0.01),
	.tasks     = SWARM_TASKS(SWARM_TASK(request)),
});
