/* Each macro of the SDK used as its header says; compiled with all warnings as
 * errors by headers.py, and as a module by modules.py. */
#include <swarm/command.h>
#include <swarm/hooks.h>
#include <swarm/shape.h>
#include <swarm/sink.h>
#include <swarm/swarm.h>
#include <swarm/trace.h>

struct probe_api {
	struct swarm_iface head;
	int (*add)(int, int);
};

SWARM_IMPORT(probe_api, probe_api_, "acme.probe/1", 2)
SWARM_IMPORT(probe_api, other_api_, "acme.other/1", 0)

static bool verify;
static int retries;
static int64_t seed, chunk;
static double share, patience;
static const char *topic, *mode, *password;

static int add(int a, int b)
{
	return a + b;
}

static const struct probe_api api = {
	SWARM_IFACE(struct probe_api, 2),
	.add = add,
};

static void one(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "PROBE", "one");

	if (swarm_sleep(0.001) == -1)
		swarm_fail(&t, "sleep: %m");
	else
		swarm_done(&t, 3);
	if (!verify)
		swarm_raise(u, "not verified");
}

static void two(struct swarm_user *u)
{
	swarm_info("%s", swarm_printf(u, "%u", swarm_user_id(u)));
	swarm_leave(u, true);
}

static const struct swarm_task_set inner = {
	.wait = SWARM_CONSTANT(1),
	.tasks = SWARM_TASKS(SWARM_TASK(two)),
	.flow = SWARM_SEQUENTIAL,
};

static int load(void)
{
	return retries >= 0 && seed >= 0 && share >= 0 && topic != NULL &&
	    mode != NULL && patience >= 0 && chunk >= 0 &&
	    password == NULL ? 0 : -1;
}

SWARM_MODULE(
	.name    = "probe",
	.version = "1.0",
	.summary = "every macro once",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(verify, "yes", "a switch"),
		SWARM_OPTION(retries, "3", "a count"),
		SWARM_OPTION(seed, "1", "a large number"),
		SWARM_OPTION(share, "0.5", "a part"),
		SWARM_OPTION(topic, "a/b", "a text"),
		SWARM_OPTION(mode, "slow", "a choice",
			.choices = "slow|fast"),
		SWARM_OPTION(password, NULL, "a secret",
			.flags = SWARM_SECRET),
		SWARM_OPTION_DURATION(patience, "1.5s", "a duration"),
		SWARM_OPTION_SIZE(chunk, "64k", "a size")),
	.exports = SWARM_EXPORTS({ "acme.probe/1", &api.head }),
	.load    = load,
	.users   = SWARM_USERS(
		{
			.name  = "probe",
			.wait  = SWARM_BETWEEN(1, 5),
			.tasks = SWARM_TASKS(
				SWARM_TASK(one, .weight = 3, .tags = "read",
					.next = SWARM_NEXT({ "inner", 1 })),
				SWARM_SET(inner)),
			.flow  = SWARM_MARKOV,
		},
		{
			.name  = "pace",
			.wait  = SWARM_PACING(2),
			.tasks = SWARM_TASKS(SWARM_TASK(two)),
		},
		{
			.name  = "rate",
			.wait  = SWARM_THROUGHPUT(10),
			.tasks = SWARM_TASKS(SWARM_TASK(two)),
		},
		{
			.name  = "random",
			.wait  = SWARM_EXPONENTIAL(2),
			.tasks = SWARM_TASKS(SWARM_TASK(two)),
		},
		{
			.name  = "people",
			.wait  = SWARM_LOGNORMAL(3, 0.7),
			.tasks = SWARM_TASKS(SWARM_TASK(two)),
		}),
);
