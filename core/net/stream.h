/*
 * What the files of this room share of a stream.  Everybody else sees
 * <swarm/net.h>.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/net.h>

#include "net/tls.h"

#define STREAM_RECV_SIZE ((size_t)64 * 1024)

struct watcher;

/* Small: ten thousand idle users have one each. */
struct swarm_stream {
	int fd;
	bool drained;           /* the last read emptied the socket */
	bool tls_drained;       /* and what it held has been decrypted */
	bool tls_broken;        /* no more than closing may be done */
	struct swarm_io *io;    /* NULL while watched */
	SSL *ssl;               /* NULL: plain */
	struct watcher *watcher;
	struct swarm_connect_times times;
};

/* As recv() and send(), on the socket under TLS. */
int64_t stream_raw_recv(struct swarm_stream *, void *buf, size_t size);
int64_t stream_raw_send(struct swarm_stream *, const void *data, size_t len);
/* Through TLS where there is TLS; -1 with EAGAIN and what to wait for. */
int64_t stream_recv_now(struct swarm_stream *, void *buf, size_t size,
    unsigned *want);
int64_t stream_send_now(struct swarm_stream *, const void *data, size_t len,
    unsigned *want);
/* TLS holds bytes that no event will announce. */
bool stream_holds_bytes(const struct swarm_stream *);
/* The worker's one large read buffer, STREAM_RECV_SIZE bytes. */
char *stream_shared_buffer(void);
/* swarm_close() calls it: ends the callbacks. */
void stream_unwatch(struct swarm_stream *);

#endif
