/* finds: options: size has no help text */
#include <swarm/swarm.h>

static int size;

SWARM_MODULE(.summary = "an option that nobody understands",
	.options = SWARM_OPTIONS(SWARM_OPTION(size, "3", "")));
