/*
 * One socket to a path given as an option: connects, asks for echoes of what
 * it sends until the connection ends or `count` have come, and stops.  What
 * the server does wrong shows in the samples and counters.
 */
#include <swarm/swarm.h>
#include <swarm/websocket.h>

static const char *path;
static const char *message;
static int count;
static int max_message;
static double timeout;

static void run(struct swarm_user *u)
{
	struct ws *w = ws_connect(u, .path = path, .timeout = timeout,
	    .max_message = (size_t)max_message);

	for (int i = 0; i < count && ws_connected(w); i++) {
		if (!ws_request(w, .text = message, .name = "echo"))
			break;
	}
	ws_free(w);
	swarm_stop_user(u);
}

SWARM_MODULE(
	.options = SWARM_OPTIONS(
		SWARM_OPTION(path, "/", "what to ask for"),
		SWARM_OPTION(message, "hello", "what to send"),
		SWARM_OPTION(count, "1", "echoes"),
		SWARM_OPTION(max_message, "1000000", "bytes"),
		SWARM_OPTION_DURATION(timeout, "5s", "of each call")),
	.users = SWARM_USERS({ .name = "one",
		.tasks = SWARM_TASKS(SWARM_TASK(run)) }),
);
