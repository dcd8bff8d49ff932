/* finds: options: share a name or a variable */
#include <swarm/swarm.h>

static int size;

SWARM_MODULE(.summary = "one option twice",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(size, "3", "of a message"),
		SWARM_OPTION(size, "4", "of a batch")));
