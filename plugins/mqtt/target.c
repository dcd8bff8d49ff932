/*
 * Where to connect, and why it failed.
 *
 * Paho resolves names in its one send thread, under the lock that every
 * client of the process needs; so a name is resolved here, once, in the thread
 * pool, and Paho is given the address.  With TLS it must have the name, to
 * verify the certificate, and resolves it itself.
 *
 * When a TCP connect fails Paho does not say why.  One attempt of our own
 * asks the kernel, at most once a second: its answer serves all the clients
 * that failed meanwhile.
 */
#include "paho.h"

#include <swarm/net.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct address {
	struct address *next;
	char host[256];
	char text[64];
};

/* Names met in this worker; the loop thread's. */
static struct address *known;

static const struct address *find(const char *host)
{
	for (const struct address *a = known; a; a = a->next) {
		if (strcmp(a->host, host) == 0)
			return a;
	}
	return NULL;
}

/* [any thread] In the pool. */
static int resolve(void *arg)
{
	struct address *a = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list;
	char ip[48];
	int rc = getaddrinfo(a->host, NULL, &hints, &list);

	if (rc != 0)
		return rc;
	rc = getnameinfo(list->ai_addr, list->ai_addrlen, ip, sizeof ip, NULL,
	    0, NI_NUMERICHOST);
	if (rc == 0)
		snprintf(a->text, sizeof a->text,
		    list->ai_family == AF_INET6 ? "[%s]" : "%s", ip);
	freeaddrinfo(list);
	return rc;
}

static const char *address_of(const struct url *u)
{
	const struct address *found = find(u->host);
	struct address *a;

	if (found)
		return found->text;
	a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	memcpy(a->host, u->host, sizeof a->host);
	if (swarm_offload(resolve, a) != 0) {
		free(a);
		return NULL;
	}
	a->next = known;
	known = a;
	return a->text;
}

int target_uri(const struct settings *s, char *uri, size_t size)
{
	const struct url *u = &s->url;
	const char *scheme = u->websocket ? (u->tls ? "wss" : "ws") :
	    (u->tls ? "ssl" : "tcp");
	char bracketed[sizeof u->host + 2];
	const char *host = u->host;

	if (u->numeric) {
		snprintf(bracketed, sizeof bracketed, "[%s]", u->host);
		host = bracketed;
	} else if (!u->tls) {
		host = address_of(u);
	}
	if (!host)
		return -1;
	snprintf(uri, size, "%s://%s:%u%s", scheme, host, u->port, u->path);
	return 0;
}

static struct {
	char host[256];
	uint16_t port;
	bool running;
	int64_t until;                  /* the answer serves till then */
	char text[128];
	struct swarm_waiters waiters;
} probe;

static void run_probe(const struct settings *s, int64_t deadline)
{
	struct swarm_connect_args a = {
		.size = sizeof a,
		.host = s->url.host,
		.port = s->url.port,
		.deadline = deadline,
	};
	struct swarm_stream *stream;

	memcpy(probe.host, s->url.host, sizeof probe.host);
	probe.port = s->url.port;
	probe.running = true;
	stream = swarm_connect(&a, probe.text, sizeof probe.text);
	if (stream)
		snprintf(probe.text, sizeof probe.text,
		    "closed before the CONNACK");
	swarm_close(stream);
	probe.running = false;
	probe.until = swarm_in(1);
	swarm_waiters_wake(&probe.waiters);
}

const char *target_why(const struct settings *s, int64_t deadline)
{
	while (probe.running) {
		if (swarm_waiters_wait(&probe.waiters, deadline) == -1)
			return "connection failed";
	}
	if (swarm_now() >= probe.until || probe.port != s->url.port ||
	    strcmp(probe.host, s->url.host) != 0)
		run_probe(s, deadline);
	return probe.text;
}
