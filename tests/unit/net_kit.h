/*
 * For tests of streams: a loop with fibers, and listening sockets on loopback
 * with ports the kernel chose.  The other end is another fiber.
 */
#ifndef NET_KIT_H
#define NET_KIT_H

#include <swarm/fiber.h>
#include <swarm/net.h>

#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static size_t kit_running;

__attribute__((unused)) static int kit_setup(void **state)
{
	(void)state;
	alarm(60);
	assert_int_equal(loop_init(), 0);
	return fiber_init(&(struct fiber_options){ 0 });
}

__attribute__((unused)) static int kit_teardown(void **state)
{
	struct fiber_stats s;

	(void)state;
	resolve_use(NULL);
	resolve_release();
	fiber_stats(&s);
	assert_int_equal(s.alive, 0);
	fiber_release();
	loop_release();
	return 0;
}

static void kit_ended(void *arg)
{
	(void)arg;
	kit_running--;
}

/* A fiber that kit_run() waits for. */
static struct fiber *kit_start(void (*fn)(void *), void *arg)
{
	kit_running++;
	return fiber_start(NULL, fn, arg, kit_ended);
}

/* Runs until every fiber of kit_start() has ended. */
static void kit_run(void)
{
	while (kit_running > 0)
		loop_once(true);
}

static int kit_listen_on(const char *address, uint16_t port, int backlog)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static uint16_t kit_port(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

/* The next connection, as a stream. */
__attribute__((unused)) static struct swarm_stream *kit_accept(int listener)
{
	struct swarm_stream *s;
	int fd;

	while ((fd = accept4(listener, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC)) == -1) {
		assert_int_equal(errno, EAGAIN);
		assert_true(swarm_wait_fd(listener, SWARM_READ,
		    swarm_in(30)) > 0);
	}
	s = swarm_stream_new(fd);
	assert_non_null(s);
	return s;
}

#endif
