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

static int wanted_code;
static bool reported;

static void quitting(void)
{
	say(role("quitting"));
	if (wanted_code > 0 && !swarm_is_worker())
		swarm_exit_code(wanted_code);
}

static void quit(int code)
{
	char line[64];

	snprintf(line, sizeof line, "quit %d", code);
	say(role(line));
}

static void init(void)
{
	say(role("init"));
}

static void worker_connect(const char *worker)
{
	(void)worker;
	say("connected");
}

static void worker_lost(const char *worker, const char *why)
{
	(void)worker;
	say(why[0] != '\0' ? "lost" : "lost without a reason");
}

static size_t report_to_master(void *data, size_t size)
{
	return requests > 0 && size > 8 ?
	    (size_t)snprintf(data, size, "%u", requests) : 0;
}

static void worker_report(const char *worker, const void *data, size_t len)
{
	char line[64];

	(void)worker;
	if (reported || len == 0)
		return;
	reported = true;
	snprintf(line, sizeof line, "reported %.*s", (int)len,
	    (const char *)data);
	say(line);
}

/* Each once. */
static void usage_monitor(double cpu, int64_t memory)
{
	static bool said;

	if (!said && cpu >= 0 && memory > 1000000)
		say(role("usage"));
	said = true;
}

static void heartbeat_sent(const char *worker)
{
	static bool said;

	if (!said && worker[0] != '\0')
		say("beat sent");
	said = true;
}

static void heartbeat_received(void)
{
	static bool said;

	if (!said)
		say("beat received");
	said = true;
}

static const struct swarm_hooks hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.test_start = test_start,
	.spawning_complete = spawning_complete,
	.test_stopping = test_stopping,
	.test_stop = test_stop,
	.sample = sample,
	.quitting = quitting,
	.quit = quit,
	.init = init,
	.worker_connect = worker_connect,
	.worker_lost = worker_lost,
	.report_to_master = report_to_master,
	.worker_report = worker_report,
	.usage_monitor = usage_monitor,
	.heartbeat_sent = heartbeat_sent,
	.heartbeat_received = heartbeat_received,
};

static void once(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "HOOK", "once");

	swarm_done(&t, 5);
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "hooks",
	.options = SWARM_OPTIONS(SWARM_OPTION(file, "", "where to write"),
		SWARM_OPTION(wanted_code, "0", "exit code")),
	.users = SWARM_USERS({ .name = "hooked",
		.tasks = SWARM_TASKS(SWARM_TASK(once)) }),
	.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head }),
);
