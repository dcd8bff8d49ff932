/* finds: exported: it also exports helper
 * flags: -fvisibility=default */
#include <swarm/swarm.h>

int helper(void);

int helper(void)
{
	return 1;
}

SWARM_MODULE(.summary = "shows too much");
