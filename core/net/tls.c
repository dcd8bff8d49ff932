/*
 * OpenSSL on the stream's own socket.
 *
 * There are no memory BIOs: a BIO of four small functions calls the stream's
 * recv and send, so bytes are copied only by the kernel and the cipher, and
 * a read that cannot succeed (the edge-triggered registration knows) costs no
 * system call.  Buffers are given back while a connection is idle.
 *
 * Sessions belong to whoever made the connection, not to the context: a
 * session shared by all users would let the server resume nearly every
 * handshake, which no crowd of real clients does.
 */
#include "net/tls.h"

#include <swarm/fiber.h>
#include <swarm/log.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "net/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct swarm_tls {
	SSL_CTX *ctx;
	bool insecure;
};

struct bio_state {
	struct swarm_stream *stream;
	const struct tls_socket *socket;
	struct swarm_tls_session **session;
	int error;                      /* errno of the last socket call */
	bool ended;
};

static int state_index = -1;            /* of struct bio_state in an SSL */
static BIO_METHOD *method;

static struct bio_state *state_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, state_index);
}

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *buf, size_t size, size_t *got)
{
	struct bio_state *s = BIO_get_data(bio);
	int64_t n = s->socket->recv(s->stream, buf, size);

	BIO_clear_retry_flags(bio);
	*got = n > 0 ? (size_t)n : 0;
	s->ended = n == 0;
	s->error = n < 0 ? errno : 0;
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	return n > 0;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *put)
{
	struct bio_state *s = BIO_get_data(bio);
	int64_t n = s->socket->send(s->stream, data, len);

	BIO_clear_retry_flags(bio);
	*put = n > 0 ? (size_t)n : 0;
	s->error = n < 0 ? errno : 0;
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	return n > 0;
}

static long bio_ctrl(BIO *bio, int cmd, long larg, void *parg)
{
	struct bio_state *s = BIO_get_data(bio);

	(void)larg;
	(void)parg;
	if (cmd == BIO_CTRL_EOF)
		return s->ended;
	return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* ---- set-up ---- */

/* The newest reason in OpenSSL's queue, in words; where it only says that the
 * system has failed ("system lib"), what the system said. */
static const char *reason(const char *otherwise)
{
	unsigned long code = ERR_peek_last_error();
	const char *text;

	if (code && ERR_GET_REASON(code) == ERR_R_SYS_LIB)
		code = ERR_peek_error();
	text = code ? ERR_reason_error_string(code) : NULL;
	if (code && ERR_SYSTEM_ERROR(code))
		text = strerror(ERR_GET_REASON(code));
	return text ? text : otherwise;
}

/* A new session (a TLS 1.3 server may send several, at any time) replaces the
 * one kept.  Returns whether the reference was taken. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct bio_state *s = state_of(ssl);

	if (!s || !s->session)
		return 0;
	swarm_tls_session_free(*s->session);
	*s->session = (struct swarm_tls_session *)session;
	return 1;
}

void swarm_tls_session_free(struct swarm_tls_session *session)
{
	SSL_SESSION_free((SSL_SESSION *)session);
}

static void free_state(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
    long larg, void *parg)
{
	(void)parent;
	(void)ad;
	(void)index;
	(void)larg;
	(void)parg;
	free(ptr);
}

static int init_once(void)
{
	if (method)
		return 0;
	state_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_state);
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "swarm stream");
	if (state_index < 0 || !method)
		return -1;
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	BIO_meth_set_create(method, bio_create);
	return 0;
}

static int version_of(const char *text, int otherwise)
{
	if (!text)
		return otherwise;
	if (strcmp(text, "1.0") == 0)
		return TLS1_VERSION;
	if (strcmp(text, "1.1") == 0)
		return TLS1_1_VERSION;
	if (strcmp(text, "1.2") == 0)
		return TLS1_2_VERSION;
	if (strcmp(text, "1.3") == 0)
		return TLS1_3_VERSION;
	return -1;
}

static int set_versions(SSL_CTX *ctx, const struct swarm_tls_args *a)
{
	int min = version_of(a->min_version, TLS1_2_VERSION);
	int max = version_of(a->max_version, 0);

	if (min == -1 || max == -1) {
		swarm_error("TLS version \"%s\" is not known: "
		    "give 1.0, 1.1, 1.2 or 1.3",
		    min == -1 ? a->min_version : a->max_version);
		return -1;
	}
	if (!SSL_CTX_set_min_proto_version(ctx, min) ||
	    !SSL_CTX_set_max_proto_version(ctx, max)) {
		swarm_error("TLS versions cannot be set: %s",
		    reason("refused by OpenSSL"));
		return -1;
	}
	return 0;
}

static int set_ca(SSL_CTX *ctx, const struct swarm_tls_args *a)
{
	if (a->insecure)
		return 0;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (a->ca_file ? SSL_CTX_load_verify_file(ctx, a->ca_file)
	    : SSL_CTX_set_default_verify_paths(ctx))
		return 0;
	swarm_error("cannot read the certificates to trust in %s: %s",
	    a->ca_file ? a->ca_file : "the system's store",
	    reason("no certificate in it"));
	return -1;
}

/* OpenSSL would ask at the terminal: it is the master's, or nobody's, and the
 * worker would wait for an answer. */
static int no_passphrase(char *buf, int size, int writing, void *locked)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)locked = true;
	return -1;
}

static int set_key(SSL_CTX *ctx, const char *key)
{
	bool locked = false;
	int rc;

	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &locked);
	rc = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	if (rc == 1)
		return 0;
	swarm_error("cannot read the client key %s: %s", key, locked ?
	    "it is locked with a passphrase; give one without (openssl pkey "
	    "-in FILE -out OPEN)" : reason("not PEM"));
	return -1;
}

static int set_certificate(SSL_CTX *ctx, const struct swarm_tls_args *a)
{
	const char *key = a->key_file ? a->key_file : a->cert_file;

	if (!a->cert_file && !a->key_file)
		return 0;
	if (!a->cert_file) {
		swarm_error("a TLS key (%s) needs a certificate too", key);
		return -1;
	}
	if (SSL_CTX_use_certificate_chain_file(ctx, a->cert_file) != 1) {
		swarm_error("cannot read the client certificate %s: %s",
		    a->cert_file, reason("not PEM"));
		return -1;
	}
	return set_key(ctx, key);
}

/* "h2,http/1.1" to the length-prefixed form; SSL_CTX_set_alpn_protos() copies
 * it, and returns 0 on success. */
static int set_alpn(SSL_CTX *ctx, const char *text)
{
	struct buf wire = BUF_INIT(255);
	size_t len;
	int rc = -1;

	if (!text || !*text)
		return 0;
	for (; *text; text += len + (text[len] == ',')) {
		len = strcspn(text, ",");
		if (len == 0 || len > 255)
			goto out;
		buf_putc(&wire, (char)len);
		buf_add(&wire, text, len);
	}
	if (!wire.overflow)
		rc = SSL_CTX_set_alpn_protos(ctx,
		    (const unsigned char *)wire.data, (unsigned)wire.len);
out:
	buf_release(&wire);
	if (rc != 0)
		swarm_error("the ALPN list is not valid: give names with "
		    "commas between them");
	return rc ? -1 : 0;
}

static int set_up(SSL_CTX *ctx, const struct swarm_tls_args *a)
{
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	if (set_versions(ctx, a) == -1 || set_ca(ctx, a) == -1 ||
	    set_certificate(ctx, a) == -1 || set_alpn(ctx, a->alpn) == -1)
		return -1;
	if (a->ciphers && SSL_CTX_set_cipher_list(ctx, a->ciphers) != 1) {
		swarm_error("no cipher of \"%s\" is known to OpenSSL",
		    a->ciphers);
		return -1;
	}
	return 0;
}

struct swarm_tls *swarm_tls_new(const struct swarm_tls_args *args)
{
	struct swarm_tls_args a = { 0 };
	struct swarm_tls *tls;
	SSL_CTX *ctx;

	/* An older caller's struct is shorter. */
	memcpy(&a, args, args->size < sizeof a ? args->size : sizeof a);
	ERR_clear_error();
	ctx = init_once() == 0 ? SSL_CTX_new(TLS_client_method()) : NULL;
	if (!ctx) {
		swarm_error("TLS cannot be set up: %s", reason("no memory"));
		return NULL;
	}
	if (set_up(ctx, &a) == -1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	tls = xcalloc(1, sizeof *tls);
	tls->ctx = ctx;
	tls->insecure = a.insecure;
	return tls;
}

void swarm_tls_free(struct swarm_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

/* ---- one connection ---- */

/* Who the peer must be, and what it is told we want (SNI is for names
 * only: RFC 6066, 3). */
static bool set_peer(SSL *ssl, const char *name, bool insecure)
{
	union resolve_addr addr;
	bool literal = resolve_literal(name, &addr);

	if (!literal && !SSL_set_tlsext_host_name(ssl, name))
		return false;
	if (insecure)
		return true;
	if (literal)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name);
}

SSL *tls_client(struct swarm_tls *tls, struct swarm_stream *stream,
    const struct tls_socket *socket, const char *server_name,
    struct swarm_tls_session **session, char *error, size_t error_size)
{
	struct bio_state *state;
	SSL *ssl;
	BIO *bio;

	ERR_clear_error();
	ssl = SSL_new(tls->ctx);
	bio = ssl ? BIO_new(method) : NULL;
	if (!bio) {
		SSL_free(ssl);
		snprintf(error, error_size, "TLS: no memory");
		return NULL;
	}
	state = xcalloc(1, sizeof *state);
	state->stream = stream;
	state->socket = socket;
	state->session = session;
	SSL_set_ex_data(ssl, state_index, state);
	BIO_set_data(bio, state);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_connect_state(ssl);
	if (server_name && !set_peer(ssl, server_name, tls->insecure)) {
		snprintf(error, error_size, "TLS: \"%.60s\" cannot be a "
		    "server's name", server_name);
		SSL_free(ssl);
		return NULL;
	}
	if (session && *session)
		SSL_set_session(ssl, (SSL_SESSION *)*session);
	return ssl;
}

void tls_free(SSL *ssl)
{
	SSL_free(ssl);
}

/* What a failed call means, as errno; *want for EAGAIN. */
static int outcome(SSL *ssl, int rc, unsigned *want)
{
	struct bio_state *s = state_of(ssl);

	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*want = SWARM_READ;
		return EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*want = SWARM_WRITE;
		return EAGAIN;
	case SSL_ERROR_SYSCALL:
		return s->error ? s->error : ECONNABORTED;
	default:
		break;
	}
	/* The peer closed the socket without closing the session. */
	if (ERR_GET_REASON(ERR_peek_last_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return ECONNABORTED;
	return EPROTO;
}

int tls_handshake(SSL *ssl, unsigned *want)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(ssl);
	if (rc == 1)
		return 1;
	errno = outcome(ssl, rc, want);
	return -1;
}

int64_t tls_read(SSL *ssl, void *buf, size_t size, unsigned *want)
{
	size_t got;
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(ssl, buf, size, &got);
	if (rc == 1)
		return (int64_t)got;
	if (SSL_get_error(ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = outcome(ssl, rc, want);
	return -1;
}

int64_t tls_write(SSL *ssl, const void *data, size_t len, unsigned *want)
{
	size_t put;
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex(ssl, data, len, &put);
	if (rc == 1)
		return (int64_t)put;
	errno = outcome(ssl, rc, want);
	return -1;
}

int tls_shutdown(SSL *ssl, unsigned *want)
{
	int rc;

	if (!SSL_is_init_finished(ssl))
		return 1;
	ERR_clear_error();
	rc = SSL_shutdown(ssl);
	if (rc >= 0)
		return 1;
	errno = outcome(ssl, rc, want);
	return -1;
}

bool tls_stale(SSL *ssl)
{
	unsigned want;
	size_t got;
	char byte;
	int rc;

	ERR_clear_error();
	rc = SSL_peek_ex(ssl, &byte, 1, &got);
	return rc == 1 || outcome(ssl, rc, &want) != EAGAIN;
}

void tls_error(SSL *ssl, char *error, size_t error_size)
{
	/* Looked at anyway, but no reason where nobody asked for it. */
	long verdict = SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ?
	    X509_V_OK : SSL_get_verify_result(ssl);
	const char *text = reason("the peer broke the protocol");

	if (verdict != X509_V_OK)
		snprintf(error, error_size, "TLS: %s: %s", text,
		    X509_verify_cert_error_string(verdict));
	else
		snprintf(error, error_size, "TLS: %s", text);
}
