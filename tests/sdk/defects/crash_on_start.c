/* finds: worker: SIGABRT
 * finds: worker: crash_on_start.c:10 */
#include <swarm/swarm.h>

#include <stdlib.h>

static int worker_start(void)
{
	/* Something is not as it was thought to be. */
	abort();
}

SWARM_MODULE(.summary = "falls over in a worker",
	.worker_start = worker_start);
