/* Calls of every kind, to be counted: see test_grpc.py. */
#include <swarm/grpc.h>
#include <swarm/swarm.h>

#include <string.h>

#define ECHO "swarm.test.Echo/"

static const char *mode;
static const char *json;
static const char *compression;
static int share;
static int rounds;
static double deadline;
static int delay_us;
static bool wait_for_ready;

struct caller {
	struct rpc *rpc;
	int left;
};

static void start(struct swarm_user *u)
{
	struct caller *c = swarm_data(u);

	c->left = rounds;
	c->rpc = rpc_connect(u, .share = share,
	    .metadata = RPC_METADATA({ "x-always", "1", 0 }));
	if (*rpc_error(c->rpc))
		swarm_info("connect: %s", rpc_error(c->rpc));
}

static void unary(struct swarm_user *u, struct caller *c)
{
	const struct rpc_reply *r = rpc_unary(c->rpc,
	    .method = ECHO "Unary", .json = *json ? json : NULL,
	    .timeout = deadline, .wait_for_ready = wait_for_ready,
	    .compression = *compression ? compression : NULL,
	    .metadata = RPC_METADATA({ "x-mine", "two", 0 },
		{ "x-raw-bin", "\0\1\377", 3 }));
	const char *text = rpc_json(r);

	(void)u;
	swarm_debug("reply %s %s %s", rpc_code_name(r->code), r->message,
	    text ? text : rpc_error(c->rpc));
	for (size_t i = 0; i < r->trailer_count; i++)
		swarm_debug("trailer %s %zu %s", r->trailers[i].key,
		    r->trailers[i].len, r->trailers[i].value);
}

static void raw(struct swarm_user *u, struct caller *c)
{
	const struct rpc_reply *r = rpc_unary(c->rpc,
	    .method = ECHO "Unary", .data = "\x0a\x02hi", .len = 4);

	if (r->code == RPC_OK && (r->len < 4 ||
	    memcmp(r->data, "\x0a\x02hi", 4) != 0))
		swarm_raise(u, "the answer differs");
}

static void client_stream(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "ClientStream");
	const struct rpc_message *m;

	for (int i = 0; i < 5; i++)
		rpc_send(s, .json = "{\"id\": \"a\"}", .last = i == 4);
	m = rpc_receive(s, SWARM_FOREVER);
	if (!m || !strstr(rpc_message_json(m), "\"received\":5"))
		swarm_raise(u, "not five were received");
	rpc_finish(s);
}

static void server_stream(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "ServerStream",
	    .json = swarm_printf(u, "{\"count\": 5, \"delayUs\": %d}",
		delay_us));
	int n = 0;

	rpc_end(s);
	while (rpc_receive(s, SWARM_FOREVER))
		n++;
	if (n != 5 && rpc_finish(s)->code == RPC_OK)
		swarm_raise(u, "%d messages instead of five", n);
	else if (n == 5)
		rpc_finish(s);
}

static void bidi(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "Bidi",
	    .match = RPC_MATCH_ORDER);
	const char *text = swarm_printf(u, "{\"delayUs\": %d}", delay_us);

	for (int i = 0; i < 5; i++) {
		rpc_send(s, .json = text);
		if (!rpc_receive(s, SWARM_FOREVER))
			break;
	}
	rpc_finish(s);
}

/* The server answers each pair in reverse order. */
static void swap(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "Swap",
	    .match = RPC_MATCH_KEY, .key_field = "nested.name");

	(void)u;
	rpc_send(s, .json = "{\"nested\": {\"name\": \"first\"}}");
	rpc_send(s, .json = "{\"nested\": {\"name\": \"second\"}}");
	for (int i = 0; i < 2; i++) {
		const struct rpc_message *m = rpc_receive(s, swarm_in(10));

		if (!m || m->latency < 0 || !strstr(rpc_message_json(m),
		    i == 0 ? "second" : "first"))
			swarm_raise(u, "no answer matched");
	}
	rpc_finish(s);
}

/* Leaves while messages are still to come. */
static void leave(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "ServerStream",
	    .json = "{\"count\": 1000000, \"delayUs\": 1000}");

	(void)u;
	rpc_end(s);
	rpc_receive(s, swarm_in(10));
	rpc_cancel(s);
	if (rpc_finish(s)->code != RPC_CANCELLED)
		swarm_raise(u, "it was not canceled");
}

static void count(struct rpc_call *s, const struct rpc_message *m, void *arg)
{
	int *n = arg;

	(void)s;
	if (m)
		++*n;
}

static void handler(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "ServerStream",
	    .json = "{\"count\": 700}");
	int *n = swarm_alloc(u, sizeof *n);

	*n = 0;
	rpc_on_message(s, count, n);
	rpc_end(s);
	while (*n < 700 && swarm_sleep(0.01) == 0)
		;
	rpc_finish(s);
}

/* Sleeps while more than what is kept comes. */
static void slow_reader(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s = rpc_open(c->rpc, .method = ECHO "ServerStream",
	    .json = "{\"count\": 2000}");
	int n = 0;

	rpc_end(s);
	swarm_sleep(0.2);
	while (rpc_receive(s, SWARM_FOREVER))
		n++;
	rpc_finish(s);
	if (n != 2000)
		swarm_raise(u, "%d messages instead of 2000", n);
}

static void abandon(struct swarm_user *u, struct caller *c)
{
	struct rpc *other = rpc_connect(u, .share = -1);
	struct rpc_call *s = rpc_open(other, .method = ECHO "Bidi",
	    .json = "{\"delayUs\": 50000}");

	(void)c;
	rpc_receive(s, swarm_in(0.001));
	rpc_free(other);
}

static void wrong(struct swarm_user *u, struct caller *c)
{
	(void)u;
	rpc_unary(c->rpc, .method = ECHO "Nothing", .data = "", .len = 0);
	rpc_unary(c->rpc, .method = "no.Service/Here", .data = "", .len = 0);
	rpc_unary(c->rpc, .method = ECHO "Unary", .data = "\xff\xff",
	    .len = 2);
	rpc_unary(c->rpc, .method = ECHO "Unary", .json = "{\"no\": 1}",
	    .name = "wrong json");
	rpc_unary(c->rpc, .method = NULL);
	rpc_unary(c->rpc, .method = ECHO "Unary", .name = "wrong metadata",
	    .metadata = RPC_METADATA({ "Upper", "x", 0 }));
	rpc_unary(c->rpc, .method = ECHO "Unary", .name = "wrong value",
	    .metadata = RPC_METADATA({ "a", "\1", 0 }));
	rpc_unary(c->rpc, .method = ECHO "Unary", .name = "wrong encoding",
	    .compression = "zip");
	rpc_finish(rpc_open(c->rpc, .method = ECHO "Bidi", .name = "wrong key",
	    .match = RPC_MATCH_KEY));
}

static const struct {
	const char *name;
	void (*run)(struct swarm_user *, struct caller *);
} modes[] = {
	{ "unary", unary }, { "raw", raw },
	{ "client_stream", client_stream },
	{ "server_stream", server_stream }, { "bidi", bidi },
	{ "swap", swap }, { "leave", leave }, { "handler", handler },
	{ "slow_reader", slow_reader }, { "abandon", abandon },
	{ "wrong", wrong },
};

static void run(struct swarm_user *u)
{
	struct caller *c = swarm_data(u);

	if (c->left-- == 0) {
		swarm_stop_user(u);
		return;
	}
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(mode, modes[i].name) == 0)
			modes[i].run(u, c);
	}
}

static double think;

static double pause_(struct swarm_user *u, const struct swarm_wait *w)
{
	(void)u;
	(void)w;
	return think;
}

SWARM_MODULE(
	.options = SWARM_OPTIONS(
		SWARM_OPTION(mode, "unary", "which"),
		SWARM_OPTION(json, "", "of the request"),
		SWARM_OPTION(compression, "", "of the request"),
		SWARM_OPTION(share, "0", "connections"),
		SWARM_OPTION(rounds, "-1", "of each user; -1: no end"),
		SWARM_OPTION(delay_us, "0", "of each answer of a stream"),
		SWARM_OPTION(wait_for_ready, "false", "of unary calls"),
		SWARM_OPTION_DURATION(think, "0s", "between rounds"),
		SWARM_OPTION_DURATION(deadline, "0s", "of unary calls")),
	.users = SWARM_USERS({ .name = "caller",
		.data_size = sizeof(struct caller), .start = start,
		.wait = { .next = pause_ },
		.tasks = SWARM_TASKS(SWARM_TASK(run)) }),
);
