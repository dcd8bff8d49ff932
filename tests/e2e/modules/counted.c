/*
 * A scenario whose figures are known beforehand: every user makes exactly
 * `times` samples, of which every `fail_every`-th fails, and then leaves.
 */
#include <swarm/swarm.h>

static int times;
static int fail_every;
static double service;

static void count(struct swarm_user *u)
{
	for (int i = 1; i <= times; i++) {
		struct swarm_timer t = swarm_begin(u, "COUNT", "item");

		if (service > 0 && swarm_sleep(service) == -1) {
			swarm_drop(&t);
			return;
		}
		if (fail_every > 0 && i % fail_every == 0)
			swarm_fail(&t, "every so often");
		else
			swarm_done(&t, 10);
	}
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "counted",
	.summary = "known numbers of samples",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(times, "5", "samples of each user"),
		SWARM_OPTION(fail_every, "0", "every so many-th fails; 0: none"),
		SWARM_OPTION_DURATION(service, "0", "time each sample takes")),
	.users = SWARM_USERS({ .name = "counter",
		.tasks = SWARM_TASKS(SWARM_TASK(count)) }),
);
