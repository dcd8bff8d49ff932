/* finds: known: this swarm has no swarm_levitate */
#include <swarm/swarm.h>

void swarm_levitate(double metres);

static int load(void)
{
	swarm_levitate(1);
	return 0;
}

SWARM_MODULE(.summary = "calls what is not there", .load = load);
