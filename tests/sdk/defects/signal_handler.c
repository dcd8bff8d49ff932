/* flags: -D_GNU_SOURCE
 * finds: signals: SIGTERM */
#include <swarm/swarm.h>

#include <signal.h>

static void ignore(int number)
{
	(void)number;
}

static int worker_start(void)
{
	struct sigaction action = { .sa_handler = ignore };

	return sigaction(SIGTERM, &action, NULL);
}

SWARM_MODULE(.summary = "cannot be told to end",
	.worker_start = worker_start);
