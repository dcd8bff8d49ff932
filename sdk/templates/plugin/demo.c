/* A scenario for the plugin @NAME@. */
#include <swarm/swarm.h>
#include <@NAME@.h>

static void hello(struct swarm_user *u)
{
	const char *answer = @ID@_ask(u, "hello");

	if (answer != NULL)
		swarm_debug("answered: %s", answer);
}

SWARM_SCENARIO({
	.name  = "asker",
	.wait  = SWARM_BETWEEN(0.5, 1.5),
	.tasks = SWARM_TASKS(SWARM_TASK(hello)),
});
