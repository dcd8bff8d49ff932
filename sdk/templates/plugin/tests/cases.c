/* The client against a server that these tests write, byte for byte. */
#include <swarm/swarm.h>
#include <swarm/test.h>
#include <@NAME@.h>

#include <string.h>

/* `arg`: how many bytes leave at a time. */
static void answer(struct swarm_peer *p, void *arg)
{
	swarm_peer_accept(p);
	swarm_peer_pieces(p, *(size_t *)arg);
	swarm_peer_expect(p, "hello\n", 6);
	swarm_peer_send(p, "world\r\n", 7);
}

static void in_pieces(struct swarm_user *u, size_t piece)
{
	struct swarm_peer *p = swarm_peer_new(u, answer, &piece);
	size_t before = swarm_test_samples();
	const char *line;

	swarm_test_host(swarm_peer_address(p));
	line = @ID@_ask(u, "hello");
	swarm_expect(line != NULL && strcmp(line, "world") == 0);
	swarm_expect(swarm_peer_join(p) == 0);
	swarm_expect(swarm_test_samples() == before + 1);
	swarm_expect(swarm_test_sample(before)->error == NULL);
}

static void one_byte_at_a_time(struct swarm_user *u)
{
	in_pieces(u, 1);
}

static void whole(struct swarm_user *u)
{
	in_pieces(u, 7);
}

static void say_nothing(struct swarm_peer *p, void *arg)
{
	(void)arg;
	swarm_peer_accept(p);
	swarm_peer_expect(p, "hello\n", 6);
	swarm_peer_expect_end(p);
}

/* Ten seconds of the client's clock, none of ours. */
static void times_out(struct swarm_user *u)
{
	struct swarm_peer *p = swarm_peer_new(u, say_nothing, NULL);
	int64_t start = swarm_now();

	swarm_test_host(swarm_peer_address(p));
	swarm_expect(@ID@_ask(u, "hello") == NULL);
	swarm_expect(swarm_now() - start >= INT64_C(10000000000));
	swarm_expect(swarm_test_sample(0)->error != NULL);
	swarm_expect(swarm_peer_join(p) == 0);
}

static void hang_up(struct swarm_peer *p, void *arg)
{
	(void)arg;
	swarm_peer_accept(p);
	swarm_peer_expect(p, "hello\n", 6);
	swarm_peer_send(p, "wor", 3);
	swarm_peer_hang_up(p, false);
}

/* The result says why, and the next call connects again. */
static void ends_half_way(struct swarm_user *u)
{
	struct swarm_peer *p = swarm_peer_new(u, hang_up, NULL);

	swarm_test_host(swarm_peer_address(p));
	swarm_expect(@ID@_ask(u, "hello") == NULL);
	swarm_expect(swarm_peer_join(p) == 0);
	swarm_expect(strstr(swarm_test_sample(0)->error, "reset") != NULL);
	in_pieces(u, 1);
}

SWARM_TESTS(
	SWARM_CASE(one_byte_at_a_time),
	SWARM_CASE(whole),
	SWARM_CASE(times_out),
	SWARM_CASE(ends_half_way)
);
