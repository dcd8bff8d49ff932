/*
 * Memory bounded against one large value.
 *
 * libpq keeps a whole row in its buffer, makes the buffer as large as the row
 * once it knows its length, and then reads on within one call for as long as
 * the server keeps up: a gigabyte, perhaps, before anybody else has a say.  It
 * has no limit of its own.  So while such a call runs, a thread looks every
 * millisecond at how much has come, which the kernel knows, and shuts the
 * socket down when it is too much; the call then sees the connection's end.
 * What may come beyond the limit is what comes in a millisecond or two, and
 * what the socket holds.
 *
 * Only reads behind an answer's first are guarded, so statements with small
 * answers pay nothing; the thread sleeps when there are none for a while.
 */
#include "pgc_guard.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <swarm/log.h>

#include "pgc_thread.h"

#define LOOK_EVERY_NS 1000000
#define TIRED 100               /* looks in vain before it sleeps */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	bool running;                   /* the worker's loop alone */
	bool asleep;
	/* The read under way.  A descriptor of our own: libpq closes its one
	 * when it likes, and the number may then be another's. */
	int fd;                         /* -1: none */
	bool is_unix;
	int64_t limit;
	bool tripped;
} guard = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	.wanted = PTHREAD_COND_INITIALIZER, .fd = -1 };

int64_t pgc_guard_received(int fd, bool is_unix)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int offset = 0;

	if (!is_unix) {
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
		return (int64_t)info.tcpi_bytes_received;
	}
	/* Every read moves the peek offset back, which nobody else uses. */
	len = sizeof(offset);
	if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &len) == -1 ||
	    offset < 0)
		return 0;
	return INT_MAX - offset;
}

void pgc_guard_count(int fd)
{
	int offset = INT_MAX;

	setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset));
}

/* With the mutex held. */
static void look(void)
{
	if (pgc_guard_received(guard.fd, guard.is_unix) <= guard.limit)
		return;
	shutdown(guard.fd, SHUT_RDWR);
	guard.tripped = true;
}

static void *look_on(void *unused)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY_NS };
	int tired = 0;

	(void)unused;
	pthread_mutex_lock(&guard.mutex);
	for (;;) {
		if (guard.fd != -1) {
			tired = 0;
			look();
		} else if (++tired > TIRED) {
			guard.asleep = true;
			while (guard.asleep)
				pthread_cond_wait(&guard.wanted, &guard.mutex);
			tired = 0;
		}
		pthread_mutex_unlock(&guard.mutex);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&guard.mutex);
	}
	return NULL;
}

/* It lives as long as the process. */
static void start(void)
{
	guard.running = true;
	if (pgc_thread_start(look_on, NULL) != 0)
		swarm_warn("no thread to watch the size of results: max_result"
		    " holds between two reads only");
}

void pgc_guard_begin(int fd, bool is_unix, int64_t limit)
{
	if (!guard.running)
		start();
	pthread_mutex_lock(&guard.mutex);
	/* Not for programs that are started meanwhile. */
	guard.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	guard.is_unix = is_unix;
	guard.limit = limit;
	guard.tripped = false;
	if (guard.asleep) {
		guard.asleep = false;
		pthread_cond_signal(&guard.wanted);
	}
	pthread_mutex_unlock(&guard.mutex);
}

bool pgc_guard_end(void)
{
	bool tripped;

	pthread_mutex_lock(&guard.mutex);
	if (guard.fd != -1)
		close(guard.fd);
	guard.fd = -1;
	tripped = guard.tripped;
	pthread_mutex_unlock(&guard.mutex);
	return tripped;
}
