/*
 * Streams: one descriptor, registered once and for good, read and written by
 * fibers that look blocked.
 *
 * A request over loopback costs about 6 us of kernel time and nothing here may
 * add to it: there is no registering and unregistering around waits, a write
 * is tried before anything is waited for, and a read is not tried at all
 * while the registration has seen nothing happen since the socket was last
 * emptied.  All reads of a worker share one buffer, because a parser that
 * runs to the end of what it was given needs no copy, and because a buffer
 * for each of ten thousand idle connections would be most of their memory.
 */
#include "net/stream.h"

#include <swarm/fiber.h>

#include "base/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECES_MAX 16
#define RECORD_SIZE 16384               /* most bytes of one TLS record */

char *stream_shared_buffer(void)
{
	static char *shared;

	if (!shared)
		shared = xmalloc(STREAM_RECV_SIZE);
	return shared;
}

/* ---- the socket, without waiting ---- */

/*
 * Not recv() and send(): those are cancellation points, and in a process with
 * a second thread the library brackets each with two atomic operations.
 */
static ssize_t sys_recv(int fd, void *buf, size_t size)
{
	return syscall(SYS_recvfrom, fd, buf, size, 0, NULL, NULL);
}

static ssize_t sys_send(int fd, const void *data, size_t len)
{
	return syscall(SYS_sendto, fd, data, len, MSG_NOSIGNAL, NULL, 0);
}

/* Nothing has come since it was last emptied. */
static bool is_empty(const struct swarm_stream *s)
{
	return s->drained && s->io && !(swarm_io_ready(s->io) & SWARM_READ);
}

int64_t stream_raw_recv(struct swarm_stream *s, void *buf, size_t size)
{
	ssize_t n;

	if (is_empty(s)) {
		errno = EAGAIN;
		return -1;
	}
	do
		n = sys_recv(s->fd, buf, size);
	while (n == -1 && errno == EINTR);
	s->drained = n < (ssize_t)size;
	return n;
}

int64_t stream_raw_send(struct swarm_stream *s, const void *data, size_t len)
{
	ssize_t n;

	do
		n = sys_send(s->fd, data, len);
	while (n == -1 && errno == EINTR);
	return n;
}

int64_t stream_recv_now(struct swarm_stream *s, void *buf, size_t size,
    unsigned *want)
{
	int64_t n;

	*want = SWARM_READ;
	if (!s->ssl)
		return stream_raw_recv(s, buf, size);
	n = tls_read(s->ssl, buf, size, want);
	s->tls_drained = n == -1 && errno == EAGAIN;
	if (n == -1 && errno != EAGAIN)
		s->tls_broken = true;
	return n;
}

int64_t stream_send_now(struct swarm_stream *s, const void *data, size_t len,
    unsigned *want)
{
	int64_t n;

	*want = SWARM_WRITE;
	if (!s->ssl)
		return stream_raw_send(s, data, len);
	n = tls_write(s->ssl, data, len, want);
	if (n == -1 && errno != EAGAIN)
		s->tls_broken = true;
	return n;
}

/* What OpenSSL has read ahead and not yet turned into plain text counts, but
 * not the beginning of a record that it has already looked at in vain. */
bool stream_holds_bytes(const struct swarm_stream *s)
{
	return s->ssl && !s->tls_drained && SSL_has_pending(s->ssl);
}

/* ---- fibers ---- */

static int wait_io(struct swarm_stream *s, unsigned want, int64_t deadline)
{
	if (swarm_io_wait(s->io, want, deadline) == -1)
		return -1;
	/* The edge is taken: now reading must try. */
	if (want & SWARM_READ)
		s->drained = false;
	return 0;
}

int64_t swarm_read(struct swarm_stream *s, void *buf, size_t size,
    int64_t deadline)
{
	unsigned want = SWARM_READ;
	int64_t n;

	for (;;) {
		if (s->ssl || !is_empty(s)) {
			n = stream_recv_now(s, buf, size, &want);
			if (n >= 0 || errno != EAGAIN)
				return n;
		}
		if (wait_io(s, want, deadline) == -1)
			return -1;
	}
}

int64_t swarm_recv(struct swarm_stream *s, const char **data,
    int64_t deadline)
{
	char *shared = stream_shared_buffer();

	/* Others may read into the buffer while this fiber waits, never
	 * between its own successful read and its return. */
	*data = shared;
	return swarm_read(s, shared, STREAM_RECV_SIZE, deadline);
}

/* No room: waits for it.  1, 0 when (`heed`) there may be something to read
 * first, or -1. */
static int wait_room(struct swarm_stream *s, unsigned want, bool heed,
    int64_t deadline)
{
	int bits;

	if (!heed)
		return wait_io(s, want, deadline) == -1 ? -1 : 1;
	if (stream_holds_bytes(s) || !is_empty(s))
		return 0;
	bits = swarm_io_wait(s->io, want | SWARM_READ, deadline);
	if (bits == -1)
		return -1;
	if (bits & SWARM_READ)
		s->drained = false;
	return !(bits & SWARM_READ);
}

/* The bytes taken: fewer than `len` only with `heed`; or -1. */
static int64_t write_bytes(struct swarm_stream *s, const char *data,
    size_t len, bool heed, int64_t deadline)
{
	size_t at = 0;
	unsigned want;
	int64_t n;
	int rc;

	while (at < len) {
		n = stream_send_now(s, data + at, len - at, &want);
		if (n >= 0) {
			at += (size_t)n;
			continue;
		}
		rc = errno == EAGAIN ? wait_room(s, want, heed, deadline) : -1;
		if (rc == -1)
			return -1;
		if (rc == 0)
			break;
	}
	return (int64_t)at;
}

int swarm_write(struct swarm_stream *s, const void *data, size_t len,
    int64_t deadline)
{
	return write_bytes(s, data, len, false, deadline) == -1 ? -1 : 0;
}

/* Moves `msg` over bytes that have gone. */
static void skip(struct msghdr *msg, size_t n)
{
	while (msg->msg_iovlen > 0 && n >= msg->msg_iov->iov_len) {
		n -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + n;
		msg->msg_iov->iov_len -= n;
	}
}

/* Plain: one system call for all pieces. */
static int64_t write_pieces(struct swarm_stream *s, struct iovec *iov,
    int count, bool heed, int64_t deadline)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)count };
	int64_t done = 0;
	ssize_t n;
	int rc;

	while (msg.msg_iovlen > 0) {
		n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
		if (n >= 0) {
			done += n;
			skip(&msg, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		rc = errno == EAGAIN ? wait_room(s, SWARM_WRITE, heed,
		    deadline) : -1;
		if (rc == -1)
			return -1;
		if (rc == 0)
			break;
	}
	return done;
}

/* Large pieces go as they are. */
static int64_t write_each(struct swarm_stream *s, const struct iovec *iov,
    int count, bool heed, int64_t deadline)
{
	int64_t done = 0, n;
	int i;

	for (i = 0; i < count; i++) {
		n = write_bytes(s, iov[i].iov_base, iov[i].iov_len, heed,
		    deadline);
		if (n == -1)
			return -1;
		done += n;
		if ((size_t)n < iov[i].iov_len)
			break;
	}
	return done;
}

/* TLS: small pieces become one record, gathered on the heap only when there
 * is more than one of them. */
static int64_t write_records(struct swarm_stream *s, const struct iovec *iov,
    int count, bool heed, int64_t deadline)
{
	char *record;
	size_t len = 0;
	int64_t n;
	int i;

	for (i = 0; i < count; i++)
		len += iov[i].iov_len;
	if (len > RECORD_SIZE || count == 1)
		return write_each(s, iov, count, heed, deadline);
	record = xmalloc(len + 1);
	len = 0;
	for (i = 0; i < count; i++) {
		if (iov[i].iov_len == 0)
			continue;
		memcpy(record + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	n = write_bytes(s, record, len, heed, deadline);
	i = errno;
	free(record);
	errno = i;
	return n;
}

static int64_t write_all(struct swarm_stream *s, const struct iovec *pieces,
    int count, bool heed, int64_t deadline)
{
	struct iovec iov[PIECES_MAX];

	if (count < 0 || count > PIECES_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (s->ssl)
		return write_records(s, pieces, count, heed, deadline);
	memcpy(iov, pieces, (size_t)count * sizeof iov[0]);
	return write_pieces(s, iov, count, heed, deadline);
}

int swarm_writev(struct swarm_stream *s, const struct iovec *pieces,
    int count, int64_t deadline)
{
	return write_all(s, pieces, count, false, deadline) == -1 ? -1 : 0;
}

int64_t swarm_writev_heed(struct swarm_stream *s, const struct iovec *pieces,
    int count, int64_t deadline)
{
	return write_all(s, pieces, count, true, deadline);
}

/* ---- life ---- */

struct swarm_stream *swarm_stream_new(int fd)
{
	struct swarm_stream *s = xcalloc(1, sizeof *s);

	s->fd = fd;
	s->io = swarm_io_new(fd);
	if (!s->io) {
		free(s);
		return NULL;
	}
	return s;
}

int swarm_shutdown(struct swarm_stream *s)
{
	unsigned want;

	if (s->ssl) {
		while (tls_shutdown(s->ssl, &want) == -1) {
			if (errno != EAGAIN ||
			    wait_io(s, want, SWARM_FOREVER) == -1)
				return -1;
		}
	}
	return shutdown(s->fd, SHUT_WR);
}

bool swarm_stream_stale(struct swarm_stream *s)
{
	char byte;
	ssize_t n;

	if (stream_holds_bytes(s))
		return true;
	if (is_empty(s))
		return false;
	n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* TLS 1.3 servers send session tickets after the handshake, which
	 * nobody asks for and nothing is wrong with: what counts is what the
	 * record layer makes of the bytes. */
	if (n == 1 && s->ssl && !s->tls_broken) {
		s->drained = false;
		return tls_stale(s->ssl);
	}
	return true;
}

void swarm_close(struct swarm_stream *s)
{
	unsigned want;

	if (!s)
		return;
	if (s->watcher)
		stream_unwatch(s);
	/* Politeness that cannot be waited for. */
	if (s->ssl && !s->tls_broken)
		tls_shutdown(s->ssl, &want);
	if (s->ssl)
		tls_free(s->ssl);
	swarm_io_free(s->io);
	close(s->fd);
	free(s);
}

const struct swarm_connect_times *swarm_stream_times(struct swarm_stream *s)
{
	return &s->times;
}

const char *swarm_stream_alpn(struct swarm_stream *s)
{
	static char name[256];
	const unsigned char *data = NULL;
	unsigned len = 0;

	if (s->ssl)
		SSL_get0_alpn_selected(s->ssl, &data, &len);
	memcpy(name, data ? (const char *)data : "", len);
	name[len] = '\0';
	return name;
}

int swarm_stream_fd(struct swarm_stream *s)
{
	return s->fd;
}
