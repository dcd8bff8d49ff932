/* Every user asks for two pages, over and over. */
#include <swarm/swarm.h>
#include <swarm/http.h>

static void hello(struct swarm_user *u)
{
	http_get(u, "/hello");
	http_get(u, "/world");
}

SWARM_SCENARIO({ .name = "web", .tasks = SWARM_TASKS(SWARM_TASK(hello)) });
