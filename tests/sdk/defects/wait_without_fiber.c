/* finds: worker: belong into tasks
 * finds: worker: wait_without_fiber.c:10 */
#include <swarm/net.h>
#include <swarm/swarm.h>

static struct swarm_stream *stream;

static int worker_start(void)
{
	stream = swarm_connect(&(struct swarm_connect_args){
		.size = sizeof(struct swarm_connect_args),
		.host = "127.0.0.1:9" }, NULL, 0);
	return 0;
}

SWARM_MODULE(.summary = "connects where no fiber runs",
	.worker_start = worker_start);
