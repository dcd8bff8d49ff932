/*
 * The SSL contexts are made here, not by libwebsockets, for the versions and
 * ciphers that are wanted and for messages that name the file.
 */
#include "tls.h"

#include <swarm/log.h>

#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdlib.h>
#include <string.h>

struct host {
	struct host *next;
	struct ws_tls tls;              /* strings are its own */
	bool plain;
	SSL_CTX *ctx;
	struct lws_vhost *vhost;        /* NULL: the settings are wrong */
};

static struct host *hosts;
static struct lws_context *context;
static const struct lws_protocols *protocols;

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal(const struct ws_tls *a, const struct ws_tls *b)
{
	return same(a->ca_file, b->ca_file) &&
	    same(a->cert_file, b->cert_file) &&
	    same(a->key_file, b->key_file) && same(a->ciphers, b->ciphers) &&
	    same(a->min_version, b->min_version) &&
	    a->insecure == b->insecure;
}

static const char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void drop(const char *text)
{
	free((char *)(uintptr_t)text);
}

static int ssl_error(const char *what, const char *name)
{
	char text[160];

	ERR_error_string_n(ERR_get_error(), text, sizeof text);
	ERR_clear_error();
	swarm_error("TLS: cannot use %s %s: %s", what, name, text);
	return -1;
}

static int load_files(SSL_CTX *ctx, const struct ws_tls *t)
{
	const char *key = t->key_file ? t->key_file : t->cert_file;

	if (t->ca_file) {
		if (SSL_CTX_load_verify_file(ctx, t->ca_file) != 1)
			return ssl_error("the authorities in", t->ca_file);
	} else if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
		return ssl_error("the system's authorities", "");
	}
	if (!t->cert_file)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, t->cert_file) != 1)
		return ssl_error("the certificate in", t->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return ssl_error("the key in", key);
	return 0;
}

static int set_up(SSL_CTX *ctx, const struct ws_tls *t)
{
	int version = TLS1_2_VERSION;

	if (t->min_version && strcmp(t->min_version, "1.3") == 0)
		version = TLS1_3_VERSION;
	else if (t->min_version && strcmp(t->min_version, "1.2") != 0) {
		swarm_error("TLS: min_version is %s; give 1.2 or 1.3",
		    t->min_version);
		return -1;
	}
	SSL_CTX_set_min_proto_version(ctx, version);
	/* Thousands of idle sockets: buffers only while there are bytes. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (t->ciphers && SSL_CTX_set_cipher_list(ctx, t->ciphers) != 1)
		return ssl_error("the ciphers", t->ciphers);
	return load_files(ctx, t);
}

static struct lws_vhost *make_vhost(const char *name, SSL_CTX *ctx)
{
	/* An empty proxy keeps it from looking for one in the environment. */
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.vhost_name = name,
		.http_proxy_address = "",
		.options = ctx ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
		.provided_client_ssl_ctx = ctx,
	};

	return lws_create_vhost(context, &info);
}

static struct host *add(const struct ws_tls *t, bool plain)
{
	struct host *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->plain = plain;
	h->next = hosts;
	hosts = h;
	if (plain) {
		h->vhost = make_vhost("plain", NULL);
		return h;
	}
	h->tls = *t;
	h->tls.ca_file = copy(t->ca_file);
	h->tls.cert_file = copy(t->cert_file);
	h->tls.key_file = copy(t->key_file);
	h->tls.ciphers = copy(t->ciphers);
	h->tls.min_version = copy(t->min_version);
	h->ctx = SSL_CTX_new(TLS_client_method());
	if (h->ctx && set_up(h->ctx, t) == 0)
		h->vhost = make_vhost("tls", h->ctx);
	return h;
}

int tls_start(struct lws_context *c, const struct lws_protocols *p)
{
	const struct host *h;

	context = c;
	protocols = p;
	h = add(NULL, true);
	if (h && h->vhost)
		return 0;
	swarm_error("libwebsockets could not make a virtual host");
	return -1;
}

void tls_stop(void)
{
	struct host *h;

	while ((h = hosts)) {
		hosts = h->next;
		SSL_CTX_free(h->ctx);
		drop(h->tls.ca_file);
		drop(h->tls.cert_file);
		drop(h->tls.key_file);
		drop(h->tls.ciphers);
		drop(h->tls.min_version);
		free(h);
	}
}

struct lws_vhost *tls_vhost(const struct args *x, int *flags)
{
	const struct host *h = hosts;

	while (h && (h->plain != !x->url.tls ||
	    (x->url.tls && !equal(&h->tls, &x->tls))))
		h = h->next;
	if (!h)
		h = add(&x->tls, !x->url.tls);
	if (x->url.tls)
		*flags |= LCCSCF_USE_SSL;
	if (x->url.tls && x->tls.insecure)
		*flags |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_EXPIRED |
		    LCCSCF_ALLOW_INSECURE |
		    LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
	return h ? h->vhost : NULL;
}

/* SSL_MODE_RELEASE_BUFFERS does it for what is read; OpenSSL 3.0 keeps the 16
 * KiB of what is written. */
void tls_release(struct lws *wsi)
{
	SSL *ssl = lws_get_ssl(wsi);

	if (ssl)
		SSL_free_buffers(ssl);
}

const char *tls_why(struct lws *wsi)
{
	SSL *ssl = lws_get_ssl(wsi);
	long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	unsigned long error = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(error);

	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return reason ? reason : "the handshake failed";
}
