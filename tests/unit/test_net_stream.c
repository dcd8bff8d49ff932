/*
 * Streams over real loopback sockets: both ends are fibers of this process.
 */
#include "net_kit.h"

#include "base/clock.h"

#include <malloc.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/uio.h>
#include <sys/un.h>

#define BIG ((size_t)3 * 1024 * 1024)

/* What a test's fibers share. */
struct pair {
	int listener;
	uint16_t port;
	const char *host;
	const char *source;
	struct swarm_stream *stream;    /* the client's */
	char error[128];
	int64_t deadline;
	unsigned got;
	int turn;
};

static void pair_init(struct pair *p)
{
	memset(p, 0, sizeof *p);
	p->listener = kit_listen_on("127.0.0.1", 0, 16);
	p->port = kit_port(p->listener);
	p->host = "127.0.0.1";
}

static struct swarm_stream *dial(struct pair *p)
{
	return swarm_connect(&(struct swarm_connect_args){
		.size = sizeof(struct swarm_connect_args),
		.host = p->host, .port = p->port, .source = p->source,
		.deadline = p->deadline }, p->error, sizeof p->error);
}

static void run_pair(struct pair *p, void (*server)(void *),
    void (*client)(void *))
{
	if (server)
		kit_start(server, p);
	kit_start(client, p);
	kit_run();
	close(p->listener);
}

/* ---- there and back ---- */

static void serve_hello(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	char buf[16];

	assert_int_equal(swarm_read(s, buf, sizeof buf, swarm_in(30)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(swarm_write(s, "world!", 6, swarm_in(30)), 0);
	/* The end. */
	assert_int_equal(swarm_read(s, buf, sizeof buf, swarm_in(30)), 0);
	swarm_close(s);
}

static void say_hello(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const struct swarm_connect_times *t;
	const char *data;

	assert_non_null(s);
	t = swarm_stream_times(s);
	assert_true(t->start > 0 && t->connected >= t->start);
	assert_int_equal(t->resolved, 0);
	assert_int_equal(t->secured, 0);
	assert_string_equal(swarm_stream_alpn(s), "");
	assert_int_equal(swarm_write(s, "hello", 5, swarm_in(30)), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 6);
	assert_memory_equal(data, "world!", 6);
	assert_false(swarm_stream_stale(s));
	swarm_close(s);
}

static void test_there_and_back(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_hello, say_hello);
}

static void put_pattern(char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = (char)(i * 7 + (i >> 12));
}

static void serve_echo(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	char buf[4096];
	int64_t n;

	while ((n = swarm_read(s, buf, sizeof buf, swarm_in(30))) > 0)
		assert_int_equal(swarm_write(s, buf, (size_t)n, swarm_in(30)),
		    0);
	assert_int_equal(n, 0);
	assert_int_equal(swarm_shutdown(s), 0);
	swarm_close(s);
}

/* Writes while another fiber reads, more than any socket buffer holds. */
static void write_big(void *arg)
{
	struct pair *p = arg;
	char *data = malloc(BIG);
	struct iovec pieces[3];

	put_pattern(data, BIG);
	pieces[0] = (struct iovec){ data, 100 };
	pieces[1] = (struct iovec){ data + 100, 0 };
	pieces[2] = (struct iovec){ data + 100, BIG - 100 };
	assert_int_equal(swarm_writev(p->stream, pieces, 3, swarm_in(30)), 0);
	free(data);
	assert_int_equal(swarm_shutdown(p->stream), 0);
}

static void read_big(void *arg)
{
	struct pair *p = arg;
	char *want = malloc(BIG);
	const char *data;
	size_t at = 0;
	int64_t n;

	put_pattern(want, BIG);
	p->stream = dial(p);
	assert_non_null(p->stream);
	kit_start(write_big, p);
	while ((n = swarm_recv(p->stream, &data, swarm_in(30))) > 0) {
		assert_true(at + (size_t)n <= BIG);
		assert_memory_equal(data, want + at, (size_t)n);
		at += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, BIG);
	swarm_close(p->stream);
	free(want);
}

static void test_much_in_both_directions(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_echo, read_big);
}

/* ---- ends of all kinds ---- */

static void serve_and_leave(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);

	assert_int_equal(swarm_write(s, "last", 4, swarm_in(30)), 0);
	swarm_close(s);
	p->turn = 1;
}

/* The end arrives together with the last bytes: one edge for both. */
static void read_to_the_end(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	while (p->turn == 0)
		assert_int_equal(swarm_sleep(0.001), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 4);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 0);
	swarm_close(s);
}

static void test_end_with_the_last_bytes(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_and_leave, read_to_the_end);
}

static void serve_reset(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	struct linger hard = { .l_onoff = 1 };
	char byte;

	assert_int_equal(swarm_read(s, &byte, 1, swarm_in(30)), 1);
	setsockopt(swarm_stream_fd(s), SOL_SOCKET, SO_LINGER, &hard,
	    sizeof hard);
	swarm_close(s);
}

static void meet_reset(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	assert_int_equal(swarm_write(s, "x", 1, swarm_in(30)), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(swarm_write(s, "x", 1, swarm_in(30)), -1);
	assert_int_equal(errno, EPIPE);
	swarm_close(s);
}

static void test_reset(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_reset, meet_reset);
}

static void serve_half_closed(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	char buf[16];

	assert_int_equal(swarm_read(s, buf, sizeof buf, swarm_in(30)), 3);
	assert_int_equal(swarm_read(s, buf, sizeof buf, swarm_in(30)), 0);
	assert_int_equal(swarm_write(s, "answer", 6, swarm_in(30)), 0);
	swarm_close(s);
}

static void half_close(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	assert_int_equal(swarm_write(s, "ask", 3, swarm_in(30)), 0);
	assert_int_equal(swarm_shutdown(s), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 6);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 0);
	swarm_close(s);
}

static void test_half_close(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_half_closed, half_close);
}

static void serve_twice(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *talks = kit_accept(p->listener);
	struct swarm_stream *leaves = kit_accept(p->listener);

	assert_int_equal(swarm_write(talks, "?", 1, swarm_in(30)), 0);
	swarm_close(leaves);
	p->turn = 1;
	while (p->turn == 1)
		swarm_sleep(0.001);
	swarm_close(talks);
}

static void find_stale(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *hears = dial(p);
	struct swarm_stream *loses;

	assert_false(swarm_stream_stale(hears));
	loses = dial(p);
	while (p->turn == 0)
		swarm_sleep(0.001);
	while (!swarm_stream_stale(hears))
		swarm_sleep(0.001);
	while (!swarm_stream_stale(loses))
		swarm_sleep(0.001);
	p->turn = 2;
	swarm_close(hears);
	swarm_close(loses);
}

static void test_stale(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_twice, find_stale);
}

/* ---- deadlines and cancellation ---- */

static void serve_nothing(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);

	while (p->turn == 0)
		swarm_sleep(0.001);
	swarm_close(s);
}

static void meet_deadlines(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	char *data = calloc(1, BIG);
	const char *none;
	int64_t before = swarm_now(), until = swarm_in(0.02);

	assert_int_equal(swarm_recv(s, &none, until), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(swarm_now() >= until);
	assert_true(swarm_now() - before < 10 * NS_PER_S);
	/* One that has passed lets through what does not wait. */
	assert_int_equal(swarm_write(s, "x", 1, before), 0);
	assert_int_equal(swarm_recv(s, &none, before), -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* Nobody reads: a large write waits too. */
	while (swarm_write(s, data, BIG, swarm_in(0.02)) == 0)
		continue;
	assert_int_equal(errno, ETIMEDOUT);
	free(data);
	p->turn = 1;
	swarm_close(s);
}

static void test_deadlines(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_nothing, meet_deadlines);
}

static void wait_for_ever(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	p->got = 1;
	assert_int_equal(swarm_recv(s, &data, SWARM_FOREVER), -1);
	assert_int_equal(errno, ECANCELED);
	p->turn = 1;
	swarm_close(s);
}

static void test_cancel(void **state)
{
	struct fiber *f;
	struct pair p;

	(void)state;
	pair_init(&p);
	kit_start(serve_nothing, &p);
	f = kit_start(wait_for_ever, &p);
	while (p.got == 0)
		loop_once(true);
	fiber_cancel(f, true);
	kit_run();
	close(p.listener);
}

/* ---- connecting ---- */

static void be_refused(void *arg)
{
	struct pair *p = arg;

	assert_null(dial(p));
	assert_int_equal(errno, ECONNREFUSED);
	assert_string_equal(p->error, "connect: Connection refused");
}

/* The port is behind the name, as in --host. */
static void say_hello_by_target(void *arg)
{
	struct pair *p = arg;
	char host[64];

	snprintf(host, sizeof host, "127.0.0.1:%u", p->port);
	p->host = host;
	p->port = 0;
	say_hello(arg);
	p->host = "localhost";
	assert_null(dial(p));
	assert_string_equal(p->error, "connect: the target has no port");
	p->host = "localhost:99999";
	assert_null(dial(p));
	assert_int_equal(errno, EINVAL);
}

static void test_port_in_the_host(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_hello, say_hello_by_target);
}

static void test_refused(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	close(p.listener);
	p.listener = -1;
	run_pair(&p, NULL, be_refused);
}

/* A full queue answers nobody. */
static void wait_in_vain(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *first = dial(p), *queued;

	assert_non_null(first);
	p->deadline = swarm_in(0.03);
	while ((queued = dial(p)) != NULL)
		swarm_close(queued);
	assert_int_equal(errno, ETIMEDOUT);
	assert_string_equal(p->error, "connect: timed out");
	swarm_close(first);
}

static void test_connect_deadline(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	listen(p.listener, 0);
	run_pair(&p, NULL, wait_in_vain);
}

static void serve_source(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	struct sockaddr_in in;
	socklen_t len = sizeof in;

	getpeername(swarm_stream_fd(s), (struct sockaddr *)&in, &len);
	assert_int_equal(ntohl(in.sin_addr.s_addr), 0x7f000003);
	swarm_close(s);
}

static void use_source(void *arg)
{
	struct pair *p = arg;

	p->source = "192.0.2.1";
	assert_null(dial(p));
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_string_equal(p->error,
	    "connect: no local port or address is free");
	p->source = "127.0.0.3";
	p->stream = dial(p);
	assert_non_null(p->stream);
	swarm_close(p->stream);
}

static void test_source(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_source, use_source);
}

static void listen_unix(struct pair *p, const char *path, socklen_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	memcpy(un.sun_path, path, strlen(path));
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	assert_int_equal(bind(p->listener, (struct sockaddr *)&un, len), 0);
	assert_int_equal(listen(p->listener, 4), 0);
}

static void test_unix(void **state)
{
	char dir[] = "/tmp/swarm-net-XXXXXX", path[64], host[80];
	struct pair p = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	snprintf(host, sizeof host, "unix:%s", path);
	listen_unix(&p, path, sizeof(struct sockaddr_un));
	p.host = host;
	run_pair(&p, serve_hello, say_hello);
	unlink(path);
	rmdir(dir);
	snprintf(path, sizeof path, "@swarm-net-%d", (int)getpid());
	snprintf(host, sizeof host, "unix:%s", path);
	listen_unix(&p, path, (socklen_t)(offsetof(struct sockaddr_un,
	    sun_path) + strlen(path)));
	run_pair(&p, serve_hello, say_hello);
}

static void dial_too_long(void *arg)
{
	char host[200];
	struct pair *p = arg;

	memset(host, 'x', sizeof host);
	memcpy(host, "unix:", 5);
	host[199] = '\0';
	p->host = host;
	assert_null(dial(p));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_non_null(strstr(p->error, "connect: "));
}

static void test_unix_too_long(void **state)
{
	struct pair p = { .listener = -1 };

	(void)state;
	run_pair(&p, NULL, dial_too_long);
}

/* ---- names ---- */

static _Atomic int look_ups;
static const char *answers[4];          /* addresses; none: EAI_NONAME */

/* One block for each address, as freeaddrinfo() frees them. */
static int fake_look_up(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = hints->ai_socktype };
	struct addrinfo **at = out;
	int i;

	(void)service;
	assert_string_equal(name, "name.test");
	look_ups++;
	*out = NULL;
	for (i = 0; answers[i]; i++) {
		assert_int_equal(getaddrinfo(answers[i], NULL, &numeric, at),
		    0);
		at = &(*at)->ai_next;
	}
	return *out ? 0 : EAI_NONAME;
}

static void ask_name(void *arg)
{
	struct resolve_result r;
	const char *why;

	(void)arg;
	assert_int_equal(resolve_host("name.test", &r, swarm_in(30), &why), 0);
	assert_int_equal(r.count, 1);
	assert_false(r.literal);
}

static void ask_in_vain(void *arg)
{
	struct resolve_result r;
	const char *why;

	(void)arg;
	assert_int_equal(resolve_host("name.test", &r, swarm_in(30), &why), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(why, gai_strerror(EAI_NONAME));
}

static void fake(const char *a, const char *b)
{
	look_ups = 0;
	answers[0] = a;
	answers[1] = b;
	answers[2] = NULL;
	resolve_use(fake_look_up);
}

static void ask_for_text(void *arg)
{
	char addresses[4][SWARM_ADDRESS_SIZE], error[128];

	(void)arg;
	assert_int_equal(swarm_resolve("name.test", addresses, 4,
	    swarm_in(30), error, sizeof error), 2);
	assert_string_equal(addresses[0], "127.0.0.1");
	assert_string_equal(addresses[1], "::1");
	assert_int_equal(swarm_resolve("name.test", addresses, 1,
	    swarm_in(30), error, sizeof error), 1);
	answers[0] = NULL;
	resolve_release();
	assert_int_equal(swarm_resolve("name.test", addresses, 4,
	    swarm_in(30), error, sizeof error), -1);
	assert_string_equal(error, "resolve: Name or service not known");
}

static void test_addresses_as_text(void **state)
{
	(void)state;
	fake("127.0.0.1", "::1");
	kit_start(ask_for_text, NULL);
	kit_run();
}

static void test_many_ask_once(void **state)
{
	int i;

	(void)state;
	fake("127.0.0.1", NULL);
	for (i = 0; i < 10; i++)
		kit_start(ask_name, NULL);
	kit_run();
	kit_start(ask_name, NULL);
	kit_run();
	assert_int_equal(look_ups, 1);
}

static void test_failure_is_remembered_briefly(void **state)
{
	int64_t now = clock_now();

	(void)state;
	fake(NULL, NULL);
	kit_start(ask_in_vain, NULL);
	kit_run();
	kit_start(ask_in_vain, NULL);
	kit_run();
	assert_int_equal(look_ups, 1);
	clock_freeze(now + 40 * NS_PER_S);
	answers[0] = "127.0.0.1";
	kit_start(ask_name, NULL);
	kit_run();
	assert_int_equal(look_ups, 2);
	clock_freeze(now + 90 * NS_PER_S);
	kit_start(ask_name, NULL);
	kit_run();
	assert_int_equal(look_ups, 2);
	clock_freeze(now + 101 * NS_PER_S);
	kit_start(ask_name, NULL);
	kit_run();
	assert_int_equal(look_ups, 3);
	clock_thaw();
}

static void ask_shortly(void *arg)
{
	struct resolve_result r;
	const char *why;

	(void)arg;
	assert_int_equal(resolve_host("name.test", &r, 1, &why), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_string_equal(why, "timed out");
	/* The look-up goes on, and serves whoever asks next. */
	ask_name(NULL);
}

static void test_look_up_has_a_deadline(void **state)
{
	(void)state;
	fake("127.0.0.1", NULL);
	kit_start(ask_shortly, NULL);
	kit_run();
	assert_int_equal(look_ups, 1);
}

static void serve_two(void *arg)
{
	struct pair *p = arg;

	swarm_close(kit_accept(p->listener));
	swarm_close(kit_accept(p->listener));
}

static uint32_t peer_of(struct swarm_stream *s)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;

	getpeername(swarm_stream_fd(s), (struct sockaddr *)&in, &len);
	return ntohl(in.sin_addr.s_addr);
}

/* Nothing listens on the first address. */
static void fall_through(void *arg)
{
	struct pair *p = arg;
	struct resolve_result r;
	const char *why;
	int i;

	for (i = 0; i < 2; i++) {
		struct swarm_stream *s = dial(p);

		assert_non_null(s);
		assert_int_equal(peer_of(s), 0x7f000002);
		assert_true(swarm_stream_times(s)->resolved > 0);
		swarm_close(s);
	}
	assert_int_equal(resolve_host("name.test", &r, swarm_in(30), &why), 0);
	assert_int_equal(r.count, 2);
	assert_int_equal(ntohl(r.addr[0].in4.sin_addr.s_addr), 0x7f000002);
}

static void test_falls_through_addresses(void **state)
{
	struct pair p = { .host = "name.test" };

	(void)state;
	p.listener = kit_listen_on("127.0.0.2", 0, 4);
	p.port = kit_port(p.listener);
	fake("127.0.0.1", "127.0.0.2");
	run_pair(&p, serve_two, fall_through);
}

static void take_turns(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *a = dial(p), *b = dial(p), *c = dial(p);

	assert_int_equal(peer_of(a), 0x7f000001);
	assert_int_equal(peer_of(b), 0x7f000002);
	assert_int_equal(peer_of(c), 0x7f000001);
	swarm_close(a);
	swarm_close(b);
	swarm_close(c);
}

static void test_addresses_take_turns(void **state)
{
	struct pair p = { .host = "name.test" };

	(void)state;
	p.listener = kit_listen_on("0.0.0.0", 0, 4);
	p.port = kit_port(p.listener);
	fake("127.0.0.1", "127.0.0.2");
	run_pair(&p, NULL, take_turns);
}

static void say_unknown(void *arg)
{
	struct pair *p = arg;

	assert_null(dial(p));
	assert_string_equal(p->error, "resolve: Name or service not known");
}

static void say_hello_by_name(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	assert_true(swarm_stream_times(s)->resolved > 0);
	assert_int_equal(swarm_write(s, "hello", 5, swarm_in(30)), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 6);
	swarm_close(s);
}

static void test_unknown_name(void **state)
{
	struct pair p = { .host = "name.test", .port = 9, .listener = -1 };

	(void)state;
	fake(NULL, NULL);
	run_pair(&p, NULL, say_unknown);
}

static void test_localhost(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.host = "localhost";
	run_pair(&p, serve_hello, say_hello_by_name);
}

static void test_literals(void **state)
{
	union resolve_addr a;

	(void)state;
	assert_true(resolve_literal("127.0.0.1", &a));
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_true(resolve_literal("::1", &a));
	assert_int_equal(a.sa.sa_family, AF_INET6);
	assert_true(resolve_literal("fe80::1%lo", &a));
	assert_int_not_equal(a.in6.sin6_scope_id, 0);
	assert_false(resolve_literal("fe80::1%nothing", &a));
	assert_false(resolve_literal("localhost", &a));
	assert_false(resolve_literal("127.1", &a));
	assert_false(resolve_literal("", &a));
}

/* ---- memory ---- */

static void hold_many(void *arg)
{
	struct swarm_stream *s[100];
	struct pair *p = arg;
	size_t before = mallinfo2().uordblks, i, used;

	for (i = 0; i < 100; i++) {
		s[i] = dial(p);
		assert_non_null(s[i]);
	}
	used = mallinfo2().uordblks - before;
	assert_true(used / 100 < 512);
	for (i = 0; i < 100; i++)
		swarm_close(s[i]);
}

static void test_idle_streams_are_small(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	listen(p.listener, 128);
	run_pair(&p, NULL, hold_many);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_there_and_back),
		T(test_much_in_both_directions),
		T(test_end_with_the_last_bytes),
		T(test_reset),
		T(test_half_close),
		T(test_stale),
		T(test_deadlines),
		T(test_cancel),
		T(test_port_in_the_host),
		T(test_refused),
		T(test_connect_deadline),
		T(test_source),
		T(test_unix),
		T(test_unix_too_long),
		T(test_addresses_as_text),
		T(test_many_ask_once),
		T(test_failure_is_remembered_briefly),
		T(test_look_up_has_a_deadline),
		T(test_falls_through_addresses),
		T(test_addresses_take_turns),
		T(test_unknown_name),
		T(test_localhost),
		T(test_literals),
		T(test_idle_streams_are_small),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
