/*
 * The server of bench_ws: sends every message back.  A program of its own,
 * because a slow server would hide what the clients cost, and because none at
 * hand holds 15,000 sessions in one process within the descriptor limit and
 * with TLS.
 *
 *	ws_responder COUNT_FILE PORTS [spin] [CERT KEY]
 *
 * Prints its ports in one line.  The file holds three counts of eight bytes:
 * messages sent back, sessions opened, connections taken.  With "spin" it never
 * sleeps: a server that sleeps between two messages makes each send of the
 * client pay for waking it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define HELD   8192u                    /* longest request and frame */
#define COUNTS (3 * sizeof(uint64_t))   /* bytes of the file */

struct peer {
	int fd;
	bool upgraded;
	bool listens;
	SSL *ssl;
	size_t len;                     /* held: less than a frame */
	unsigned char *held;
};

static volatile uint64_t *answered;
static SSL_CTX *tls;
static int epoll;
static unsigned char in[2 * HELD], out[2 * HELD];
static size_t out_len;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void end(struct peer *p)
{
	close(p->fd);
	SSL_free(p->ssl);
	free(p->held);
	free(p);
}

/* The answers are short and the clients read them: it never waits for long. */
static void flush(struct peer *p)
{
	struct pollfd wait = { p->fd, POLLOUT, 0 };

	for (size_t at = 0; at < out_len;) {
		ssize_t n = p->ssl ?
		    SSL_write(p->ssl, out + at, (int)(out_len - at)) :
		    write(p->fd, out + at, out_len - at);

		if (n > 0)
			at += (size_t)n;
		else if (!p->ssl && errno != EAGAIN)
			break;
		else if (poll(&wait, 1, 1000) != 1)
			break;
	}
	out_len = 0;
}

static void put(struct peer *p, const void *data, size_t len)
{
	if (out_len + len > sizeof out)
		flush(p);
	memcpy(out + out_len, data, len);
	out_len += len;
}

static bool upgrade(struct peer *p, const char *head)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	static const char name[] = "sec-websocket-key:";
	const char *key = strcasestr(head, name);
	unsigned char digest[20], text[32];
	char joined[128], reply[256];
	int n;

	if (!key)
		return false;
	key += sizeof name - 1;
	key += strspn(key, " ");
	snprintf(joined, sizeof joined, "%.*s%s", (int)strcspn(key, " \r\n") &
	    63, key, magic);
	EVP_Digest(joined, strlen(joined), digest, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock(text, digest, sizeof digest);
	n = snprintf(reply, sizeof reply, "HTTP/1.1 101 Switching Protocols"
	    "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n", text);
	put(p, reply, (size_t)n);
	p->upgraded = true;
	++answered[1];
	return true;
}

/* One masked frame; its length, 0 when it is not whole, -1 at the end. */
static ssize_t frame(struct peer *p, unsigned char *at, size_t len)
{
	size_t head = 6, size;
	unsigned char *mask, first[4] = { at[0], 0 };

	if (len < head)
		return 0;
	size = at[1] & 0x7f;
	if (size == 126) {
		head = 8;
		size = (size_t)at[2] << 8 | at[3];
	}
	if (size > HELD - head || !(at[1] & 0x80))
		return -1;
	if (len < head + size)
		return 0;
	mask = at + head - 4;
	for (size_t i = 0; i < size; i++)
		at[head + i] ^= mask[i & 3];
	if ((at[0] & 0xf) == 9)
		first[0] = 0x8a;
	first[1] = at[1] & 0x7f;
	memcpy(first + 2, at + 2, 2);
	put(p, first, head - 4);
	put(p, at + head, size);
	if ((at[0] & 0xf) == 8) {
		flush(p);
		return -1;
	}
	if ((at[0] & 0xf) < 8)
		++*answered;
	return (ssize_t)(head + size);
}

static bool take(struct peer *p, unsigned char *data, size_t len)
{
	size_t at = 0;
	ssize_t n;

	if (!p->upgraded) {
		unsigned char *stop = memmem(data, len, "\r\n\r\n", 4);

		if (stop) {
			*stop = 0;
			at = (size_t)(stop - data) + 4;
			if (!upgrade(p, (char *)data))
				return false;
		}
	}
	while (p->upgraded && at < len) {
		n = frame(p, data + at, len - at);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	p->len = len - at;
	if (p->len > HELD)
		return false;
	if (p->len > 0 && !p->held)
		p->held = malloc(HELD);
	if (p->len > 0)
		memcpy(p->held, data + at, p->len);
	return true;
}

/* Bytes read, 0 when there are none now, -1 at the end. */
static ssize_t fill(struct peer *p, unsigned char *to, size_t room)
{
	ssize_t n;
	int error;

	if (!p->ssl) {
		n = read(p->fd, to, room);
		return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
	}
	n = SSL_read(p->ssl, to, (int)room);
	if (n > 0)
		return n;
	error = SSL_get_error(p->ssl, (int)n);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ?
	    0 : -1;
}

static void serve(struct peer *p)
{
	ssize_t n;

	do {
		memcpy(in, p->held ? p->held : in, p->held ? p->len : 0);
		n = fill(p, in + p->len, HELD);
		if (n > 0 && !take(p, in, p->len + (size_t)n))
			n = -1;
	} while (n > 0 && p->ssl && SSL_pending(p->ssl) > 0);
	if (n >= 0)
		flush(p);
	out_len = 0;
	if (n < 0)
		end(p);
}

static void watch(struct peer *p)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &e) == -1)
		die("epoll_ctl");
}

static struct peer *peer_new(int fd)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p)
		die("calloc");
	p->fd = fd;
	return p;
}

static void accept_all(int listener)
{
	struct peer *p;
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		++answered[2];
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		p = peer_new(fd);
		if (tls) {
			p->ssl = SSL_new(tls);
			SSL_set_fd(p->ssl, fd);
			SSL_set_accept_state(p->ssl);
		}
		watch(p);
	}
}

static void start_listener(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof to;
	struct peer *p = peer_new(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK,
	    0));

	if (bind(p->fd, (struct sockaddr *)&to, len) == -1 ||
	    listen(p->fd, 4096) == -1 ||
	    getsockname(p->fd, (struct sockaddr *)&to, &len) == -1)
		die("listen");
	p->listens = true;
	watch(p);
	printf("%u ", ntohs(to.sin_port));
}

static void start_tls(const char *cert, const char *key)
{
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
		fputs("cannot use the certificate\n", stderr);
		exit(1);
	}
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void map_count(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT, 0600);

	if (file == -1 || ftruncate(file, COUNTS) == -1)
		die(path);
	answered = mmap(NULL, COUNTS, PROT_READ | PROT_WRITE,
	    MAP_SHARED, file, 0);
	if (answered == MAP_FAILED)
		die(path);
}

int main(int argc, char **argv)
{
	bool spin = argc > 3 && strcmp(argv[3], "spin") == 0;
	struct epoll_event events[EVENTS];
	struct rlimit limit;

	if (argc < 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	map_count(argv[1]);
	if (argc > 4)
		start_tls(argv[argc - 2], argv[argc - 1]);
	epoll = epoll_create1(0);
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--)
		start_listener();
	putchar('\n');
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, spin ? 0 : -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if (p->listens)
				accept_all(p->fd);
			else
				serve(p);
		}
	}
}
