/*
 * libwebsockets resolves names in the thread it runs on, which would stop
 * every user of the worker: so it is given addresses.  A name is looked up in
 * the thread pool, once a minute; those that ask meanwhile wait for the same
 * answer.
 */
#include "resolve.h"

#include <swarm/fiber.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_S      60.0
#define KEEP_FAIL_S 1.0

struct name {
	struct name *next;
	char host[256];
	struct resolved found;
	int error;                      /* of getaddrinfo() */
	int64_t until;
	bool asking;
	struct swarm_waiters waiters;
};

static struct name *names;

/* [any thread] In the pool; nobody else touches the name meanwhile. */
static int look_up(void *arg)
{
	struct name *n = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list;
	int rc = getaddrinfo(n->host, NULL, &hints, &list);

	n->found.count = 0;
	if (rc != 0)
		return rc;
	for (struct addrinfo *a = list; a && n->found.count < RESOLVE_MAX;
	    a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen,
		    n->found.address[n->found.count],
		    sizeof n->found.address[0], NULL, 0, NI_NUMERICHOST) == 0)
			n->found.count++;
	}
	freeaddrinfo(list);
	return n->found.count ? 0 : EAI_NONAME;
}

static struct name *find(const char *host)
{
	struct name *n;

	for (n = names; n; n = n->next) {
		if (strcmp(n->host, host) == 0)
			return n;
	}
	n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	snprintf(n->host, sizeof n->host, "%s", host);
	n->next = names;
	names = n;
	return n;
}

static int ask(struct name *n)
{
	while (n->asking) {
		if (swarm_waiters_wait(&n->waiters, SWARM_FOREVER) == -1)
			return -1;
	}
	if (n->until > swarm_now())
		return 0;
	n->asking = true;
	n->error = swarm_offload(look_up, n);
	n->asking = false;
	n->until = swarm_in(n->error ? KEEP_FAIL_S : KEEP_S);
	swarm_waiters_wake(&n->waiters);
	return 0;
}

int resolve_name(const char *host, struct resolved *to, const char **why)
{
	unsigned char number[16];
	struct name *n;

	if (inet_pton(AF_INET, host, number) == 1 ||
	    inet_pton(AF_INET6, host, number) == 1) {
		snprintf(to->address[0], sizeof to->address[0], "%s", host);
		to->count = 1;
		return 0;
	}
	*why = "out of memory";
	n = find(host);
	if (!n)
		return -1;
	*why = "cancelled";
	if (ask(n) == -1)
		return -1;
	if (n->error) {
		*why = gai_strerror(n->error);
		errno = ENOENT;
		return -1;
	}
	*to = n->found;
	return 0;
}

void resolve_release(void)
{
	struct name *n;

	while ((n = names)) {
		names = n->next;
		free(n);
	}
}
