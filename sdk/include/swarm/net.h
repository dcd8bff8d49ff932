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

struct swarm_stream;
struct swarm_tls;

/* How to make TLS connections.  Strings are copied. */
struct swarm_tls_args {
	uint32_t size;
	const char *ca_file;            /* PEM; NULL: the system's */
	const char *cert_file;          /* client certificate, PEM */
	const char *key_file;
	bool insecure;                  /* do not verify the peer */
	const char *alpn;               /* "h2,http/1.1" */
	const char *min_version;        /* "1.2" or "1.3" */
	const char *ciphers;            /* OpenSSL list for TLS 1.2 */
};

/* [main] or [worker] NULL after swarm_error().  Share one among streams; it
 * must outlive them. */
SWARM_API struct swarm_tls *swarm_tls_new(const struct swarm_tls_args *);
SWARM_API void swarm_tls_free(struct swarm_tls *);

struct swarm_connect_args {
	uint32_t size;
	const char *host;               /* name, IPv4, IPv6, or "unix:/path" */
	uint16_t port;
	struct swarm_tls *tls;          /* NULL: plain */
	const char *server_name;        /* SNI and verification; NULL: host */
	const char *source;             /* local address; NULL: any */
	int64_t deadline;               /* 0: none */
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
 * [fiber] Connects; tries a name's addresses in turn.  On failure NULL, errno
 * set, and `error` (when not NULL, at least 128 bytes) says which step failed
 * and why, without the address.  The caller closes the stream.
 */
SWARM_API struct swarm_stream *swarm_connect(
    const struct swarm_connect_args *, char *error, size_t error_size);

/* [fiber] Reads at least one byte; 0 at the end of the stream, -1 with
 * errno. */
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
/* [fiber] Whether the peer has closed, or sent what nobody asked for, while
 * the stream was idle; costs one system call. */
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

SWARM_API const struct swarm_connect_times *swarm_stream_times(
    struct swarm_stream *);
/* [fiber] The protocol agreed by ALPN; "" when none. */
SWARM_API const char *swarm_stream_alpn(struct swarm_stream *);
SWARM_API int swarm_stream_fd(struct swarm_stream *);

#ifdef __cplusplus
}
#endif
#endif
