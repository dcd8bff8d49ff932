/*
 * @NAME@: what its users do, and how often.
 *
 *	swarm try @FILE@                     each task once, step by step
 *	swarm -f @FILE@ --users 10           a load test
 */
#include <swarm/swarm.h>

/* Set with -o @NAME@.think=20ms */
static double think;

/* What one simulated user remembers between its tasks; zeroed at first. */
struct visitor {
	unsigned visits;
};

static void visit(struct swarm_user *u)
{
	struct visitor *v = swarm_data(u);
	struct swarm_timer t = swarm_begin(u, "VISIT", "visit");

	v->visits++;
	if (swarm_sleep(think) == -1) {
		swarm_fail(&t, "interrupted: %m");
		return;
	}
	swarm_done(&t, 0);
}

static void rest(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "VISIT", "rest");

	swarm_sleep(2 * think);
	swarm_done(&t, 0);
}

SWARM_MODULE(
	.name    = "@NAME@",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(think, "10ms", "how long a visit takes")),
	.users   = SWARM_USERS({
		.name      = "visitor",
		.data_size = sizeof(struct visitor),
		.wait      = SWARM_BETWEEN(0.5, 1.5),
		.tasks     = SWARM_TASKS(
			SWARM_TASK(visit, .weight = 3),
			SWARM_TASK(rest)),
	}),
);
