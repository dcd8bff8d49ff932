/*
 * The resolver's cache.
 *
 * getaddrinfo() is the only resolver that agrees with everything else on the
 * machine (hosts file, nsswitch, resolv.conf), and it blocks; so each look-up
 * runs on the thread pool, on behalf of nobody: a fiber of its own waits for
 * it and tells all who asked meanwhile.  Those wait with deadlines of their
 * own, and ten thousand users that start together cost one look-up.
 */
#include "net/resolve.h"

#include <swarm/fiber.h>

#include "base/clock.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "fiber/fiber.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1024                  /* names remembered */

/* Somebody who waits for a look-up; on its own stack. */
struct asker {
	struct asker *next;
	struct fiber *fiber;
	bool told;
};

struct entry {
	char *host;
	bool busy;                      /* a look-up is under way */
	unsigned waiting;               /* who will look at it yet: some are
	                                 * told, and have not run since */
	int rc;                         /* of getaddrinfo() */
	int64_t expires;
	unsigned count;
	unsigned next;                  /* whose turn it is to be first */
	union resolve_addr addr[RESOLVE_MAX];
	bool bad[RESOLVE_MAX];
	struct asker *askers;
	/* Written by the thread pool. */
	struct addrinfo *found;
	int found_rc;
};

static struct strmap cache;
static int (*look_up)(const char *, const char *, const struct addrinfo *,
    struct addrinfo **) = getaddrinfo;

socklen_t resolve_addr_len(const union resolve_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in4;
}

bool resolve_literal(const char *text, union resolve_addr *out)
{
	char host[INET6_ADDRSTRLEN];
	const char *scope = strchr(text, '%');
	size_t len = scope ? (size_t)(scope - text) : strlen(text);

	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	memset(out, 0, sizeof *out);
	if (!scope && inet_pton(AF_INET, host, &out->in4.sin_addr) == 1) {
		out->in4.sin_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, host, &out->in6.sin6_addr) != 1)
		return false;
	out->in6.sin6_family = AF_INET6;
	if (!scope)
		return true;
	out->in6.sin6_scope_id = if_nametoindex(scope + 1);
	return out->in6.sin6_scope_id != 0;
}

/* On the thread pool. */
static int run_look_up(void *arg)
{
	struct entry *e = arg;
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};

	e->found = NULL;
	e->found_rc = look_up(e->host, NULL, &hints, &e->found);
	return 0;
}

static void keep_addresses(struct entry *e)
{
	const struct addrinfo *ai;

	e->count = 0;
	for (ai = e->found; ai && e->count < RESOLVE_MAX; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		if (ai->ai_addrlen > sizeof e->addr[0])
			continue;
		memset(&e->addr[e->count], 0, sizeof e->addr[0]);
		memcpy(&e->addr[e->count], ai->ai_addr, ai->ai_addrlen);
		e->bad[e->count++] = false;
	}
	e->next = 0;
}

/* On a fiber of nobody's. */
static void serve_askers(void *arg)
{
	struct entry *e = arg;
	struct asker *a;

	swarm_offload(run_look_up, e);
	e->rc = e->found_rc;
	if (e->rc == 0)
		keep_addresses(e);
	if (e->rc == 0 && e->count == 0)
		e->rc = EAI_NONAME;
	if (e->found)
		freeaddrinfo(e->found);
	e->found = NULL;
	e->busy = false;
	e->expires = clock_now() +
	    (e->rc == 0 ? RESOLVE_TTL_NS : RESOLVE_FAILED_TTL_NS);
	while ((a = e->askers) != NULL) {
		e->askers = a->next;
		a->told = true;
		fiber_ready(a->fiber);
	}
}

static void forget_asker(struct entry *e, struct asker *asker)
{
	struct asker **at = &e->askers;

	while (*at && *at != asker)
		at = &(*at)->next;
	if (*at)
		*at = asker->next;
}

static int wait_for(struct entry *e, int64_t deadline)
{
	struct asker me = { .next = e->askers, .fiber = fiber_self() };
	int saved, rc = 0;

	e->askers = &me;
	e->waiting++;
	while (!me.told && rc == 0)
		rc = fiber_wait(deadline);
	e->waiting--;
	if (me.told)
		return 0;
	saved = errno;
	forget_asker(e, &me);
	errno = saved;
	return -1;
}

static void entry_free(struct entry *e)
{
	free(e->host);
	free(e);
}

/* Makes room by dropping what is stale, else whatever nobody waits for: a
 * scenario that makes up host names must not fill the memory. */
static void make_room(void)
{
	struct entry *e;
	bool stale_only = true;
	size_t i;

	while (cache.count >= NAMES_MAX) {
		for (i = cache.count; i-- > 0;) {
			e = cache.entries[i].value;
			if (e->busy || e->waiting > 0)
				continue;
			if (stale_only && e->expires > clock_now())
				continue;
			strmap_remove(&cache, e->host);
			entry_free(e);
		}
		if (!stale_only)
			return;
		stale_only = false;
	}
}

static struct entry *entry_for(const char *host)
{
	struct entry *e = strmap_get(&cache, host);

	if (e)
		return e;
	make_room();
	e = xcalloc(1, sizeof *e);
	e->host = xstrdup(host);
	e->expires = INT64_MIN;
	strmap_put(&cache, host, e);
	return e;
}

static void rotate(union resolve_addr *addr, unsigned count, unsigned by)
{
	union resolve_addr copy[RESOLVE_MAX];
	unsigned i;

	memcpy(copy, addr, count * sizeof copy[0]);
	for (i = 0; i < count; i++)
		addr[i] = copy[(i + by) % count];
}

/* The answering addresses of the family getaddrinfo() prefers take turns at
 * being first; the other answering ones follow, then those that did not. */
static void give_order(struct entry *e, struct resolve_result *out)
{
	unsigned good, i, run = 0;

	out->count = 0;
	for (i = 0; i < e->count; i++) {
		if (!e->bad[i])
			out->addr[out->count++] = e->addr[i];
	}
	good = out->count;
	for (i = 0; i < e->count; i++) {
		if (e->bad[i])
			out->addr[out->count++] = e->addr[i];
	}
	while (run < good &&
	    out->addr[run].sa.sa_family == out->addr[0].sa.sa_family)
		run++;
	if (run > 1)
		rotate(out->addr, run, e->next++ % run);
}

int resolve_host(const char *host, struct resolve_result *out,
    int64_t deadline, const char **why)
{
	struct entry *e;

	memset(out, 0, sizeof *out);
	if (resolve_literal(host, &out->addr[0])) {
		out->count = 1;
		out->literal = true;
		return 0;
	}
	e = entry_for(host);
	if (!e->busy && e->expires <= clock_now()) {
		e->busy = true;
		fiber_start(NULL, serve_askers, e, NULL);
	}
	if (e->busy && wait_for(e, deadline) == -1) {
		*why = errno == ETIMEDOUT ? "timed out" : "cancelled";
		return -1;
	}
	if (e->rc != 0) {
		*why = gai_strerror(e->rc);
		errno = e->rc == EAI_AGAIN ? EAGAIN : ENOENT;
		return -1;
	}
	give_order(e, out);
	return 0;
}

void resolve_report(const char *host, const union resolve_addr *addr,
    bool good)
{
	struct entry *e = strmap_get(&cache, host);
	unsigned i;

	for (i = 0; e && i < e->count; i++) {
		union resolve_addr known = e->addr[i];

		/* The port is the connection's, not the name's. */
		if (known.sa.sa_family == AF_INET6)
			known.in6.sin6_port = addr->in6.sin6_port;
		else
			known.in4.sin_port = addr->in4.sin_port;
		if (memcmp(&known, addr, sizeof known) == 0)
			e->bad[i] = !good;
	}
}

void resolve_release(void)
{
	size_t i;

	for (i = 0; i < cache.count; i++)
		entry_free(cache.entries[i].value);
	strmap_release(&cache);
}

void resolve_use(int (*fn)(const char *, const char *,
    const struct addrinfo *, struct addrinfo **))
{
	look_up = fn ? fn : getaddrinfo;
}
