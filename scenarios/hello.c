/* Each user sleeps ten milliseconds and measures it, over and over. */
#include <swarm/swarm.h>
static void hello(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "SLEEP", "hello");
	swarm_sleep(0.01);
	swarm_done(&t, 0);
}
SWARM_SCENARIO({ .name = "hello", .tasks = SWARM_TASKS(SWARM_TASK(hello)) });
