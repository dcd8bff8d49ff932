/*
 * TLS for streams: contexts, sessions to resume, and OpenSSL driven straight
 * on the socket.  The calls below never wait: they say what they want.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/net.h>

#include <openssl/ssl.h>

/* How the connection reads and writes the socket: as recv() and send(). */
struct tls_socket {
	int64_t (*recv)(struct swarm_stream *, void *, size_t);
	int64_t (*send)(struct swarm_stream *, const void *, size_t);
};

/*
 * A client's SSL on `stream`, with SNI, verification and the session in
 * *session (when not NULL) set up; NULL with `error` filled in.
 */
SSL *tls_client(struct swarm_tls *, struct swarm_stream *,
    const struct tls_socket *, const char *server_name,
    struct swarm_tls_session **session, char *error, size_t error_size);
void tls_free(SSL *);

/*
 * Each returns a count (handshake, shutdown: 1) or 0 at the end, or -1 with
 * errno; EAGAIN means: wait for *want (SWARM_READ or SWARM_WRITE), then call
 * again with the same arguments.
 */
int tls_handshake(SSL *, unsigned *want);
int64_t tls_read(SSL *, void *buf, size_t size, unsigned *want);
int64_t tls_write(SSL *, const void *data, size_t len, unsigned *want);
int tls_shutdown(SSL *, unsigned *want);
/* The peer has sent something other than a session ticket. */
bool tls_stale(SSL *);

/* After a handshake that failed with EPROTO: what was wrong. */
void tls_error(SSL *, char *error, size_t error_size);

#endif
