/* finds: threads: 1 threads were started */
#include <swarm/swarm.h>

#include <pthread.h>
#include <unistd.h>

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int load(void)
{
	pthread_t id;

	return pthread_create(&id, NULL, idle, NULL) == 0 ? 0 : -1;
}

SWARM_MODULE(.summary = "a thread in the master, too", .load = load);
