/*
 * Streams read and written from callbacks, for clients that hold no stack
 * while they wait.
 *
 * A watched stream is registered level-triggered with the loop.  TLS adds two
 * things that the socket does not tell: bytes may already have been decrypted
 * or read ahead, which a deferred call announces; and reading may need to
 * write, or the other way round, which is added to what is waited for until
 * it has happened.
 */
#include "net/stream.h"

#include <swarm/fiber.h>
#include <swarm/loop.h>

#include "base/xalloc.h"
#include "fiber/loop.h"

#include <errno.h>
#include <stdlib.h>

struct watcher {
	struct loop_item item;          /* announces what TLS holds */
	struct swarm_stream *stream;    /* NULL: closed meanwhile */
	struct swarm_watch *watch;
	void (*ready)(struct swarm_stream *, unsigned, void *);
	void *arg;
	unsigned want;
	unsigned tls_want;              /* what TLS itself waits for */
	bool calling;
};

static void watcher_free(struct watcher *w)
{
	if (!w->calling && !w->item.queued)
		free(w);
}

static void announce_held(struct watcher *w)
{
	if ((w->want & SWARM_READ) && !w->item.queued &&
	    stream_holds_bytes(w->stream))
		loop_defer(&w->item);
}

static void call(struct watcher *w, unsigned bits)
{
	if (bits == 0)
		return;
	w->calling = true;
	w->ready(w->stream, bits, w->arg);
	w->calling = false;
	if (w->stream)
		announce_held(w);
	else
		watcher_free(w);
}

static void run_item(struct loop_item *item)
{
	struct watcher *w = (struct watcher *)item;

	if (!w->stream)
		watcher_free(w);
	else if (stream_holds_bytes(w->stream))
		call(w, w->want & SWARM_READ);
}

static void on_ready(int fd, unsigned bits, void *arg)
{
	struct watcher *w = arg;
	unsigned tls_want = w->tls_want;

	(void)fd;
	/* TLS got what it waited for: both directions are worth a try. */
	if (bits & tls_want) {
		w->tls_want = 0;
		swarm_watch_want(w->watch, w->want);
		bits = SWARM_READ | SWARM_WRITE;
	}
	call(w, bits & w->want);
}

int swarm_stream_watch(struct swarm_stream *s, unsigned want,
    void (*ready)(struct swarm_stream *, unsigned, void *), void *arg)
{
	struct watcher *w = s->watcher;

	if (!w) {
		w = xcalloc(1, sizeof *w);
		w->item.run = run_item;
		w->stream = s;
		/* One registration for a descriptor at a time. */
		swarm_io_free(s->io);
		s->io = NULL;
		w->watch = swarm_watch_new(s->fd, want, on_ready, w);
		if (!w->watch) {
			free(w);
			return -1;
		}
		s->watcher = w;
	} else if (swarm_watch_want(w->watch, want | w->tls_want) == -1) {
		return -1;
	}
	w->ready = ready;
	w->arg = arg;
	w->want = want;
	if (!w->calling)
		announce_held(w);
	return 0;
}

void stream_unwatch(struct swarm_stream *s)
{
	struct watcher *w = s->watcher;

	s->watcher = NULL;
	swarm_watch_free(w->watch);
	w->stream = NULL;
	watcher_free(w);
}

/* A call got nowhere: what TLS waits for, when that is not what its caller
 * would ask for, is waited for on its behalf. */
static void note_want(struct swarm_stream *s, unsigned asked, unsigned want)
{
	struct watcher *w = s->watcher;

	if (want == asked || !w)
		return;
	w->tls_want |= want;
	swarm_watch_want(w->watch, w->want | w->tls_want);
}

int64_t swarm_try_recv(struct swarm_stream *s, const char **data)
{
	char *shared = stream_shared_buffer();
	unsigned want;
	int64_t n;

	*data = shared;
	n = stream_recv_now(s, shared, STREAM_RECV_SIZE, &want);
	if (n == -1 && errno == EAGAIN) {
		note_want(s, SWARM_READ, want);
		errno = EAGAIN;
	}
	return n;
}

int64_t swarm_try_write(struct swarm_stream *s, const void *data, size_t len)
{
	unsigned want;
	int64_t n;

	n = stream_send_now(s, data, len, &want);
	if (n == -1 && errno == EAGAIN) {
		note_want(s, SWARM_WRITE, want);
		errno = EAGAIN;
	}
	return n;
}
