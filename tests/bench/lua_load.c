/* What bench_lua compares scripts with: tasks that do nothing, that give way
 * once, or that are followed by an hour of nothing. */
#include <swarm/swarm.h>

#include <string.h>

static const char *what;

static void empty(struct swarm_user *u)
{
	(void)u;
}

static void sleeps(struct swarm_user *u)
{
	(void)u;
	swarm_sleep(0);
}

static int setup(void)
{
	struct swarm_user_class class = {
		.name = "load",
		.wait = SWARM_CONSTANT(strcmp(what, "idle") == 0 ? 3600 : 0),
	};
	struct swarm_task task = { .name = what, .run =
	    strcmp(what, "sleep") == 0 ? sleeps : empty };

	return swarm_task_add(swarm_class_add(&class), &task);
}

SWARM_MODULE(
	.name = "lua_load",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(what, "empty", "empty, sleep or idle")),
	.setup = setup,
);
