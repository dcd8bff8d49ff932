/* finds: load: the moon is not full */
#include <swarm/swarm.h>

static int load(void)
{
	swarm_error("the moon is not full");
	return -1;
}

SWARM_MODULE(.summary = "never loads", .load = load);
