/*
 * Every flow of the interface swarm.websocket/1 once, against a real server;
 * what is not as it should be is an error of this scenario, and its run
 * fails.  It counts "all flows done" and ends its user.
 */
#include <swarm/swarm.h>
#include <swarm/websocket.h>

#include <errno.h>
#include <string.h>

#define EXPECT(u, what) \
	((what) ? (void)0 : swarm_raise((u), "not true: %s (%m)", #what))

#define BIG (1u << 20)

static bool is(const struct ws_message *m, const char *text)
{
	return m && m->len == strlen(text) && strcmp(m->data, text) == 0;
}

static void upgrade(struct swarm_user *u)
{
	struct ws *w = ws_connect(u, .path = "/request",
	    .protocols = "chat.v9, chat.v2", .origin = "http://origin.test",
	    .cookies = "a=1; b=2", .headers = WS_HEADERS({ "X-One", "1" },
		{ "X-Two", "zwei" }));

	EXPECT(u, ws_connected(w));
	EXPECT(u, ws_info(w)->status == 101);
	EXPECT(u, strcmp(ws_info(w)->protocol, "chat.v2") == 0);
	EXPECT(u, is(ws_receive(w, swarm_in(5)),
	    "/request|http://origin.test|a=1; b=2|1|zwei"));
	EXPECT(u, ws_close(w, .code = 4002, .reason = "enough") == 0);
	EXPECT(u, ws_info(w)->closer == WS_CLOSED_BY_US);
	EXPECT(u, ws_info(w)->close_code == 4002);
	EXPECT(u, ws_send_text(w, "x") == -1 && errno == ENOTCONN);
	ws_free(w);
}

static void messages(struct swarm_user *u)
{
	struct ws *w = ws_open(u, "/echo");
	char *big = swarm_alloc(u, BIG);
	const struct ws_message *m;

	memset(big, 'x', BIG);
	EXPECT(u, ws_send_text(w, "") == 0);
	EXPECT(u, is(ws_receive(w, swarm_in(5)), ""));
	EXPECT(u, ws_send_binary(w, "a\0b", 3) == 0);
	m = ws_receive(w, swarm_in(5));
	EXPECT(u, m && m->binary && m->len == 3 &&
	    memcmp(m->data, "a\0b", 3) == 0);
	EXPECT(u, ws_send(w, .text = "fragments", .fragment = 2) == 0);
	EXPECT(u, is(ws_receive(w, swarm_in(5)), "fragments"));
	for (size_t len = 120; len <= BIG; len = len * 3 + 5) {
		EXPECT(u, ws_send(w, .data = big, .len = len,
		    .fragment = len > 40000 ? 30000 : 0) == 0);
		m = ws_receive(w, swarm_in(20));
		EXPECT(u, m && m->len == len &&
		    memcmp(m->data, big, len) == 0);
	}
	EXPECT(u, ws_ping(w, 5) == 0);
	EXPECT(u, ws_info(w)->ping_ns > 0);
	EXPECT(u, ws_receive(w, swarm_in(0.05)) == NULL);
	EXPECT(u, errno == ETIMEDOUT);
	EXPECT(u, ws_close(w) == 0);
}

/* The longest that is taken. */
static void longest(struct swarm_user *u)
{
	struct ws *w = ws_connect(u, .path = "/echo", .max_message = 1000);
	char text[1001];
	const struct ws_message *m;

	memset(text, 'x', 1000);
	text[1000] = 0;
	m = ws_request(w, .text = text, .name = "longest");
	EXPECT(u, m && m->len == 1000);
	ws_free(w);
}

static bool ends_in_z(const struct ws_message *m, void *arg)
{
	(void)arg;
	return m->len && m->data[m->len - 1] == 'z';
}

static void note(struct ws *w, const struct ws_message *m, void *arg)
{
	(void)w;
	strncat(arg, m->data, 32);
}

static void leave(struct ws *w, const struct ws_message *m, void *arg)
{
	(void)m;
	++*(int *)arg;
	ws_free(w);
}

/* Freed by its own handler, at the first of the messages kept. */
static void leaving(struct swarm_user *u)
{
	struct ws *w = ws_open(u, "/echo");
	int heard = 0;

	ws_send_text(w, "a");
	ws_send_text(w, "b");
	EXPECT(u, is(ws_request(w, .text = "c", .match.text = "c"), "c"));
	ws_on_message(w, leave, &heard);
	EXPECT(u, heard == 1);
}

static bool take(struct ws *w, const struct ws_message *m, void *arg)
{
	leave(w, m, arg);
	return true;
}

/* By its handler or its filter as a message comes, another behind it and the
 * fiber that sent it in the middle of a call. */
static void leaving_live(struct swarm_user *u, bool filters)
{
	static char big[20000];
	struct ws *w = ws_open(u, "/echo");
	int heard = 0;

	memset(big, 'x', sizeof big - 1);
	if (filters)
		ws_filter(w, take, &heard);
	else
		ws_on_message(w, leave, &heard);
	ws_send_text(w, big);
	for (int i = 0; heard == 0 && i < 500; i++)
		swarm_sleep(0.01);
	EXPECT(u, heard == 1);
}

#define DEPTH 2000

static void matching(struct swarm_user *u)
{
	struct ws *w = ws_open(u, "/echo");
	char seen[128] = "", deep[2 * DEPTH + 1];

	ws_send_text(w, "one");
	ws_send_text(w, "{\"id\":2,\"v\":\"x\"}");
	EXPECT(u, is(ws_request(w, .text = "three", .match.text = "three"),
	    "three"));
	EXPECT(u, is(ws_await(w, .match = { .json = "id", .equals = "2" }),
	    "{\"id\":2,\"v\":\"x\"}"));
	EXPECT(u, is(ws_receive(w, swarm_in(5)), "one"));
	EXPECT(u, is(ws_request(w, .text = "buzz", .match.fn = ends_in_z),
	    "buzz"));
	EXPECT(u, is(ws_request(w, .text = "n=12;",
	    .match.regex = "n=[0-9]+;", .name = "regex"), "n=12;"));
	/* One that is as deep as JSON may be, and there already. */
	memset(deep, '[', DEPTH);
	memset(deep + DEPTH, ']', DEPTH);
	deep[2 * DEPTH] = '\0';
	ws_send_text(w, deep);
	EXPECT(u, is(ws_request(w, .text = "flat", .match.text = "flat"),
	    "flat"));
	EXPECT(u, ws_await(w, .match.json = "id", .timeout = 0.05) == NULL &&
	    errno == ETIMEDOUT);
	EXPECT(u, is(ws_receive(w, swarm_in(5)), deep));
	ws_on_message(w, note, seen);
	ws_send_text(w, "a");
	ws_send_text(w, "b");
	EXPECT(u, is(ws_request(w, .text = "c", .match.text = "c"), "c"));
	EXPECT(u, strcmp(seen, "ab") == 0);
	ws_on_message(w, NULL, NULL);
	leaving(u);
	leaving_live(u, false);
	leaving_live(u, true);
	EXPECT(u, ws_await(w, .match.text = "never", .timeout = 0.05) ==
	    NULL && errno == ETIMEDOUT);
	EXPECT(u, ws_await(w, .match.regex = "(") == NULL &&
	    errno == EINVAL);
	ws_free(w);
}

static void closing(struct swarm_user *u)
{
	struct ws *w = ws_open(u, "/close");

	EXPECT(u, ws_receive(w, swarm_in(5)) == NULL && errno == ENOTCONN);
	while (ws_info(w)->closer == WS_OPEN && swarm_sleep(0.01) == 0)
		;
	EXPECT(u, ws_info(w)->closer == WS_CLOSED_BY_SERVER);
	EXPECT(u, ws_info(w)->close_code == 4001);
	EXPECT(u, strcmp(ws_info(w)->close_reason, "go away") == 0);
	EXPECT(u, ws_reconnect(w) == 0);
	EXPECT(u, ws_info(w)->reconnects == 1);
	ws_free(w);
}

static void reconnecting(struct swarm_user *u)
{
	struct ws *w = ws_connect(u, .path = "/drop", .reconnect_min = 0.01);

	/* The server drops each connection after its greeting. */
	for (int i = 0; i < 4; i++)
		EXPECT(u, is(ws_receive(w, swarm_in(5)), "hi"));
	EXPECT(u, ws_info(w)->reconnects >= 3);
	ws_free(w);
}

static void not_supported(struct swarm_user *u)
{
	struct ws *w = ws_connect(u, .path = "/echo", .compress = true);

	EXPECT(u, !ws_connected(w) && errno == ENOTSUP);
	EXPECT(u, strstr(ws_error(w), "permessage-deflate"));
	EXPECT(u, ws_send_text(w, "x") == -1 && errno == ENOTCONN);
}

static void several(struct swarm_user *u)
{
	struct ws *w[10];

	for (int i = 0; i < 10; i++)
		w[i] = ws_open(u, "/echo");
	for (int i = 0; i < 10; i++)
		ws_send_text(w[i], swarm_printf(u, "%d", i));
	for (int i = 9; i >= 0; i--)
		EXPECT(u, is(ws_receive(w[i], swarm_in(5)),
		    swarm_printf(u, "%d", i)));
	for (int i = 0; i < 5; i++)
		ws_free(w[i]);
}

static void once(struct swarm_user *u)
{
	upgrade(u);
	messages(u);
	longest(u);
	matching(u);
	closing(u);
	reconnecting(u);
	not_supported(u);
	several(u);
	swarm_count(swarm_counter("all flows done"), 1);
	swarm_stop_user(u);
}

SWARM_SCENARIO({ .name = "flows", .tasks = SWARM_TASKS(SWARM_TASK(once)) });
