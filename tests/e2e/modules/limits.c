/*
 * Users that are held up by different things: by the answers alone, by a pace
 * they may not be able to keep, or by the work they do themselves.
 */
#include <swarm/swarm.h>
#include <swarm/http.h>

static void ask(struct swarm_user *u)
{
	http_get(u, "/");
}

/* Busy for 5 ms, as a scenario that signs each request may be. */
static void burn(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "BURN", "5 ms");
	int64_t end = swarm_in(0.005);

	while (swarm_now() < end)
		;
	swarm_done(&t, 0);
}

/* Signs what it asks. */
static void sign(struct swarm_user *u)
{
	burn(u);
	ask(u);
}

SWARM_SCENARIO(
	{ .name = "eager", .tasks = SWARM_TASKS(SWARM_TASK(ask)) },
	{ .name = "paced", .wait = SWARM_PACING(0.1),
	  .tasks = SWARM_TASKS(SWARM_TASK(ask)) },
	{ .name = "calm", .wait = SWARM_CONSTANT(1),
	  .tasks = SWARM_TASKS(SWARM_TASK(ask)) },
	{ .name = "thinker", .wait = SWARM_EXPONENTIAL(0.5),
	  .tasks = SWARM_TASKS(SWARM_TASK(ask)) },
	{ .name = "signer", .tasks = SWARM_TASKS(SWARM_TASK(sign)) },
	{ .name = "burner", .tasks = SWARM_TASKS(SWARM_TASK(burn)) });
