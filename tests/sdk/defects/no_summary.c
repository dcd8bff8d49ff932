/* finds: summary: set .summary in SWARM_MODULE() */
#include <swarm/swarm.h>

static int load(void)
{
	return 0;
}

SWARM_MODULE(.load = load);
