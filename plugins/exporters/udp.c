/*
 * A connected UDP socket, so that the kernel hands back what it hears of a
 * closed port.  Such an error belongs to an earlier datagram: the one at hand
 * is sent again.
 */
#include "udp.h"

#include <swarm/log.h>
#include <swarm/sink.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What passes any network in one piece. */
#define DATAGRAM 1400

struct udp {
	char *host;
	char *port;
	int fd;                         /* -1: not resolved yet */
	bool told;
};

struct udp *udp_new(const char *target, const char *port)
{
	struct udp *u = calloc(1, sizeof(*u));
	const char *colon = strrchr(target, ':');
	const char *end = colon ? colon : target + strlen(target);

	if (!u) {
		swarm_error("out of memory");
		return NULL;
	}
	u->fd = -1;
	if (target[0] == '[') {
		end = strchr(target, ']');
		colon = end && end[1] == ':' ? end + 1 : NULL;
		target++;
	}
	u->host = end ? strndup(target, (size_t)(end - target)) : NULL;
	u->port = strdup(colon ? colon + 1 : port);
	if (u->host && u->host[0] && u->port && u->port[0] &&
	    strspn(u->port, "0123456789") == strlen(u->port))
		return u;
	swarm_error("\"%s\" is no address to send to: write HOST:PORT",
	    target);
	udp_free(u);
	return NULL;
}

/* Name resolution may take its time: on the sink's thread. */
static int open_socket(struct udp *u)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;
	int rc = getaddrinfo(u->host, u->port, &hints, &list);

	if (rc != 0)
		return swarm_sink_fail("%s: %s", u->host, gai_strerror(rc));
	for (struct addrinfo *a = list; a && u->fd == -1; a = a->ai_next) {
		u->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC,
		    a->ai_protocol);
		if (u->fd != -1 &&
		    connect(u->fd, a->ai_addr, a->ai_addrlen) == -1) {
			close(u->fd);
			u->fd = -1;
		}
	}
	freeaddrinfo(list);
	return u->fd != -1 ? 0 : swarm_sink_fail("%s:%s: %m", u->host,
	    u->port);
}

static int send_one(struct udp *u, const char *data, size_t len)
{
	if (send(u->fd, data, len, 0) != -1)
		return 0;
	if (errno != ECONNREFUSED)
		return -1;
	if (!u->told)
		swarm_warn("nobody listens at %s:%s (UDP); what is sent is "
		    "lost until somebody does", u->host, u->port);
	u->told = true;
	return send(u->fd, data, len, 0) == -1 && errno != ECONNREFUSED ?
	    -1 : 0;
}

/* Bytes of as many whole lines as fit; at least one. */
static size_t portion(const char *data, size_t len)
{
	size_t whole = 0;

	while (whole < len) {
		const char *end = memchr(data + whole, '\n', len - whole);
		size_t next = end ? (size_t)(end - data) + 1 : len;

		if (next > DATAGRAM && whole > 0)
			break;
		whole = next;
	}
	return whole;
}

int udp_send(struct udp *u, const struct text *lines)
{
	size_t done = 0;

	if (lines->failed)
		return swarm_sink_fail("too much for one interval");
	if (u->fd == -1 && open_socket(u) == -1)
		return -1;
	while (done < lines->len) {
		size_t n = portion(lines->data + done, lines->len - done);

		/* After a first part the rest must not make it come again. */
		if (send_one(u, lines->data + done, n) == -1 && done == 0)
			return swarm_sink_fail("%s:%s: %m", u->host, u->port);
		done += n;
	}
	return 0;
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	if (u->fd != -1)
		close(u->fd);
	free(u->host);
	free(u->port);
	free(u);
}
