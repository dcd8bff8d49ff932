/*
 * Byte streams for protocol plugins: resolve, connect, TLS, read, write, each
 * with a deadline and each blocking only the calling fiber.
 */
#ifndef SWARM_NET_H
#define SWARM_NET_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;
struct swarm_stream;
struct swarm_tls;
struct swarm_tls_session;

/* How to make TLS connections.  Strings are copied. */
struct swarm_tls_args {
	uint32_t size;
	const char *ca_file;            /* PEM; NULL: the system's */
	const char *cert_file;          /* client certificate (chain), PEM */
	const char *key_file;           /* NULL: in cert_file */
	bool insecure;                  /* do not verify the peer */
	const char *alpn;               /* "h2,http/1.1" */
	const char *min_version;        /* "1.2" (default) or "1.3" */
	const char *max_version;        /* NULL: the newest */
	const char *ciphers;            /* OpenSSL list for TLS 1.2 */
};

/* [main] or [worker] NULL after swarm_error().  Share one among streams; it
 * must outlive them.  Free: NULL is fine. */
SWARM_API struct swarm_tls *swarm_tls_new(const struct swarm_tls_args *);
SWARM_API void swarm_tls_free(struct swarm_tls *);

/* [worker] What a later connection can resume; kept by whoever owns the slot
 * given in swarm_connect_args.session.  NULL is fine. */
SWARM_API void swarm_tls_session_free(struct swarm_tls_session *);

#define SWARM_ADDRESS_SIZE 64           /* of an address as text */

/*
 * [fiber] The addresses of a name as text ("192.0.2.1", "2001:db8::1"), in
 * the order in which swarm_connect() would try them, for libraries that
 * connect by themselves and would block, or start a thread, to look it up.
 * Returns their number, 1 to `max` (at most 8); or -1 with errno, and `error`
 * as swarm_connect().
 */
SWARM_API int swarm_resolve(const char *host,
    char (*addresses)[SWARM_ADDRESS_SIZE], int max, int64_t deadline,
    char *error, size_t error_size);

struct swarm_connect_args {
	uint32_t size;
	const char *host;               /* name, IPv4, IPv6, "unix:/path" or, in
	                                 * the abstract space, "unix:@name" */
	uint16_t port;                  /* 0: it is in `host`, "NAME:80" or
	                                 * "[::1]:80", as in --host */
	struct swarm_tls *tls;          /* NULL: plain */
	const char *server_name;        /* SNI and verification; NULL: host */
	const char *source;             /* local address; NULL: any */
	int64_t deadline;               /* 0: none */
	/*
	 * Where the TLS session is taken from and the newest one is put, so
	 * that the owner of the slot (one user, say) resumes what it had.
	 * Start with NULL in it; free it at the end.  The slot must outlive
	 * the stream.  NULL: every handshake is a full one.
	 */
	struct swarm_tls_session **session;
};

/* Absolute times of the phases (swarm_now()); 0 where a phase was absent. */
struct swarm_connect_times {
	int64_t start;
	int64_t resolved;
	int64_t connected;
	int64_t secured;
	bool resumed;                   /* the TLS session was resumed */
};

/*
 * [fiber] Connects.  A name is looked up once a minute for the whole worker
 * (a failed look-up is remembered for a second); its addresses are tried in
 * turn, all but the last for 2 seconds at most, starting with those that
 * worked last time, each of them first in its turn.  TCP_NODELAY is set.
 *
 * On failure NULL, errno set, and `error` (when not NULL, at least 128 bytes)
 * says which step failed and why, without the address: "resolve: …",
 * "connect: …" or "TLS: …".  The caller closes the stream.
 */
SWARM_API struct swarm_stream *swarm_connect(
    const struct swarm_connect_args *, char *error, size_t error_size);
/*
 * [fiber] A stream on a connected socket, which it owns from now on; NULL
 * with errno when it cannot be registered (the socket is still the caller's).
 */
SWARM_API struct swarm_stream *swarm_stream_new(int fd);
/*
 * [fiber] Starts TLS on a plain stream (STARTTLS, CONNECT through a proxy).
 * Of the arguments tls, server_name (here required unless the context is
 * insecure), deadline and session count.  0, or -1 as swarm_connect(); the
 * caller still closes the stream.
 */
SWARM_API int swarm_stream_secure(struct swarm_stream *,
    const struct swarm_connect_args *, char *error, size_t error_size);

/*
 * All five below: one fiber may read while another writes.  `deadline` is
 * absolute (SWARM_FOREVER: none); one that has passed still lets through what
 * needs no wait.  After a failed write the stream is only good for closing.
 */

/* [fiber] Reads at least one byte; 0 at the end of the stream, -1 with errno
 * (ECONNABORTED: a TLS peer has left without saying so). */
SWARM_API int64_t swarm_read(struct swarm_stream *, void *buf, size_t size,
    int64_t deadline);
/*
 * [fiber] Reads into the worker's own large buffer without a copy: *data
 * points at the bytes, valid only until the next wait of any fiber.  Returns
 * their number (at most 64 KiB), 0 at the end, -1 with errno.
 */
SWARM_API int64_t swarm_recv(struct swarm_stream *, const char **data,
    int64_t deadline);
/* [fiber] Writes everything; 0, or -1 with errno (EPIPE, ECONNRESET, …). */
SWARM_API int swarm_write(struct swarm_stream *, const void *data, size_t len,
    int64_t deadline);
/* [fiber] As swarm_write(), of up to 16 pieces as if they were one. */
SWARM_API int swarm_writev(struct swarm_stream *, const struct iovec *pieces,
    int count, int64_t deadline);
/*
 * [fiber] As swarm_writev(), for a peer that may answer before it has all: when
 * it would have to wait for room and there may be something to read (the end
 * of the stream, too), it returns.  The number of bytes taken, or -1 with
 * errno.  Call it again with the rest once all that can be read has been read.
 */
SWARM_API int64_t swarm_writev_heed(struct swarm_stream *,
    const struct iovec *pieces, int count, int64_t deadline);

/* [fiber] Says that nothing more will be written (half close); reading goes
 * on.  0, or -1 with errno. */
SWARM_API int swarm_shutdown(struct swarm_stream *);
/* [fiber] Whether the peer has closed, or sent what nobody asked for, while
 * the stream was idle; costs at most one system call, and none while nothing
 * has happened. */
SWARM_API bool swarm_stream_stale(struct swarm_stream *);
/* [worker] Closes at once.  NULL is fine. */
SWARM_API void swarm_close(struct swarm_stream *);

/*
 * Streams without a fiber, for clients that stay connected by the thousand
 * and must hold no stack while nothing happens.  Once watched, a stream is
 * read and written by the two swarm_try_ calls, not by the calls above.
 *
 * swarm_stream_watch: [worker] from now on calls ready(stream, bits, arg) on
 * the loop, outside any fiber, when the stream may be read (also at its end
 * or failure; bytes that TLS has already decrypted count) or written, for the
 * bits in `want` (SWARM_READ, SWARM_WRITE).  Level-triggered.  Called again
 * it changes `want` and the callback; 0 pauses.  The callback may close the
 * stream.  0, or -1 with errno.
 */
SWARM_API int swarm_stream_watch(struct swarm_stream *, unsigned want,
    void (*ready)(struct swarm_stream *, unsigned ready, void *arg),
    void *arg);
/* [worker] As swarm_recv() without waiting: -1 with EAGAIN when there is
 * nothing yet.  *data is valid until the loop or another fiber runs. */
SWARM_API int64_t swarm_try_recv(struct swarm_stream *, const char **data);
/* [worker] Writes what fits at once; returns the bytes taken, or -1 with errno
 * (EAGAIN when none).  The rest is offered again, from the same byte on,
 * when the stream is writable; it may have moved or grown meanwhile. */
SWARM_API int64_t swarm_try_write(struct swarm_stream *, const void *data,
    size_t len);

/* [worker] When it was connected; lives as long as the stream. */
SWARM_API const struct swarm_connect_times *swarm_stream_times(
    struct swarm_stream *);
/* [fiber] The protocol agreed by ALPN; "" when none. */
SWARM_API const char *swarm_stream_alpn(struct swarm_stream *);
/* [worker] Its descriptor, which stays the stream's. */
SWARM_API int swarm_stream_fd(struct swarm_stream *);

#ifdef __cplusplus
}
#endif
#endif
