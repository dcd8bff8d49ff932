/*
 * Two classes, two tasks, and an option that module and worker read when they
 * are loaded: what a page may change between two tests.  The names of the
 * samples tell what was in force.
 */
#include <stdio.h>

#include <swarm/swarm.h>

static int pace;
static const char *mood, *token;
static char name[64];

static void left(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "LEFT", name);

	swarm_done(&t, 1);
}

static void right(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "RIGHT", name);

	swarm_done(&t, 1);
}

static void host(struct swarm_user *u)
{
	const char *h = swarm_host(u);
	struct swarm_timer t = swarm_begin(u, "HOST", h[0] ? h : "none");

	swarm_done(&t, 1);
}

static int load(void)
{
	snprintf(name, sizeof(name), "%s %d", mood, pace);
	return 0;
}

SWARM_MODULE(
	.name = "choice",
	.load = load,
	.options = SWARM_OPTIONS(
		SWARM_OPTION(pace, "7", "a number in the samples' names"),
		SWARM_OPTION(mood, "calm", "a word there",
		    .choices = "calm|wild"),
		SWARM_OPTION(token, NULL, "a word that nobody shall see",
		    .flags = SWARM_SECRET)),
	.users = SWARM_USERS(
		{ .name = "walker", .wait = SWARM_CONSTANT(0.02),
		  .tasks = SWARM_TASKS(SWARM_TASK(left), SWARM_TASK(right)) },
		{ .name = "caller", .wait = SWARM_CONSTANT(0.02),
		  .tasks = SWARM_TASKS(SWARM_TASK(host)) }),
);
