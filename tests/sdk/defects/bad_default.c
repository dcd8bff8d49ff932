/* finds: options: timeout */
#include <swarm/swarm.h>

static double timeout;

SWARM_MODULE(.summary = "a default that is none",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "soon", "of an answer")));
