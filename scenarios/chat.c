/*
 * A chat: people enter rooms, talk, and see who is there.
 *
 *	swarm -f chat.c --host ws://127.0.0.1:8765 -u 200 -r 20 -t 1m
 *
 * The server speaks JSON.  To it: {"op":"join","room":R},
 * {"op":"say","id":N,"at":T,"text":S}, {"op":"who"}.  From it: {"op":"joined"},
 * {"op":"people","names":[...]} and, to all in a room,
 * {"op":"said","id":N,"at":T,"text":S}, where "at" is what the
 * sender gave: here its clock, so that all receivers know the delay.
 *
 * What others say goes to a handler, also while a task waits for its answer.
 */
#include <swarm/swarm.h>
#include <swarm/websocket.h>

#include <stdlib.h>
#include <string.h>

#define ROOMS 10

struct person {
	struct ws *ws;
	unsigned next_id;
	unsigned heard;
};

static void hear(struct ws *ws, const struct ws_message *m, void *arg)
{
	struct person *p = arg;
	const char *at = strstr(m->data, "\"at\":");
	int64_t said = at ? strtoll(at + 5, NULL, 10) : 0;

	(void)ws;
	if (!strstr(m->data, "\"op\":\"said\""))
		return;
	p->heard++;
	/* Clocks agree on one machine only. */
	if (said > 0 && said <= m->received)
		swarm_observe(swarm_series("chat", "heard after"),
		    m->received - said, m->len);
}

static void enter(struct swarm_user *u)
{
	struct person *p = swarm_data(u);

	p->ws = ws_connect(u, .path = "/chat", .reconnect_min = 1,
	    .reconnect_max = 30, .ping_interval = 20);
	ws_on_message(p->ws, hear, p);
	ws_request(p->ws, .name = "join",
	    .text = swarm_printf(u, "{\"op\":\"join\",\"room\":%u}",
		swarm_user_id(u) % ROOMS),
	    .match = { .json = "op", .equals = "joined" });
}

/* Done when it comes back: the server tells the speaker too. */
static void say(struct swarm_user *u)
{
	struct person *p = swarm_data(u);
	unsigned id = p->next_id++;

	ws_request(p->ws, .name = "say",
	    .text = swarm_printf(u, "{\"op\":\"say\",\"id\":\"%u.%u\","
		"\"at\":%lld,\"text\":\"hello, %u\"}", swarm_user_id(u), id,
		(long long)swarm_now(), id),
	    .match = { .json = "id",
		.equals = swarm_printf(u, "%u.%u", swarm_user_id(u), id) });
}

static void look_around(struct swarm_user *u)
{
	struct person *p = swarm_data(u);

	ws_request(p->ws, .text = "{\"op\":\"who\"}", .name = "who",
	    .match = { .json = "op", .equals = "people" });
}

static void leave(struct swarm_user *u)
{
	struct person *p = swarm_data(u);

	ws_close(p->ws);
}

SWARM_SCENARIO({
	.name = "person",
	.data_size = sizeof(struct person),
	.wait = SWARM_BETWEEN(1, 5),
	.start = enter,
	.stop = leave,
	.tasks = SWARM_TASKS(SWARM_TASK(say, .weight = 3),
	    SWARM_TASK(look_around)),
});
