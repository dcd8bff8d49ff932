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
	/* What is not answered then has not failed. */
	s = rpc_open(c->rpc, .method = ECHO "Bidi", .match = RPC_MATCH_ORDER,
	    .json = "{\"delayUs\": 50000000}");
	rpc_cancel(s);
	rpc_finish(s);
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

/* Calls on a connection that the server has left, and lets nobody else run
 * until there is another. */
static void busy(struct swarm_user *u, struct caller *c)
{
	struct rpc_call *s;
	int64_t until;

	(void)u;
	while (rpc_info(c->rpc)->connected && swarm_sleep(0.005) == 0)
		;
	s = rpc_open(c->rpc, .method = ECHO "Bidi", .wait_for_ready = true);
	until = swarm_in(0.05);
	while (swarm_now() < until)
		;
	rpc_finish(s);
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

/* ---- a channel that is freed while it is used ---- */

/* Request{delay_us: 50000000} */
#define SLOW .data = "\x20\x80\xe1\xeb\x17", .len = 5

static void slow_call(void *channel)
{
	rpc_unary(channel, .method = ECHO "Unary", SLOW);
}

static void json_call(void *channel)
{
	rpc_unary(channel, .method = ECHO "Unary", .json = "{\"text\": \"x\"}");
}

static void json_stream(void *channel)
{
	struct rpc_call *s = rpc_open(channel, .method = ECHO "Bidi");

	rpc_send(s, .json = "{\"text\": \"x\"}");
}

static void finish(void *stream)
{
	rpc_finish(stream);
}

static void receive(void *stream)
{
	rpc_receive(stream, SWARM_FOREVER);
}

static void free_channel(void *channel)
{
	rpc_free(channel);
}

static void join_soon(struct swarm_user *u, struct swarm_fiber *f,
    const char *what)
{
	if (swarm_join(f, swarm_in(3)) == -1)
		swarm_raise(u, "%s goes on without its channel", what);
}

/* More calls than are begun at once, and the end before the rest is: nothing is
 * left of them on the connection. */
static void free_queued(struct swarm_user *u)
{
	struct rpc *other = rpc_connect(u, .share = 1);
	struct rpc *same = rpc_connect(u, .share = 1);
	struct swarm_fiber *f[24];

	for (size_t i = 0; i < 24; i++)
		f[i] = swarm_spawn(u, slow_call, other);
	join_soon(u, swarm_spawn(u, free_channel, other), "rpc_free()");
	for (size_t i = 0; i < 24; i++)
		join_soon(u, f[i], "a call");
	for (int i = 0; rpc_info(same)->under_way > 0 && i < 300; i++)
		swarm_sleep(0.01);
	if (rpc_info(same)->under_way > 0)
		swarm_raise(u, "%u calls that nobody waits for",
		    rpc_info(same)->under_way);
	rpc_free(same);
}

static void free_under(struct swarm_user *u, const char *what,
    void (*fn)(void *), bool of_stream)
{
	struct rpc *other = rpc_connect(u, .share = -1);
	struct rpc_call *s = of_stream ? rpc_open(other, .method =
	    ECHO "Unary", SLOW) : NULL;
	struct swarm_fiber *f = swarm_spawn(u, fn, s ? (void *)s :
	    (void *)other);

	swarm_sleep(0);
	rpc_free(other);
	join_soon(u, f, what);
}

static void free_in_handler(struct rpc_call *s, const struct rpc_message *m,
    void *arg)
{
	struct rpc **channel = arg;

	(void)s;
	(void)m;
	rpc_free(*channel);
	*channel = NULL;
}

static void free_handling(struct swarm_user *u, bool kept)
{
	struct rpc **channel = swarm_alloc(u, sizeof *channel);
	struct rpc_call *s;

	*channel = rpc_connect(u, .share = -1);
	s = rpc_open(*channel, .method = ECHO "Unary", .data = "");
	rpc_end(s);
	if (kept)
		swarm_sleep(0.1);
	rpc_on_message(s, free_in_handler, channel);
	for (int i = 0; *channel && i < 300; i++)
		swarm_sleep(0.01);
	if (*channel)
		swarm_raise(u, "no message to the handler");
}

static void freed(struct swarm_user *u, struct caller *c)
{
	(void)c;
	/* Asks what nobody has asked before. */
	free_under(u, "a request that asks for its type", json_call, false);
	free_under(u, "a stream that asks for its type", json_stream, false);
	free_under(u, "rpc_finish()", finish, true);
	free_under(u, "rpc_receive()", receive, true);
	free_queued(u);
	free_handling(u, false);
	free_handling(u, true);
}

/* ---- handlers ---- */

struct heard {
	struct rpc *channel;
	int messages[2];
	int ends[2];
};

/* Of a type that nobody has asked for. */
static void wants_json(struct rpc_call *s, const struct rpc_message *m,
    void *arg)
{
	struct heard *h = arg;

	(void)s;
	if (m && !rpc_message_json(m) &&
	    strstr(rpc_error(h->channel), "rpc_kind()"))
		h->messages[0]++;
	h->ends[0] += m == NULL;
}

static void second_handler(struct rpc_call *s, const struct rpc_message *m,
    void *arg)
{
	struct heard *h = arg;

	(void)s;
	h->messages[1] += m != NULL;
	h->ends[1] += m == NULL;
}

static void first_handler(struct rpc_call *s, const struct rpc_message *m,
    void *arg)
{
	struct heard *h = arg;

	h->messages[0] += m != NULL;
	h->ends[0] += m == NULL;
	rpc_on_message(s, second_handler, h);
}

static struct rpc_call *three(struct caller *c)
{
	/* Request{count: 3} */
	return rpc_open(c->rpc, .method = ECHO "ServerStream",
	    .data = "\x38\x03", .len = 2);
}

static void await_end(const int *ends)
{
	for (int i = 0; *ends == 0 && i < 300; i++)
		swarm_sleep(0.01);
}

static void handlers(struct swarm_user *u, struct caller *c)
{
	struct heard *h = swarm_alloc(u, sizeof *h);
	struct rpc_call *s = three(c);

	*h = (struct heard){ .channel = c->rpc };
	rpc_on_message(s, wants_json, h);
	rpc_end(s);
	await_end(&h->ends[0]);
	if (h->messages[0] != 3)
		swarm_raise(u, "%d of 3 messages were told of", h->messages[0]);
	rpc_finish(s);

	/* One gives way to another, while those kept are handed over. */
	*h = (struct heard){ .channel = c->rpc };
	s = three(c);
	rpc_end(s);
	swarm_sleep(0.1);
	rpc_on_message(s, first_handler, h);
	await_end(&h->ends[1]);
	if (h->messages[0] != 1 || h->messages[1] != 2 || h->ends[0] != 0 ||
	    h->ends[1] != 1)
		swarm_raise(u, "handlers heard %d and %d messages, %d and %d "
		    "ends", h->messages[0], h->messages[1], h->ends[0],
		    h->ends[1]);
	rpc_finish(s);
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
	{ "wrong", wrong }, { "busy", busy }, { "freed", freed },
	{ "handlers", handlers },
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
