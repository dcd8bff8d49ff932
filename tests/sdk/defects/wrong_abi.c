/* finds: opens: newer than the */
#include <swarm/version.h>
#undef SWARM_ABI_MINOR
#define SWARM_ABI_MINOR 60000
#include <swarm/swarm.h>

SWARM_MODULE(.summary = "from the future");
