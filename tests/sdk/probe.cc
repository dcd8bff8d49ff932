/* A module in C++: static arrays where C has compound literals. */
#include <swarm/swarm.h>

struct probe_api {
	swarm_iface head;
	int (*add)(int, int);
};

SWARM_IMPORT(probe_api, probe_api_, "acme.probe/1", 2)

static int retries;

static void one(swarm_user *u)
{
	swarm_timer t = swarm_begin(u, "PROBE", "one");

	swarm_done(&t, static_cast<size_t>(retries));
}

static const swarm_option options[] = {
	{ "retries", SWARM_INT, &retries, "3", "a count", 0, nullptr },
	{},
};

static const swarm_task tasks[] = {
	{ "one", one, 1, nullptr, nullptr, nullptr, nullptr },
	{},
};

static const swarm_user_class users[] = {
	{ "probe", 1, 0, nullptr, 0, SWARM_BETWEEN(1, 5), nullptr, nullptr,
	  tasks, SWARM_RANDOM, nullptr },
	{},
};

SWARM_MODULE(.name = "probe", .options = options, .users = users)
