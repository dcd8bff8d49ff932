/*
 * What a user of bench_http does: two endpoints in turn as fast as it can, or
 * (`idle`) one request and then nothing.  Every request has headers and a
 * deadline; `cookies` gives each user that many.
 */
#include <swarm/http.h>
#include <swarm/swarm.h>

static int cookies;
static bool idle;

static void begin(struct swarm_user *u)
{
	int i;

	for (i = 0; i < cookies; i++)
		http_set_cookie(u, swarm_printf(u, "cookie%d", i),
		    "0123456789abcdef");
}

static const struct http_field headers[] = {
	{ "Accept-Language", "en" }, { "X-Client", "bench" }, { NULL, NULL },
};

static void visit(struct swarm_user *u)
{
	http_get(u, "/hello", .headers = headers, .timeout = 30);
	if (!idle)
		http_get(u, "/world", .headers = headers, .timeout = 30);
}

static double pause_for(struct swarm_user *u, const struct swarm_wait *w)
{
	(void)u;
	(void)w;
	return idle ? 3600 : 0;
}

SWARM_MODULE(
	.name = "http_load",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(cookies, "0", "cookies of each user"),
		SWARM_OPTION(idle, "no", "one request, then nothing")),
	.users = SWARM_USERS({ .name = "load", .start = begin,
		.wait = { pause_for, 0, 0 },
		.tasks = SWARM_TASKS(SWARM_TASK(visit)) }),
);
