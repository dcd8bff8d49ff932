/* finds: worker: worker_stop()
 * finds: worker: crashed (signal 6, SIGABRT) */
#include <swarm/swarm.h>

#include <stdlib.h>

static char *volatile buffer;
static volatile size_t offset = 1;

static int worker_start(void)
{
	buffer = malloc(100000);
	return buffer ? 0 : -1;
}

static void worker_stop(void)
{
	free(buffer + offset);
}

SWARM_MODULE(.summary = "frees what is not its own",
	.worker_start = worker_start, .worker_stop = worker_stop);
