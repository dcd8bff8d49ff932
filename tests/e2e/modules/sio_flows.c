/*
 * Every call of swarm.socketio/1 once, against npm's socket.io as ws_server.mjs
 * sets it up; what is not as it should be is an error of this scenario.
 */
#include <swarm/socketio.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <string.h>

#define EXPECT(u, what) \
	((what) ? (void)0 : swarm_raise((u), "not true: %s (%m)", #what))

static bool is(const char *got, const char *wanted)
{
	return got && strcmp(got, wanted) == 0;
}

static void rooms(struct swarm_user *u)
{
	struct ws *a = sio_connect(u, .space = "/news",
	    .auth = "{\"name\":\"ann\"}");
	struct ws *b = sio_connect(u, .space = "/news");
	size_t len;

	EXPECT(u, ws_connected(a) && ws_connected(b));
	EXPECT(u, is(sio_call(u, a, .space = "/news", .event = "join",
	    .args = "\"k\""), "\"joined\",\"k\""));
	EXPECT(u, is(sio_call(u, b, .space = "/news", .event = "join",
	    .args = "\"k\"", .name = "enter"), "\"joined\",\"k\""));
	EXPECT(u, sio_emit(u, a, .space = "/news", .event = "say",
	    .args = "\"k\",\"hi\"") == 0);
	EXPECT(u, is(sio_await(u, b, .space = "/news", .event = "said",
	    .name = "said"), "\"hi\",\"ann\""));
	/* The speaker's came too, and was kept. */
	EXPECT(u, sio_args(ws_receive(a, swarm_in(5)), "/news", "said",
	    &len) && len == strlen("\"hi\",\"ann\""));
	EXPECT(u, sio_emit(u, a, .event = "x\"") == -1 && errno == EINVAL);
}

static void answers(struct swarm_user *u)
{
	struct ws *w = sio_connect(u);

	EXPECT(u, is(sio_call(u, w, .event = "add", .args = "2,3"), "5"));
	/* The server pings every 0.2 s and gives up after 2. */
	EXPECT(u, sio_await(u, w, .event = "never", .timeout = 3) == NULL &&
	    errno == ETIMEDOUT);
	EXPECT(u, is(sio_call(u, w, .event = "add", .args = "2,4"), "6"));
	EXPECT(u, sio_emit(u, w, .event = "leave") == 0);
	EXPECT(u, sio_await(u, w, .event = "said", .name = "left") == NULL &&
	    errno == EPROTO);
	w = sio_connect(u, .auth = "{\"token\":\"wrong\"}");
	EXPECT(u, !ws_connected(w));
}

static void once(struct swarm_user *u)
{
	rooms(u);
	answers(u);
	swarm_count(swarm_counter("all flows done"), 1);
	swarm_stop_user(u);
}

SWARM_SCENARIO({ .name = "flows", .tasks = SWARM_TASKS(SWARM_TASK(once)) });
