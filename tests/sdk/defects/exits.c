/* finds: load: ended the process */
#include <swarm/swarm.h>

#include <stdlib.h>

static int load(void)
{
	exit(0);
}

SWARM_MODULE(.summary = "leaves, saying all is well", .load = load);
