/*
 * A server that follows a script, on the loop of the client it talks to: one
 * process, one thread, so that nothing depends on who is faster.
 */
#include "module/peer.h"

#include <swarm/fiber.h>
#include <swarm/net.h>
#include <swarm/test.h>

#include "base/buf.h"
#include "base/xalloc.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHOWN 48                        /* bytes quoted in a message */

struct swarm_peer {
	struct swarm_peer *next;
	void (*script)(struct swarm_peer *, void *);
	void *arg;
	struct swarm_fiber *fiber;
	struct swarm_stream *stream;
	int listener;
	uint16_t port;
	char address[32];
	size_t pieces;
	unsigned step;                  /* of the script, from 1 */
	bool failed;
};

static struct swarm_peer *peers;

static void quote(struct buf *out, const unsigned char *data, size_t len)
{
	size_t shown = len < SHOWN ? len : SHOWN;

	buf_putc(out, '"');
	for (size_t i = 0; i < shown; i++) {
		if (data[i] == '\n')
			buf_puts(out, "\\n");
		else if (data[i] == '\r')
			buf_puts(out, "\\r");
		else if (isprint(data[i]) && data[i] != '"')
			buf_putc(out, (char)data[i]);
		else
			buf_printf(out, "\\x%02x", data[i]);
	}
	buf_puts(out, shown < len ? "\"..." : "\"");
}

static int fail(struct swarm_peer *p, const char *what)
{
	p->failed = true;
	swarm_test_fail("the peer's script", (int)p->step, "%s", what);
	return -1;
}

static int fail_errno(struct swarm_peer *p, const char *what)
{
	struct buf text = BUF_INIT(256);

	/* Cancelled with its user: the case has ended. */
	if (errno == ECANCELED) {
		p->failed = true;
		return -1;
	}
	buf_printf(&text, "%s: %m", what);
	fail(p, buf_str(&text));
	buf_release(&text);
	return -1;
}

static void run_script(void *arg)
{
	struct swarm_peer *p = arg;

	p->script(p, p->arg);
}

static int listen_somewhere(struct swarm_peer *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (p->listener == -1)
		return -1;
	if (bind(p->listener, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(p->listener, 16) == -1 ||
	    getsockname(p->listener, (struct sockaddr *)&a, &len) == -1) {
		close(p->listener);
		return -1;
	}
	p->port = ntohs(a.sin_port);
	snprintf(p->address, sizeof(p->address), "127.0.0.1:%u", p->port);
	return 0;
}

SWARM_API struct swarm_peer *swarm_peer_new(struct swarm_user *u,
    void (*script)(struct swarm_peer *, void *), void *arg)
{
	struct swarm_peer *p = xcalloc(1, sizeof(*p));

	if (listen_somewhere(p) == -1) {
		free(p);
		return NULL;
	}
	p->script = script;
	p->arg = arg;
	p->next = peers;
	peers = p;
	p->fiber = swarm_spawn(u, run_script, p);
	return p;
}

SWARM_API const char *swarm_peer_address(const struct swarm_peer *p)
{
	return p->address;
}

SWARM_API uint16_t swarm_peer_port(const struct swarm_peer *p)
{
	return p->port;
}

SWARM_API int swarm_peer_join(struct swarm_peer *p)
{
	struct swarm_fiber *f = p->fiber;

	p->fiber = NULL;
	if (f && swarm_join(f, SWARM_FOREVER) == -1)
		return -1;
	return p->failed ? -1 : 0;
}

SWARM_API void swarm_peer_pieces(struct swarm_peer *p, size_t bytes)
{
	p->pieces = bytes;
}

SWARM_API void swarm_peer_hang_up(struct swarm_peer *p, bool reset)
{
	static const struct linger at_once = { .l_onoff = 1 };

	if (p->stream && reset)
		setsockopt(swarm_stream_fd(p->stream), SOL_SOCKET, SO_LINGER,
		    &at_once, sizeof(at_once));
	swarm_close(p->stream);
	p->stream = NULL;
}

SWARM_API int swarm_peer_accept(struct swarm_peer *p)
{
	const int one = 1;
	int fd;

	p->step++;
	if (p->failed)
		return -1;
	swarm_peer_hang_up(p, false);
	if (swarm_wait_fd(p->listener, SWARM_READ, SWARM_FOREVER) == -1)
		return fail_errno(p, "waiting for a client");
	fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return fail_errno(p, "accept");
	/* Pieces leave when they are sent: held back by Nagle's algorithm
	 * until the client acknowledges the one before, which it does by the
	 * machine's clock, they would meet a clock that has jumped. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->stream = swarm_stream_new(fd);
	if (p->stream)
		return 0;
	fail_errno(p, "accept");
	close(fd);
	return -1;
}

SWARM_API int64_t swarm_peer_read(struct swarm_peer *p, void *buf, size_t size)
{
	if (p->failed || !p->stream) {
		errno = ENOTCONN;
		return -1;
	}
	return swarm_read(p->stream, buf, size, SWARM_FOREVER);
}

static int fail_different(struct swarm_peer *p, const unsigned char *want,
    size_t len, const unsigned char *got, size_t got_len)
{
	struct buf text = BUF_INIT(1024);
	size_t same = 0;

	while (same < got_len && same < len && got[same] == want[same])
		same++;
	buf_printf(&text, "expected %zu bytes, ", len);
	quote(&text, want, len);
	buf_puts(&text, ", and got ");
	quote(&text, got, got_len);
	if (same < got_len)
		buf_printf(&text, ", different from byte %zu on", same);
	else
		buf_puts(&text, ", and then nothing");
	fail(p, buf_str(&text));
	buf_release(&text);
	return -1;
}

SWARM_API int swarm_peer_expect(struct swarm_peer *p, const void *data,
    size_t len)
{
	unsigned char *got;
	size_t have = 0;
	int64_t n = 0;
	int rc = 0;

	p->step++;
	if (p->failed)
		return -1;
	if (!p->stream)
		return fail(p, "expects bytes without a client");
	got = xmalloc(len + 1);
	while (have < len) {
		n = swarm_peer_read(p, got + have, len - have);
		if (n <= 0)
			break;
		have += (size_t)n;
		/* The first wrong byte is enough: the rest may never come. */
		if (memcmp(got, data, have) != 0)
			break;
	}
	if (n == -1 && errno == ECANCELED)
		rc = fail_errno(p, "expect");
	else if (have < len || memcmp(got, data, len) != 0)
		rc = fail_different(p, data, len, got, have);
	free(got);
	return rc;
}

SWARM_API int swarm_peer_expect_end(struct swarm_peer *p)
{
	unsigned char got[SHOWN];
	int64_t n;

	p->step++;
	if (p->failed)
		return -1;
	n = swarm_peer_read(p, got, sizeof(got));
	if (n > 0)
		return fail_different(p, (const unsigned char *)"", 0, got,
		    (size_t)n);
	if (n == -1 && errno != ECONNRESET)
		return fail_errno(p, "expect the end");
	return 0;
}

SWARM_API int swarm_peer_send(struct swarm_peer *p, const void *data,
    size_t len)
{
	const char *at = data;

	p->step++;
	if (p->failed)
		return -1;
	if (!p->stream)
		return fail(p, "sends without a client");
	while (len > 0) {
		size_t n = p->pieces && p->pieces < len ? p->pieces : len;

		if (swarm_write(p->stream, at, n, SWARM_FOREVER) == -1)
			return fail_errno(p, "send");
		at += n;
		len -= n;
		/* The client has seen this one before the next leaves. */
		if (len > 0 && swarm_sleep(0.001) == -1)
			return fail_errno(p, "send");
	}
	return 0;
}

void peer_release_all(void)
{
	while (peers) {
		struct swarm_peer *p = peers;

		peers = p->next;
		swarm_peer_hang_up(p, false);
		close(p->listener);
		free(p);
	}
}
