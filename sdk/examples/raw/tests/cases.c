/* Both protocols against peers of this process. */
#include <swarm/swarm.h>
#include <swarm/test.h>
#include <raw.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(struct swarm_peer *p, void *arg)
{
	(void)arg;
	swarm_peer_accept(p);
	swarm_peer_pieces(p, 1);
	for (int i = 0; i < 2; i++) {
		swarm_peer_expect(p, "ping", 4);
		swarm_peer_send(p, "pong!", 5);
	}
}

static void over_tcp(struct swarm_user *u)
{
	struct swarm_peer *p = swarm_peer_new(u, serve, NULL);
	char answer[5];

	swarm_test_host(swarm_peer_address(p));
	for (int i = 0; i < 2; i++) {
		swarm_expect(raw_tcp(u, "ping", 4, answer, 5) == 5);
		swarm_expect(memcmp(answer, "pong!", 5) == 0);
	}
	swarm_expect(swarm_peer_join(p) == 0);
	swarm_expect(swarm_test_samples() == 2);
}

static void hang_up(struct swarm_peer *p, void *arg)
{
	(void)arg;
	swarm_peer_accept(p);
	swarm_peer_expect(p, "ping", 4);
	swarm_peer_send(p, "po", 2);
	swarm_peer_hang_up(p, false);
}

static void cut_short(struct swarm_user *u)
{
	struct swarm_peer *p = swarm_peer_new(u, hang_up, NULL);
	char answer[5];

	swarm_test_host(swarm_peer_address(p));
	swarm_expect(raw_tcp(u, "ping", 4, answer, 5) == -1);
	swarm_expect(swarm_peer_join(p) == 0);
	swarm_expect(swarm_test_sample(0)->error != NULL);
}

/* Answers one datagram, on a fiber of its own. */
static void echo(void *arg)
{
	int fd = *(int *)arg;
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char data[64];
	ssize_t n;

	if (swarm_wait_fd(fd, SWARM_READ, SWARM_FOREVER) == -1)
		return;
	n = recvfrom(fd, data, sizeof(data), 0, (void *)&from, &size);
	if (n > 0)
		sendto(fd, data, (size_t)n, 0, (void *)&from, size);
}

static void over_udp(struct swarm_user *u)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char answer[16], host[32];

	swarm_expect(bind(fd, (void *)&at, size) == 0);
	swarm_expect(getsockname(fd, (void *)&at, &size) == 0);
	snprintf(host, sizeof(host), "127.0.0.1:%u", ntohs(at.sin_port));
	swarm_test_host(host);
	swarm_expect(swarm_spawn(u, echo, &fd) != NULL);
	swarm_expect(raw_udp(u, "hello", 5, answer, sizeof(answer)) == 5);
	swarm_expect(memcmp(answer, "hello", 5) == 0);
	/* Nobody answers the second: five seconds of this clock. */
	swarm_expect(raw_udp(u, "again", 5, answer, sizeof(answer)) == -1);
	swarm_expect(swarm_test_sample(1)->service_ns >= INT64_C(5000000000));
	close(fd);
}

SWARM_TESTS(SWARM_CASE(over_tcp), SWARM_CASE(cut_short),
    SWARM_CASE(over_udp));
