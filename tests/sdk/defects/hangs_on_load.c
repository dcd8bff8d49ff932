/* finds: load: did not end within 1 s
 * check: --timeout 1 */
#include <swarm/swarm.h>

#include <unistd.h>

static int load(void)
{
	while (pause() == -1)
		;
	return 0;
}

SWARM_MODULE(.summary = "never comes back", .load = load);
