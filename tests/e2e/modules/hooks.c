/* Writes a line for every hook, and knows what it counted. */
#include <swarm/hooks.h>
#include <swarm/swarm.h>

#include <stdio.h>
#include <unistd.h>

static const char *file;
static unsigned requests;

static void say(const char *what)
{
	FILE *f = fopen(file, "a");

	if (f == NULL)
		return;
	fprintf(f, "%s\n", what);
	fclose(f);
}

static const char *role(const char *what)
{
	static char line[128];

	snprintf(line, sizeof line, "%s %s",
	    swarm_is_worker() ? "worker" : "master", what);
	return line;
}

static void test_start(void)
{
	say(role("start"));
}

static void spawning_complete(uint64_t users)
{
	if (users == 3)
		say(role("all there"));
}

static void test_stopping(void)
{
	say(role("stopping"));
}

static void test_stop(void)
{
	char line[64];

	snprintf(line, sizeof line, "stop %u", requests);
	say(role(line));
}

static void sample(const struct swarm_sample *s)
{
	requests += s->error == NULL && s->bytes == 5;
}

static void quitting(void)
{
	say(role("quitting"));
}

static const struct swarm_hooks hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.test_start = test_start,
	.spawning_complete = spawning_complete,
	.test_stopping = test_stopping,
	.test_stop = test_stop,
	.sample = sample,
	.quitting = quitting,
};

static void once(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "HOOK", "once");

	swarm_done(&t, 5);
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "hooks",
	.options = SWARM_OPTIONS(SWARM_OPTION(file, "", "where to write")),
	.users = SWARM_USERS({ .name = "hooked",
		.tasks = SWARM_TASKS(SWARM_TASK(once)) }),
	.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head }),
);
