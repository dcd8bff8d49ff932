/*
 * Bytes over TCP and UDP, in the least that such a plugin needs: a session in
 * a slot, a sample around each exchange, and a deadline.
 */
#include "raw.h"

#include <swarm/net.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static double timeout;
static int slot;

struct session {
	struct swarm_stream *tcp;
	int udp;                        /* plus 1, so that 0 is none */
};

static void close_session(struct swarm_user *u, void *data)
{
	struct session *s = data;

	(void)u;
	swarm_close(s->tcp);
	if (s->udp > 0)
		close(s->udp - 1);
	*s = (struct session){ 0 };
}

/* Ends the sample as failed and the connection, of which nobody knows what is
 * still under way. */
static int64_t fail(struct swarm_user *u, struct swarm_timer *t,
    const char *what)
{
	swarm_fail(t, "%s: %m", what);
	close_session(u, swarm_slot(u, slot));
	return -1;
}

/* HOST:PORT; the port, or 0. */
static uint16_t target(struct swarm_user *u, char **host)
{
	char *colon;

	*host = swarm_strdup(u, swarm_host(u));
	colon = strrchr(*host, ':');
	if (colon == NULL) {
		swarm_raise(u, "raw needs --host HOST:PORT");
		return 0;
	}
	*colon = '\0';
	return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static int64_t tcp(struct swarm_user *u, const void *data, size_t len,
    void *answer, size_t size)
{
	struct session *s = swarm_slot(u, slot);
	struct swarm_connect_args args = { .size = sizeof(args),
		.host = swarm_host(u), .deadline = swarm_in(timeout) };
	struct swarm_timer t = swarm_begin(u, "TCP", "exchange");
	size_t have = 0;

	if (s->tcp == NULL)
		s->tcp = swarm_connect(&args, NULL, 0);
	if (s->tcp == NULL)
		return fail(u, &t, "connect");
	if (swarm_write(s->tcp, data, len, args.deadline) == -1)
		return fail(u, &t, "write");
	while (have < size) {
		int64_t n = swarm_read(s->tcp, (char *)answer + have,
		    size - have, args.deadline);

		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return fail(u, &t, "read");
		have += (size_t)n;
	}
	swarm_done(&t, have);
	return (int64_t)have;
}

/* A socket that only hears the target; 0, or -1 with errno. */
static int open_udp(struct swarm_user *u, struct session *s, int64_t deadline)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_DGRAM };
	char address[1][SWARM_ADDRESS_SIZE];
	struct addrinfo *to;
	char service[8], *host;

	snprintf(service, sizeof(service), "%u", target(u, &host));
	if (swarm_resolve(host, address, 1, deadline, NULL, 0) == -1 ||
	    getaddrinfo(address[0], service, &hints, &to) != 0)
		return -1;
	s->udp = 1 + socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (s->udp > 0 && connect(s->udp - 1, to->ai_addr, to->ai_addrlen) ==
	    -1) {
		close(s->udp - 1);
		s->udp = 0;
	}
	freeaddrinfo(to);
	return s->udp > 0 ? 0 : -1;
}

static int64_t udp(struct swarm_user *u, const void *data, size_t len,
    void *answer, size_t size)
{
	struct session *s = swarm_slot(u, slot);
	struct swarm_timer t = swarm_begin(u, "UDP", "exchange");
	int64_t deadline = swarm_in(timeout);
	ssize_t n;

	if (s->udp == 0 && open_udp(u, s, deadline) == -1)
		return fail(u, &t, "socket");
	if (send(s->udp - 1, data, len, 0) == -1)
		return fail(u, &t, "send");
	do {
		if (swarm_wait_fd(s->udp - 1, SWARM_READ, deadline) == -1)
			return fail(u, &t, "receive");
		n = recv(s->udp - 1, answer, size, 0);
	} while (n == -1 && errno == EAGAIN);
	if (n == -1)
		return fail(u, &t, "receive");
	swarm_done(&t, (size_t)n);
	return n;
}

static const struct raw_api api = {
	SWARM_IFACE(struct raw_api, RAW_MINOR),
	.tcp = tcp,
	.udp = udp,
};

static int load(void)
{
	slot = swarm_slot_new(sizeof(struct session), close_session);
	return 0;
}

SWARM_MODULE(
	.name    = "raw",
	.version = "1.0",
	.summary = "bytes over TCP and UDP",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "5s", "of an exchange")),
	.exports = SWARM_EXPORTS({ RAW_ID, &api.head }),
	.load    = load,
);
