/* finds: leaks: descriptors behind each time */
#include <swarm/swarm.h>

#include <fcntl.h>

static int worker_start(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC) == -1 ? -1 : 0;
}

SWARM_MODULE(.summary = "leaves a file open",
	.worker_start = worker_start);
