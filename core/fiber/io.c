/*
 * Descriptors for fibers.  A swarm_io is one libevent event, both directions,
 * edge-triggered and persistent, for as long as the descriptor is open: then
 * no request costs an epoll_ctl (event_add for each wait would add 4 us to a
 * request of 7).  An edge that nobody waits for is remembered.
 *
 * The callback only marks and readies; the fiber runs from the queue.
 */
#include <swarm/fiber.h>

#include "base/xalloc.h"
#include "fiber/fiber_impl.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct swarm_io {
	unsigned edges;
	bool closed;                    /* by the peer: reading stays ready */
	struct fiber *reader;
	struct fiber *writer;
	struct event event;
};

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

static void io_edge(evutil_socket_t fd, short what, void *arg)
{
	struct swarm_io *io = arg;

	(void)fd;
	io->edges |= io_bits(what);
	if (what & EV_CLOSED) {
		io->closed = true;
		io->edges |= SWARM_READ;
	}
	if (io->reader && io->edges & SWARM_READ)
		fiber_ready(io->reader);
	if (io->writer && io->edges & SWARM_WRITE)
		fiber_ready(io->writer);
}

struct swarm_io *swarm_io_new(int fd)
{
	struct swarm_io *io = xcalloc(1, sizeof(*io));

	errno = EINVAL;
	if (event_assign(&io->event, loop_base(), fd,
	        EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
	        io_edge, io) == -1)
		goto fail;
	errno = EBADF;
	if (fd < 0 || event_add(&io->event, NULL) == -1)
		goto fail;
	return io;

fail:
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
		rc = fiber_wait_for(
		    io_cause(want), event_get_fd(&io->event), deadline);
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
	event_del(&io->event);
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
