/*
 * Two fibers of this process that talk over loopback: a server, and a client
 * that dials it.
 */
#ifndef NET_PAIR_H
#define NET_PAIR_H

#include "net_kit.h"

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

static inline void pair_init(struct pair *p)
{
	memset(p, 0, sizeof *p);
	p->listener = kit_listen_on("127.0.0.1", 0, 16);
	p->port = kit_port(p->listener);
	p->host = "127.0.0.1";
}

static inline struct swarm_stream *dial(struct pair *p)
{
	return swarm_connect(&(struct swarm_connect_args){
		.size = sizeof(struct swarm_connect_args),
		.host = p->host, .port = p->port, .source = p->source,
		.deadline = p->deadline }, p->error, sizeof p->error);
}

static inline void run_pair(struct pair *p, void (*server)(void *),
    void (*client)(void *))
{
	if (server)
		kit_start(server, p);
	kit_start(client, p);
	kit_run();
	close(p->listener);
}

/* ---- there and back ---- */

static inline void serve_hello(void *arg)
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

static inline void say_hello(void *arg)
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

#endif
