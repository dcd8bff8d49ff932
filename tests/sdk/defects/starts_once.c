/* finds: worker: was started before */
#include <swarm/swarm.h>

static bool started;

static int worker_start(void)
{
	if (started) {
		swarm_error("was started before");
		return -1;
	}
	started = true;
	return 0;
}

SWARM_MODULE(.summary = "cannot be started again",
	.worker_start = worker_start);
