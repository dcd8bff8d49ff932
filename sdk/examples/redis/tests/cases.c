/* Replies cut at every byte, errors, nonsense and silence. */
#include <redis.h>
#include <swarm/swarm.h>
#include <swarm/test.h>

#include <string.h>

static const char get[] = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

struct script {
	const char *reply;
	size_t pieces;
};

static void serve(struct swarm_peer *p, void *arg)
{
	const struct script *s = arg;

	swarm_peer_accept(p);
	swarm_peer_pieces(p, s->pieces);
	swarm_peer_expect(p, get, sizeof(get) - 1);
	swarm_peer_send(p, s->reply, strlen(s->reply));
}

static const struct redisReply *ask(struct swarm_user *u, struct script *s)
{
	struct swarm_peer *p = swarm_peer_new(u, serve, s);
	const struct redisReply *r;

	swarm_test_host(swarm_peer_address(p));
	r = redis_command(u, "GET %s", "k");
	swarm_peer_join(p);
	return r;
}

static void in_pieces(struct swarm_user *u)
{
	struct script s = { "$5\r\nhello\r\n", 1 };
	const struct redisReply *r = ask(u, &s);

	swarm_expect(r != NULL && r->type == REDIS_REPLY_STRING);
	swarm_expect(strcmp(r->str, "hello") == 0);
	swarm_expect(strcmp(swarm_test_sample(0)->name, "GET") == 0);
	swarm_expect(swarm_test_sample(0)->error == NULL);
}

static void an_error(struct swarm_user *u)
{
	struct script s = { "-WRONGTYPE Operation against k\r\n", 0 };
	const struct redisReply *r = ask(u, &s);

	swarm_expect(r != NULL && r->type == REDIS_REPLY_ERROR);
	swarm_expect(strcmp(swarm_test_sample(0)->error, "WRONGTYPE") == 0);
}

static void nonsense(struct swarm_user *u)
{
	struct script s = { "HTTP/1.1 200 OK\r\n\r\n", 0 };

	swarm_expect(ask(u, &s) == NULL);
	swarm_expect(swarm_test_sample(0)->error != NULL);
}

static void silence(struct swarm_user *u)
{
	struct script s = { "", 0 };
	int64_t start = swarm_now();

	swarm_expect(ask(u, &s) == NULL);
	swarm_expect(swarm_now() - start >= INT64_C(5000000000));
}

SWARM_TESTS(SWARM_CASE(in_pieces), SWARM_CASE(an_error),
    SWARM_CASE(nonsense), SWARM_CASE(silence));
