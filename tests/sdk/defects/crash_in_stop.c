/* finds: users: crashed (signal 11, SIGSEGV)
 * finds: users: crash_in_stop.c:19 */
#include <swarm/swarm.h>

struct person {
	int *visits;
};

static void visit(struct swarm_user *u)
{
	(void)u;
	swarm_sleep(0.01);
}

static void stop(struct swarm_user *u)
{
	struct person *p = swarm_data(u);

	++*p->visits;
}

SWARM_MODULE(.summary = "its users die on their way out",
	.users = SWARM_USERS({ .name = "visitor", .stop = stop,
		.data_size = sizeof(struct person),
		.tasks = SWARM_TASKS(SWARM_TASK(visit)) }));
