/*
 * Listening, and a fiber for each connection.  A connection that cannot be
 * taken now, for want of descriptors or memory, waits in the kernel's queue.
 */
#include "target.h"

#include <swarm/swarm.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG  4096
#define PATIENCE 0.01                   /* seconds, when one can't be taken */

int64_t conn_fill(struct conn *c)
{
	for (;;) {
		ssize_t n;

		if (c->len == CONN_BUFFER) {
			errno = ENOBUFS;
			return -1;
		}
		n = read(c->fd, c->data + c->len, CONN_BUFFER - c->len);
		if (n >= 0) {
			c->len += (size_t)n;
			c->data[c->len] = '\0';
			return n;
		}
		if (errno != EAGAIN)
			return -1;
		if (swarm_io_wait(c->io, SWARM_READ, SWARM_FOREVER) == -1)
			return -1;
	}
}

void conn_consume(struct conn *c, size_t n)
{
	c->len -= n;
	memmove(c->data, c->data + n, c->len + 1);
}

int conn_write(struct conn *c, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN || swarm_io_wait(c->io,
		    SWARM_WRITE, SWARM_FOREVER) == -1) {
			return -1;
		}
	}
	return 0;
}

static void serve(void *arg)
{
	struct conn *c = arg;
	int on = 1;

	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->io = swarm_io_new(c->fd);
	target.connections++;
	while (c->io != NULL && http_serve(c))
		;
	swarm_io_free(c->io);
	close(c->fd);
	free(c);
}

static int listen_on(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *list;
	int on = 1;
	int fd = -1;
	int rc = getaddrinfo(host, port, &hints, &list);

	if (rc != 0) {
		swarm_error("cannot listen on %s:%s: %s", host, port,
		    gai_strerror(rc));
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, list->ai_addr, list->ai_addrlen) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		swarm_error("cannot listen on %s:%s: %m; choose another with "
		    "--listen ADDRESS:PORT", host, port);
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static void announce(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof host,
	    port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		swarm_info(addr.ss_family == AF_INET6 ?
		    "listening on http://[%s]:%s and ws://[%s]:%s" :
		    "listening on http://%s:%s and ws://%s:%s", host, port,
		    host, port);
}

static void take(struct swarm_user *u, int fd)
{
	struct conn *c = malloc(sizeof *c);

	if (c == NULL) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->user = u;
	c->len = 0;
	c->data[0] = '\0';
	swarm_spawn(u, serve, c);
}

int server_run(struct swarm_user *u, const char *host, const char *port)
{
	int fd = listen_on(host, port);
	struct swarm_io *io;
	int rc = 0;

	if (fd == -1)
		return 2;
	io = swarm_io_new(fd);
	if (io == NULL) {
		swarm_error("cannot wait for connections: %m");
		close(fd);
		return 2;
	}
	announce(fd);
	while (rc != -1) {
		int peer = accept4(fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (peer != -1)
			take(u, peer);
		else if (errno == EAGAIN)
			rc = swarm_io_wait(io, SWARM_READ, SWARM_FOREVER);
		else
			rc = swarm_sleep(PATIENCE);
	}
	swarm_io_free(io);
	close(fd);
	return 0;
}
