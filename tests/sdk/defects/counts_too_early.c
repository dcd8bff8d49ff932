/* finds: load: swarm_counter() was called where nothing is measured yet
 * finds: load: counts_too_early.c:10 */
#include <swarm/swarm.h>

static uint32_t orders;

static int load(void)
{
	/* As one does with a slot. */
	orders = swarm_counter("orders");
	return 0;
}

static void buy(struct swarm_user *u)
{
	(void)u;
	swarm_count(orders, 1);
}

SWARM_MODULE(.summary = "asks for a counter's number in load()",
	.load = load, .users = SWARM_USERS({ .name = "buyer",
		.wait = SWARM_CONSTANT(0.01),
		.tasks = SWARM_TASKS(SWARM_TASK(buy)) }));
