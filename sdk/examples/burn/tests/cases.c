/* The hook by itself: it takes any interval, also one without requests. */
#include <swarm/hooks.h>
#include <swarm/sink.h>
#include <swarm/swarm.h>
#include <swarm/test.h>

SWARM_IMPORT(swarm_hooks, burn, SWARM_HOOKS_ID, 0)

static void takes_any_interval(struct swarm_user *u)
{
	struct swarm_sink_row total = { .size = sizeof(total) };
	struct swarm_sink_interval i = { .size = sizeof(i), .test = 1,
		.total = &total };

	(void)u;
	for (int second = 0; second < 200; second++) {
		burn->interval(&i);
		total.requests = 10;
		total.failures = second % 2;
	}
	i.test = 2;
	burn->interval(&i);
}

SWARM_TESTS(SWARM_CASE(takes_any_interval));
