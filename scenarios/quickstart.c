/* Log in once; then visit two pages, or look at ten items, and think. */
#include <swarm/swarm.h>
#include <swarm/http.h>

static void login(struct swarm_user *u)
{
	http_post(u, "/login", .json = "{\"username\":\"foo\"}");
}

static void hello(struct swarm_user *u)
{
	http_get(u, "/hello");
	http_get(u, "/world");
}

static void view_items(struct swarm_user *u)
{
	for (int id = 0; id < 10; id++) {
		http_get(u, swarm_printf(u, "/item?id=%d", id), .name = "/item");
		swarm_sleep(1);
	}
}

SWARM_SCENARIO({
	.name = "quickstart",
	.wait = SWARM_BETWEEN(1, 5),
	.start = login,
	.tasks = SWARM_TASKS(SWARM_TASK(hello), SWARM_TASK(view_items, .weight = 3)),
});
