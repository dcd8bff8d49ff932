/*
 * Classes for load models: each run of a task is one sample of `service`
 * seconds.
 */
#include <swarm/swarm.h>

#include <errno.h>
#include <string.h>

static double service;
static int meet;
static double patience;
static int64_t stop_after;

static void sample(struct swarm_user *u, const char *name)
{
	struct swarm_timer t = swarm_begin(u, "LOAD", name);

	if (service > 0 && swarm_sleep(service) == -1) {
		swarm_fail(&t, "cut short");
		return;
	}
	swarm_done(&t, 1);
}

static void read_page(struct swarm_user *u)
{
	sample(u, "read");
}

static void write_page(struct swarm_user *u)
{
	sample(u, "write");
}

static void buy(struct swarm_user *u)
{
	sample(u, "buy");
	if (stop_after > 0 && --stop_after == 0)
		swarm_stop_test(u, "the shop is sold out");
}

/* Who comes alone is a failure. */
static void gather(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "MEET", "gather");

	if (swarm_rendezvous(u, "gate", (unsigned)meet, patience) == -1)
		swarm_fail(&t, "%s", strerror(errno));
	else
		swarm_done(&t, 1);
	swarm_sleep(0.05);
}

static void gather_here(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "MEET", "here");

	if (swarm_rendezvous_here(u, "gate", (unsigned)meet, patience) == -1)
		swarm_fail(&t, "%s", strerror(errno));
	else
		swarm_done(&t, 1);
	swarm_sleep(0.01);
}

SWARM_MODULE(
	.name = "loads",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(service, "0s", "time of a sample"),
		SWARM_OPTION(meet, "2", "how many wait for each other"),
		SWARM_OPTION_DURATION(patience, "1s", "and how long"),
		SWARM_OPTION(stop_after, "0", "runs of buy, on a worker")),
	.users = SWARM_USERS(
		{ .name = "Reader", .wait = SWARM_CONSTANT(0.01),
		  .tasks = SWARM_TASKS(SWARM_TASK(read_page)) },
		{ .name = "Writer", .wait = SWARM_CONSTANT(0.01),
		  .tasks = SWARM_TASKS(SWARM_TASK(write_page)) },
		{ .name = "Buyer", .wait = SWARM_CONSTANT(0.01),
		  .tasks = SWARM_TASKS(SWARM_TASK(buy)) },
		{ .name = "Friend", .weight = 1,
		  .tasks = SWARM_TASKS(SWARM_TASK(gather)) },
		{ .name = "Neighbour", .weight = 1,
		  .tasks = SWARM_TASKS(SWARM_TASK(gather_here)) }),
);
