/* Values cut at every byte, values that are not there, and nonsense. */
#include <memcache.h>
#include <swarm/swarm.h>
#include <swarm/test.h>

#include <string.h>

static void serve(struct swarm_peer *p, void *arg)
{
	swarm_peer_accept(p);
	swarm_peer_pieces(p, 1);
	swarm_peer_expect(p, "get k\r\n", 7);
	swarm_peer_send(p, arg, strlen(arg));
}

static const char *ask(struct swarm_user *u, const char *answer, size_t *len)
{
	struct swarm_peer *p = swarm_peer_new(u, serve,
	    (void *)(uintptr_t)answer);
	const char *value;

	swarm_test_host(swarm_peer_address(p));
	value = memcache_get(u, "k", len);
	swarm_peer_join(p);
	return value;
}

static void in_pieces(struct swarm_user *u)
{
	size_t len;
	const char *value = ask(u, "VALUE k 0 7\r\na\r\nlong\r\nEND\r\n", &len);

	swarm_expect(value != NULL && len == 7);
	swarm_expect(memcmp(value, "a\r\nlong", 7) == 0);
	swarm_expect(swarm_test_sample(0)->error == NULL);
}

static void not_there(struct swarm_user *u)
{
	size_t len;

	swarm_expect(ask(u, "END\r\n", &len) == NULL);
	swarm_expect(swarm_test_sample(0)->error == NULL);
}

static void nonsense(struct swarm_user *u)
{
	size_t len;

	swarm_expect(ask(u, "VALUE k 0 99999999\r\n", &len) == NULL);
	swarm_expect(swarm_test_sample(0)->error != NULL);
}

static void refuse(struct swarm_peer *p, void *arg)
{
	swarm_peer_accept(p);
	swarm_peer_expect(p, "set k 0 0 1\r\nv\r\n", 16);
	swarm_peer_send(p, arg, strlen(arg));
}

/* The reason is the answer's first word, without what else has come. */
static void refused(struct swarm_user *u)
{
	struct swarm_peer *p = swarm_peer_new(u, refuse, "NOT_STORED\r\n");

	swarm_test_host(swarm_peer_address(p));
	swarm_expect(memcache_set(u, "k", "v", 1) == -1);
	swarm_expect(swarm_peer_join(p) == 0);
	swarm_expect(strcmp(swarm_test_sample(0)->error, "NOT_STORED") == 0);
}

SWARM_TESTS(SWARM_CASE(in_pieces), SWARM_CASE(not_there),
    SWARM_CASE(nonsense), SWARM_CASE(refused));
