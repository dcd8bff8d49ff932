/*
 * Connecting: look up, connect to one address after another, secure.  Each
 * step notes when it was done and, when it fails, says which step it was.
 *
 * Addresses are tried one after another and not raced: a load generator that
 * opens two connections and drops one measures something no client pays for,
 * and doubles the accepts of the server under test.  What did not answer is
 * remembered instead (resolve.c), so that it is waited for once and not by
 * every user.
 */
#include "net/stream.h"

#include <swarm/fiber.h>

#include "base/clock.h"
#include "base/parse.h"
#include "fiber/fiber.h"
#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

/* For an address that has another behind it. */
#define ATTEMPT_NS (2 * NS_PER_S)

#define HOST_MAX 256                    /* bytes of a name with its port */

struct attempt {
	const struct swarm_connect_args *args;
	struct swarm_connect_times times;
	int64_t deadline;
	char *error;
	size_t error_size;
};

static void say(struct attempt *a, const char *step, const char *why)
{
	int saved = errno;

	if (a->error_size > 0)
		snprintf(a->error, a->error_size, "%s: %s", step, why);
	errno = saved;
}

static const char *words(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "timed out";
	case ECANCELED:
		return "cancelled";
	case EADDRNOTAVAIL:
		return "no local port or address is free";
	default:
		return strerror(error);
	}
}

static int bind_source(int fd, const char *source, int family)
{
	union resolve_addr addr;
	int on = 1;

	if (!resolve_literal(source, &addr) || addr.sa.sa_family != family) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	/* The port is chosen by connect(), which knows the destination: one
	 * local port then serves many destinations. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return bind(fd, &addr.sa, resolve_addr_len(&addr));
}

/* The stream of a socket whose connect() is under way, once it is connected;
 * the descriptor is gone when this fails. */
static struct swarm_stream *finish_connect(int fd, int64_t deadline)
{
	struct swarm_stream *s = swarm_stream_new(fd);
	socklen_t len = sizeof errno;
	int error = 0;

	if (!s) {
		error = errno;
		close(fd);
		errno = error;
		return NULL;
	}
	if (swarm_io_wait(s->io, SWARM_WRITE, deadline) == -1)
		error = errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error == 0)
		return s;
	swarm_close(s);
	errno = error;
	return NULL;
}

static struct swarm_stream *connect_to(const struct sockaddr *sa,
    socklen_t len, const char *source, int64_t deadline)
{
	int fd = socket(sa->sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct swarm_stream *s;
	int on = 1, saved;

	if (fd == -1)
		return NULL;
	if (sa->sa_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (source && bind_source(fd, source, sa->sa_family) == -1)
			goto close_fd;
	}
	if (connect(fd, sa, len) == 0) {
		s = swarm_stream_new(fd);
		if (s)
			return s;
		goto close_fd;
	}
	if (errno == EINPROGRESS)
		return finish_connect(fd, deadline);
close_fd:
	saved = errno;
	close(fd);
	errno = saved;
	return NULL;
}

static struct swarm_stream *connect_unix(struct attempt *a)
{
	const char *path = a->args->host + strlen("unix:");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	struct swarm_stream *s;

	if (len == 0 || len >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		say(a, "connect", "the socket's path is empty or too long");
		return NULL;
	}
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	s = connect_to((struct sockaddr *)&un, (socklen_t)
	    (offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@')),
	    NULL, a->deadline);
	if (!s)
		say(a, "connect", words(errno));
	return s;
}

static void set_port(union resolve_addr *addr, uint16_t port)
{
	if (addr->sa.sa_family == AF_INET6)
		addr->in6.sin6_port = htons(port);
	else
		addr->in4.sin_port = htons(port);
}

/* Stops trying other addresses: they would fail alike. */
static bool final_error(int error, int64_t deadline)
{
	return error == ECANCELED || error == EMFILE || error == ENFILE ||
	    (error == ETIMEDOUT && clock_now() >= deadline);
}

static struct swarm_stream *connect_inet(struct attempt *a)
{
	struct resolve_result found;
	struct swarm_stream *s;
	const char *why;
	unsigned i;

	if (resolve_host(a->args->host, &found, a->deadline, &why) == -1) {
		say(a, "resolve", why);
		return NULL;
	}
	if (!found.literal)
		a->times.resolved = clock_now();
	for (i = 0; i < found.count; i++) {
		int64_t until = clock_now() + ATTEMPT_NS;

		if (i + 1 == found.count || until > a->deadline)
			until = a->deadline;
		set_port(&found.addr[i], a->args->port);
		s = connect_to(&found.addr[i].sa,
		    resolve_addr_len(&found.addr[i]), a->args->source, until);
		if (s) {
			if (i > 0)
				resolve_report(a->args->host, &found.addr[i],
				    true);
			return s;
		}
		if (final_error(errno, a->deadline))
			break;
		if (found.count > 1)
			resolve_report(a->args->host, &found.addr[i], false);
	}
	say(a, "connect", words(errno));
	return NULL;
}

static const struct tls_socket socket_calls = {
	.recv = stream_raw_recv,
	.send = stream_raw_send,
};

static int secure(struct swarm_stream *s, struct attempt *a, const char *name)
{
	unsigned want;

	s->ssl = tls_client(a->args->tls, s, &socket_calls, name,
	    a->args->session, a->error, a->error_size);
	if (!s->ssl) {
		errno = EINVAL;
		return -1;
	}
	while (tls_handshake(s->ssl, &want) == -1) {
		if (errno == EAGAIN &&
		    swarm_io_wait(s->io, want, a->deadline) != -1) {
			s->drained = false;
			continue;
		}
		s->tls_broken = true;
		if (errno == EPROTO)
			tls_error(s->ssl, a->error, a->error_size);
		else
			say(a, "TLS", words(errno));
		return -1;
	}
	s->times.secured = clock_now();
	s->times.resumed = SSL_session_reused(s->ssl);
	return 0;
}

/* The caller's struct may be of an older, shorter kind. */
static void attempt_init(struct attempt *a, struct swarm_connect_args *args,
    const struct swarm_connect_args *given, char *error, size_t error_size)
{
	memset(args, 0, sizeof *args);
	memcpy(args, given,
	    given->size < sizeof *args ? given->size : sizeof *args);
	*a = (struct attempt){
		.args = args,
		.deadline = args->deadline ? args->deadline : SWARM_FOREVER,
		.error = error,
		.error_size = error ? error_size : 0,
	};
}

int swarm_resolve(const char *host, char (*addresses)[SWARM_ADDRESS_SIZE],
    int max, int64_t deadline, char *error, size_t error_size)
{
	struct resolve_result found;
	struct attempt a = { .error = error,
		.error_size = error ? error_size : 0 };
	const char *why;
	int i;

	if (resolve_host(host, &found, deadline, &why) == -1) {
		say(&a, "resolve", why);
		return -1;
	}
	for (i = 0; i < max && i < (int)found.count; i++) {
		if (getnameinfo(&found.addr[i].sa,
		    resolve_addr_len(&found.addr[i]), addresses[i],
		    SWARM_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0) {
			errno = EINVAL;
			say(&a, "resolve", "an address of no known kind");
			return -1;
		}
	}
	return i;
}

/* "NAME:PORT" taken apart: the name goes into `name`.  0, or -1 after the
 * reason was said. */
static int split_host(struct attempt *a, struct swarm_connect_args *args,
    char *name)
{
	const char *colon = strrchr(args->host, ':');
	size_t len = colon ? (size_t)(colon - args->host) : 0;
	bool bracketed = len > 2 && args->host[0] == '[' && colon[-1] == ']';
	/* The last part of an IPv6 address looks like one. */
	bool bare = !bracketed && memchr(args->host, ':', len) != NULL;
	int64_t port;

	if (len == 0 || len >= HOST_MAX || bare ||
	    parse_int64(colon + 1, 1, UINT16_MAX, &port) == -1) {
		errno = EINVAL;
		say(a, "connect", "the target has no port");
		return -1;
	}
	snprintf(name, HOST_MAX, "%.*s", (int)(len - 2 * bracketed),
	    args->host + bracketed);
	args->host = name;
	args->port = (uint16_t)port;
	return 0;
}

struct swarm_stream *swarm_connect(const struct swarm_connect_args *given,
    char *error, size_t error_size)
{
	struct swarm_connect_args args;
	struct swarm_stream *s;
	struct attempt a;
	char name[HOST_MAX];
	bool local;
	int saved;

	attempt_init(&a, &args, given, error, error_size);
	if (!args.host) {
		errno = EINVAL;
		say(&a, "connect", "no host is given (is .size set?)");
		return NULL;
	}
	local = strncmp(args.host, "unix:", 5) == 0;
	if (!local && args.port == 0 && split_host(&a, &args, name) == -1)
		return NULL;
	/* A user that is being stopped must not trouble the server. */
	if (fiber_cancelled(fiber_self())) {
		errno = ECANCELED;
		say(&a, "connect", words(errno));
		return NULL;
	}
	a.times.start = clock_now();
	s = local ? connect_unix(&a) : connect_inet(&a);
	if (!s)
		return NULL;
	a.times.connected = clock_now();
	s->times = a.times;
	if (!args.tls || secure(s, &a,
	    args.server_name ? args.server_name : args.host) == 0)
		return s;
	saved = errno;
	swarm_close(s);
	errno = saved;
	return NULL;
}

int swarm_stream_secure(struct swarm_stream *s,
    const struct swarm_connect_args *given, char *error, size_t error_size)
{
	struct swarm_connect_args args;
	struct attempt a;

	attempt_init(&a, &args, given, error, error_size);
	if (s->ssl || !args.tls || s->watcher) {
		errno = EINVAL;
		say(&a, "TLS", "this stream cannot be secured");
		return -1;
	}
	return secure(s, &a, args.server_name);
}
