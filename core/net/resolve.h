/*
 * Names to addresses: literals at once, names through getaddrinfo() on the
 * thread pool, kept for the whole worker.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>

#define RESOLVE_MAX 8                   /* addresses used of one name */
#define RESOLVE_TTL_NS (INT64_C(60) * 1000000000)
#define RESOLVE_FAILED_TTL_NS INT64_C(1000000000)

union resolve_addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

struct resolve_result {
	unsigned count;
	bool literal;                   /* nothing had to be looked up */
	union resolve_addr addr[RESOLVE_MAX];   /* port 0 */
};

socklen_t resolve_addr_len(const union resolve_addr *);

/* An IPv4 or IPv6 address as text (with a scope: "fe80::1%eth0"). */
bool resolve_literal(const char *text, union resolve_addr *);

/*
 * [fiber] The addresses of `host` in the order they should be tried.  0, or
 * -1 with errno (ENOENT: no such name, EAGAIN: try again later, ETIMEDOUT,
 * ECANCELED) and a reason in *why, a static string.
 */
int resolve_host(const char *host, struct resolve_result *, int64_t deadline,
    const char **why);

/* Remembers whether an address of a cached name answered: those that did not
 * are tried last until the name is looked up again. */
void resolve_report(const char *host, const union resolve_addr *, bool good);

/* Forgets everything; no look-up may be under way. */
void resolve_release(void);

/* Tests: looks up with `fn` (as getaddrinfo) until NULL is given. */
struct addrinfo;
void resolve_use(int (*fn)(const char *, const char *,
    const struct addrinfo *, struct addrinfo **));

#endif
