/*
 * Connecting: addresses of every kind, names and what is remembered of them,
 * and what is said when nobody answers.
 */
#include "net_pair.h"

#include "base/clock.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/un.h>

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
	/* Not the host ":" at port 1. */
	p->host = "::1";
	assert_null(dial(p));
	assert_string_equal(p->error, "connect: the target has no port");
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

static int any_look_up(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = hints->ai_socktype };

	(void)name;
	(void)service;
	return getaddrinfo("127.0.0.1", NULL, &numeric, out);
}

static void ask_for(const char *name)
{
	struct resolve_result r;
	const char *why;

	assert_int_equal(resolve_host(name, &r, swarm_in(30), &why), 0);
	assert_int_equal(r.count, 1);
}

static void ask_for_many(void *arg)
{
	char name[32];

	(void)arg;
	for (int i = 0; i < 1023; i++) {
		snprintf(name, sizeof name, "n%d.test", i);
		ask_for(name);
	}
}

static void ask_for_last(void *arg)
{
	ask_for("last.test");
	/* For which there is no room. */
	if (arg != NULL)
		ask_for(arg);
}

/* Whoever waits for a name still has it when another wants its place. */
static void test_names_wait_for_their_askers(void **state)
{
	static char more[] = "more.test";

	(void)state;
	resolve_use(any_look_up);
	kit_start(ask_for_many, NULL);
	kit_run();
	for (int i = 0; i < 8; i++)
		kit_start(ask_for_last, i % 2 ? more : NULL);
	kit_run();
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

/* name.test has two addresses; the server listens on `host`. */
static void run_named(const char *host, void (*serve)(void *),
    void (*client)(void *))
{
	struct pair p = { .host = "name.test" };

	p.listener = kit_listen_on(host, 0, 4);
	p.port = kit_port(p.listener);
	fake("127.0.0.1", "127.0.0.2");
	run_pair(&p, serve, client);
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
	(void)state;
	run_named("127.0.0.2", serve_two, fall_through);
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
	(void)state;
	run_named("0.0.0.0", NULL, take_turns);
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
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
		T(test_names_wait_for_their_askers),
		T(test_falls_through_addresses),
		T(test_addresses_take_turns),
		T(test_unknown_name),
		T(test_localhost),
		T(test_literals),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
