/* finds: users: SIGSEGV */
#include <swarm/swarm.h>

#include <stdlib.h>

struct node {
	struct node *next;
	int value;
};

static void walk(struct swarm_user *u)
{
	struct node *second = calloc(1, sizeof(*second));
	struct node *volatile first = calloc(1, sizeof(*first));

	(void)u;
	first->next = second;
	free(first);
	swarm_sleep(0.001);
	first->next->value++;
	free(second);
}

SWARM_MODULE(.summary = "goes on with what it has freed",
	.users = SWARM_USERS({ .name = "walker",
		.tasks = SWARM_TASKS(SWARM_TASK(walk)) }));
