/*
 * @NAME@: people who log in, look around and sometimes buy.
 *
 *	swarm try @FILE@ -H http://127.0.0.1:8080
 *	swarm -f @FILE@ -H http://127.0.0.1:8080 --users 100
 */
#include <swarm/swarm.h>
#include <swarm/http.h>

/* Set with -o @NAME@.items=500 */
static int items;

static void log_in(struct swarm_user *u)
{
	http_post(u, "/login", .json = "{\"username\":\"visitor\"}");
}

/* Paths that differ in a number only are one row of the statistics. */
static void look(struct swarm_user *u)
{
	uint64_t item = swarm_below(u, (uint64_t)items);

	http_get(u, swarm_printf(u, "/items/%u", (unsigned)item));
}

/* The response is judged here, and not by its status alone. */
static void buy(struct swarm_user *u)
{
	struct http_response *r = http_post(u, "/orders",
	    .json = "{\"item\":7,\"count\":1}", .catch_response = true);

	if (r->status == 201 && http_json(r, "order.id") != NULL)
		http_ok(r);
	else
		http_fail(r, "no order number");
}

SWARM_MODULE(
	.name    = "@NAME@",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(items, "100", "how many items the shop has")),
	.users   = SWARM_USERS({
		.name  = "visitor",
		.wait  = SWARM_BETWEEN(1, 5),
		.start = log_in,
		.tasks = SWARM_TASKS(
			SWARM_TASK(look, .weight = 9),
			SWARM_TASK(buy)),
	}),
);
