/*
 * Descriptors for fibers.  A swarm_io is registered with epoll once, both
 * directions, edge-triggered, for as long as the descriptor is open: then no
 * request costs an epoll_ctl (event_add for each wait would add 4 us to a
 * request of 7).  An edge that nobody waits for is remembered.
 *
 * They are in an epoll set of their own, which libevent's waits for as for one
 * descriptor.  libevent takes as many events at once as there are, thousands
 * when there are ten thousand connections, and by the time the last of their
 * fibers runs, what taking the event had brought into the caches (the pages of
 * its stack, above all) is long gone.  Here it is as many as the queue runs in
 * a pass, and what they need is fetched ahead, for all of them at once.
 *
 * Taking an event only marks and readies; the fiber runs from the queue.
 */
#include "fiber/io.h"

#include <swarm/fiber.h>

#include "base/xalloc.h"
#include "fiber/fiber_impl.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 64                        /* events taken at once */

struct swarm_io {
	unsigned edges;
	int fd;
	bool closed;                    /* by the peer: reading stays ready */
	struct fiber *reader;
	struct fiber *writer;
};

static struct {
	int fd;                         /* of the set */
	struct event *event;            /* libevent's, of that */
	bool pending;                   /* there may be more */
	bool polled;                    /* in this pass of the loop */
	struct epoll_event taken[BATCH];
} set = { .fd = -1 };

static unsigned io_bits(short what)
{
	unsigned bits = 0;

	if (what & EV_READ)
		bits |= SWARM_READ;
	if (what & EV_WRITE)
		bits |= SWARM_WRITE;
	return bits;
}

static short io_what(unsigned bits)
{
	int what = 0;

	if (bits & SWARM_READ)
		what |= EV_READ;
	if (bits & SWARM_WRITE)
		what |= EV_WRITE;
	return (short)what;
}

static enum fiber_cause io_cause(unsigned want)
{
	return want & SWARM_READ ? FIBER_READABLE : FIBER_WRITABLE;
}

/* As libevent tells them apart. */
static void io_edge(struct swarm_io *io, uint32_t events)
{
	if (events & EPOLLERR ||
	    (events & EPOLLHUP && !(events & EPOLLRDHUP)))
		io->edges |= SWARM_READ | SWARM_WRITE;
	if (events & EPOLLIN)
		io->edges |= SWARM_READ;
	if (events & EPOLLOUT)
		io->edges |= SWARM_WRITE;
	if (events & EPOLLRDHUP) {
		io->closed = true;
		io->edges |= SWARM_READ;
	}
	if (io->reader && io->edges & SWARM_READ)
		fiber_ready(io->reader);
	if (io->writer && io->edges & SWARM_WRITE)
		fiber_ready(io->writer);
}

static void io_take_batch(void)
{
	int n, i;

	n = epoll_wait(set.fd, set.taken, BATCH, 0);
	set.pending = n == BATCH || (n == -1 && errno == EINTR);
	set.polled = true;
	for (i = 0; i < n; i++)
		__builtin_prefetch(set.taken[i].data.ptr, 1);
	for (i = 0; i < n; i++) {
		const struct swarm_io *io = set.taken[i].data.ptr;

		if (io->reader)
			fiber_prefetch(io->reader);
	}
	for (i = 0; i < n; i++) {
		const struct swarm_io *io = set.taken[i].data.ptr;

		if (io->reader)
			fiber_prefetch_user(io->reader);
	}
	for (i = 0; i < n; i++)
		io_edge(set.taken[i].data.ptr, set.taken[i].events);
}

/* Edge-triggered, too: told once, and then looked at until it is empty.  Taken
 * here and now, in the order in which libevent's other descriptors are told. */
static void io_woken(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	io_take_batch();
}

int io_init(void)
{
	set.fd = epoll_create1(EPOLL_CLOEXEC);
	if (set.fd == -1)
		return -1;
	set.event = event_new(loop_base(), set.fd,
	    EV_READ | EV_ET | EV_PERSIST, io_woken, NULL);
	if (set.event && event_add(set.event, NULL) == 0)
		return 0;
	io_release();
	return -1;
}

void io_release(void)
{
	if (set.event)
		event_free(set.event);
	if (set.fd != -1)
		close(set.fd);
	set.event = NULL;
	set.fd = -1;
	set.pending = false;
}

bool io_pending(void)
{
	return set.pending;
}

void io_poll(void)
{
	if (set.pending && !set.polled)
		io_take_batch();
	set.polled = false;
}

struct swarm_io *swarm_io_new(int fd)
{
	struct swarm_io *io = xcalloc(1, sizeof(*io));
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
		EPOLLET, .data.ptr = io };

	io->fd = fd;
	if (epoll_ctl(set.fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return io;
	free(io);
	return NULL;
}

/* The wait is over for these; an end stays. */
static int io_take(struct swarm_io *io, unsigned ready)
{
	io->edges &= ~ready;
	if (io->closed)
		io->edges |= SWARM_READ;
	return (int)ready;
}

unsigned swarm_io_ready(const struct swarm_io *io)
{
	return io->edges;
}

/* Notes who waits for what; -1 when a place is taken. */
static int io_occupy(struct swarm_io *io, unsigned want, struct fiber *f)
{
	if ((want & SWARM_READ && io->reader) ||
	    (want & SWARM_WRITE && io->writer)) {
		errno = EBUSY;
		return -1;
	}
	if (want & SWARM_READ)
		io->reader = f;
	if (want & SWARM_WRITE)
		io->writer = f;
	return 0;
}

static void io_vacate(struct swarm_io *io, unsigned want)
{
	if (want & SWARM_READ)
		io->reader = NULL;
	if (want & SWARM_WRITE)
		io->writer = NULL;
}

int swarm_io_wait(struct swarm_io *io, unsigned want, int64_t deadline)
{
	struct fiber *f = fiber_self();
	int rc;

	if (fiber_cancelled(f)) {
		errno = ECANCELED;
		return -1;
	}
	if (io->edges & want)
		return io_take(io, io->edges & want);
	if (io_occupy(io, want, f) == -1)
		return -1;
	do {
		rc = fiber_wait_for(io_cause(want), io->fd, deadline);
		if (rc == -1 && errno == EBADF)
			return -1;      /* freed meanwhile */
	} while (rc == 0 && !(io->edges & want));
	io_vacate(io, want);
	if (rc == -1)
		return -1;
	return io_take(io, io->edges & want);
}

/* Whoever waits here must not look at it again, whatever has ended its wait
 * already. */
static void io_evict(struct fiber *f)
{
	fiber_fail(f, EBADF);
	f->error = EBADF;
}

void swarm_io_free(struct swarm_io *io)
{
	if (!io)
		return;
	epoll_ctl(set.fd, EPOLL_CTL_DEL, io->fd, NULL);
	if (io->reader)
		io_evict(io->reader);
	if (io->writer)
		io_evict(io->writer);
	free(io);
}

struct io_once {
	struct fiber *fiber;
	unsigned ready;
};

static void io_once(evutil_socket_t fd, short what, void *arg)
{
	struct io_once *once = arg;

	(void)fd;
	once->ready = io_bits(what);
	fiber_ready(once->fiber);
}

int swarm_wait_fd(int fd, unsigned want, int64_t deadline)
{
	struct io_once once = { .fiber = fiber_self() };
	struct event event;
	int rc, error;

	if (fiber_cancelled(once.fiber)) {
		errno = ECANCELED;
		return -1;
	}
	errno = EINVAL;
	if (!io_what(want) || event_assign(&event, loop_base(), fd,
	                          io_what(want), io_once, &once) == -1)
		return -1;
	errno = EBADF;
	if (fd < 0 || event_add(&event, NULL) == -1)
		return -1;
	do
		rc = fiber_wait_for(io_cause(want), fd, deadline);
	while (rc == 0 && !once.ready);
	error = errno;
	event_del(&event);
	errno = error;
	return rc == -1 ? -1 : (int)once.ready;
}
