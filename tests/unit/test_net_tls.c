/*
 * TLS and watched streams against OpenSSL as a server, on a thread of its own,
 * with certificates made here.
 */
#include "net_kit.h"

#include "base/log.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>

#define BIG ((size_t)300000)

/* ---- certificates ---- */

static char dir[] = "/tmp/swarm-tls-XXXXXX";
static char ca_file[64], other_ca_file[64], pair_file[64];
static X509 *server_cert;
static EVP_PKEY *server_key;

static X509 *make_cert(EVP_PKEY *key, const char *name, const char *san)
{
	X509 *c = X509_new();
	X509_NAME *n;
	X509_EXTENSION *e;

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -60);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_set_pubkey(c, key);
	n = X509_get_subject_name(c);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c, n);
	if (san) {
		e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
		X509_add_ext(c, e, -1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	return c;
}

static void write_pem(const char *path, X509 *c, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	PEM_write_X509(f, c);
	if (key)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static int make_certs(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");
	X509 *wrong;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(ca_file, sizeof ca_file, "%s/ca.pem", dir);
	snprintf(other_ca_file, sizeof other_ca_file, "%s/other.pem", dir);
	snprintf(pair_file, sizeof pair_file, "%s/pair.pem", dir);
	server_key = EVP_EC_gen("P-256");
	server_cert = make_cert(server_key, "localhost",
	    "DNS:localhost,IP:127.0.0.1,DNS:w*.part.test,DNS:*.all.test");
	wrong = make_cert(other, "elsewhere", NULL);
	write_pem(ca_file, server_cert, NULL);
	write_pem(other_ca_file, wrong, NULL);
	write_pem(pair_file, wrong, other);
	X509_free(wrong);
	EVP_PKEY_free(other);
	return 0;
}

static int drop_certs(void **state)
{
	(void)state;
	unlink(ca_file);
	unlink(other_ca_file);
	unlink(pair_file);
	rmdir(dir);
	X509_free(server_cert);
	EVP_PKEY_free(server_key);
	return 0;
}

/* ---- the server ---- */

enum behaviour { ECHO, CUT, STARTTLS, SILENT };

struct server {
	int listener;
	uint16_t port;
	pthread_t thread;
	enum behaviour behaviour;
	int max_version;
	bool ask_certificate;
	unsigned connections;           /* to serve */
	char sni[64];
	char client[64];                /* CN of its certificate */
	unsigned resumed;
};

static int choose_alpn(SSL *ssl, const unsigned char **out,
    unsigned char *out_len, const unsigned char *in, unsigned len, void *arg)
{
	(void)ssl;
	(void)in;
	(void)len;
	(void)arg;
	*out = (const unsigned char *)"two";
	*out_len = 3;
	return SSL_TLSEXT_ERR_OK;
}

static int accept_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static void note_client(struct server *s, SSL *ssl)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	X509 *peer = SSL_get0_peer_certificate(ssl);

	snprintf(s->sni, sizeof s->sni, "%s", name ? name : "");
	s->resumed += SSL_session_reused(ssl) == 1;
	if (peer)
		X509_NAME_get_text_by_NID(X509_get_subject_name(peer),
		    NID_commonName, s->client, sizeof s->client);
}

static void serve_one(struct server *s, SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	char buf[16384];
	int n;

	if (s->behaviour == STARTTLS) {
		assert_int_equal(read(fd, buf, 5), 5);
		assert_int_equal(write(fd, "+", 1), 1);
	}
	if (s->behaviour == SILENT) {
		/* Until the client gives up. */
		while (read(fd, buf, sizeof buf) > 0)
			continue;
		SSL_free(ssl);
		close(fd);
		return;
	}
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		note_client(s, ssl);
		while ((n = SSL_read(ssl, buf, sizeof buf)) > 0) {
			SSL_write(ssl, buf, n);
			if (s->behaviour == CUT)
				break;
		}
		if (s->behaviour != CUT)
			SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	unsigned i;

	SSL_CTX_use_certificate(ctx, server_cert);
	SSL_CTX_use_PrivateKey(ctx, server_key);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	if (s->max_version)
		SSL_CTX_set_max_proto_version(ctx, s->max_version);
	if (s->ask_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
		    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	for (i = 0; i < s->connections; i++) {
		int fd = accept(s->listener, NULL, NULL);

		assert_true(fd >= 0);
		serve_one(s, ctx, fd);
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- the client ---- */

struct client {
	struct server server;
	struct swarm_tls_args tls_args;
	struct swarm_tls *tls;
	struct swarm_tls_session *session;
	const char *host;
	const char *name;
	char error[128];
	char log[512];
	bool done;
	size_t got;
};

static void client_init(struct client *c)
{
	memset(c, 0, sizeof *c);
	c->tls_args.size = sizeof c->tls_args;
	c->tls_args.ca_file = ca_file;
	c->host = "127.0.0.1";
	c->server.connections = 1;
	c->server.listener = kit_listen_on("127.0.0.1", 0, 16);
	fcntl(c->server.listener, F_SETFL, 0);
	c->server.port = kit_port(c->server.listener);
}

static struct swarm_stream *dial(struct client *c)
{
	return swarm_connect(&(struct swarm_connect_args){
		.size = sizeof(struct swarm_connect_args),
		.host = c->host, .port = c->server.port, .tls = c->tls,
		.server_name = c->name, .session = &c->session,
		.deadline = swarm_in(20) }, c->error, sizeof c->error);
}

static void run_client(struct client *c, void (*fn)(void *))
{
	c->tls = swarm_tls_new(&c->tls_args);
	assert_non_null(c->tls);
	assert_int_equal(pthread_create(&c->server.thread, NULL, serve,
	    &c->server), 0);
	kit_start(fn, c);
	kit_run();
	pthread_join(c->server.thread, NULL);
	close(c->server.listener);
	swarm_tls_session_free(c->session);
	swarm_tls_free(c->tls);
}

/* Sends and gets back `len` bytes, reading while they are written. */
static void exchange(struct swarm_stream *s, const char *data, size_t len)
{
	const char *got;
	size_t at = 0;
	int64_t n;

	assert_int_equal(swarm_write(s, data, len, swarm_in(20)), 0);
	while (at < len) {
		n = swarm_recv(s, &got, swarm_in(20));
		assert_true(n > 0 && at + (size_t)n <= len);
		assert_memory_equal(got, data + at, (size_t)n);
		at += (size_t)n;
	}
}

static void talk(void *arg)
{
	struct client *c = arg;
	struct swarm_stream *s = dial(c);
	const struct swarm_connect_times *t;
	char *big = malloc(BIG);
	const char *data;
	size_t i;

	assert_string_equal(c->error, "");
	assert_non_null(s);
	t = swarm_stream_times(s);
	assert_true(t->secured >= t->connected && t->connected >= t->start);
	assert_false(t->resumed);
	exchange(s, "hello", 5);
	/* Tickets came; they are not data. */
	assert_false(swarm_stream_stale(s));
	for (i = 0; i < BIG; i++)
		big[i] = (char)(i * 11 + (i >> 9));
	for (i = 0; i < BIG; i += 10000)
		exchange(s, big + i, 10000);
	free(big);
	assert_int_equal(swarm_shutdown(s), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(20)), 0);
	swarm_close(s);
}

static void test_talk(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	run_client(&c, talk);
	assert_string_equal(c.server.sni, "");
	client_init(&c);
	c.name = "localhost";
	c.server.max_version = TLS1_2_VERSION;
	run_client(&c, talk);
	assert_string_equal(c.server.sni, "localhost");
}

static void refuse(void *arg)
{
	struct client *c = arg;

	assert_null(dial(c));
	assert_int_equal(errno, EPROTO);
}

static void check_refused(const char *ca, const char *name, const char *why)
{
	struct client c;

	client_init(&c);
	c.tls_args.ca_file = ca;
	c.name = name;
	run_client(&c, refuse);
	assert_string_equal(c.error, why);
}

static void test_verification(void **state)
{
	(void)state;
	check_refused(other_ca_file, NULL, "TLS: certificate verify failed: "
	    "self-signed certificate");
	check_refused(ca_file, "wrong.test", "TLS: certificate verify failed: "
	    "hostname mismatch");
	/* A star is a whole label: RFC 6125, 6.4.3. */
	check_refused(ca_file, "wide.part.test", "TLS: certificate verify failed: "
	    "hostname mismatch");
	check_refused(ca_file, "a.b.all.test", "TLS: certificate verify "
	    "failed: hostname mismatch");
	check_refused(ca_file, "127.0.0.2", "TLS: certificate verify failed: "
	    "IP address mismatch");
}

/* Whose certificate nobody looks at is not to blame for it. */
static void test_insecure_refused(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.tls_args.ca_file = other_ca_file;
	c.tls_args.insecure = true;
	c.server.ask_certificate = true;
	c.server.max_version = TLS1_2_VERSION;
	run_client(&c, refuse);
	assert_null(strstr(c.error, "certificate:"));
	assert_null(strstr(c.error, "self-signed"));
	assert_non_null(strstr(c.error, "TLS: "));
}

static void test_insecure(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.tls_args.ca_file = other_ca_file;
	c.tls_args.insecure = true;
	c.name = "wrong.test";
	run_client(&c, talk);
	assert_string_equal(c.server.sni, "wrong.test");
}

static void agree(void *arg)
{
	struct client *c = arg;
	struct swarm_stream *s = dial(c);

	assert_non_null(s);
	assert_string_equal(swarm_stream_alpn(s), "two");
	exchange(s, "x", 1);
	swarm_close(s);
}

static void test_alpn(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.tls_args.alpn = "one,two";
	run_client(&c, agree);
}

static void test_client_certificate(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.tls_args.cert_file = pair_file;
	c.server.ask_certificate = true;
	run_client(&c, talk);
	assert_string_equal(c.server.client, "elsewhere");
}

static void resume(void *arg)
{
	struct client *c = arg;
	struct swarm_stream *s;
	int i;

	for (i = 0; i < 3; i++) {
		s = dial(c);
		assert_non_null(s);
		exchange(s, "ticket", 6);
		assert_int_equal(swarm_stream_times(s)->resumed, i > 0);
		swarm_close(s);
	}
}

static void test_resumption(void **state)
{
	static const int versions[] = { 0, TLS1_2_VERSION };
	struct client c;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		client_init(&c);
		c.server.max_version = versions[i];
		c.server.connections = 3;
		run_client(&c, resume);
		assert_int_equal(c.server.resumed, 2);
	}
}

static void be_cut(void *arg)
{
	struct client *c = arg;
	struct swarm_stream *s = dial(c);
	const char *data;

	assert_non_null(s);
	exchange(s, "x", 1);
	assert_int_equal(swarm_recv(s, &data, swarm_in(20)), -1);
	assert_int_equal(errno, ECONNABORTED);
	swarm_close(s);
}

/* An end without a goodbye is not an end. */
static void test_truncation(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.server.behaviour = CUT;
	run_client(&c, be_cut);
}

static void start_later(void *arg)
{
	struct client *c = arg;
	struct swarm_connect_args args = { .size = sizeof args,
		.host = c->host, .port = c->server.port };
	struct swarm_stream *s = swarm_connect(&args, c->error,
	    sizeof c->error);
	char byte;

	assert_non_null(s);
	assert_int_equal(swarm_write(s, "START", 5, swarm_in(20)), 0);
	assert_int_equal(swarm_read(s, &byte, 1, swarm_in(20)), 1);
	args.tls = c->tls;
	args.server_name = "localhost";
	assert_int_equal(swarm_stream_secure(s, &args, c->error,
	    sizeof c->error), 0);
	exchange(s, "secret", 6);
	assert_int_equal(swarm_stream_secure(s, &args, c->error,
	    sizeof c->error), -1);
	swarm_close(s);
}

static void test_starttls(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.server.behaviour = STARTTLS;
	run_client(&c, start_later);
}

static void time_out(void *arg)
{
	struct client *c = arg;
	struct swarm_connect_args args = { .size = sizeof args,
		.host = c->host, .port = c->server.port, .tls = c->tls,
		.deadline = swarm_in(0.03) };

	assert_null(swarm_connect(&args, c->error, sizeof c->error));
	assert_int_equal(errno, ETIMEDOUT);
	assert_string_equal(c->error, "TLS: timed out");
}

static void test_silent_server(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.server.behaviour = SILENT;
	run_client(&c, time_out);
}

static char logged[512];

static void sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(logged, sizeof logged, "%s", line);
}

static void check_args(struct swarm_tls_args a, const char *why)
{
	logged[0] = '\0';
	a.size = sizeof a;
	assert_null(swarm_tls_new(&a));
	if (!strstr(logged, why))
		fail_msg("\"%s\" does not say \"%s\"", logged, why);
}

/* A worker has nobody to ask for a passphrase, and must not wait for one. */
static void test_locked_key(void **state)
{
	static char secret[] = "secret";
	int in[2], saved = dup(STDIN_FILENO);
	char path[80];
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/locked.pem", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	PEM_write_X509(f, server_cert);
	PEM_write_PrivateKey(f, server_key, EVP_aes_128_cbc(), NULL, 0, NULL,
	    secret);
	fclose(f);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(write(in[1], "secret\n", 7), 7);
	dup2(in[0], STDIN_FILENO);
	log_set_sink(sink, NULL);
	check_args((struct swarm_tls_args){ .cert_file = path },
	    "it is locked with a passphrase");
	log_set_sink(NULL, NULL);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(in[0]);
	close(in[1]);
	unlink(path);
}

static void test_bad_settings(void **state)
{
	(void)state;
	log_set_sink(sink, NULL);
	check_args((struct swarm_tls_args){ .ca_file = "/nonexistent" },
	    "cannot read the certificates to trust in /nonexistent");
	check_args((struct swarm_tls_args){ .cert_file = "/nonexistent" },
	    "cannot read the client certificate /nonexistent");
	check_args((struct swarm_tls_args){ .cert_file = ca_file },
	    "cannot read the client key");
	check_args((struct swarm_tls_args){ .key_file = pair_file },
	    "needs a certificate too");
	check_args((struct swarm_tls_args){ .min_version = "2" },
	    "TLS version \"2\" is not known");
	check_args((struct swarm_tls_args){ .alpn = "a,,b" }, "ALPN");
	check_args((struct swarm_tls_args){ .ciphers = "NONSENSE" },
	    "no cipher of \"NONSENSE\"");
	log_set_sink(NULL, NULL);
}

/* ---- watched streams ---- */

static struct client *watcher;
static char received[BIG];
static size_t sent;

static void on_ready(struct swarm_stream *s, unsigned ready, void *arg)
{
	struct client *c = arg;
	const char *data;
	int64_t n;

	assert_null(fiber_self());
	if (ready & SWARM_WRITE) {
		n = swarm_try_write(s, received + sent, BIG - sent);
		if (n > 0)
			sent += (size_t)n;
		else
			assert_int_equal(errno, EAGAIN);
		if (sent == BIG)
			swarm_stream_watch(s, SWARM_READ, on_ready, c);
	}
	/* One piece a call: whatever TLS still holds must be announced. */
	if (ready & SWARM_READ) {
		n = swarm_try_recv(s, &data);
		if (n == -1) {
			assert_int_equal(errno, EAGAIN);
			return;
		}
		assert_true(n > 0);
		c->got += (size_t)n;
	}
	if (c->got == BIG) {
		swarm_close(s);
		c->done = true;
	}
}

static void watch(void *arg)
{
	struct client *c = arg;
	struct swarm_stream *s = dial(c);

	assert_non_null(s);
	assert_int_equal(swarm_stream_watch(s, SWARM_READ | SWARM_WRITE,
	    on_ready, c), 0);
	while (!c->done)
		assert_int_equal(swarm_sleep(0.001), 0);
}

static void test_watch(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	watcher = &c;
	sent = 0;
	run_client(&c, watch);
	assert_int_equal(c.got, BIG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_talk),
		T(test_verification),
		T(test_insecure),
		T(test_insecure_refused),
		T(test_alpn),
		T(test_client_certificate),
		T(test_resumption),
		T(test_truncation),
		T(test_starttls),
		T(test_silent_server),
		T(test_locked_key),
		T(test_bad_settings),
		T(test_watch),
	};
#undef T

	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
