/*
 * The library has a hook for options of its sockets, called before each
 * connects, on whatever thread.  It is part of the library but not of its
 * public headers, so it is used with the one version whose layout is known;
 * with others the handshake stays one phase.
 *
 * A duplicate of the descriptor is kept until the channel is ready.  By then
 * the kernel knows what nobody here could measure as well: the round trip of
 * the SYN and its answer, which is how long TCP took to connect.
 */
#include "sockets.h"

#include <swarm/fiber.h>

#include <grpc/support/sync.h>

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KNOWN_VERSION "29.0.0"

/* As the library has it, in that version. */
struct mutator;
struct mutator_table {
	bool (*mutate)(int fd, struct mutator *);
	int (*compare)(struct mutator *, struct mutator *);
	void (*destroy)(struct mutator *);
	bool (*mutate_for)(const void *info, struct mutator *);
};
struct mutator {
	const struct mutator_table *table;
	gpr_refcount refs;
};

struct sockets {
	struct mutator mutator;         /* first: the library's view */
	atomic_int fd;                  /* the newest one's duplicate; or -1 */
	_Atomic(int64_t) began;
};

void sockets_drop(struct sockets *s)
{
	int fd = s ? atomic_exchange(&s->fd, -1) : -1;

	if (fd != -1)
		close(fd);
}

static void unref(struct sockets *s)
{
	if (!gpr_unref(&s->mutator.refs))
		return;
	sockets_drop(s);
	free(s);
}

/* On a thread of the library, before the socket connects. */
static bool about_to_connect(int fd, struct mutator *m)
{
	struct sockets *s = (struct sockets *)m;
	int old;

	atomic_store(&s->began, swarm_now());
	old = atomic_exchange(&s->fd, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	if (old != -1)
		close(old);
	return true;
}

static int compare(struct mutator *a, struct mutator *b)
{
	return a < b ? -1 : a > b;
}

/* Called by the library when it drops the last reference. */
static void destroy(struct mutator *m)
{
	struct sockets *s = (struct sockets *)m;

	sockets_drop(s);
	free(s);
}

static const struct mutator_table table = {
	about_to_connect, compare, destroy, NULL,
};

static void *arg_copy(void *p)
{
	gpr_ref(&((struct mutator *)p)->refs);
	return p;
}

static void arg_destroy(void *p)
{
	unref(p);
}

static int arg_compare(void *a, void *b)
{
	return compare(a, b);
}

static const grpc_arg_pointer_vtable arg_table = {
	arg_copy, arg_destroy, arg_compare,
};

struct sockets *sockets_new(void)
{
	struct sockets *s;

	if (strcmp(grpc_version_string(), KNOWN_VERSION) != 0)
		return NULL;
	s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->mutator.table = &table;
	gpr_ref_init(&s->mutator.refs, 1);
	atomic_init(&s->fd, -1);
	return s;
}

void sockets_free(struct sockets *s)
{
	if (!s)
		return;
	sockets_drop(s);
	unref(s);
}

grpc_arg sockets_arg(struct sockets *s)
{
	grpc_arg a = { .type = GRPC_ARG_POINTER,
		.key = (char *)(uintptr_t)GRPC_ARG_SOCKET_MUTATOR };

	a.value.pointer.p = s;
	a.value.pointer.vtable = &arg_table;
	return a;
}

bool sockets_take(struct sockets *s, int64_t *began, int64_t *tcp_ns)
{
	int fd = s ? atomic_exchange(&s->fd, -1) : -1;
	struct tcp_info info;
	socklen_t len = sizeof info;
	int rc;

	if (fd == -1)
		return false;
	memset(&info, 0, sizeof info);
	rc = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	close(fd);
	/* A SYN that was sent again says nothing of its round trip. */
	if (rc == -1 || info.tcpi_min_rtt == 0 ||
	    info.tcpi_min_rtt == UINT32_MAX || info.tcpi_total_retrans > 0)
		return false;
	*began = atomic_load(&s->began);
	*tcp_ns = (int64_t)info.tcpi_min_rtt * 1000;
	return true;
}
