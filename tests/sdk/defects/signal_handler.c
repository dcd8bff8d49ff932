/* finds: signals: SIGTERM */
#include <swarm/swarm.h>

#include <signal.h>

static void ignore(int number)
{
	(void)number;
}

static int worker_start(void)
{
	return signal(SIGTERM, ignore) == SIG_ERR ? -1 : 0;
}

SWARM_MODULE(.summary = "cannot be told to end",
	.worker_start = worker_start);
