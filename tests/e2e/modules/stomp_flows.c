/*
 * Every call of swarm.stomp/1 once, against the broker of test_framings.py; what
 * is not as it should be is an error of this scenario.
 */
#include <swarm/stomp.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <string.h>

#define EXPECT(u, what) \
	((what) ? (void)0 : swarm_raise((u), "not true: %s (%m)", #what))

static void session(struct swarm_user *u)
{
	struct ws *w = stomp_connect(u, .path = "/stomp", .login = "me",
	    .passcode = "a:b", .vhost = "shop");
	const struct stomp_frame *f;

	EXPECT(u, ws_connected(w));
	EXPECT(u, strcmp(ws_info(w)->protocol, "v12.stomp") == 0);
	EXPECT(u, stomp_subscribe(u, w, .id = "a:1", .destination = "/t/a",
	    .ack = "client", .receipt = true, .name = "subscribe") == 0);
	EXPECT(u, stomp_subscribe(u, w, .id = "2", .destination = "/t/b") == 0);
	EXPECT(u, stomp_send(u, w, .destination = "/t/b", .body = "to b",
	    .type = "text/plain") == 0);
	EXPECT(u, stomp_send(u, w, .destination = "/t/a", .body = "b\0dy",
	    .len = 4, .receipt = true, .headers = STOMP_HEADERS(
		{ "note", "one:\ntwo\\" })) == 0);
	/* The other subscription's came first, and stays. */
	f = stomp_receive(u, w, .subscription = "a:1", .name = "from a");
	EXPECT(u, f && f->len == 4 && memcmp(f->body, "b\0dy", 4) == 0);
	EXPECT(u, f && strcmp(stomp_header(f, "note"), "one:\ntwo\\") == 0);
	EXPECT(u, f && stomp_ack(u, w, .id = stomp_header(f, "ack")) == 0);
	f = stomp_receive(u, w);
	EXPECT(u, f && strcmp(f->body, "to b") == 0);
	EXPECT(u, stomp_receive(u, w, .timeout = 0.05) == NULL &&
	    errno == ETIMEDOUT);
	EXPECT(u, stomp_unsubscribe(u, w, .id = "2", .receipt = true) == 0);
	EXPECT(u, stomp_disconnect(u, w) == 0);
	EXPECT(u, !ws_connected(w));
}

static void refused(struct swarm_user *u)
{
	struct ws *w = stomp_connect(u, .path = "/stomp", .login = "nobody");

	EXPECT(u, !ws_connected(w));
	w = stomp_connect(u, .path = "/stomp", .login = "me",
	    .passcode = "a:b");
	EXPECT(u, stomp_command(u, w, .command = "NONSENSE", .receipt = true)
	    == -1 && errno == EPROTO);
}

static void once(struct swarm_user *u)
{
	session(u);
	refused(u);
	swarm_count(swarm_counter("all flows done"), 1);
	swarm_stop_user(u);
}

SWARM_SCENARIO({ .name = "flows", .tasks = SWARM_TASKS(SWARM_TASK(once)) });
